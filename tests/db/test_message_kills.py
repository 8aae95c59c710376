"""kill -9 at every step between a caller's word and its row: what was said (two seconds or more) arrives, and once (IVR-10)."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hotline import clock, credentials, database, paths
from recordings.facts import Folder
from recordings.files import Disk
from recordings.store import Store
from recordings.worker import Worker
from tests.standby_script import ENVIRONMENT, Script
from tests.trial import wait_until

if TYPE_CHECKING:
    from tests.conftest import Postgres

STEPS = 200
"""More than any of these has."""


class Caller:
    """A scripted Asterisk with a caller: ``takes`` are seconds and how each ends (``#``, ``gone``), ``keys`` the reviews'."""

    def __init__(self, takes: list[tuple[float, str]], keys: str) -> None:
        self.takes, self.keys = takes, keys

    def call(self, script: Run, *, kill_at_record: int = 0) -> list[float]:
        """Answer until the script has ended or was killed; the takes that are on disk then, by their length in seconds."""
        takes, keys, recorded = list(self.takes), list(self.keys), []
        script.send(script.environment)
        while line := script.line():
            answer = "200 result=0"
            if line.startswith("RECORD FILE"):
                seconds, end = takes.pop(0)
                recorded.append(seconds)
                if len(recorded) == kill_at_record:
                    script.process.kill()
                file = line.split('"')[1]
                Path(f"{file}.wav").write_bytes(wav(seconds))  # Asterisk goes on, whoever hears its answer
                endpos = int(seconds * 8000)
                answer = f"200 result=35 (dtmf) endpos={endpos}" if end == "#" else f"200 result=-1 (hangup) endpos={endpos}"
            elif line.startswith("GET OPTION"):
                answer = f"200 result={ord(keys.pop(0))} endpos=1"
            elif line == 'GET VARIABLE "HOTLINE_KIND"':
                answer = "200 result=1 (complaint)"
            try:
                script.send(f"{answer}\n")
            except BrokenPipeError:
                break
        script.process.wait(10)
        return recorded


TALKS = {
    "again, listen, keep": Caller([(3.0, "#"), (4.0, "#")], "21#"),
    "gone in a second take": Caller([(3.0, "#"), (2.5, "gone")], "2"),
    "gone too early in a second take": Caller([(3.0, "#"), (1.5, "gone")], "2"),
    "gone at once": Caller([(1.0, "gone")], ""),
}


def wav(seconds: float) -> bytes:
    size = int(seconds * 8000) * 2
    head = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data\0\0\0\0"
    return head + b"\x34\x12" * (size // 2)


class Run(Script):
    """The script of one call, to be killed before its ``step``-th step."""

    def __init__(self, folder: Path, call_id: str, step: int) -> None:
        config: dict[str, object] = {"node": "node1", "inbox": str(folder)}
        super().__init__(folder.parent, "message", config=config, program=("-m", "tests.killer", str(step), "agi.standby"))
        self.environment = ENVIRONMENT.replace("node1-1.1", call_id)


def expected(recorded: list[float]) -> int | None:
    """The length in milliseconds of the message that must arrive; None for none."""
    return next((int(seconds * 1000) for seconds in reversed(recorded) if seconds >= 2), None)


class Node:
    """The folder of one node and the database."""

    def __init__(self, var: Path, server: Postgres) -> None:
        self.var, self.server = var, server
        self.root = var / "recordings"
        self.inbox = self.root / Folder.INBOX
        Disk(self.root).prepare()

    def rest(self) -> None:
        """Every call is over, and a quarter of an hour goes by."""
        then = clock.now().timestamp() - 900
        for file in self.inbox.iterdir():
            os.utime(file, (then, then))

    def work(self) -> None:
        """Two rounds of a worker that nobody kills."""

        async def rounds() -> None:
            async with await database.pool(self.server.dsn, name="test") as pool:
                worker = Worker(self.var, "node1", Store(pool))
                await worker.round()
                await worker.round()

        asyncio.run(rounds())

    def messages(self) -> dict[str, list[int]]:
        """The lengths in milliseconds of each call's messages."""

        async def ask() -> dict[str, list[int]]:
            connection = await asyncpg.connect(self.server.dsn)
            query = "SELECT m.call_id, m.kind, length_ms FROM messages m JOIN recordings USING (recording_id) ORDER BY 1, 3"
            found: dict[str, list[int]] = {}
            for call_id, kind, length_ms in await connection.fetch(query):
                assert kind == "complaint"
                found.setdefault(call_id, []).append(length_ms)
            await connection.close()
            return found

        return asyncio.run(ask())


@pytest.fixture
def node(tmp_path: Path, empty_database: Postgres) -> Node:
    return Node(tmp_path / "a folder", empty_database)


def worker_to_be_killed(node: Node, step: int) -> int:
    """A worker's process, until it is killed before its ``step``-th step or has cleared the inbox; how it ended."""
    command = [sys.executable, "-m", "tests.killer", str(step), "recordings"]
    with (node.var / "log").open("ab") as log:
        worker = subprocess.Popen(command, cwd=paths.TREE, stdout=log, stderr=log)
    wait_until(lambda: worker.poll() is not None or not list(node.inbox.iterdir()), what=f"the worker's end at {step}")
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
    return worker.wait(20)


@pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.replace(" ", "-"))
def test_a_script_killed_before_any_step_loses_nothing_that_was_said(node: Node, talk: str) -> None:
    """One call for each step of the script; its killer is found in the way it ended."""
    said: dict[str, int] = {}
    for step in range(1, STEPS):
        run = Run(node.inbox, f"node1-{1763740000 + step}.1", step)
        length = expected(TALKS[talk].call(run))
        if length:
            said[f"node1-{1763740000 + step}.1"] = length
        ended = run.process.returncode
        run.close()
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert 15 < step < STEPS - 1
    node.rest()
    node.work()
    assert node.messages() == {call_id: [length] for call_id, length in said.items()}
    assert list(node.inbox.glob("*.wav")) == []


@pytest.mark.parametrize("take", [1, 2])
def test_a_script_killed_while_asterisk_records_loses_nothing_that_is_said(node: Node, take: int) -> None:
    run = Run(node.inbox, "node1-1763740000.1", 0)
    recorded = TALKS["again, listen, keep"].call(run, kill_at_record=take)
    assert run.process.returncode == -signal.SIGKILL
    run.close()
    assert len(recorded) == take
    node.rest()
    node.work()
    assert node.messages() == {"node1-1763740000.1": [expected(recorded)]}


def test_a_worker_killed_before_any_step_stores_each_message_once(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the copy, its name, the row, the commit and each file that is cleared: the next worker goes on."""
    (node.var / "hotline.toml").write_text("[recordings]\nworkers = 0\n")
    monkeypatch.setenv("HOTLINE_VAR", str(node.var))
    monkeypatch.setenv("HOTLINE_CONFIG", str(node.var / "hotline.toml"))
    credentials._write(node.server.credentials)
    calls: list[str] = []
    for step in range(1, STEPS):
        calls.append(f"node1-{1763740000 + step}.1")
        run = Run(node.inbox, calls[-1], 0)
        TALKS["again, listen, keep"].call(run)
        run.close()
        ended = worker_to_be_killed(node, step)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, (node.var / "log").read_text()
        node.work()
        assert node.messages().keys() == set(calls)
    assert 15 < step < STEPS - 1
    assert node.messages() == {call_id: [4000] for call_id in calls}
    assert list(node.inbox.iterdir()) == []
    assert len(list(node.root.rglob("*.wav"))) == len(calls)

"""The questions whether a process works, asked over real connections, and what is said when it does not."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import socket
from pathlib import Path

import pytest

from hotline import clock, probes


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_PROBE_SECONDS", 0.2)


def test_a_server_that_takes_a_connection_and_stays_mute_is_said_to_give_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asyncio.run(probes.answers_a_probe("127.0.0.1", port)) == f"127.0.0.1:{port}: no answer"


def test_a_server_that_takes_no_more_connections_is_said_to_give_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as queue:
        port = server.getsockname()[1]
        for _ in range(4):  # more than the kernel keeps for a program that accepts none
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        assert asyncio.run(probes.listens("127.0.0.1", port)) == f"127.0.0.1:{port}: no answer"


def test_where_nobody_listens_the_system_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for probe in (probes.listens, probes.answers_a_probe):
        assert "Connect call failed" in str(asyncio.run(probe("127.0.0.1", port)))


@pytest.fixture
def alive_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the bridge tells of itself."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "ami_bridge.alive"


def tell(file: Path, *, ago: float = 0, **changes: object) -> None:
    """What a bridge wrote down so many seconds ago."""
    file.write_text(json.dumps({"connected": True, "journal_failing": False, "calls_open": 0, "store_backlog": 0} | changes))
    at = clock.now().replace(microsecond=0) - dt.timedelta(seconds=ago)
    os.utime(file, (at.timestamp(), at.timestamp()))


def test_a_bridge_that_hears_asterisk_and_keeps_what_it_hears_works(alive_file: Path) -> None:
    tell(alive_file, store_backlog=20)
    assert asyncio.run(probes.bridge_works()) is None


@pytest.mark.parametrize("ago", [1, 3600])
def test_a_bridge_whose_link_is_down_says_so_and_since_when_however_long_it_lasts(alive_file: Path, ago: float) -> None:
    at = clock.now().replace(microsecond=0) - dt.timedelta(seconds=ago)
    tell(alive_file, connected=False, down_since=at.isoformat())
    said = asyncio.run(probes.bridge_works())
    assert said and said.startswith("no link to Asterisk since ")
    assert dt.datetime.fromisoformat(said.rpartition(" ")[2]) == at


def test_every_trouble_of_a_bridge_is_said(alive_file: Path) -> None:
    tell(alive_file, ago=60, journal_failing=True, store_backlog=800)
    said = (asyncio.run(probes.bridge_works()) or "").split("; ")
    assert said[0].startswith("no sign of life for 6")
    assert said[1:] == ["the journal cannot be written", "800 calls wait for PostgreSQL"]


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"store_backlog": "x", "connected": 1}'])
def test_a_bridge_that_has_said_nothing_yet_or_nonsense_raises_nothing(alive_file: Path, content: str | None) -> None:
    if content is None:
        assert asyncio.run(probes.bridge_works()) == "no link to Asterisk since its start"
    else:
        alive_file.write_text(content)
        assert asyncio.run(probes.bridge_works()) is None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer"),
        (ConnectionResetError(), "ConnectionResetError"),
        (OSError("the reason"), "the reason"),
    ],
)
def test_an_error_without_words_is_named(error: OSError, words: str) -> None:
    assert probes.reason(error) == words

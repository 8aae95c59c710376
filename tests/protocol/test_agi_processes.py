"""``python -m agi`` as the stack runs it: one process or several on one port, signals, and what dies with what.

There is no PostgreSQL: calls are answered all the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from hotline import clock, paths
from hotline.credentials import AmiUser, Credentials
from tests import small_flow

HEADERS = b"agi_network: yes\nagi_network_script: flow\nagi_uniqueid: node1-1.1\nagi_arg_1: \n\n"
OK = b"200 result=0\n"


class Agi:
    """A running ``python -m agi`` with a port of its own."""

    def __init__(self, folder: Path, processes: int, drain_seconds: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        settings = folder / f"{self.port}.toml"
        settings.write_text(f"[agi]\nport = {self.port}\nprocesses = {processes}\ndrain_seconds = {drain_seconds}\n")
        self.var = state_folder(folder / "var")
        self.log = folder / f"{self.port}.log"
        self.processes = processes
        self.start(settings)

    def start(self, settings: Path) -> None:
        environment = os.environ | {"HOTLINE_CONFIG": str(settings), "HOTLINE_VAR": str(self.var), "PYTHONWARNINGS": "error"}
        with self.log.open("ab") as log:
            self.main = subprocess.Popen([sys.executable, "-m", "agi"], cwd=paths.TREE, env=environment, stderr=log)

    def ready(self) -> Agi:
        """Wait until every process listens."""
        expected = self.processes + (1 if self.processes > 1 else 0)
        until(lambda: self.main.poll() is not None or self.log.read_text().count('"listening"') >= expected, self.log)
        assert self.main.poll() is None, self.log.read_text()
        return self

    def workers(self) -> list[int]:
        """The process numbers of its children."""
        return [int(pid) for pid in Path(f"/proc/{self.main.pid}/task/{self.main.pid}/children").read_text().split()]

    @contextlib.contextmanager
    def call(self) -> Iterator[socket.socket]:
        """A caller who is in the menu."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
            peer.sendall(HEADERS)
            for command in (b"EXEC UserEvent", b"SET VARIABLE"):
                assert peer.recv(4096).startswith(command)
                peer.sendall(OK)
            assert peer.recv(4096).startswith(b"GET DATA")
            yield peer

    def refuses(self) -> bool:
        """Whether nobody listens any more. A SYN that meets a closing listener is lost and proves nothing."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return False


def state_folder(var: Path) -> Path:
    """With credentials that lead to no PostgreSQL, and a small flow of the city's own."""
    (var / "flows").mkdir(parents=True, exist_ok=True)
    (var / "flows" / "12345.toml").write_text(small_flow.TEXT, encoding="utf-8")
    nobody, file = AmiUser("a", "b"), var / "credentials.json"
    dsn = "postgresql://nobody@127.0.0.1:1/nothing"
    file.write_bytes(msgspec.json.encode(Credentials(nobody, nobody, {}, {}, dsn, dsn)))
    file.chmod(0o600)
    return var


def alive(pid: int) -> bool:
    """Whether a process is there and not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def open_sockets(pid: int) -> int:
    """How many sockets a process holds."""
    return sum(str(f.readlink()).startswith("socket:") for f in Path(f"/proc/{pid}/fd").iterdir())


def until(true: Callable[[], bool], log: Path) -> None:
    """Wait for a condition, at most 15 seconds."""
    deadline = clock.monotonic() + 15
    while not true():
        assert clock.monotonic() < deadline, log.read_text()
        select.select([], [], [], 0.02)


@pytest.fixture
def agi(tmp_path: Path) -> Iterator[Callable[..., Agi]]:
    """Starts servers; none of their processes is left at the end."""
    started: list[Agi] = []

    def start(processes: int = 1, drain_seconds: int = 10) -> Agi:
        started.append(Agi(tmp_path, processes, drain_seconds))
        return started[-1].ready()

    yield start
    for server in started:
        if server.main.poll() is None:
            children = server.workers()
            server.main.kill()
            until(lambda children=children: not any(map(alive, children)), server.log)  # type: ignore[misc]
        server.main.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_calls_in_progress_finish(agi: Callable[..., Agi], number: signal.Signals) -> None:
    server = agi()
    with server.call() as peer:
        server.main.send_signal(number)
        until(server.refuses, server.log)
        peer.sendall(b"200 result=1\n")
        assert b"Step: main:1" in peer.recv(4096)
        peer.sendall(b"HANGUP\n")
        assert peer.recv(4096) == b""
    assert server.main.wait(10) == 0
    assert '"calls_sent_to_standby": 0' in server.log.read_text()


def test_a_call_that_outlasts_the_patience_is_sent_to_standby(agi: Callable[..., Agi]) -> None:
    server = agi(drain_seconds=1)
    with server.call() as peer:
        server.main.terminate()
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(4096) == b""
    assert server.main.wait(10) == 0
    assert '"calls_sent_to_standby": 1' in server.log.read_text()


def test_several_processes_share_one_port(agi: Callable[..., Agi]) -> None:
    server = agi(processes=3)
    before = {worker: open_sockets(worker) for worker in server.workers()}
    with contextlib.ExitStack() as calls:
        for _ in range(60):
            calls.enter_context(server.call())
        serving = [open_sockets(worker) - before[worker] for worker in server.workers()]
    assert len(serving) == 3
    assert sum(serving) == 60
    assert min(serving) > 0
    server.main.terminate()
    assert server.main.wait(10) == 0
    assert server.refuses()


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(agi: Callable[..., Agi]) -> None:
    server = agi(processes=2)
    victim, *_ = server.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: server.log.read_text().count('"listening"') >= 4, server.log)
    assert len(server.workers()) == 2
    assert victim not in server.workers()
    for _ in range(10):
        with server.call():
            pass
    assert "a worker died" in server.log.read_text()


def test_when_the_main_process_dies_its_workers_end(agi: Callable[..., Agi]) -> None:
    server = agi(processes=2)
    children = server.workers()
    server.main.kill()
    assert len(children) == 2
    until(lambda: not any(map(alive, children)), server.log)
    assert server.refuses()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_port_that_is_taken_ends_the_start_with_its_cause(agi: Callable[..., Agi], tmp_path: Path, processes: int) -> None:
    taken = agi(processes=processes)
    second = tmp_path / "second.toml"
    second.write_text(f"[agi]\nport = {taken.port}\nprocesses = {processes}\n")
    environment = os.environ | {"HOTLINE_CONFIG": str(second), "HOTLINE_VAR": str(taken.var)}
    command = [sys.executable, "-m", "agi"]
    ended = subprocess.run(command, cwd=paths.TREE, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert re.fullmatch(r"agi: cannot listen on .*address already in use", ended.stderr.splitlines()[-1], re.IGNORECASE)

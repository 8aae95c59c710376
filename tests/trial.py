"""A whole stack of one's own, on free ports and in a folder of its own: for the e2e tests and the benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from hotline import clock, credentials, paths, settings
from hotline.asterisk import configuration, installation
from hotline.credentials import Credentials
from hotline.settings import Settings
from hotline.stack import supervisor

_READY = "12345："
_START_SECONDS = 90.0


class Trial:
    """A stack to start, look into, hurt and stop. ``environment`` is what commands need to reach it."""

    def __init__(self, folder: Path, overrides: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.config = folder / "hotline.toml"
        folder.mkdir(parents=True, exist_ok=True)
        self._tables = _merged(_free_ports() | _known_years() | _no_pauses() | _plain_sound(), overrides or {})
        self.configure({})
        self.environment = {"HOTLINE_VAR": str(self.var), "HOTLINE_CONFIG": str(self.config)}
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def configure(self, overrides: Mapping[str, Mapping[str, object]]) -> None:
        """Write other settings over those of the beginning; a part takes them when it is started again."""
        self.config.write_text(_toml(_merged(self._tables, overrides)))

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return settings.load(self.config)

    @property
    def credentials(self) -> Credentials:
        """The secrets made at the start."""
        with self._in_force():
            return credentials.load()

    def make_credentials(self) -> None:
        """The secrets, without a start: for a part that is run by itself."""
        with self._in_force():
            credentials.ensure(self.settings)

    @contextlib.contextmanager
    def _in_force(self) -> Iterator[None]:
        """This process sees the stack's folder and settings for a moment; several trials may run side by side."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def start(self) -> None:
        """``hotline up`` until it says that all is ready; raises ``AssertionError`` with what it said otherwise."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hotline", "up"],
            cwd=paths.TREE,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if _READY in line:
                return
        raise AssertionError(f"the stack did not start:\n{''.join(self.said)}\n{self.logs()}")

    def stop(self) -> str:
        """SIGTERM, as Ctrl-C does; returns what it said at the end."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=90)
        self.said.append(rest)
        return rest

    def pid(self, part: str) -> int:
        """The process number of a part that runs."""
        with self._in_force():
            number = supervisor.running(part)
        assert number, f"{part} does not run"
        return number

    def runs_anew(self, part: str, before: int) -> bool:
        """Whether a part runs, as another process than ``before``."""
        with self._in_force():
            return supervisor.running(part) not in (None, before)

    def is_running(self, part: str) -> bool:
        """Whether a part runs now."""
        with self._in_force():
            return bool(supervisor.running(part))

    def kill(self, part: str) -> int:
        """kill -9 of one part; returns the number it had."""
        number = self.pid(part)
        os.kill(number, signal.SIGKILL)
        return number

    def command(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ``python -m ARGUMENTS`` against this stack."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=paths.TREE,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def asterisk(self, command: str) -> str:
        """What Asterisk's console answers."""
        chosen = installation.find()
        assert chosen
        with self._in_force():
            etc = configuration.folders(chosen).etc
        argv = [*chosen.command, "-C", str(etc / "asterisk.conf"), "-rx", command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout

    def fetch(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        return asyncio.run(_fetch(self.credentials.database, query, values))

    def asterisk_complaints(self) -> list[str]:
        """Warnings and errors in Asterisk's log so far."""
        log = self.var / "asterisk" / "log" / "messages"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line for line in lines if "WARNING" in line or "ERROR" in line]

    def logs(self) -> str:
        """The end of every part's log, for a failure's message."""
        ends = []
        for log in sorted((self.var / "log").glob("*.log")):
            ends.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
        return "\n".join([*ends, *self.asterisk_complaints()[-20:]])


@contextlib.contextmanager
def running(folder: Path, overrides: Mapping[str, Mapping[str, object]] | None = None) -> Iterator[Trial]:
    """A stack that runs inside the block."""
    trial = Trial(folder, overrides)
    try:
        trial.start()
        yield trial
    finally:
        if trial.process:
            trial.stop()


def wait_until(condition: Callable[[], object], *, seconds: float = 30, what: str = "") -> None:
    """Wait for a condition; an ``AssertionError`` that names it when it does not come. A database that restarts is waited for."""
    deadline = clock.monotonic() + seconds
    between = threading.Event()

    def holds() -> object:
        try:
            return condition()
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False

    while not holds():
        assert clock.monotonic() < deadline, f"did not happen within {seconds} s: {what or condition}"
        between.wait(0.1)


async def _fetch(dsn: str, query: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *values)]
    finally:
        await connection.close()


def _free_ports() -> dict[str, dict[str, object]]:
    """Ports that nothing holds now; the range for sound is chosen by the first of them, so that two trials do not meet."""
    sip, http, agi, ami, database, web, unit = _seven_free_ports()
    first = 12000 + sip % 5 * 2000
    return {
        "asterisk": {"sip_port": sip, "http_port": http, "rtp_first": first, "rtp_last": first + 1999},
        "trunks": {"unit_port": unit},
        "agi": {"port": agi, "drain_seconds": 5},
        "ami": {"port": ami},
        "database": {"port": database},
        "web": {"port": web},
    }


def _known_years() -> dict[str, dict[str, object]]:
    """National Day of this year and the next: no test depends on the last year that the public table of holidays knows."""
    year = clock.shanghai_now().year
    return {"calendar": {"holidays": [f"{year}-10-01", f"{year + 1}-10-01"]}}


def _plain_sound() -> dict[str, dict[str, object]]:
    """Recordings stay WAV files, and nobody writes down what is said: a test that wants either asks for it."""
    return {"recordings": {"workers": 0}, "transcription": {"engine": "none"}}


def _no_pauses() -> dict[str, dict[str, object]]:
    """Telephones that do not answer are what tests have silent ones for: nobody is paused for it."""
    return {"agents": {"missed_calls": 0}}


def _seven_free_ports() -> list[int]:
    """Below the range from which the kernel serves outgoing connections, so that none of those takes one before we do."""
    found: list[int] = []
    for port in random.sample(range(6100, 9900), 3800):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 7:
            return found
    raise AssertionError("no free ports from 6100 to 9899")


def _merged(base: dict[str, dict[str, object]], over: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    return {table: base.get(table, {}) | dict(over.get(table, {})) for table in base.keys() | over.keys()}


def _toml(tables: Mapping[str, Mapping[str, object]]) -> str:
    """TOML of plain tables; JSON's strings, numbers, booleans and lists are TOML's."""
    lines: list[str] = []
    for table, values in tables.items():
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"

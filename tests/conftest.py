"""Fixtures that more than one tier uses: a real PostgreSQL of the tests' own."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from hotline import clock, database
from hotline.credentials import AmiUser, Credentials
from hotline.stack import postgres

T = TypeVar("T")
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")  # how long an example takes is the machine's business


class Postgres:
    """A cluster of the tests' own: start, kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        address = f"127.0.0.1:{self.port}/hotline"
        user = AmiUser("nobody", "nothing")
        self.credentials = Credentials(
            ami=user,
            ami_reader=user,
            agents={},
            web={},
            database=f"postgresql://hotline:it%27s%20me@{address}",
            database_owner=f"postgresql://hotline_owner:owner@{address}",
        )
        self.cluster = postgres.Cluster(folder=folder, port=self.port, durable=False)
        self.log = folder.parent / f"{folder.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """The application role's DSN."""
        return self.credentials.database

    @property
    def owner(self) -> str:
        """The migrating role's DSN."""
        return self.credentials.database_owner

    def start(self) -> None:
        """Prepare, start, and wait until it answers."""
        postgres.prepare(self.cluster, self.credentials)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(postgres.command(self.cluster), stdout=log, stderr=log, cwd="/")
        asyncio.run(self._answers())

    def kill(self) -> None:
        """kill -9 of the server; returns when its children have noticed and left: until then no other one may start."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        self.process.wait()
        while any(_is_running(child) for child in children):
            time.sleep(0.01)

    def stop(self) -> None:
        """A fast, clean stop."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(2)
            self.process.wait(timeout=20)

    async def _answers(self) -> None:
        deadline = clock.monotonic() + 20
        while True:
            try:
                connection = await asyncpg.connect(self.owner, timeout=2)
            except (OSError, asyncpg.PostgresError) as error:
                gone = self.process is None or self.process.poll() is not None
                assert clock.monotonic() < deadline and not gone, f"{error}\n{self.log.read_text()}"
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return


def _is_running(process: str) -> bool:
    """Whether it is there, and more than what is left of it until somebody asks how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A failure is named at once: a run that is cut short has said what it found."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.when} of {report.nodeid} failed: {report.longreprtext[-2000:]}", file=sys.__stderr__, flush=True)


def free_port() -> int:
    """A TCP port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session", autouse=True)
def not_within_make() -> None:
    """``make test`` runs these tests; what they start with make is not a part of that make."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def log_as_it_is() -> Iterator[None]:
    """A command that is run within this process leaves the log of the tests after it as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hotline.log.configure", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running, migrated server for the whole session; its path holds a space."""
    server = Postgres(tmp_path_factory.mktemp("a b") / "postgres")
    server.start()
    run(_migrate(server.owner))
    yield server
    server.stop()


@pytest.fixture
def new_postgres() -> type[Postgres]:
    """The class, for a test that needs a server of its own."""
    return Postgres


@pytest.fixture
def migrate() -> Callable[[str], None]:
    """Brings the database of an owner's DSN to the newest schema."""
    return lambda dsn: run(_migrate(dsn))


@pytest.fixture
def empty_database(postgres_server: Postgres) -> Postgres:
    """The session's server with every table empty."""
    run(_empty(postgres_server.owner))
    return postgres_server


def run(work: Coroutine[object, object, T]) -> T:
    """Run one coroutine in a loop of its own."""
    return asyncio.run(work)


async def _migrate(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await database.migrate(connection)
    await connection.close()


async def _empty(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch("SELECT relname FROM pg_stat_user_tables WHERE relname <> 'schema_migrations'")
    names = ", ".join(row["relname"] for row in tables)
    await connection.execute("SET hotline.maintenance = 'on'")  # the audit log too
    await connection.execute(f"TRUNCATE {names} CASCADE")
    await connection.close()

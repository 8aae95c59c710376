"""``python -m crm`` as it is started: what it does at its start, what falls due meanwhile, its sign of life, wrong settings."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from crm.clocks import book
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import Ticket
from hotline import clock, credentials, paths
from hotline.settings import Calendar
from tests.citizens import ticket
from tests.trial import wait_until

if TYPE_CHECKING:
    from tests.conftest import Postgres


@pytest.fixture
def environment(tmp_path: Path, empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings, credentials and a folder of its own."""
    (tmp_path / "hotline.toml").write_text("")
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.toml"))
    credentials._write(empty_database.credentials)
    return dict(os.environ)


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the process; whatever is left of it ends with the test."""
    started = list[subprocess.Popen[bytes]]()

    def begin() -> subprocess.Popen[bytes]:
        with (tmp_path / "crm.log").open("ab") as file:
            argv = [sys.executable, "-m", "crm"]
            started.append(subprocess.Popen(argv, cwd=paths.TREE, env=environment, stdout=file, stderr=file))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def asked(server: Postgres, statement: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(server.dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def until(true: Callable[[], bool], log: Path) -> None:
    try:
        wait_until(true)
    except AssertionError as late:
        raise AssertionError(log.read_text()) from late


async def overdue(server: Postgres) -> None:
    """A ticket whose unit did not look at it for a month."""
    connection = await asyncpg.connect(server.dsn)
    one = await ticket(connection, 1, state="dispatched", lead_unit="U01")
    then = clock.now() - dt.timedelta(days=30)
    facts = Ticket(ticket_id=one, made_at=then, made_by="1001", state="dispatched", lead_unit="U01")
    async with connection.transaction():
        await book.apply(connection, facts, [ClockOrder("start", "receive")], Profile(), Calendar(), then)
    await connection.close()


def test_the_process_fires_what_was_missed_and_after_a_new_calendar_computes_anew(
    start: Callable[[], subprocess.Popen[bytes]], environment: dict[str, str], empty_database: Postgres, tmp_path: Path
) -> None:
    """SUP-16, DSP-13, TIM-30, TAX-20, CFG-08; killed in between; a clean end at SIGTERM."""
    log, alive = tmp_path / "crm.log", tmp_path / "var" / "run" / "crm.alive"
    asyncio.run(overdue(empty_database))
    process = start()
    until(lambda: asked(empty_database, "SELECT count(*) FROM escalations") == 2, log)
    until(lambda: asked(empty_database, "SELECT count(*) FROM calendar_versions WHERE done_at IS NOT NULL") == 1, log)
    until(lambda: asked(empty_database, "SELECT count(*) FROM taxonomy_items WHERE scheme = 'content'") > 159, log)
    until(lambda: asked(empty_database, "SELECT kind FROM alarms WHERE subject = 'unit:U01'") == "ticket_not_received", log)
    until(alive.exists, log)
    process.kill()
    process.wait()
    tomorrow = clock.shanghai_now().date() + dt.timedelta(days=1)
    Path(environment["HOTLINE_CONFIG"]).write_text(f'[calendar]\nholidays = [{tomorrow}]\n[city]\nprofile = "karamay"\n')
    process = start()
    until(lambda: asked(empty_database, "SELECT count(*) FROM calendar_versions WHERE done_at IS NOT NULL") == 2, log)
    until(lambda: bool(asked(empty_database, "SELECT count(*) = 2 FROM profile_versions")), log)
    assert asked(empty_database, "SELECT changed ? 'return_limit' FROM profile_versions WHERE version = 2") is True
    assert asked(empty_database, "SELECT count(*) FROM escalations") == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) in {0, -signal.SIGTERM}, log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("process", ["crm", "desks"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('[city]\nprofile = "atlantis"\n', "city.profile: there is no profile 'atlantis'"),
        ("[city.override]\nnonsense = 1\n", "city.override: unknown key nonsense"),
    ],
)
def test_wrong_rules_of_the_city_are_said_and_the_process_leaves_with_2(
    environment: dict[str, str], process: str, settings: str, said: str
) -> None:
    Path(environment["HOTLINE_CONFIG"]).write_text(settings)
    argv = [sys.executable, "-m", process]
    done = subprocess.run(argv, cwd=paths.TREE, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr

"""Alarms in PostgreSQL: kept over restarts, one for each cause whoever watches, written when the database is back (KPI-43)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from ami_bridge.figures import alarm_rules, alarms
from ami_bridge.figures.alarm_rules import Node, Readings, Rules
from hotline import clock, database
from tests.ami_peer import until

if TYPE_CHECKING:
    from tests.conftest import Postgres

GOOD, BAD = Readings({}, 0, (Node(node="n"),)), Readings({}, 0, (Node(node="n", journal_failing=True),))


class Watched:
    """What is read, and the table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.now: Readings | None = GOOD
        self.looks = 0

    def look(self) -> Readings | None:
        self.looks += 1
        return self.now

    async def looked(self, times: int) -> None:
        """Wait until it was read so often again."""
        last = self.looks + times
        await until(lambda: self.looks >= last)

    @contextlib.asynccontextmanager
    async def by(self, watchers: int = 1) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(alarms.watch(self.pool, self.look, Rules())) for _ in range(watchers)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * watchers, ends

    async def rows(self, count: int, *, is_open: bool) -> list[dict[str, Any]]:
        """Wait until there are so many alarms and the last is open, or not."""
        deadline = clock.monotonic() + 20
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                rows = [dict(row) for row in await self.pool.fetch("SELECT * FROM alarms ORDER BY raised_at")]
                if len(rows) == count and (rows[-1]["cleared_at"] is None) == is_open:
                    return rows
            assert clock.monotonic() < deadline, rows
            await asyncio.sleep(0.02)


def in_a_loop(server: Postgres, work: Callable[[Watched], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(Watched(pool))

    asyncio.run(run())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks ten times a second; an alarm is over at once."""
    monkeypatch.setattr(alarms, "_PAUSE_SECONDS", 0.1)
    journal = alarm_rules._KINDS["journal"]
    monkeypatch.setitem(alarm_rules._KINDS, "journal", alarm_rules._Kind(journal.read, clear_seconds=0))


def test_an_alarm_is_kept_told_and_over_when_its_cause_is(empty_database: Postgres, capfd: pytest.CaptureFixture[str]) -> None:
    async def work(here: Watched) -> None:
        heard: list[str] = []
        async with here.pool.acquire() as connection:
            await connection.add_listener("alarms", lambda *said: heard.append(said[-1]))
            async with here.by():
                here.now = BAD
                (row,) = await here.rows(1, is_open=True)
                assert (row["kind"], row["subject"], row["value"], row["limit_value"]) == ("journal", "n", 1, 0)
                here.now = GOOD
                (row,) = await here.rows(1, is_open=False)
                assert row["cleared_at"] >= row["raised_at"]
            await connection.fetchval("SELECT 1")
            assert heard == [str(row["alarm_id"])] * 2
            connection.terminate()

    in_a_loop(empty_database, work)
    assert "ALARM" in "".join(capfd.readouterr())


def test_a_watcher_that_begins_anew_and_one_beside_it_raise_nothing_twice(empty_database: Postgres) -> None:
    async def work(here: Watched) -> None:
        here.now = BAD
        async with here.by(watchers=2):
            await here.rows(1, is_open=True)
        async with here.by():
            await here.looked(3)
            await here.rows(1, is_open=True)
            here.now = None
            await here.looked(2)
            await here.rows(1, is_open=True)
            here.now = GOOD
            await here.rows(1, is_open=False)
            here.now = BAD
            await here.rows(2, is_open=True)

    in_a_loop(empty_database, work)


def test_a_person_who_has_seen_it_is_noted_once_with_a_line(empty_database: Postgres) -> None:
    async def work(here: Watched) -> None:
        here.now = BAD
        async with here.by():
            (row,) = await here.rows(1, is_open=True)
            assert await alarms.see(here.pool, row["alarm_id"], "zhang")
            assert not await alarms.see(here.pool, row["alarm_id"], "li")
            (row,) = await here.rows(1, is_open=True)
            assert row["seen_by"] == "zhang"
        lines = await here.pool.fetch("SELECT actor, action, subject FROM audit_log")
        assert [tuple(line) for line in lines] == [("zhang", "alarm.seen", f"alarm:{row['alarm_id']}")]

    in_a_loop(empty_database, work)


def test_an_alarm_that_begins_while_the_database_is_away_is_written_when_it_is_back(
    new_postgres: type[Postgres], migrate: Callable[[str], None], tmp_path: Any
) -> None:
    server = new_postgres(tmp_path / "postgres")
    server.start()
    migrate(server.owner)

    async def work(here: Watched) -> None:
        async with here.by():
            await asyncio.to_thread(server.kill)
            here.now = BAD
            await here.looked(2)
            back = clock.now()
            await asyncio.to_thread(server.start)
            (row,) = await here.rows(1, is_open=True)
            assert row["raised_at"] < back

    try:
        in_a_loop(server, work)
    finally:
        server.stop()

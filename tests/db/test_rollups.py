"""Roll-ups of the facts: what they hold, which of them are recounted, and facts that change meanwhile (metrics, section 7.1)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from ami_bridge.figures import history, rollups, spans, tally
from tests.ami_peer import until
from tests.stored_calls import MINUTE, SECOND, Kept, call, opened, request

if TYPE_CHECKING:
    from tests.conftest import Postgres

QUARTER = 15 * MINUTE
NOON = dt.datetime(2025, 12, 31, 4, 0, tzinfo=dt.UTC)
"""In Shanghai, on the last day of a year."""
MIDNIGHT = dt.datetime(2025, 12, 31, 16, 0, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def in_a_database(server: Postgres, folder: Path, work: Callable[[Kept], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(server, folder) as kept:
            await work(kept)

    asyncio.run(run())


async def cells(kept: Kept) -> dict[tuple[Any, ...], tally.Tally]:
    rows = await kept.rows("SELECT level, start, node, queue, skill, kind, excluded, tally FROM rollups")
    return {row[:-1]: tally.unpack(row[-1]) for row in rows}


def test_a_cell_of_each_level_holds_the_tally_of_its_requests(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(
            call("a", NOON, request("a", NOON, wait_us=15_000_000)),
            call("b", NOON, request("b", NOON + SECOND, "abandoned", 16_000_001)),
            call("c", NOON, request("c", NOON + QUARTER, wait_us=7, repaired=True)),
            call("d", NOON, request("d", NOON + QUARTER, wait_us=8, queue="english")),
        )
        assert await rollups.fold(kept.pool, LATER) == 2
        rest = ("n", "hotline", "mandarin", "caller", "")
        first = tally.of([("answered", 15_000_000, False), ("abandoned", 16_000_001, False)])
        second = tally.of([("answered", 7, True)])
        english = tally.of([("answered", 8, False)])
        above = [(level, spans.begin(level, NOON)) for level in spans.LEVELS[1:]]
        assert await cells(kept) == {
            (1, NOON, *rest): first,
            (1, NOON + QUARTER, *rest): second,
            (1, NOON + QUARTER, "n", "english", "english", "caller", ""): english,
            **{(*place, *rest): first + second for place in above},
            **{(*place, "n", "english", "english", "caller", ""): english for place in above},
        }
        calls = await kept.rows("SELECT level, start, node, calls, answered, ivr_hangups FROM call_rollups ORDER BY level")
        assert calls == [(level, spans.begin(level, NOON), "n", 4, 3, 0) for level in spans.LEVELS]
        assert await kept.rows("SELECT * FROM dirty_quarters") == []

    in_a_database(empty_database, tmp_path, work)


def test_a_quarter_hour_that_is_not_over_stays_for_the_facts(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(call("a", NOON, request("a", NOON)))
        assert await rollups.fold(kept.pool, NOON + QUARTER - SECOND) == 0
        assert await cells(kept) == {}
        assert await rollups.fold(kept.pool, NOON + QUARTER) == 1
        assert await rollups.fold(kept.pool, NOON + QUARTER) == 0

    in_a_database(empty_database, tmp_path, work)


def test_a_late_fact_corrects_every_span_that_holds_it_and_touches_no_other(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(call("a", NOON, request("a", NOON)), call("b", MIDNIGHT, request("b", MIDNIGHT)))
        await kept.put(call("c", NOON, request("c", NOON)), node="m")
        await rollups.fold(kept.pool, LATER)
        untouched = "SELECT ctid, * FROM rollups WHERE start >= $1 OR node = 'm' ORDER BY level, node"
        before = await kept.rows(untouched, MIDNIGHT)
        await kept.put(call("late", NOON, request("late", NOON + QUARTER, "no_agents")), call("a", NOON))
        assert await rollups.fold(kept.pool, LATER) == 2
        assert await kept.rows(untouched, MIDNIGHT) == before
        found = {key[:2]: counted.counts() for key, counted in (await cells(kept)).items() if key[2] == "n" and key[1] < MIDNIGHT}
        assert found.keys() == {(1, NOON + QUARTER), *((level, spans.begin(level, NOON)) for level in spans.LEVELS[1:])}
        assert {(counts["total"], counts["no_agents"]) for counts in found.values()} == {(1, 1)}

    in_a_database(empty_database, tmp_path, work)


def test_a_fact_that_changes_while_it_is_rolled_up_leaves_its_quarter_hour_dirty(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(kept: Kept) -> None:
        write, changed = rollups._write, asyncio.Event()

        async def write_after_a_change(*what: Any) -> None:
            if not changed.is_set():
                changed.set()
                await kept.put(call("a", NOON, request("a", NOON, "abandoned", 9)))
            await write(*what)

        monkeypatch.setattr(rollups, "_write", write_after_a_change)
        await kept.put(call("a", NOON, request("a", NOON, "waiting")), call("b", NOON, request("b", NOON + QUARTER)))
        assert await rollups.fold(kept.pool, LATER) == 1
        assert await kept.rows("SELECT quarter FROM dirty_quarters") == [(NOON,)]
        whole = (await history.figures(kept.pool, NOON, LATER)).whole.raw
        assert (whole.counts()["abandoned"], whole.counts()["waiting"]) == (1, 0)
        assert await rollups.fold(kept.pool, LATER) == 1
        assert (await history.figures(kept.pool, NOON, LATER)).whole.raw == whole

    in_a_database(empty_database, tmp_path, work)


def test_a_fact_that_is_being_changed_holds_up_nobody_and_stays_dirty(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(call("a", NOON, request("a", NOON)))
        async with kept.pool.acquire() as writer, writer.transaction():
            await writer.execute("UPDATE dirty_quarters SET version = version + 1")
            assert await rollups.fold(kept.pool, LATER) == 0
        assert await rollups.fold(kept.pool, LATER) == 1

    in_a_database(empty_database, tmp_path, work)


def test_one_process_rolls_up_at_a_time(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(call("a", NOON, request("a", NOON)))
        other = await asyncpg.connect(empty_database.dsn)
        await other.execute("SELECT pg_advisory_lock(hashtext('rollups'))")
        assert await rollups.fold(kept.pool, LATER) == 0
        await other.execute("SELECT pg_advisory_unlock(hashtext('rollups'))")
        await other.close()
        assert await rollups.fold(kept.pool, LATER) == 1

    in_a_database(empty_database, tmp_path, work)


def test_the_task_of_the_bridge_rolls_up_and_waits_while_the_database_is_away(
    tmp_path: Path, new_postgres: type[Postgres], migrate: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres(tmp_path / "pg")
    server.start()
    migrate(server.owner)
    monkeypatch.setattr(rollups, "_EVERY_SECONDS", 0.02)

    async def work(kept: Kept) -> None:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(rollups.run(server.dsn))
            for name in "ab":
                await kept.put(call(name, NOON, request(name, NOON)))
                left: list[tuple[Any, ...]] = [()]

                async def look(left: list[tuple[Any, ...]] = left) -> None:
                    while left:
                        left[:] = await kept.rows("SELECT * FROM dirty_quarters")

                looking = tasks.create_task(look())
                await until(looking.done)
                server.kill()
                await asyncio.to_thread(server.start)
                await kept.pool.expire_connections()
            task.cancel()

    try:
        in_a_database(server, tmp_path, work)
    finally:
        server.stop()

"""A node's rows in PostgreSQL: idempotent, never backwards, versioned, and none lost while it is away (metrics 6, 7)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from ami_bridge import channel_log
from ami_bridge.calls import CallRecord
from ami_bridge.path import Step
from ami_bridge.rows import CallFacts
from ami_bridge.store import Position, Store
from tests.ami_peer import until

if TYPE_CHECKING:
    from tests.conftest import Postgres

START = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
OPEN = CallRecord(
    call_id="n-1.0",
    caller_number="13800138000",
    caller_name='张三 "😀" ${X} \u0001',
    dialled="12345",
    started_at=START,
    answered_at=START + dt.timedelta(microseconds=1),
    menu_path="main:1",
    queue="hotline",
    queued_at=START + dt.timedelta(seconds=1),
    agent=None,
    connected_at=None,
    ended_at=None,
    hangup_cause=None,
    hung_up_by=None,
    disposition=None,
    source="ami",
    repaired=False,
    flow="12345@0a1b2c3d",
    tags=("capacity",),
    steps=(Step(START, "flow:12345@0a1b2c3d"), Step(None, "main:1"), Step(START, "tag:capacity")),
)
ENDED = msgspec.structs.replace(
    OPEN,
    agent="1001",
    connected_at=START + dt.timedelta(seconds=2),
    ended_at=START + dt.timedelta(seconds=9, microseconds=999_999),
    hangup_cause=16,
    hung_up_by="caller",
    disposition="answered",
)
REPAIRED = msgspec.structs.replace(ENDED, ended_at=START + dt.timedelta(seconds=10), source="cel", repaired=True)


@asynccontextmanager
async def store(server: Postgres, folder: Path, position: Callable[[], Position] = lambda: Position(1)) -> AsyncIterator[Store]:
    made = Store("n", server.dsn, folder / "position.json", position)
    yield made
    await made.close()


async def rows(server: Postgres, table: str = "calls") -> list[dict[str, Any]]:
    connection = await asyncpg.connect(server.dsn)
    try:
        return [dict(row) for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY call_id")]
    finally:
        await connection.close()


def stored(row: dict[str, Any]) -> CallRecord:
    plain = {field: row[field] for field in CallRecord.__struct_fields__}
    steps = msgspec.json.decode(row["steps"], type=tuple[Step, ...])
    return CallRecord(**(plain | {"tags": tuple(row["tags"]), "steps": steps}))


def in_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await work()

    asyncio.run(run())


def test_a_record_is_stored_to_the_microsecond_and_once_more_without_a_change(empty_database: Postgres, tmp_path: Path) -> None:
    async def work() -> None:
        async with store(empty_database, tmp_path) as kept:
            kept.put(CallFacts(ENDED))
            assert await kept.flush()
            (first,) = await rows(empty_database)
            assert stored(first) == ENDED
            kept.put(CallFacts(ENDED))
            assert await kept.flush()
            assert await rows(empty_database) == [first]
            assert kept.backlog == 0

    in_a_loop(work)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (OPEN, ENDED, ENDED),
        (ENDED, OPEN, ENDED),
        (ENDED, REPAIRED, ENDED),
        (REPAIRED, ENDED, ENDED),
        (REPAIRED, OPEN, REPAIRED),
        (ENDED, msgspec.structs.replace(ENDED, hung_up_by="agent"), msgspec.structs.replace(ENDED, hung_up_by="agent")),
        (OPEN, msgspec.structs.replace(OPEN, queue=None, queued_at=None, menu_path=""), OPEN),
        (OPEN, msgspec.structs.replace(OPEN, flow=None, tags=(), steps=()), OPEN),
        (
            OPEN,
            msgspec.structs.replace(OPEN, tags=("storm",), steps=(*OPEN.steps, Step(START, "tag:storm"))),
            msgspec.structs.replace(OPEN, tags=("capacity", "storm"), steps=(*OPEN.steps, Step(START, "tag:storm"))),
        ),
    ],
)
def test_a_row_never_goes_backwards(
    empty_database: Postgres, tmp_path: Path, before: CallRecord, after: CallRecord, kept: CallRecord
) -> None:
    async def work() -> None:
        async with store(empty_database, tmp_path) as writer:
            for record in (before, after):
                writer.put(CallFacts(record, is_heard=not record.repaired))
                assert await writer.flush()
        assert [stored(row) for row in await rows(empty_database)] == [kept]

    in_a_loop(work)


def test_the_position_is_saved_with_the_records_and_beside_the_journal(empty_database: Postgres, tmp_path: Path) -> None:
    position = Position(7, channel_log.Position("1:2", 300))

    async def work() -> None:
        async with store(empty_database, tmp_path, lambda: position) as kept:
            assert await kept.saved_position(3) is None
            kept.put(CallFacts(ENDED))
            assert await kept.flush()
        async with store(empty_database, tmp_path) as again:
            assert await again.saved_position(3) == position
        empty_database_away = Store(
            "n", "postgresql://hotline:x@127.0.0.1:9/hotline", tmp_path / "position.json", lambda: position
        )
        assert await empty_database_away.saved_position(0.5) == position

    in_a_loop(work)


def test_a_record_that_the_database_refuses_holds_up_no_other(empty_database: Postgres, tmp_path: Path) -> None:
    bad = msgspec.structs.replace(ENDED, call_id="bad", caller_name="nul \0")
    backwards = msgspec.structs.replace(ENDED, call_id="backwards", ended_at=START - dt.timedelta(seconds=1))

    async def work() -> None:
        async with store(empty_database, tmp_path) as kept:
            for record in (bad, ENDED, backwards, msgspec.structs.replace(OPEN, call_id="n-2.0")):
                kept.put(CallFacts(record))
            assert await kept.flush()
            assert (kept.backlog, kept.refused) == (0, 2)
        assert [row["call_id"] for row in await rows(empty_database)] == ["n-1.0", "n-2.0"]

    in_a_loop(work)


def test_thousands_of_records_go_in_batches(empty_database: Postgres, tmp_path: Path) -> None:
    async def work() -> None:
        async with store(empty_database, tmp_path) as kept:
            for number in range(2345):
                kept.put(CallFacts(msgspec.structs.replace(ENDED, call_id=f"n-{number}")))
            assert await kept.flush()
        assert len(await rows(empty_database)) == 2345

    in_a_loop(work)


def test_records_wait_while_the_database_is_killed_and_are_stored_when_it_is_back(
    tmp_path: Path, new_postgres: type[Postgres], migrate: Callable[[str], None]
) -> None:
    server = new_postgres(tmp_path / "pg")
    server.start()
    migrate(server.owner)

    async def work() -> None:
        async with store(server, tmp_path) as kept:
            task = asyncio.get_running_loop().create_task(kept.run())
            kept.put(CallFacts(OPEN))
            await until(lambda: kept.backlog == 0)
            server.kill()
            for number in range(50):
                kept.put(CallFacts(msgspec.structs.replace(ENDED, call_id=f"n-{number}")))
            await until(lambda: kept.failing)
            assert kept.backlog == 50
            await asyncio.to_thread(server.start)
            await until(lambda: kept.backlog == 0)
            task.cancel()
        assert len(await rows(server)) == 51

    in_a_loop(work)
    server.stop()

"""Windows of overload in the database: written once, ended where the bridge that opened them last heard of Asterisk (KPI-40)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from ami_bridge.overload import Closed, Opened
from ami_bridge.overload_windows import Windows
from hotline import clock
from tests.ami_peer import until

if TYPE_CHECKING:
    from tests.conftest import Postgres

HELD = dt.timedelta(minutes=2)


@asynccontextmanager
async def running(postgres: Postgres, heard_at: dt.datetime | None = None) -> AsyncIterator[Windows]:
    windows = Windows("node1", postgres.dsn)
    task = asyncio.get_running_loop().create_task(windows.run(heard_at))
    try:
        yield windows
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def rows(postgres: Postgres) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return [dict(row) for row in await connection.fetch("SELECT * FROM exclusions ORDER BY from_at")]
    finally:
        await connection.close()


async def settled(postgres: Postgres, count: int, *, is_open: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def look() -> bool:
        found[:] = await rows(postgres)
        return len(found) == count and sum(row["to_at"] is None for row in found) == is_open

    deadline = clock.monotonic() + 10
    while not await look():
        assert clock.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


def test_a_window_is_an_exclusion_of_the_system_in_force_at_once(empty_database: Postgres) -> None:
    async def script() -> None:
        begun = clock.now() - HELD
        async with running(empty_database) as windows:
            windows.put(Opened("hotline", begun))
            (row,) = await settled(empty_database, 1, is_open=1)
            assert (row["reason"], row["person"], row["confirmed_by"], row["node"]) == ("overload", "system", "system", "node1")
            windows.put(Closed("hotline", begun + HELD))
            (row,) = await settled(empty_database, 1, is_open=0)
            assert (row["from_at"], row["to_at"]) == (begun, begun + HELD)

    asyncio.run(script())


def test_a_window_told_twice_stands_once_and_an_end_without_a_beginning_is_none(empty_database: Postgres) -> None:
    async def script() -> None:
        begun = clock.now() - HELD
        async with running(empty_database) as windows:
            windows.put(Closed("hotline", begun))
            windows.put(Opened("hotline", begun))
            windows.put(Opened("hotline", begun))
            windows.put(Opened("english", begun))
            await settled(empty_database, 2, is_open=2)

    asyncio.run(script())


def test_what_a_dead_bridge_left_open_ends_where_asterisk_was_last_heard_of(empty_database: Postgres) -> None:
    async def script() -> None:
        begun, heard = clock.now() - HELD, clock.now() - HELD / 2
        async with running(empty_database) as windows:
            windows.put(Opened("hotline", begun))
            await settled(empty_database, 1, is_open=1)
        async with running(empty_database, heard):
            (row,) = await settled(empty_database, 1, is_open=0)
            assert row["to_at"] == heard

    asyncio.run(script())


def test_windows_wait_for_a_database_that_is_away(new_postgres: type[Postgres], tmp_path_factory: Any, migrate: Any) -> None:
    server = new_postgres(tmp_path_factory.mktemp("overload") / "postgres")
    server.start()
    migrate(server.owner)

    async def script() -> None:
        begun = clock.now() - HELD
        async with running(server) as windows:
            windows.put(Opened("hotline", begun))
            await settled(server, 1, is_open=1)
            await asyncio.to_thread(server.kill)
            windows.put(Closed("hotline", begun + HELD))
            await until(lambda: windows.waiting == 1)
            await asyncio.to_thread(server.start)
            await settled(server, 1, is_open=0)

    try:
        asyncio.run(script())
    finally:
        server.stop()

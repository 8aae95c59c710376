"""Steps from the bridge's store to their handlers: once in effect, whoever dies in between."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from acd import steps
from acd.errors import RefusedError
from acd.parts import Parts
from acd.steps import Step
from ami_bridge.facts import AcdStep
from ami_bridge.store import Position, Store
from hotline import database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

AT = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


def step(number: int, name: str = "trial:done", uniqueid: str = "n-1.1") -> AcdStep:
    return AcdStep(at=AT, call_id="n-1.0", uniqueid=uniqueid, number=number, step=name, detail="attempt=1;result=BUSY;late")


async def stored(server: Postgres, folder: Path, *found: AcdStep) -> None:
    """Through the store of a bridge, at once."""
    store = Store("n", server.dsn, folder / "n.json", lambda: Position(1), Settings().skill)
    for one in found:
        store.put(one)
    assert await store.flush()
    await store.close()


async def reading(server: Postgres, work: Callable[[asyncpg.Connection, Parts], Awaitable[None]]) -> None:
    async with await database.pool(server.dsn, name="trial") as pool, pool.acquire() as connection:
        await work(connection, Parts(Settings(), pool, "n"))


def test_each_step_is_handed_on_once(empty_database: Postgres, tmp_path: Path) -> None:
    seen: list[Step] = []

    async def hear(_: asyncpg.Connection, __: Parts, found: Step) -> None:
        seen.append(found)

    async def work(connection: asyncpg.Connection, parts: Parts) -> None:
        await stored(empty_database, tmp_path, step(1), step(2), step(1))
        assert await steps.read(connection, parts, {"trial": hear}) == 2
        await stored(empty_database, tmp_path, step(2), step(3, "other:done"), step(1, uniqueid="n-1.2"))
        await steps.read(connection, parts, {"trial": hear})
        assert await steps.read(connection, parts, {"trial": hear}) == 0

    asyncio.run(reading(empty_database, work))
    assert [(one.uniqueid, one.number) for one in seen] == [("n-1.1", 1), ("n-1.1", 2), ("n-1.2", 1)]
    assert (seen[0].area, seen[0].what) == ("trial", "done")
    assert seen[0].words() == {"attempt": "1", "result": "BUSY", "late": ""}


def test_a_handler_that_dies_hears_the_step_again_and_what_it_had_written_is_gone(
    empty_database: Postgres, tmp_path: Path
) -> None:
    heard = 0

    async def hear(connection: asyncpg.Connection, _: Parts, __: Step) -> None:
        nonlocal heard
        heard += 1
        await connection.execute("INSERT INTO audit_log (actor, action, subject, detail) VALUES ('t', 'trial', '', '{}')")
        if heard == 1:
            raise OSError("the process is dying")

    async def work(connection: asyncpg.Connection, parts: Parts) -> None:
        await stored(empty_database, tmp_path, step(1))
        with pytest.raises(OSError, match="dying"):
            await steps.read(connection, parts, {"trial": hear})
        assert await steps.read(connection, parts, {"trial": hear}) == 1
        assert await connection.fetchval("SELECT count(*) FROM audit_log WHERE action = 'trial'") == 1

    asyncio.run(reading(empty_database, work))


def test_a_step_that_cannot_be_taken_is_left_and_those_after_it_go_on(empty_database: Postgres, tmp_path: Path) -> None:
    seen: list[int] = []

    async def hear(_: asyncpg.Connection, __: Parts, found: Step) -> None:
        if found.number == 1:
            raise RefusedError("unknown_call")
        seen.append(found.number)

    async def work(connection: asyncpg.Connection, parts: Parts) -> None:
        await stored(empty_database, tmp_path, step(1), step(2))
        await steps.read(connection, parts, {"trial": hear})

    asyncio.run(reading(empty_database, work))
    assert seen == [2]

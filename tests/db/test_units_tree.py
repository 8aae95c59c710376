"""The tree of undertaking units on a real PostgreSQL: who is below whom, no circles, what has ended (GEN-14, LIF-19, LIF-34)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from acd import units
from crm.units import tree
from hotline import database
from hotline.directory import files, kinds, store

if TYPE_CHECKING:
    from tests.conftest import Postgres

NUMBER = {"number": "83120001"}


async def import_units(connection: asyncpg.Connection, rows: list[dict[str, object]]) -> store.Change:
    entries = kinds.checked(
        "units", {"units": [{"name": str(row["code"]), "numbers": [NUMBER], **row} for row in rows]}, "", "test"
    )
    return await store.put(connection, "units", entries, actor="test", file="test")


def with_units(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            async with pool.acquire() as connection:
                for kind in ("units", "unit-staff"):
                    await store.put(connection, kind, files.read(kind, files.SAMPLES / f"{kind}.toml"), actor="test", file=kind)
            await work(pool)

    asyncio.run(run())


def test_a_unit_is_below_what_stands_above_it_and_never_below_itself(empty_database: Postgres) -> None:
    """GEN-14, LIF-34."""

    async def work(pool: asyncpg.Pool) -> None:
        assert await tree.above(pool, "DC-XH-01") == ("DC-XH", "DC")
        assert await tree.below(pool, "DC") == {"DC", "DC-XH", "DC-XH-01"}
        assert await tree.below(pool, "nobody") == frozenset()
        assert await tree.is_below(pool, "DC-XH-01", "DC")
        for unit, above in (("DC", "DC"), ("DC", "DC-XH"), ("CG", "DC"), ("nobody", "DC"), ("DC", "nobody")):
            assert not await tree.is_below(pool, unit, above), (unit, above)
        assert await tree.with_above(pool, ["DC-XH", "CG-LD", "nobody"]) == {"DC-XH", "DC", "CG-LD", "CG", "nobody"}

    with_units(empty_database, work)


def test_the_tree_follows_a_unit_that_moves_and_refuses_a_circle(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            await import_units(
                connection, [{"code": "A"}, {"code": "B", "parent": "A"}, {"code": "C", "parent": "B"}, {"code": "D"}]
            )
            assert await tree.above(connection, "C") == ("B", "A")
            await connection.execute("UPDATE units SET parent = 'D' WHERE code = 'B'")
            assert await tree.above(connection, "C") == ("B", "D")
            with pytest.raises(asyncpg.CheckViolationError, match="above itself"):
                await connection.execute("UPDATE units SET parent = 'C' WHERE code = 'D'")
            assert await tree.above(connection, "C") == ("B", "D")

    with_units(empty_database, work)


def test_a_unit_that_the_file_does_not_hold_has_ended_but_is_still_known(empty_database: Postgres) -> None:
    """Tickets name it; no new one may go there."""

    async def work(pool: asyncpg.Pool) -> None:
        assert await tree.is_active(pool, "DC-XH")
        async with pool.acquire() as connection:
            change = await import_units(
                connection, [{"code": "DC"}, {"code": "N", "parent": "DC", "active_to": dt.date(2026, 12, 31)}]
            )
            assert (change.added, change.removed) == (1, 14)
        assert not await tree.is_active(pool, "DC-XH")
        assert await tree.is_below(pool, "DC-XH", "DC")
        assert await units.get(pool, "DC-XH") is None
        assert (await units.search(pool, "")).total == 2
        assert await tree.active(pool, on=dt.date(2026, 12, 31)) == {"DC", "N"}
        assert await tree.active(pool, ["N", "DC-XH", "nobody"], dt.date(2027, 1, 1)) == frozenset()
        async with pool.acquire() as connection:
            assert (await import_units(connection, [{"code": "DC-XH"}])).changed == 1
        assert await tree.is_active(pool, "DC-XH")

    with_units(empty_database, work)


def test_units_and_their_people_are_never_deleted(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        for table in ("units", "unit_staff", "taxonomy_items", "dispatch_rules", "dispatch_suggestions"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(f"DELETE FROM {table}")

    with_units(empty_database, work)

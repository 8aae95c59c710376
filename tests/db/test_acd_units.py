"""The search for the right unit, on a real PostgreSQL with the units of the sample (TWC-07)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from acd import units
from hotline import database
from hotline.directory import files, store

if TYPE_CHECKING:
    from tests.conftest import Postgres


def with_units(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            async with pool.acquire() as connection:
                entries = files.read("units", files.SAMPLES / "units.toml")
                await store.put(connection, "units", entries, actor="test", file="units.toml")
            await work(pool)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "category", "codes"),
    [
        ("路灯", "", ["CG-LD"]),
        ("路灯不亮", "", ["CG-LD"]),
        ("暖气", "", ["GR", "ZJ"]),
        ("供热 抢修", "", ["GR"]),
        ("供热 学校", "", []),
        ("heating", "", ["GR"]),
        ("HOUSING", "", ["ZJ"]),
        ("管理局", "", ["CG", "SC"]),
        ("", "C5", ["RS"]),
        ("", "C5/职称", ["RS"]),
        ("", "C6", ["SC", "JY"]),
        ("食品", "C6", ["SC"]),
        ("", "C6/教育", ["JY"]),
        ("", "C9", []),
        ("100%' OR 1=1 --", "", []),
        ("\x00", "C5", ["RS"]),
    ],
)
def test_a_unit_is_found_by_what_citizens_say_and_by_category(
    empty_database: Postgres, text: str, category: str, codes: list[str]
) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        found = await units.search(pool, text, category)
        assert sorted(unit.code for unit in found.units) == sorted(codes)
        assert found.total == len(codes)

    with_units(empty_database, work)


def test_a_name_comes_before_a_keyword_and_that_before_a_competence(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        assert [unit.code for unit in (await units.search(pool, "环境")).units] == ["CG-HW", "CG"]
        assert [unit.code for unit in (await units.search(pool, "供热")).units][-1] in ("GR", "ZJ")
        every = await units.search(pool, "")
        pages = [await units.search(pool, "", limit=5, page=page) for page in (1, 2, 3, 4)]
        assert [len(page.units) for page in pages] == [5, 5, 5, 0]
        assert [unit for page in pages for unit in page.units] == every.units
        assert every.total == len(every.units) == 15

    with_units(empty_database, work)


def test_a_unit_is_read_whole_and_known_by_its_telephones(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        unit = await units.get(pool, "SC")
        assert unit and unit == await units.of_number(pool, "83120019")
        assert [number.is_service_line for number in unit.numbers] == [True, False]
        assert unit.numbers[1].duty_to == dt.datetime(2026, 11, 23, 0, 30, tzinfo=dt.UTC)
        lamp = await units.get(pool, "CG-LD")
        assert lamp and (lamp.parent, lamp.numbers[1].hours["public_holidays"]) == ("CG", "closed")
        assert units.numbers_now(lamp, dt.datetime(2026, 11, 22, 2, 0, tzinfo=dt.UTC))[0].number == "83120003"
        assert await units.get(pool, "nobody") is None
        assert await units.of_number(pool, "8312001") is None

    with_units(empty_database, work)

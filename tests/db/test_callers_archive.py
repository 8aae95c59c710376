"""The archive is searched by person, place, class and period, on a real PostgreSQL (ARC-07, TKT-06)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.callers import archive
from crm.callers.archive import Wanted
from crm.errors import RefusedError
from tests.citizens import ZHANG, ticket, with_parts

if TYPE_CHECKING:
    from tests.conftest import Postgres

OFFICE = Person("o", "office")
YEAR: dict[str, Any] = {"begin": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "end": dt.datetime(2026, 12, 31, tzinfo=dt.UTC)}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"number": "0139-0534-0002"}, [2, 1]),
        ({"number": "13905340003"}, [2, 1]),
        ({"number": "13900000000"}, []),
        ({"name": "张三丰"}, [2, 1]),
        ({"name": "张三"}, []),
        ({"name": "' OR ''='"}, []),
        ({"place": "湖滨"}, [3]),
        ({"place": "3714"}, [4]),
        ({"place": "%"}, []),
        ({"category": "C2"}, [2]),
        ({"category": "C1.03", "name": "张三丰"}, [1]),
        ({"begin": dt.datetime(2026, 11, 22, tzinfo=dt.UTC)}, [4, 3]),
        ({"end": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)}, [2, 1]),
    ],
)
def test_what_fits_is_found_the_newest_first(empty_database: Postgres, wanted: dict[str, Any], found: list[int]) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await ticket(connection, 1, day="20261001", **ZHANG)
            await ticket(connection, 2, day="20261001", **ZHANG, category="C2.01")
            await ticket(connection, 3, caller_name="李四", event_place="湖滨北路")
            await ticket(connection, 4, territory="371402")
        seen = await archive.search(parts, OFFICE, Wanted(**YEAR | wanted))
        assert ([int(one.number[-1]) for one in seen.tickets], seen.next) == (found, None)
        assert await parts.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'archive.search'") == 1

    with_parts(empty_database, work)


def test_it_goes_on_page_by_page_and_is_not_for_everybody(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            for n in range(1, 6):
                await ticket(connection, n, **ZHANG)
        wanted, before, seen = Wanted(**YEAR), 0, []
        while True:
            page = await archive.search(parts, OFFICE, wanted, before=before, limit=2)
            seen += [one.number for one in page.tickets]
            if page.next is None:
                break
            before = int(page.next[1:])
        assert seen == [f"T202611220000{n}" for n in (5, 4, 3, 2, 1)]
        for role in ("unit_clerk", "guest", "analyst", "administrator"):
            with pytest.raises(RefusedError, match="not_allowed"):
                await archive.search(parts, Person("x", role, unit="U"), wanted)

    with_parts(empty_database, work)

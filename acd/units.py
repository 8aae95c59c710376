"""The directory of undertaking units (承办单位), for whoever connects a caller to one (TWC-07). The office keeps it in a file."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import msgspec

from acd.unit_numbers import Number, Unit, in_hours, numbers_now
from hotline import numbers, sql

__all__ = ["Found", "Number", "Unit", "get", "in_hours", "numbers_now", "of_number", "search"]

_QUERIES = sql.load(Path(__file__).parent / "sql" / "units.sql")
LARGEST_PAGE = 100
_MOST_WORDS = 8


class Found(msgspec.Struct, frozen=True):
    """A page of units, the best first, and how many fit in all."""

    units: list[Unit]
    total: int


async def search(pool: asyncpg.Pool, text: str = "", category: str = "", limit: int = 20, page: int = 1) -> Found:
    """Units that have every word of ``text`` (a part of a word is enough) and ``category`` (``C1``, or ``C1/路灯``).

    A unit's name counts more than a keyword, and that more than its competence. ``page`` counts from 1. ``total`` is 0 beyond the
    last page.
    """
    limit = min(max(limit, 1), LARGEST_PAGE)
    words = text.replace("\x00", " ").lower().split()[:_MOST_WORDS]
    offset = min(max(page - 1, 0), 10_000) * limit
    rows = await pool.fetch(_QUERIES["search"], words, category.replace("\x00", ""), limit, offset)
    return Found([_unit(row) for row in rows], rows[0]["total"] if rows else 0)


async def get(database: asyncpg.Pool | asyncpg.Connection, code: str) -> Unit | None:
    """The unit with this code."""
    row = await database.fetchrow(_QUERIES["get"], code.replace("\x00", ""))
    return _unit(row) if row else None


async def of_number(database: asyncpg.Pool | asyncpg.Connection, number: str) -> Unit | None:
    """Whose telephone this is: a unit that calls back, however its number is written."""
    normal = numbers.normal(number)
    for written in dict.fromkeys((number.replace("\x00", ""), normal, numbers.dialled(normal))):
        row = await database.fetchrow(_QUERIES["of_number"], written) if written else None
        if row:
            return _unit(row)
    return None


def _unit(row: asyncpg.Record) -> Unit:
    values = {name: row[name] for name in Unit.__struct_fields__ if name != "numbers"}
    return Unit(**values, numbers=[_number(one) for one in msgspec.json.decode(row["numbers"])])


def _number(stored: dict[str, object]) -> Number:
    values = {name: value for name, value in stored.items() if name != "line"}
    return msgspec.convert({**values, "is_service_line": stored.get("line") == "service"}, Number)

"""What the use cases of quality share: their SQL, whose calls somebody may see, pages (QUA-01, SEC-13)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import msgspec

from acd import orders
from acd import permissions as calls
from acd.permissions import Person
from hotline import sql

FOLDER = Path(__file__).parents[1] / "sql"
QUERIES = sql.load(FOLDER / "quality.sql")
LARGEST_PAGE = 500
T = TypeVar("T", bound=msgspec.Struct)


def sees_all(person: Person) -> bool:
    """Whether the person sees the quality of everybody's calls."""
    return calls.may(person, "quality.see", "*")


async def whose(connection: asyncpg.Connection, person: Person, agent: str = "") -> str:
    """The agent whose calls are meant, empty: everybody's; who sees their own alone means themselves. Raises ``not_allowed``."""
    if sees_all(person):
        return agent
    await orders.authorise(connection, person, "quality.see", agent or person.agent)
    return person.agent


def paged(limit: int, page: int) -> tuple[int, int]:
    """LIMIT and OFFSET."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    return limit, min(max(page - 1, 0), 10_000) * limit


def total(rows: list[asyncpg.Record]) -> int:
    """Of all pages; beyond the last one 0."""
    return int(rows[0]["total"]) if rows else 0


def read(row: asyncpg.Record, kind: type[T], **decoded: Any) -> T:
    """A struct of a row's columns of the same names; ``decoded``: those that are not taken as they are."""
    return kind(**{name: row[name] for name in kind.__struct_fields__ if name not in decoded and name in row}, **decoded)

"""The gazetteer: what an agent types becomes a territory and the unit responsible for it (TKT-30)."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import msgspec

from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "places.sql")
LARGEST_PAGE = 100
_MOST_WORDS = 8


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A street, a community, an estate; ``territory`` goes into the ticket. ``note``: which house numbers."""

    code: str
    name: str
    kind: str
    territory: str
    unit: str = ""
    unit_name: str = ""
    note: str = ""


async def search(database: asyncpg.Pool | asyncpg.Connection, text: str, limit: int = 20) -> list[Place]:
    """Places that every word names, or that stand in it, the best first; nothing for no words."""
    words = text.replace("\x00", " ").lower().split()[:_MOST_WORDS]
    if not words:
        return []
    rows = await database.fetch(_QUERIES["search"], words, min(max(limit, 1), LARGEST_PAGE), " ".join(words))
    return [Place(**dict(row)) for row in rows]

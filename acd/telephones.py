"""Who orders something from a telephone: whoever works at it, and nobody else's word counts (ORG-20)."""

from __future__ import annotations

import uuid
from pathlib import Path

import asyncpg

from acd.errors import RefusedError
from acd.permissions import Person
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "telephones.sql")


async def worker(pool: asyncpg.Pool, seat: str) -> Person:
    """Who is logged in at a seat. Raises ``RefusedError``: ``not_logged_in``."""
    row = await pool.fetchrow(_QUERIES["person_at"], seat)
    if row is None or not row["is_logged_in"]:
        raise RefusedError("not_logged_in", seat=seat)
    return Person(row["agent"], row["role"], row["agent"])


async def holder(pool: asyncpg.Pool, seat: str) -> Person:
    """Who is logged in at a seat; or whose it is, when nobody is and they work nowhere else. Raises ``not_logged_in``."""
    row = await pool.fetchrow(_QUERIES["person_at"], seat)
    if row is None:
        raise RefusedError("not_logged_in", seat=seat)
    return Person(row["agent"], row["role"], row["agent"])


async def owner(pool: asyncpg.Pool, agent: str) -> Person:
    """An agent who is about to log in. Raises ``unknown_agent``."""
    row = await pool.fetchrow(_QUERIES["owner_of"], agent)
    if row is None:
        raise RefusedError("unknown_agent", agent=agent)
    return Person(row["agent"], row["role"], row["agent"])


async def threeway(pool: asyncpg.Pool, person: Person) -> int:
    """The three-way call that an agent is in. Raises ``unknown_threeway``."""
    found = await pool.fetchval(_QUERIES["threeway_of"], person.agent)
    if found is None:
        raise RefusedError("unknown_threeway")
    return int(found)


async def entry(pool: asyncpg.Pool, person: Person) -> uuid.UUID:
    """The entry of the call-back list that an agent has taken. Raises ``unknown_entry``."""
    found: uuid.UUID | None = await pool.fetchval(_QUERIES["entry_of"], person.agent)
    if found is None:
        raise RefusedError("unknown_entry")
    return found

"""Callers who asked to be called back, and keep their place: whoever began to wait first is called first (IVR-18)."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import asyncpg
import msgspec

from hotline import sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "callbacks.sql")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request; ``waiting_since`` is when the caller joined the queue, ``asked_at`` when the request was made."""

    request_id: uuid.UUID
    node: str
    call_id: str
    number: str
    queue: str
    asked_at: dt.datetime
    waiting_since: dt.datetime


async def store(pool: asyncpg.Pool, request: Request) -> None:
    """Add a request; adding it again changes nothing, whatever has become of it. Raises what asyncpg raises."""
    await pool.execute(_QUERIES["store"], *msgspec.structs.astuple(request))


async def waiting(pool: asyncpg.Pool, queue: str) -> list[Request]:
    """Who is to be called back for ``queue``, in that order."""
    return [Request(**row) for row in await pool.fetch(_QUERIES["waiting"], queue)]

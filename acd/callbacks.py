"""The call-back list: callers who asked for it, and callers who gave up waiting; who waited first is called first (IVR-18).

``run`` keeps the list: one open entry per number, taken out when its caller got through meanwhile. What agents do with it is in
``acd/callback_orders.py``.
"""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import asyncpg
import msgspec
import structlog

from acd.callback_rules import Rules
from acd.parts import Parts
from hotline import clock, numbers, rounds, sql
from hotline.settings import Settings

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "callbacks.sql")
_ROUND_SECONDS = 1.0
_NEWS = dt.timedelta(days=2)
_MISSED = uuid.UUID("5f0ad1f4-6f0e-4f5c-8a40-0c2a3f1f9b6e")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller did; ``waiting_since`` is when the caller joined the queue, ``asked_at`` when the request was made."""

    request_id: uuid.UUID
    node: str
    call_id: str
    number: str
    queue: str
    asked_at: dt.datetime
    waiting_since: dt.datetime


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A number to be called back. ``kinds``: ``asked``, ``missed`` or both. ``state``: waiting, claimed, calling, settled."""

    entry_id: uuid.UUID
    node: str
    number: str
    queue: str
    waiting_since: dt.datetime
    state: str
    tries: int
    not_before: dt.datetime | None
    agent: str | None
    outbound_id: uuid.UUID | None
    result: str
    made_at: dt.datetime
    settled_at: dt.datetime | None
    settled_by: str | None
    note: str
    kinds: list[str]


async def store(pool: asyncpg.Pool, request: Request) -> None:
    """Add what a caller asked for; adding it again changes nothing, whatever has become of it. Raises what asyncpg raises."""
    await pool.execute(_QUERIES["store"], *msgspec.structs.astuple(request))


async def listed(
    pool: asyncpg.Pool, queue: str | None = None, *, is_open: bool = True, limit: int = 100, page: int = 1
) -> list[Entry]:
    """Who is to be called back, in that order; or (not ``is_open``) who was, the latest first."""
    return [entry(row) for row in await pool.fetch(_QUERIES["entries"], queue, is_open, limit, (page - 1) * limit)]


def entry(row: asyncpg.Record) -> Entry:
    """A row of the list."""
    values = {name: row[name] for name in Entry.__struct_fields__}
    return Entry(**{**values, "kinds": row["kinds"] or []})


def rules(settings: Settings) -> Rules:
    """What the city has set."""
    chosen = settings.callbacks
    return Rules(
        tries=chosen.tries,
        retry=dt.timedelta(minutes=chosen.retry_minutes),
        offer=dt.timedelta(seconds=chosen.offer_seconds),
        keep=dt.timedelta(hours=chosen.keep_hours),
    )


async def run(parts: Parts) -> None:
    """Keep the list for ever; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await keep(connection, parts)

    await rounds.forever(work, "the call-back list cannot be kept", every=_ROUND_SECONDS)


async def keep(connection: asyncpg.Connection, parts: Parts) -> None:
    """One round: what callers did since the last one, claims that were forgotten, entries that are too old."""
    chosen, now = rules(parts.settings), clock.now()
    async with connection.transaction():
        await _hear(connection, parts, now)
    async with connection.transaction():
        await _enter(connection, parts)
    await connection.execute(_QUERIES["give_back"], now)
    await connection.execute(_QUERIES["expire"], now - chosen.keep)


async def _hear(connection: asyncpg.Connection, parts: Parts, now: dt.datetime) -> None:
    """Requests that ended: who gave up is noted, who got through needs no call."""
    place = await connection.fetchrow(_QUERIES["positions"], parts.node)
    if place["known"] >= place["newest"] or not await connection.fetchval(_QUERIES["move"], parts.node, place["newest"]):
        return
    since = now - _NEWS
    for row in await connection.fetch(_QUERIES["news"], parts.node, place["known"], place["newest"], since):
        number = numbers.normal(row["caller"])
        if not number:
            continue
        if row["outcome"] == "answered":
            await connection.execute(_QUERIES["answered_meanwhile"], number, row["ended_at"])
        elif parts.settings.callbacks.missed and now - row["ended_at"] < rules(parts.settings).keep:
            request = uuid.uuid5(_MISSED, f"{parts.node} {row['call_id']} {row['number']}")
            values = (parts.node, row["call_id"], number, row["queue"], row["ended_at"], row["requested_at"])
            await connection.execute(_QUERIES["store_missed"], request, *values)


async def _enter(connection: asyncpg.Connection, parts: Parts) -> None:
    """Requests that are in no entry yet; the entry is of the queue that the flow meant."""
    for row in await connection.fetch(_QUERIES["unlisted"], parts.node):
        values = (uuid.uuid4(), parts.node, row["number"], parts.settings.queue_of(row["queue"]), row["waiting_since"])
        found = await connection.fetchval(_QUERIES["enter"], *values)
        await connection.execute(_QUERIES["list_request"], row["request_id"], found)

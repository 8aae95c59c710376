"""Exclusions: time ranges with a reason, a person and a time that the net figures leave out (metrics, section 3; KPI-40, ORG-25).

``sudden_event`` and ``system_fault`` are proposed by a shift leader and confirmed by the hotline office, which is somebody else;
``overload`` is the system's own and needs no confirmation. Nothing is deleted: one that was wrong is withdrawn. Whatever puts an
exclusion into force, changes or ends it marks the requests anew, dirties their quarter-hours and leaves a line in the audit log,
in one transaction. Who may do it is the caller's to check.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from ami_bridge.errors import ExclusionError
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "exclusions.sql")
_SYSTEM = "system"
Reason = Literal["sudden_event", "system_fault"]


class Scope(msgspec.Struct, frozen=True):
    """What is excluded: requests that start at ``begin`` or later, before ``end`` (None: still open); queue, node None: all."""

    begin: dt.datetime
    end: dt.datetime | None = None
    queue: str | None = None
    node: str | None = None


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table ``exclusions``."""

    exclusion_id: uuid.UUID
    from_at: dt.datetime
    to_at: dt.datetime | None
    queue: str | None
    node: str | None
    reason: str
    person: str
    note: str
    set_at: dt.datetime
    confirmed_by: str | None
    confirmed_at: dt.datetime | None
    withdrawn_by: str | None
    withdrawn_at: dt.datetime | None

    @property
    def is_in_force(self) -> bool:
        """Confirmed and not withdrawn."""
        return self.confirmed_by is not None and self.withdrawn_by is None


async def propose(pool: asyncpg.Pool, scope: Scope, reason: Reason, person: str, note: str = "") -> uuid.UUID:
    """A shift leader's proposal: in force when ``confirm``-ed. Raises ``ExclusionError`` for a scope or person that cannot be."""
    if not person or person == _SYSTEM:
        raise ExclusionError("an exclusion needs the person who sets it")
    async with pool.acquire() as connection, connection.transaction():
        return await _set(connection, scope, reason, person, note)


async def confirm(pool: asyncpg.Pool, exclusion_id: uuid.UUID, person: str) -> int:
    """By the hotline office; returns how many requests are excluded otherwise than before."""
    async with _changing(pool, exclusion_id) as (connection, known):
        if known.confirmed_by or known.withdrawn_by:
            raise ExclusionError("this exclusion was confirmed or withdrawn already")
        if not person or person in (known.person, _SYSTEM):
            raise ExclusionError("an exclusion is confirmed by another person than the one who set it")
        await connection.execute(_QUERIES["confirm"], exclusion_id, person)
        await _note(connection, person, "exclusion confirmed", exclusion_id)
        return await _mark(connection, known, known.from_at, known.to_at)


async def withdraw(pool: asyncpg.Pool, exclusion_id: uuid.UUID, person: str, note: str = "") -> int:
    """Take it back; returns how many requests are excluded otherwise than before."""
    async with _changing(pool, exclusion_id) as (connection, known):
        if known.withdrawn_by:
            raise ExclusionError("this exclusion was withdrawn already")
        if not person:
            raise ExclusionError("an exclusion is withdrawn by a person")
        await connection.execute(_QUERIES["withdraw"], exclusion_id, person)
        await _note(connection, person, "exclusion withdrawn", exclusion_id, note=note)
        return await _mark(connection, known, known.from_at, known.to_at) if known.confirmed_by else 0


async def end(pool: asyncpg.Pool, exclusion_id: uuid.UUID, at: dt.datetime, person: str = _SYSTEM) -> int:
    """Close an open one; returns how many requests are excluded otherwise than before."""
    async with _changing(pool, exclusion_id) as (connection, known):
        if known.to_at is not None or known.withdrawn_by or at <= known.from_at:
            raise ExclusionError("only an open exclusion ends, and after its beginning")
        await connection.execute(_QUERIES["end"], exclusion_id, at)
        await _note(connection, person, "exclusion ended", exclusion_id, at=at)
        return await _mark(connection, known, at, None) if known.is_in_force else 0


async def overload(pool: asyncpg.Pool, scope: Scope, note: str = "") -> uuid.UUID:
    """All agents are busy and too many wait: the system's own exclusion, in force at once."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_QUERIES["lock"])
        exclusion_id = await _set(connection, scope, "overload", _SYSTEM, note)
        await connection.execute(_QUERIES["confirm"], exclusion_id, _SYSTEM)
        await _mark(connection, scope, scope.begin, scope.end)
        return exclusion_id


async def overlapping(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime) -> list[Exclusion]:
    """Those that touch the interval, in force or not, the latest first."""
    return [Exclusion(**row) for row in await pool.fetch(_QUERIES["overlapping"], since, until)]


async def _set(connection: asyncpg.Connection, scope: Scope, reason: str, person: str, note: str) -> uuid.UUID:
    if scope.end is not None and scope.end <= scope.begin:
        raise ExclusionError("an exclusion ends after its beginning")
    exclusion_id = uuid.uuid4()
    await connection.execute(_QUERIES["propose"], exclusion_id, *msgspec.structs.astuple(scope), reason, person, note)
    await _note(connection, person, "exclusion set", exclusion_id, reason=reason, note=note, **msgspec.structs.asdict(scope))
    return exclusion_id


@asynccontextmanager
async def _changing(pool: asyncpg.Pool, exclusion_id: uuid.UUID) -> AsyncIterator[tuple[asyncpg.Connection, Exclusion]]:
    """A transaction in which no bridge commits, and the exclusion as it is."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_QUERIES["lock"])
        row = await connection.fetchrow(_QUERIES["get"], exclusion_id)
        if row is None:
            raise ExclusionError("there is no such exclusion")
        yield connection, Exclusion(**row)


async def _mark(connection: asyncpg.Connection, known: Exclusion | Scope, begin: dt.datetime, until: dt.datetime | None) -> int:
    """Mark the requests of this interval after the exclusions in force."""
    await connection.execute(_QUERIES["next_versions"], known.node)
    changed: int = await connection.fetchval(_QUERIES["mark_requests"], begin, until, known.queue, known.node)
    await connection.execute(_QUERIES["wake"], known.node)
    return changed


async def _note(connection: asyncpg.Connection, person: str, action: str, exclusion_id: uuid.UUID, **detail: object) -> None:
    said = msgspec.json.encode(detail).decode()
    await connection.execute(_QUERIES["audit"], person, action, f"exclusion:{exclusion_id}", said)

"""The book of supervisions: what is written down of each use and read again, each change with its audit line (QUA-03, SEC-12)."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import asyncpg
import msgspec

from acd import orders, supervision
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.supervision import Mode
from hotline import clock, sql

QUERIES = sql.load(Path(__file__).parent / "sql" / "supervision.sql")
LARGEST_PAGE = 200


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """One use: who listens at which seat, to what, why, in which mode now; ``ended``: hung_up, not_answered, lost or empty."""

    supervision_id: uuid.UUID
    node: str
    person: str
    role: str
    seat: str
    channel: str
    target: str
    whom: str
    agent: str
    reason: str
    may: int
    mode: Mode
    asked_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    ended: str


async def get(parts: Parts, which: uuid.UUID) -> Supervision:
    """One; raises ``RefusedError`` (``unknown_supervision``)."""
    row = await parts.pool.fetchrow(QUERIES["get"], which)
    if row is None:
        raise RefusedError("unknown_supervision")
    return Supervision(**row)


async def listed(
    parts: Parts, begin: dt.datetime, end: dt.datetime, *, open_only: bool = False, limit: int = LARGEST_PAGE
) -> list[Supervision]:
    """Those asked for in this time, the latest first."""
    rows = await parts.pool.fetch(QUERIES["listed"], open_only, begin, end, min(limit, LARGEST_PAGE))
    return [Supervision(**row) for row in rows]


async def ended(pool: asyncpg.Pool, which: uuid.UUID, how: str) -> None:
    """Write down the end of one that its telephone does not tell."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(QUERIES["lock"], which)
        if row is not None:
            known = Supervision(**row)
            await enter(connection, known, supervision.end(standing(known), clock.now(), how), clock.now())


def standing(known: Supervision) -> supervision.Standing:
    """What the pure part knows of it."""
    return supervision.Standing(mode=known.mode, started_at=known.started_at, ended_at=known.ended_at, ended=known.ended)


async def enter(connection: asyncpg.Connection, known: Supervision, change: supervision.Change, at: dt.datetime) -> None:
    """Save what changed, with its audit line; entering it again changes nothing."""
    if change.mode or change.call_id:
        fresh = await connection.fetchval(QUERIES["event"], known.supervision_id, at, change.mode, change.call_id)
        if fresh is None:
            return
    now = change.now
    await connection.execute(QUERIES["save"], known.supervision_id, now.mode, now.started_at, now.ended_at, now.ended)
    if change.line:
        await _line(connection, known, change, at)


async def _line(connection: asyncpg.Connection, known: Supervision, change: supervision.Change, at: dt.datetime) -> None:
    detail: dict[str, object] = {**about(known), "at": at}
    if change.line == "mode":
        detail["mode"] = change.mode
    if change.line == "ended":
        events = await connection.fetch(QUERIES["events"], known.supervision_id)
        detail |= {"from": change.now.started_at, "to": change.now.ended_at, "ended": change.now.ended}
        detail["modes"] = [{"mode": row["mode"], "at": row["at"]} for row in events if row["mode"]]
        detail["calls"] = [{"call_id": row["call_id"], "at": row["at"]} for row in events if row["call_id"]]
    who = Person(known.person, known.role)
    await orders.audit(connection, who, f"supervision.{change.line}", f"{known.target}:{known.whom}", detail)


def about(known: Supervision) -> dict[str, object]:
    """What every audit line says of it."""
    return {
        "supervision_id": known.supervision_id,
        "role": known.role,
        "seat": known.seat,
        "agent": known.agent,
        "reason": known.reason,
        "mode": known.mode,
    }

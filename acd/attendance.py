"""What agents did, and when they should work: attendance and the shift plan (ORG-49)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import msgspec

from acd import orders
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person, may
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "attendance.sql")
_SEES = "agent.see"
Span = tuple[dt.datetime, dt.datetime]


class Event(msgspec.Struct, frozen=True):
    """Something an agent did, or ``who`` did to it: ``what`` as in table ``agent_events``, ``why`` a pause's reason, or how."""

    at: dt.datetime
    what: str
    seat: str
    why: str
    who: str


class Shift(msgspec.Struct, frozen=True):
    """When an agent should work."""

    agent: str
    begins: dt.datetime
    ends: dt.datetime


async def history(parts: Parts, person: Person, agent: str, begin: dt.datetime, end: dt.datetime) -> list[Event]:
    """What happened to an agent in a time, the latest first. Raises ``RefusedError``: ``not_allowed``, ``unknown_agent``."""
    await orders.authorise(parts.pool, person, _SEES, agent)
    await _known(parts, agent)
    return [Event(*row.values()) for row in await parts.pool.fetch(_QUERIES["history"], agent, begin, end)]


async def plan(parts: Parts, person: Person, begin: dt.datetime, end: dt.datetime) -> list[Shift]:
    """The shifts that touch a time: everybody's, or one's own. Raises ``RefusedError``: ``not_allowed``."""
    await orders.authorise(parts.pool, person, _SEES)
    whose = None if may(person, _SEES, "*") else person.agent
    return [Shift(*row.values()) for row in await parts.pool.fetch(_QUERIES["plan"], begin, end, whose)]


async def set_plan(parts: Parts, person: Person, agent: str, span: Span, shifts: Sequence[Span]) -> list[Shift]:
    """An agent's shifts that begin in ``span`` are these from now on; they follow each other, and lie in it.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_agent``.
    """
    await orders.authorise(parts.pool, person, "agent.keep", agent)
    await _known(parts, agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(_QUERIES["unplan"], agent, *span)
        await connection.executemany(_QUERIES["add"], [(agent, *one) for one in shifts])
        detail = {"from": span[0], "to": span[1], "shifts": len(shifts)}
        await orders.audit(connection, person, "agent.shifts", f"agent:{agent}", detail)
    return [Shift(agent, *one) for one in shifts]


async def _known(parts: Parts, agent: str) -> None:
    if not await parts.pool.fetchval(_QUERIES["is_known"], agent):
        raise RefusedError("unknown_agent", agent=agent)

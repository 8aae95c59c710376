"""The dispatch cut-off is suspended for a time (DSP-07): by the shift leader, with a reason.

Tickets that were due in that time are marked, and left out of the timely transfer rate (KPI-06)."""

from __future__ import annotations

import datetime as dt
import uuid

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.clocks.book import QUERIES
from crm.errors import RefusedError
from hotline import clock

_DAY = dt.timedelta(days=1)
_LONGEST = dt.timedelta(days=14)
_LATEST = dt.timedelta(days=60)


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """``tickets``: due in that time when it was made, and marked; those that come later are marked as they come."""

    suspension_id: uuid.UUID
    begins: dt.datetime
    ends: dt.datetime
    reason: str
    made_by: str
    made_at: dt.datetime
    tickets: int


class Suspensions(msgspec.Struct, frozen=True):
    """The newest first, and how many there are in all."""

    suspensions: list[Suspension]
    total: int


async def suspend(pool: asyncpg.Pool, person: Person, begins: dt.datetime, ends: dt.datetime, reason: str) -> Suspension:
    """Suspend the cut-offs from ``begins`` on, before ``ends``. Raises ``RefusedError``: ``not_allowed``, ``bad_suspension``.

    It may begin in the past by a day, for the leader who had other cares than to click, and last two weeks.
    """
    permissions.check(person, "cutoff.suspend")
    now = clock.now()
    is_near = now - _DAY <= begins <= now + _LATEST
    if not (is_near and begins < ends <= begins + _LONGEST and reason.strip()):
        raise RefusedError("bad_suspension", longest_days=_LONGEST.days)
    made = uuid.uuid4()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["suspend"], made, begins, ends, reason, person.username, now, 0)
        tickets = await connection.fetchval(QUERIES["suspend_clocks"], begins, ends)
        await connection.execute(QUERIES["suspended"], made, tickets)
        detail = {"begins": begins, "ends": ends, "reason": reason, "tickets": tickets}
        await orders.audit(connection, person, "cutoff.suspend", f"suspension:{made}", detail)
    return Suspension(
        suspension_id=made, begins=begins, ends=ends, reason=reason, made_by=person.username, made_at=now, tickets=tickets
    )


async def listed(pool: asyncpg.Pool, person: Person, *, limit: int = 20, page: int = 1) -> Suspensions:
    """Those that there were, and are. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "clock.see")
    rows = await pool.fetch(QUERIES["suspensions"], limit, (page - 1) * limit)
    found = [Suspension(**{name: row[name] for name in Suspension.__struct_fields__}) for row in rows]
    return Suspensions(found, rows[0]["total"] if rows else 0)

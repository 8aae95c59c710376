"""The clocks of a ticket, kept in PostgreSQL: orders of a decision are carried out within its transaction (TIM, CFG-08)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec

from crm.clocks.clock import Clock
from crm.clocks.due import Facts
from crm.clocks.reasons import Reason
from crm.clocks.turning import Turning
from crm.profiles import store
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import ENDED, Ticket
from hotline import sql
from hotline.settings import Calendar

_OVER = ENDED - {"merged"}
"""Nothing is to be done any more by a time; a merge may be undone, and its clocks stand still."""
QUERIES = sql.load(Path(__file__).parents[1] / "sql" / "clocks.sql")
_reasons = msgspec.json.Decoder(tuple[Reason, ...])
_facts = msgspec.json.Decoder(Facts)


async def apply(  # noqa: PLR0917
    connection: asyncpg.Connection,
    ticket: Ticket,
    orders: Sequence[ClockOrder],
    profile: Profile,
    calendar: Calendar,
    now: dt.datetime,
    *,
    by: str = "",
) -> Mapping[str, object]:
    """Carry the orders out, in their order, in the caller's transaction; returns the columns of the ticket to set (``due_at``).

    ``ticket`` is as it will be, its row is saved or locked already; ``profile`` is the one in force: clocks that run keep theirs.
    """
    if not orders and ticket.state not in _OVER:
        return {}
    version = await store.version_of(connection, profile)
    clocks = [clock_of(row) for row in await connection.fetch(QUERIES["of_ticket_locked"], ticket.ticket_id)]
    older = {clock.profile_version for clock in clocks} - {version}
    profiles = {version: profile} | (await store.by_version(connection, older) if older else {})
    turning = Turning(ticket, clocks, profiles, version, calendar)
    for order in orders:
        turning.carry_out(order, now)
    if ticket.state in _OVER:
        turning.end(now)
    if turning.changed:
        await connection.execute(QUERIES["save"], ticket.ticket_id, _json([_values(one) for one in turning.changed.values()]))
        await connection.execute(QUERIES["log"], ticket.ticket_id, now, _json(turning.log), by)
    return _columns(turning, orders)


def _columns(turning: Turning, orders: Sequence[ClockOrder]) -> Mapping[str, object]:
    """The ticket's due time: of the promise while it runs, else of handling; none once it is to be dispatched again (RET-07)."""
    changed = {kind for kind, _ in turning.changed}
    if not changed & {"handle", "promise"}:
        return {}
    running = [clock for kind in ("promise", "handle") if (clock := turning.newest(kind)) and clock.stopped_at is None]
    if running:
        return {"due_at": running[0].due_at}
    return {"due_at": None} if any(order.verb == "start" and order.clock == "dispatch" for order in orders) else {}


async def of_ticket(database: asyncpg.Pool | asyncpg.Connection, ticket_id: int) -> list[Clock]:
    """Every clock that the ticket had, by kind and round."""
    return [clock_of(row) for row in await database.fetch(QUERIES["of_ticket"], ticket_id)]


def clock_of(row: asyncpg.Record) -> Clock:
    """A row of ``ticket_clocks``, its JSON as text."""
    values = {name: row[name] for name in Clock.__struct_fields__}
    return Clock(**{**values, "facts": _facts.decode(row["facts"]), "why": _reasons.decode(row["why"])})


def _values(clock: Clock) -> dict[str, object]:
    return {name: getattr(clock, name) for name in Clock.__struct_fields__ if name != "ticket_id"}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

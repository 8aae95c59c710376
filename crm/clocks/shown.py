"""What people see of clocks: those of a ticket with their reasons, what falls due, the days of a year, the rules (TIM-36)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import viewer
from crm.clocks import left
from crm.clocks.book import QUERIES, clock_of, of_ticket
from crm.clocks.clock import Clock
from crm.clocks.due import working_time
from crm.clocks.left import TimeLeft
from crm.clocks.reasons import Reason, text
from crm.clocks.turning import UNITS_CLOCKS
from crm.profiles import store as profiles
from crm.profiles.profile import Profile
from crm.tickets import cases, store
from crm.tickets.ticket import number
from crm.tickets.work import begun
from hotline import calendar, clock
from hotline.settings import Calendar

_SEE = "clock.see"
_MOST_LINES = 500
_reasons = msgspec.json.Decoder(tuple[Reason, ...])


class Why(msgspec.Struct, frozen=True):
    """A reason in both languages."""

    code: str
    chinese: str
    english: str


class ShownClock(msgspec.Struct, frozen=True, kw_only=True):
    """A clock. ``met``: whether it was in time; null: it runs, or was taken away. ``excluded``: its cut-off was suspended."""

    kind: str
    round: int
    unit: str
    started_at: dt.datetime
    due_at: dt.datetime
    paused_at: dt.datetime | None
    stopped_at: dt.datetime | None
    met: bool | None
    excluded: bool
    profile_version: int
    why: list[Why]
    left: TimeLeft | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How a due time changed, by whom and why."""

    at: dt.datetime
    kind: str
    round: int
    verb: str
    old_due: dt.datetime | None
    new_due: dt.datetime | None
    why: list[Why]
    by: str


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the plan that was fired: when it should have been, when it was, whom it was for."""

    kind: str
    round: int
    step: int
    was_due: dt.datetime
    fired_at: dt.datetime
    mode: str
    level: int
    addressee: str


class TicketClocks(msgspec.Struct, frozen=True):
    """All of it; units see the clocks that are theirs."""

    number: str
    clocks: list[ShownClock]
    log: list[Line]
    escalations: list[Escalation]


class Falling(msgspec.Struct, frozen=True, kw_only=True):
    """A clock that falls due, and its ticket."""

    number: str
    state: str
    urgent: bool
    kind: str
    round: int
    unit: str
    due_at: dt.datetime
    left: TimeLeft | None


class FallingDue(msgspec.Struct, frozen=True):
    """The soonest first, and how many there are in all."""

    clocks: list[Falling]
    total: int


class CalendarDay(msgspec.Struct, frozen=True):
    """A day: ``working_day``, ``make_up_day``, ``rest_day``, ``public_holiday``; ``is_working``: deadlines run."""

    date: dt.date
    kind: calendar.Day
    is_working: bool


class Year(msgspec.Struct, frozen=True):
    """The days of a year; of one that is not ``is_known`` only the weekdays are. ``recomputed`` of ``open`` clocks are done."""

    year: int
    is_known: bool
    days: list[CalendarDay]
    version: int | None = None
    recomputed: int = 0
    open: int = 0
    done_at: dt.datetime | None = None


class Version(msgspec.Struct, frozen=True):
    """A version of the rules: from when it counts, who made it, what it changed (key: before, after)."""

    version: int
    name: str
    valid_from: dt.datetime
    made_by: str
    changed: dict[str, Any]


class InForce(msgspec.Struct, frozen=True):
    """The rules in force, and the versions that were, the newest first (CFG-08)."""

    profile: Profile
    versions: list[Version]
    total: int


async def of(parts: Parts, person: Person, ticket_id: int) -> TicketClocks:
    """The clocks of a ticket. Raises ``RefusedError``: ``unknown_ticket``, ``not_allowed``."""
    async with begun(parts, person, _SEE, f"ticket:{ticket_id}") as work:
        connection = work.connection
        ticket = await store.load(connection, ticket_id)
        await cases.permit(work, _SEE, ticket)
        is_unit = permissions.MATRIX[_SEE][person.role] == "unit"
        clocks = [one for one in await of_ticket(connection, ticket_id) if not is_unit or one.kind in UNITS_CLOCKS]
        kinds = {one.kind for one in clocks}
        shown = await _shown(connection, clocks, parts.settings.calendar, work.now)
        lines = [_line(row) for row in await connection.fetch(QUERIES["log_of_ticket"], ticket_id, _MOST_LINES)]
        fired = await connection.fetch(QUERIES["escalations_of_ticket"], ticket_id, _MOST_LINES)
    steps = [Escalation(**{name: row[name] for name in Escalation.__struct_fields__}) for row in fired if row["kind"] in kinds]
    return TicketClocks(number(ticket_id, ticket.channel), shown, [line for line in lines if line.kind in kinds], steps)


async def falling_due(
    parts: Parts, person: Person, *, before: dt.datetime | None, unit: str, kind: str, overdue: bool, limit: int, page: int
) -> FallingDue:
    """What falls due by then (24 hours from now on, if not said), or is overdue. Units see their own, and what is below them.

    Raises ``RefusedError``: ``not_allowed``.
    """
    permissions.check(person, _SEE)
    now = clock.now()
    by = before or now + dt.timedelta(days=1)
    asks = person.unit if permissions.MATRIX[_SEE][person.role] == "unit" else ""
    async with parts.pool.acquire() as connection, connection.transaction(), viewer.unit(connection, asks):
        given = (by, unit, kind, overdue, now, asks, limit, (page - 1) * limit)
        rows = await connection.fetch(QUERIES["falling_due"], *given)
        shown = await _shown(connection, [clock_of(row) for row in rows], parts.settings.calendar, now)
    found = [_falling(row, one) for row, one in zip(rows, shown, strict=True)]
    return FallingDue(found, rows[0]["total"] if rows else 0)


async def year(parts: Parts, person: Person, number_of_year: int) -> Year:
    """The days of a year, for a picture, and how far clocks are with the newest calendar. Raises ``RefusedError``."""
    permissions.check(person, _SEE)
    days = parts.settings.calendar
    first = dt.date(number_of_year, 1, 1)
    dates = [first + dt.timedelta(days=count) for count in range((dt.date(number_of_year + 1, 1, 1) - first).days)]
    kinds = [(date, calendar.situation(days, date)) for date in dates]
    found = [CalendarDay(date, kind, kind in {"working_day", "make_up_day"}) for date, kind in kinds]
    newest = await parts.pool.fetchrow(QUERIES["calendar_newest"])
    is_known = calendar.is_known(days, number_of_year)
    if newest is None:
        return Year(number_of_year, is_known, found)
    progress = (newest["version"], newest["recomputed"], newest["open"], newest["done_at"])
    return Year(number_of_year, is_known, found, *progress)


async def in_force(parts: Parts, person: Person, *, limit: int, page: int) -> InForce:
    """The rules of the settings, and their versions. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "profile.see")
    rows = await parts.pool.fetch(profiles.QUERIES["listed"], limit, (page - 1) * limit)
    versions = [_version(row) for row in rows]
    return InForce(profiles.current(parts.settings), versions, rows[0]["total"] if rows else 0)


async def _shown(connection: asyncpg.Connection, clocks: Sequence[Clock], days: Calendar, now: dt.datetime) -> list[ShownClock]:
    rules = await profiles.by_version(connection, {one.profile_version for one in clocks})
    workings = {version: working_time(profile, days) for version, profile in rules.items()}
    shown = ("kind", "round", "unit", "started_at", "due_at", "paused_at", "stopped_at", "met", "excluded", "profile_version")
    return [
        ShownClock(
            **{name: getattr(one, name) for name in shown},
            why=_why(one.why),
            left=left.time_left(one, workings[one.profile_version], now),
        )
        for one in clocks
    ]


def _version(row: asyncpg.Record) -> Version:
    values = {name: row[name] for name in Version.__struct_fields__}
    return Version(**{**values, "changed": msgspec.json.decode(row["changed"])})


def _falling(row: asyncpg.Record, shown: ShownClock) -> Falling:
    return Falling(
        number=number(row["ticket_id"], row["channel"]),
        state=row["state"],
        urgent=row["urgent"],
        kind=shown.kind,
        round=shown.round,
        unit=shown.unit,
        due_at=shown.due_at,
        left=shown.left,
    )


def _line(row: asyncpg.Record) -> Line:
    values = {name: row[name] for name in Line.__struct_fields__}
    return Line(**{**values, "why": _why(_reasons.decode(row["why"]))})


def _why(reasons: Sequence[Reason]) -> list[Why]:
    return [Why(reason.code, text(reason, "zh-CN"), text(reason, "en")) for reason in reasons]

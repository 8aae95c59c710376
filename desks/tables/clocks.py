"""Due times: of a ticket with their reasons, what falls due, the calendar, suspended cut-offs, the rules in force (TIM-36)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm.clocks import shown, suspensions
from crm.clocks.kinds import KINDS
from crm.clocks.shown import FallingDue, InForce, TicketClocks, Year
from crm.clocks.suspensions import Suspension, Suspensions
from crm.tickets.numbering import id_of
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import ordered
from desks.parameters import Parameter, moment, name_of, one_of

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
_FIRST_YEAR, _LAST_YEAR = 2004, 2099


class NewSuspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when cut-offs do not count, and why (DSP-07)."""

    begins: Moment
    ends: Moment
    reason: Reason


def _year(name: str, given: str) -> int:
    if not re.fullmatch(r"[0-9]{4}", given) or not _FIRST_YEAR <= int(given) <= _LAST_YEAR:
        raise RefusedError("bad_number", parameter=name, least=_FIRST_YEAR, most=_LAST_YEAR)
    return int(given)


_YEAR = Parameter(
    name="year",
    read=_year,
    schema={"type": "integer", "minimum": _FIRST_YEAR, "maximum": _LAST_YEAR},
    chinese="年份",
    english="Year",
    needed=True,
)
_BEFORE = Parameter(
    name="before",
    read=moment,
    schema={"type": "string", "format": "date-time"},
    chinese="在此之前到期（默认 24 小时内）",
    english="Due by then (default: within 24 hours)",
)
_UNIT = Parameter(
    name="unit",
    read=name_of,
    schema={"type": "string"},
    chinese="承办单位（含下属）",
    english="Unit, with those below",
    default="",
)
_KIND = Parameter(
    name="kind",
    read=one_of(tuple(KINDS)),
    schema={"type": "string", "enum": list(KINDS)},
    chinese="时限种类",
    english="Kind of clock",
    default="",
)
_OVERDUE = parameters.flag("overdue", "只看已超期的", "Only those that are overdue", default=False)
_PAGES = (parameters.PAGE, parameters.LIMIT)


async def of_ticket(ask: Ask, person: Person, *, number: str) -> TicketClocks:
    """``GET /api/tickets/{number}/clocks``."""
    return await shown.of(ask.parts.acd, person, id_of(number))


async def falling_due(
    ask: Ask, person: Person, *, before: dt.datetime | None, unit: str, kind: str, overdue: bool, limit: int, page: int
) -> FallingDue:
    """``GET /api/clocks/due``."""
    parts = ask.parts.acd
    return await shown.falling_due(parts, person, before=before, unit=unit, kind=kind, overdue=overdue, limit=limit, page=page)


async def days(ask: Ask, person: Person, *, year: int) -> Year:
    """``GET /api/calendar``."""
    return await shown.year(ask.parts.acd, person, year)


async def suspend(ask: Ask, person: Person, *, begins: dt.datetime, ends: dt.datetime, reason: str) -> Suspension:
    """``POST /api/cutoffs/suspensions``."""
    return await suspensions.suspend(ask.parts.pool, person, begins, ends, reason)


async def suspended(ask: Ask, person: Person, *, limit: int, page: int) -> Suspensions:
    """``GET /api/cutoffs/suspensions``."""
    return await suspensions.listed(ask.parts.pool, person, limit=limit, page=page)


async def profile(ask: Ask, person: Person, *, limit: int, page: int) -> InForce:
    """``GET /api/profile``."""
    return await shown.in_force(ask.parts.acd, person, limit=limit, page=page)


_SEE, _SUSPEND = "clock.see", "cutoff.suspend"
_SUSPENSIONS = "/api/cutoffs/suspensions"
_DUE = (_BEFORE, _UNIT, _KIND, _OVERDUE, *_PAGES)

ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/tickets/{number}/clocks", of_ticket, _SEE, ("工单时限", "Due times"), answer=TicketClocks),
    ordered("GET", "/api/clocks/due", falling_due, _SEE, ("即将到期和超期", "Due and overdue"), query=_DUE, answer=FallingDue),
    ordered("GET", "/api/calendar", days, _SEE, ("工作日历", "Working days of a year"), query=(_YEAR,), answer=Year),
    ordered("GET", _SUSPENSIONS, suspended, _SEE, ("暂停的转办时限", "Suspended cut-offs"), query=_PAGES, answer=Suspensions),
    ordered("POST", _SUSPENSIONS, suspend, _SUSPEND, ("暂停转办时限", "Suspend cut-offs"), body=NewSuspension, answer=Suspension),
    ordered("GET", "/api/profile", profile, "profile.see", ("现行规则", "Rules in force"), query=_PAGES, answer=InForce),
)

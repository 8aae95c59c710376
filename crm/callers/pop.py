"""What an agent sees as the telephone rings: who calls, what they reported, where it is, what to say (IVR-24, CAL-01 to CAL-05).

One question to the database. A confidential ticket tells what it is about only to a call from a number that was recorded with it,
and even then the caller must first say name and problem (SEC-06).
"""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import rules, viewer
from crm.callers.rules import Do, Say, Where
from crm.tickets import ticket as tickets
from hotline import clock, numbers, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "pop.sql")
LARGEST = 20


class PersonSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was at this number, the latest first."""

    caller_id: uuid.UUID
    name: str
    title: str
    workplace: str
    special_group: str
    note: str
    last_seen: dt.datetime


class TicketSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket of this number, or of a person at it. ``say`` and ``do`` are for a caller who asks about it (``rules.standing``).

    ``may_tell``: whether this call may hear of it at all; where it may not, it is shown without what it is about.
    ``must_verify``: name and problem must be said first. ``repeats``: how often somebody called about it again.
    """

    number: str
    state: str
    where: Where
    is_overdue: bool
    has_result: bool
    say: tuple[Say, ...]
    do: tuple[Do, ...]
    made_at: dt.datetime
    due_at: dt.datetime | None
    nature: str | None
    category: str
    urgent: bool
    content: str
    result: str
    unit: str
    unit_name: str
    agent: str
    merged_into: str
    repeats: int
    is_confidential: bool
    same_number: bool
    may_tell: bool
    must_verify: bool


class Pop(msgspec.Struct, frozen=True, kw_only=True):
    """``number`` in its one form, empty when it is withheld. ``open`` and ``overdue`` count tickets, ``malicious`` marks.

    ``special_groups``: of the persons at the number (GEN-12).
    """

    number: str
    persons: tuple[PersonSeen, ...] = ()
    tickets: tuple[TicketSeen, ...] = ()
    open: int = 0
    overdue: int = 0
    calls_today: int = 0
    malicious: int = 0
    is_blocked: bool = False
    special_groups: tuple[str, ...] = ()


class _Known(msgspec.Struct):
    ticket_id: int
    channel: str
    state: str
    due_at: dt.datetime | None


class _Shown(msgspec.Struct):
    ticket_id: int
    channel: str
    state: str
    made_at: dt.datetime
    due_at: dt.datetime | None
    nature: str | None
    category: str
    urgent: bool
    hidden: list[str]
    content: str
    unit: str
    unit_name: str
    agent: str
    result: str
    merged_channel: str | None
    merged_into: int | None
    same_number: bool
    repeats: int


async def pop(parts: Parts, person: Person, number: str, *, limit: int = 5) -> Pop:
    """Who calls from ``number``, however it is written; the look leaves an audit line (SEC-12). Refused: ``not_allowed``."""
    permissions.check(person, "caller.read")
    normal = numbers.normal(number)
    if not normal:
        return Pop(number="")
    now = clock.now()
    day = now.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    since = now - dt.timedelta(days=parts.settings.control.malicious_days)
    forms = list(dict.fromkeys((normal, numbers.dialled(normal), f"+86{normal}", number.replace("\x00", ""))))
    async with parts.pool.acquire() as connection, connection.transaction():
        await viewer.set_staff(connection)
        row = await connection.fetchrow(_QUERIES["pop"], normal, forms, since, min(max(limit, 1), LARGEST), day)
        seen = _seen(normal, row, now, person)
        await orders.audit(
            connection, person, "caller.pop", f"caller:{normal}", {"tickets": [one.number for one in seen.tickets]}
        )
    return seen


def _seen(number: str, row: Any, now: dt.datetime, person: Person) -> Pop:
    persons = msgspec.json.decode(row["persons"], type=tuple[PersonSeen, ...])
    known = msgspec.json.decode(row["known"], type=list[_Known])
    return Pop(
        number=number,
        persons=persons,
        tickets=tuple(_ticket(one, now, person) for one in msgspec.json.decode(row["tickets"], type=list[_Shown])),
        open=sum(one.state not in tickets.ENDED for one in known),
        overdue=sum(rules.standing(one.state, one.due_at, now).is_overdue for one in known),
        calls_today=row["calls_today"],
        malicious=row["malicious"],
        is_blocked=row["is_blocked"],
        special_groups=tuple(dict.fromkeys(one.special_group for one in persons if one.special_group)),
    )


def _ticket(shown: _Shown, now: dt.datetime, person: Person) -> TicketSeen:
    standing = rules.standing(shown.state, shown.due_at, now)
    is_confidential = bool(shown.hidden)
    may_tell = shown.same_number or not is_confidential
    may_result = may_tell and not ("result" in shown.hidden and person.role == "trainee")  # SEC-09
    into = tickets.number(shown.merged_into, shown.merged_channel) if shown.merged_into and shown.merged_channel else ""
    return TicketSeen(
        number=tickets.number(shown.ticket_id, shown.channel),
        state=shown.state,
        where=standing.where,
        is_overdue=standing.is_overdue,
        has_result=standing.has_result,
        say=standing.say if may_tell else (),
        do=standing.do if may_tell else (),
        made_at=shown.made_at,
        due_at=shown.due_at,
        nature=shown.nature if may_tell else None,
        category=shown.category if may_tell else "",
        urgent=shown.urgent,
        content=shown.content if may_tell else "",
        result=shown.result if may_result and standing.has_result else "",
        unit=shown.unit if may_tell else "",
        unit_name=shown.unit_name if may_tell else "",
        agent=shown.agent,
        merged_into=into if may_tell else "",
        repeats=shown.repeats,
        is_confidential=is_confidential,
        same_number=shown.same_number,
        may_tell=may_tell,
        must_verify=is_confidential,
    )

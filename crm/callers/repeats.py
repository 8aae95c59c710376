"""Whether a contact is about something known (TKT-16 to TKT-19, CAL-04, CNF-08): finds the tickets that ``rules`` compares."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import persons, rules, viewer
from crm.callers.rules import Do, Kind, Matter, Reason, Where
from crm.errors import RefusedError
from crm.profiles import store as profiles
from crm.profiles.profile import Profile
from crm.tickets import numbering
from crm.tickets import ticket as tickets
from hotline import clock, numbers, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "repeats.sql")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that the contact may belong to, and why. ``content``: its beginning; of a confidential one only to its own number.

    ``repeats``: how often somebody called about it again; ``propose_instruction``: SUP-18.
    """

    number: str
    kind: Kind
    score: float
    reasons: tuple[Reason, ...]
    advice: Do
    state: str
    where: Where
    is_overdue: bool
    made_at: dt.datetime
    category: str
    content: str
    unit_name: str
    repeats: int
    propose_instruction: bool


class Duplicates(msgspec.Struct, frozen=True):
    """The likeliest first, and what the city does with repeated content."""

    policy: str
    tickets: tuple[Known, ...]


async def of_ticket(parts: Parts, person: Person, ticket_id: int, limit: int = 10) -> Duplicates:
    """What a ticket may be a duplicate of. Refused: ``not_allowed``, ``unknown_ticket``."""
    permissions.check(person, "ticket.duplicates")
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        row = await connection.fetchrow(_QUERIES["of_ticket"], ticket_id)
        if row is None:
            raise RefusedError("unknown_ticket", ticket=str(ticket_id))
        found = await suggest_duplicates(connection, _matter(row), profiles.current(parts.settings), limit)
        detail = {"tickets": [one.number for one in found.tickets]}
        await orders.audit(connection, person, "ticket.duplicates", f"ticket:{ticket_id}", detail)
    return found


async def suggest_duplicates(connection: asyncpg.Connection, contact: Matter, profile: Profile, limit: int = 10) -> Duplicates:
    """Compare a contact that is no ticket yet, or is one, with what is known; whoever asks has checked who may."""
    now = clock.now()
    oldest = numbering.first_since(now - dt.timedelta(days=profile.duplicate_days))
    written = [contact.name, contact.category, oldest, contact.ticket_id]
    async with viewer.staff(connection):
        rows = await connection.fetch(_QUERIES["candidates"], list(contact.numbers), *written)
    known = {row["ticket_id"]: row for row in rows}
    # 200 texts take some 20 ms: not while everybody else waits
    found = await asyncio.to_thread(rules.suggest, _plain(contact), [_plain(_matter(row)) for row in rows], profile, now, limit)
    return Duplicates(profile.duplicate_policy, tuple(_known(one, known[one.ticket_id], now) for one in found))


def _matter(row: Any) -> Matter:
    given = dict(row)
    return Matter(
        ticket_id=row["ticket_id"],
        state=given.get("state", ""),
        made_at=given.get("made_at"),
        numbers=frozenset(filter(None, map(numbers.normal, row["numbers"]))),
        name=row["name"],
        category=row["category"],
        place=row["place"],
        text=row["content"],
    )


def _plain(matter: Matter) -> Matter:
    return msgspec.structs.replace(matter, name=persons.plain(matter.name))


def _known(one: rules.Suggestion, row: Any, now: dt.datetime) -> Known:
    standing = rules.standing(row["state"], row["due_at"], now)
    may_show = not row["is_confidential"] or "same_number" in one.reasons
    return Known(
        number=tickets.number(row["ticket_id"], row["channel"]),
        kind=one.kind,
        score=one.score,
        reasons=one.reasons,
        advice=one.advice,
        state=row["state"],
        where=standing.where,
        is_overdue=standing.is_overdue,
        made_at=row["made_at"],
        category=row["category"] if may_show else "",
        content=row["content"][:120] if may_show else "",
        unit_name=row["unit_name"] if may_show else "",
        repeats=row["repeats"],
        propose_instruction=rules.asks_for_instruction(
            one.kind, was_with_unit=row["was_with_unit"], is_overdue=standing.is_overdue
        ),
    )

"""Tickets in a file, by role (ORG-33, GEN-18, SEC-03, SEC-13, REP-19): a file has the columns of the role, and no others.

An analyst gets no personal data and no free text, in which there may be some; a unit its own tickets through its view; what is
published names nobody. The audit line tells who took how many, by which conditions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import masks, viewer
from crm.errors import RefusedError
from crm.tickets import numbering
from crm.tickets import ticket as tickets
from crm.tickets.ticket import Identity
from crm.tickets.work import begun
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "exports.sql")
MOST = 200_000
"""Rows of one file."""
_PAGE = 1000

_PLAIN = (
    "number", "channel", "state", "made_at", "nature", "category", "territory", "urgent", "item_kind", "lead_unit", "unit_name",
    "dispatched_at", "received_at", "due_at", "replied_at", "closed_at", "process_satisfaction", "result_satisfaction", "solved",
    "reasonable", "closing_ground",
)  # fmt: skip
_TEXTS = ("content", "event_time", "event_place", "persons", "demand", "reply")
_IDENTITY = ("caller_name", "caller_title", "workplace", "home_address", "caller_phone", "callback_phone")
_EVERYTHING = (*_PLAIN, "special_group", *_TEXTS, "hidden", *_IDENTITY, "calling_number")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "office": _EVERYTHING,
    "supervision_office": _EVERYTHING,
    "unit_leader": (*_PLAIN, *_TEXTS, "hidden", *_IDENTITY),
    "analyst": _PLAIN,
}
"""Role -> columns. A role that is not here takes nothing."""
PUBLISHED = ("number", "made_at", "closed_at", "nature", "category", "territory", "unit_name", "content", "reply")
"""Columns of what may be published, with names and numbers starred (GEN-18)."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which tickets: made in these times (the end is not included), with these states, of this class or leaf, with this unit."""

    begin: dt.datetime
    end: dt.datetime
    states: tuple[str, ...] | None = None
    category: str = ""
    unit: str = ""
    publishable: bool = False


class Export(msgspec.Struct, frozen=True):
    """What there is to take: the columns, how many rows, and the rows themselves, a thousand at a time."""

    columns: tuple[str, ...]
    count: int
    pages: AsyncIterator[list[tuple[Any, ...]]]


async def tickets_of(parts: Parts, person: Person, wanted: Wanted) -> Export:
    """Begin an export. Refused: ``not_allowed``, ``too_many_rows`` (``most``)."""
    right = "ticket.export"
    is_unit = permissions.MATRIX[right].get(person.role) == "unit"
    async with begun(parts, person, right, "tickets") as work:
        permissions.check(person, right)
        columns = _columns(person, wanted)
        async with _eyes(work.connection, person, is_unit):
            query = _QUERIES["unit_count" if is_unit else "count"]
            count = await work.connection.fetchval(query, *_conditions(wanted, _first(wanted)), MOST + 1)
        if count > MOST:
            raise RefusedError("too_many_rows", most=MOST)
        detail = {"count": count, "columns": columns, **msgspec.to_builtins(wanted)}
        await orders.audit(work.connection, person, right, "tickets", detail)
    return Export(columns, count, _pages(parts, person, wanted, columns, is_unit))


def _columns(person: Person, wanted: Wanted) -> tuple[str, ...]:
    """Only the office publishes (RPL-12, GEN-18)."""
    if wanted.publishable and person.role != "office":
        raise RefusedError("not_allowed", action="ticket.export", role=person.role)
    return PUBLISHED if wanted.publishable else COLUMNS[person.role]


def _eyes(connection: asyncpg.Connection, person: Person, is_unit: bool) -> AbstractAsyncContextManager[None]:
    return viewer.unit(connection, person.unit) if is_unit else viewer.staff(connection)


def _first(wanted: Wanted) -> int:
    return numbering.first_since(wanted.begin)


def _conditions(wanted: Wanted, first: int) -> tuple[Any, ...]:
    last = numbering.first_past(wanted.end)
    states = None if wanted.states is None else list(wanted.states)
    return first, last, wanted.begin, wanted.end, states, wanted.category, wanted.unit, wanted.publishable


async def _pages(
    parts: Parts, person: Person, wanted: Wanted, columns: tuple[str, ...], is_unit: bool
) -> AsyncIterator[list[tuple[Any, ...]]]:
    """A transaction for each page: whoever reads slowly holds nothing open."""
    first, left = _first(wanted), MOST
    while left > 0:
        async with parts.pool.acquire() as connection, _eyes(connection, person, is_unit):
            query = _QUERIES["unit_rows" if is_unit else "rows"]
            found = await connection.fetch(query, *_conditions(wanted, first), min(_PAGE, left))
        if found:
            yield [_row(dict(one), columns, wanted.publishable) for one in found]
        if len(found) < _PAGE:
            return
        first, left = found[-1]["ticket_id"] + 1, left - len(found)


def _row(found: dict[str, Any], columns: tuple[str, ...], is_public: bool) -> tuple[Any, ...]:
    if is_public:
        who = msgspec.convert({name: found[name] or "" for name in (*_IDENTITY, "calling_number")}, Identity)
        found |= {name: masks.text(found[name] or "", who) for name in ("content", "reply")}
    found["number"] = tickets.number(found["ticket_id"], found["channel"])
    return tuple(_plain(found.get(name)) for name in columns)


def _plain(value: Any) -> Any:
    return next((made(value) for kind, made in _MADE.items() if isinstance(value, kind)), value)


_MADE: Mapping[type, Callable[[Any], Any]] = {
    dt.datetime: lambda at: f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}",
    list: ",".join,
    type(None): lambda _: "",
}

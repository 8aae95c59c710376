"""Lists of tickets: what there is, and what each desk has to do next (DSP-06, TKT-23, TKT-24, CBK-03, GEN-23).

A list leaves one line in the audit log. Units see their own through the view for units; nobody is named in a list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
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
from crm.tickets.history import is_unit
from crm.tickets.ticket import Identity, number
from crm.tickets.work import Work, begun
from crm.units import tree
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "ticket_lists.sql")
LARGEST_PAGE = 100
_QUIET = dt.timedelta(days=30)
"""After so long without any step a ticket has no next action (GEN-23)."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket in a list; ``due_at`` is what the list is about: of a desk's list the desk's own limit."""

    number: str
    version: int
    state: str
    nature: str | None
    category: str
    urgent: bool
    leader_event: bool
    made_at: dt.datetime
    due_at: dt.datetime | None
    lead_unit: str
    co_units: list[str]
    accept_agent: str
    confidential: bool
    piece: str


class Lines(msgspec.Struct, frozen=True):
    """A page. ``next``: before which ticket the next page begins; null: there is nothing more."""

    tickets: list[Line]
    next: str | None = None


class Adrift(msgspec.Struct, frozen=True, kw_only=True):
    """An open ticket that lacks somebody who has it (``owner``: also when its unit left), a running clock (``deadline``), or a
    step in a month (``next_action``)."""

    number: str
    state: str
    made_at: dt.datetime
    updated_at: dt.datetime
    lacks: list[str]


class AdriftLines(msgspec.Struct, frozen=True):
    """GEN-23: there should be none."""

    tickets: list[Adrift]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; None: any. ``category``: a leaf (``C1.03``) or a class (``C1``); ``unit``: it leads, or one below it;
    ``green_channel``: petition cases that wait for long (LIF-33)."""

    states: Sequence[str] | None = None
    unit: str | None = None
    agent: str | None = None
    nature: str | None = None
    category: str | None = None
    due_before: dt.datetime | None = None
    urgent: bool | None = None
    green_channel: bool | None = None


async def listed(parts: Parts, person: Person, wanted: Wanted, *, before: int | None = None, limit: int = 20) -> Lines:
    """Tickets that the person may see, the newest first, ``before`` this one. Raises ``RefusedError``: ``not_allowed``."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    category = wanted.category
    leaf, above = (category, None) if category and "." in category else (None, category)
    states = list(wanted.states) if wanted.states else None
    values = (states, wanted.unit, wanted.agent, wanted.nature, leaf, above, wanted.due_before, wanted.urgent, before, limit,
              wanted.green_channel)  # fmt: skip
    async with begun(parts, person, "ticket.list", "tickets") as work:
        permissions.check(person, "ticket.list")
        await work.connection.execute(_QUERIES["plan_each"])
        rows = await _seen(work, values)
        lines = await _told(work, rows, "tickets")
    return Lines(lines, lines[-1].number if len(lines) == limit else None)


async def _seen(work: Work, values: tuple[Any, ...]) -> list[asyncpg.Record]:
    if not is_unit(work.person):
        return list(await work.connection.fetch(_QUERIES["listed"], *values))
    async with viewer.unit(work.connection, work.person.unit):
        return list(await work.connection.fetch(_QUERIES["listed_for_unit"], *values))


async def of_unit(parts: Parts, person: Person, unit: str, *, limit: int = 20, page: int = 1) -> Lines:
    """What a unit, and those below it, have to do, by due time. A unit's people ask for their own, or one below it (LIF-34)."""
    async with begun(parts, person, "ticket.list", f"unit:{unit}") as work:
        permissions.check(person, "ticket.list")
        own = not is_unit(person) or unit == person.unit or await tree.is_below(work.connection, unit, person.unit)
        if not own:
            raise RefusedError("not_allowed", action="ticket.list", role=person.role)
        await work.connection.execute(_QUERIES["plan_each"])
        rows = await work.connection.fetch(_QUERIES["of_unit"], unit, *_place(limit, page))
        return Lines(await _told(work, rows, f"unit:{unit}"))


DISPATCH = ("pending_dispatch", "return_requested", "extension_requested", "extension_second_review")
CALL_BACK = ("callback_pending", "unreachable_1")


async def to_dispatch(parts: Parts, person: Person, *, limit: int = 20, page: int = 1) -> Lines:
    """The dispatch desk's: urgent and leaders' day first, then the oldest; ``due_at`` is the cut-off (DSP-06)."""
    return await _of_desk(parts, person, "ticket.dispatch", "to_dispatch", list(DISPATCH), (limit, page))


async def to_call_back(parts: Parts, person: Person, *, limit: int = 20, page: int = 1) -> Lines:
    """The call-back agents': who waits longest comes first; ``due_at``: until when (CBK-03)."""
    return await _of_desk(parts, person, "ticket.call_back", "to_call_back", list(CALL_BACK), (limit, page))


async def to_correct(parts: Parts, person: Person, *, limit: int = 20, page: int = 1) -> Lines:
    """One's own that came back, then those that were not submitted yet (DSP-02)."""
    return await _of_desk(parts, person, "ticket.accept", "to_correct", person.username, (limit, page))


async def _of_desk(  # noqa: PLR0917
    parts: Parts, person: Person, right: str, name: str, of: object, place: tuple[int, int]
) -> Lines:
    async with begun(parts, person, right, "tickets") as work:
        permissions.check(person, right)
        rows = await work.connection.fetch(_QUERIES[name], of, *_place(*place))
        return Lines(await _told(work, rows, name))


async def adrift(parts: Parts, person: Person, *, limit: int = 100, page: int = 1) -> AdriftLines:
    """Open tickets that nobody has, no clock runs for, or nothing was done to in a month (GEN-23)."""
    async with begun(parts, person, "ticket.adrift", "tickets") as work:
        permissions.check(person, "ticket.adrift")
        rows = await lost(work.connection, work.now, limit=limit, page=page)
        await orders.audit(work.connection, person, "ticket.adrift", "tickets", {"lines": len(rows)})
    return AdriftLines(rows)


async def lost(connection: asyncpg.Connection, now: dt.datetime, *, limit: int = 100, page: int = 1) -> list[Adrift]:
    """The same for the nightly check."""
    rows = await connection.fetch(_QUERIES["adrift"], now - _QUIET, *_place(limit, page))
    return [
        Adrift(
            number=number(row["ticket_id"], row["channel"]),
            state=row["state"],
            made_at=row["made_at"],
            updated_at=row["updated_at"],
            lacks=row["lacks"],
        )
        for row in rows
    ]


def _place(limit: int, page: int) -> tuple[int, int]:
    limit = min(max(limit, 1), LARGEST_PAGE)
    return limit, min(max(page - 1, 0), 10_000) * limit


def _line(row: asyncpg.Record, person: Person) -> dict[str, Any]:
    """Who may not know citizens is not told a telephone number by the beginning of a text either (SEC-13)."""
    values = {name: row[name] for name in Line.__struct_fields__ if name != "number"}
    may_know = is_unit(person) or masks.knows(person.role)
    return values if may_know else values | {"piece": masks.text(values["piece"], Identity())}


async def _told(work: Work, rows: Sequence[asyncpg.Record], subject: str) -> list[Line]:
    lines = [
        Line(
            number=number(row["ticket_id"], row["channel"]),
            **_line(row, work.person),
        )
        for row in rows
    ]
    await orders.audit(work.connection, work.person, "ticket.list", subject, {"tickets": [line.number for line in lines]})
    return lines

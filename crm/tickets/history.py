"""A ticket as it is shown: all that is kept with it, its history, and what this person may do to it now (LIF-41, TKT-21, SEC-03).

Units are shown their tickets through the view that the citizen's wish decides, and of the staff's steps what concerns them: no
notes, no calls, no other tickets of a citizen who wants to stay unknown.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import masks, viewer
from crm.errors import RefusedError
from crm.tickets import store, survey
from crm.tickets.decide import possible
from crm.tickets.orders import NoValues, Order
from crm.tickets.rows import Callback, Contact, Paper, Reply, Request, Supervision, Task
from crm.tickets.store import Event
from crm.tickets.ticket import Identity, Ticket, number
from crm.tickets.work import Work, begun

Shown = Annotated[dict[str, Any], msgspec.Meta(description="The ticket's fields, as far as this person may see them")]
_FOR_UNITS = frozenset(
    ("dispatch", "recall", "instruct", "approve_return", "refuse_return", "approve_extension", "refuse_extension", "refuse_reply",
     "endorse_extension", "send_redo", "urge", "supervise", "end_supervision", "countersign", "mark_urgent", "withdraw")
)  # fmt: skip
"""What the staff did that units are told the reason of; of their own steps they see all."""
_PAPERS_FOR_UNITS = frozenset(("instruction", "countersign", "consultation"))
"""And letters that units wrote themselves."""
_UNITS = frozenset(("unit_clerk", "unit_leader"))
LARGEST_PAGE = 200


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The call that it was opened from, with what came of it later (TKT-07); recordings by the ids of their routes."""

    node: str
    call_id: str
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    menu_path: str = ""
    agent: str = ""
    disposition: str = ""
    recordings: tuple[int, ...] = ()


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """Another ticket that this one stands with: the one above it, those below it, where it went, what it is a repeat of."""

    ticket_id: int
    channel: str
    how: str
    state: str


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file (TKT-27)."""

    attachment_id: uuid.UUID
    at: dt.datetime
    by: str
    unit: str
    name: str
    media_type: str
    bytes: int
    kind: str
    for_units: bool


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What the query ``shown`` finds."""

    call: Call | None
    tasks: tuple[Task, ...]
    requests: tuple[Request, ...]
    replies: tuple[Reply, ...]
    callbacks: tuple[Callback, ...]
    supervisions: tuple[Supervision, ...]
    papers: tuple[Paper, ...]
    attachments: tuple[Attachment, ...]
    related: tuple[Related, ...]


class View(_Beside, frozen=True, kw_only=True):
    """A ticket and everything beside it; ``actions``: what this person may do to it now, as far as its state and role decide."""

    number: str
    version: int
    ticket: Shown
    identity: Identity | None
    actions: tuple[str, ...]


class History(msgspec.Struct, frozen=True):
    """A page of lines, the newest first; ``next``: before which the next page begins, null when there is nothing more."""

    events: list[Event]
    next: int | None


class Contacts(msgspec.Struct, frozen=True):
    """Each time that somebody got in touch about the ticket, the newest first."""

    contacts: list[Contact]


_INSTRUCTIONS = "ticket.instructions"
"""Staff of the operator are shown a leader's instruction only when that was granted (GEN-19)."""
_NOTHING: dict[str, Any] = dict.fromkeys(_Beside.__struct_fields__, ()) | {"call": None}


def is_unit(person: Person) -> bool:
    """Whether this person sees with a unit's eyes."""
    return person.role in _UNITS


async def readable(work: Work, ticket_id: int, right: str = "ticket.read") -> Ticket:
    """The ticket, for who may read it: units what they have or had (TKT-21). Raises ``unknown_ticket``, ``not_allowed``."""
    permissions.check(work.person, right)
    ticket = await store.load(work.connection, ticket_id)
    if permissions.MATRIX[right].get(work.person.role) == "unit":
        async with viewer.unit(work.connection, work.person.unit):
            if await work.connection.fetchval(store.QUERIES["seen_by_unit"], ticket_id) is None:
                raise RefusedError("not_allowed", action=right, role=work.person.role)
    return ticket


async def view(parts: Parts, person: Person, ticket_id: int) -> View:
    """All of it. Whoever sees a citizen, or a confidential ticket, leaves a line in the audit log (SEC-12)."""
    async with begun(parts, person, "ticket.read", f"ticket:{ticket_id}") as work:
        ticket = await readable(work, ticket_id)
        shown, identity = await _shown(work, ticket)
        found = await work.connection.fetchval(store.QUERIES["shown"], ticket_id)
        beside = msgspec.json.decode(found, type=_Beside)
        around = await survey.around(work, ticket, Order("", NoValues()), Identity())
        seen = {"confidential": bool(ticket.hidden), "identity": identity is not None}
        await orders.audit(work.connection, person, "ticket.read", f"ticket:{ticket_id}", seen)
        if is_unit(person):
            beside = _for_unit(await _led_to(work, beside), ticket)
        if not permissions.may(person, _INSTRUCTIONS):
            beside = _uninstructed(beside)
    told = beside if person.role != "guest" else _Beside(**{**_NOTHING, "tasks": beside.tasks})
    return View(
        number=number(ticket_id, ticket.channel),
        version=ticket.version,
        ticket=shown,
        identity=identity,
        actions=possible(ticket, person, around),
        **msgspec.structs.asdict(told),
    )


async def _shown(work: Work, ticket: Ticket) -> tuple[dict[str, Any], Identity | None]:
    """The fields and the citizen, as far as this person may see them; deny by default."""
    if is_unit(work.person):
        async with viewer.unit(work.connection, work.person.unit):
            row = await work.connection.fetchrow(store.QUERIES["seen_by_unit"], ticket.ticket_id)
        identity = msgspec.json.decode(row["identity"], type=Identity) if row["identity"] else None
        return msgspec.json.decode(row["ticket"]), identity
    async with viewer.staff(work.connection):
        whole = await store.identity(work.connection, ticket.ticket_id)
    role = work.person.role
    told = masks.identity(role, whole)
    return masks.ticket(role, msgspec.to_builtins(ticket), whole), told if told != Identity() else None


async def _led_to(work: Work, found: _Beside) -> _Beside:
    """Of related tickets a unit is told those that it has, and that hide nothing: no other leads to a citizen (TKT-13)."""
    async with viewer.unit(work.connection, work.person.unit):
        rows = await work.connection.fetch(store.QUERIES["plain_to_unit"], [one.ticket_id for one in found.related])
    seen = {row["ticket_id"] for row in rows}
    return msgspec.structs.replace(found, related=tuple(one for one in found.related if one.ticket_id in seen))


def _for_unit(found: _Beside, ticket: Ticket) -> _Beside:
    """What a unit needs of it: nothing that leads to the citizen, to the call, or to what is between others."""
    return msgspec.structs.replace(
        found,
        call=None,
        papers=tuple(one for one in found.papers if one.kind in _PAPERS_FOR_UNITS or (one.kind == "reply_letter" and one.unit)),
        callbacks=tuple(msgspec.structs.replace(one, node="", call_id="") for one in found.callbacks if not ticket.hidden),
        attachments=tuple(one for one in found.attachments if one.for_units),
        related=() if ticket.hidden else found.related,
    )


def _uninstructed(found: _Beside) -> _Beside:
    """Without leaders' words: that they supervise it is told, not what they demand."""
    theirs = ("leader", "leader_again")
    return msgspec.structs.replace(
        found,
        papers=tuple(one for one in found.papers if one.kind != "instruction"),
        supervisions=tuple(msgspec.structs.replace(one, demand="") if one.kind in theirs else one for one in found.supervisions),
    )


async def history(parts: Parts, person: Person, ticket_id: int, *, before: int | None = None, limit: int = 50) -> History:
    """Who did what when, from which state to which, and why; the newest first, ``before`` this line."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    async with begun(parts, person, "ticket.read", f"ticket:{ticket_id}") as work:
        await readable(work, ticket_id)
        rows = await work.connection.fetch(store.QUERIES["history"], ticket_id, before, limit)
        await orders.audit(work.connection, person, "ticket.history", f"ticket:{ticket_id}", {"lines": len(rows)})
    events = [Event(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in rows]
    last = events[-1].seq if len(events) == limit and events[-1].seq > 1 else None
    if is_unit(person) or person.role == "guest":
        events = [_line(one) for one in events]
    if not permissions.may(person, _INSTRUCTIONS):
        events = [_bare(one) if one.action == "instruct" else one for one in events]
    return History(events, last)


def _line(event: Event) -> Event:
    """For a unit: what another unit, or the staff for units, did, with its reason; of all else that it was done."""
    if event.role in _UNITS:
        return event
    if event.action in _FOR_UNITS:
        return msgspec.structs.replace(event, detail={})
    return _bare(event)


def _bare(event: Event) -> Event:
    """That it was done, and no more."""
    return msgspec.structs.replace(event, reason="", detail={})


async def contacts(parts: Parts, person: Person, ticket_id: int) -> Contacts:
    """Who got in touch and when: for those alone who may know the citizen."""
    async with begun(parts, person, "ticket.contact", f"ticket:{ticket_id}") as work:
        await readable(work, ticket_id, "ticket.contact")
        async with viewer.staff(work.connection):
            rows = await work.connection.fetch(store.QUERIES["contacts"], ticket_id, LARGEST_PAGE)
        await orders.audit(work.connection, person, "ticket.contacts", f"ticket:{ticket_id}", {"lines": len(rows)})
    return Contacts([Contact(**row) for row in rows])

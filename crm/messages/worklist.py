"""The morning's work list: urgent messages first, then the oldest, due before the 12:00 cut-off (IVR-11, TIM-02, DSP-06).

Whoever takes a message on has its draft from then on. It is off the list as soon as its draft is accepted, answered, rejected or
merged. Each look leaves a line in the audit log: numbers and what was said are citizens' data (SEC-12).
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.messages import drafting
from crm.messages.suggesting import QUERIES, Suggestions
from crm.messages.urgent import Found
from crm.tickets import store
from crm.tickets.ticket import number
from crm.tickets.work import Work, begun
from hotline import clock

MessageState = Literal["refused", "open", "set_aside", "done"]
Kind = Literal["message", "mailbox", "complaint"]
Transcribed = Literal["waiting", "running", "done", "no_model", "failed"]
_WAITING = ("refused", "open")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message, its draft and what may help. ``why`` it was left: ``out_of_hours``, ``chosen`` … State ``refused``: there is no
    draft yet, for ``problem``. ``text``: what a machine heard; ``reason``: why it was set aside."""

    message_id: int
    recording_id: int
    state: MessageState
    ticket: str | None
    version: int | None
    caller_number: str
    left_at: dt.datetime
    length_ms: int
    kind: Kind
    why: str
    due_at: dt.datetime
    is_overdue: bool
    is_urgent: bool
    urgent: tuple[Found, ...]
    transcript: Transcribed
    text: str
    confidence: float
    quality: str
    suggestions: Suggestions
    claimed_by: str
    claimed_at: dt.datetime | None
    ended_by: str
    ended_at: dt.datetime | None
    reason: str
    problem: str


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """For the head of the list."""

    waiting: int
    urgent: int
    overdue: int
    not_transcribed: int
    unclaimed: int
    set_aside: int


class Messages(msgspec.Struct, frozen=True):
    """A page; ``total``: so many fit the filter."""

    messages: list[Message]
    total: int
    counts: Counts


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """None: any. ``claimed_by``: whose, ``""`` nobody's; of ended ones who ended them. ``overdue`` is for those that wait."""

    state: Literal["waiting", "set_aside", "done"] = "waiting"
    urgent: bool | None = None
    claimed_by: str | None = None
    kind: str | None = None
    transcribed: bool | None = None
    overdue: bool = False


async def listed(parts: Parts, person: Person, wanted: Wanted, *, limit: int = 100, page: int = 1) -> Messages:
    """Raises ``RefusedError``: ``not_allowed``."""
    place = (limit, (page - 1) * limit)
    async with begun(parts, person, "message.list", "messages") as work:
        permissions.check(person, "message.list")
        given = (wanted.urgent, wanted.claimed_by, wanted.kind, wanted.transcribed)
        if wanted.state == "waiting":
            found = await work.connection.fetch(QUERIES["waiting"], *given, work.now if wanted.overdue else None, *place)
        else:
            found = await work.connection.fetch(QUERIES["ended"], wanted.state, *given, *place)
        counts = Counts(**dict(await work.connection.fetchrow(QUERIES["counts"], work.now)))
        seen = [row["message_id"] for row in found]
        await orders.audit(work.connection, person, "message.list", "messages", {"state": wanted.state, "messages": seen})
        return Messages([_message(row, work.now) for row in found], found[0]["total"] if found else 0, counts)


async def one(parts: Parts, person: Person, message: int) -> Message:
    """Raises ``RefusedError``: ``not_allowed``, ``unknown_message``."""
    async with begun(parts, person, "message.list", f"message:{message}") as work:
        permissions.check(person, "message.list")
        await orders.audit(work.connection, person, "message.see", f"message:{message}", {})
        return await _shown(work, message)


async def claim(parts: Parts, person: Person, message: int) -> Message:
    """This person works on it, and has its draft. Raises ``RefusedError``: ``unknown_message``, ``message_claimed`` (``by``),
    ``message_ended``, ``not_allowed``."""
    async with begun(parts, person, "message.work", f"message:{message}") as work:
        row = await _mine(work, message)
        if row["claimed_by"] != person.username:
            await work.connection.execute(QUERIES["claim"], message, person.username, work.now)
            await _handed(work, row, person.username, person.role)
        return await _left(work, message, "message.claim")


async def release(parts: Parts, person: Person, message: int) -> Message:
    """Nobody works on it any more; a shift leader gives back what others took. Raises as ``claim``, and
    ``message_not_claimed``."""
    async with begun(parts, person, "message.work", f"message:{message}") as work:
        row = await _locked(work, message)
        if not row["claimed_by"]:
            raise RefusedError("message_not_claimed", message=message)
        if row["claimed_by"] != person.username and not _leads(person):
            raise RefusedError("message_claimed", by=row["claimed_by"])
        await work.connection.execute(QUERIES["claim"], message, "", work.now)
        await _handed(work, row, drafting.NIGHT.username, drafting.NIGHT.role)
        return await _left(work, message, "message.release", {"of": row["claimed_by"]})


async def set_aside(parts: Parts, person: Person, message: int, reason: str) -> Message:
    """It is no matter for a ticket; it is kept, with its draft, and can be brought back. Raises as ``claim``."""
    async with begun(parts, person, "message.work", f"message:{message}") as work:
        row = await _mine(work, message)
        if row["claimed_by"]:
            await _handed(work, row, drafting.NIGHT.username, drafting.NIGHT.role)
        await work.connection.execute(QUERIES["set_aside"], message, person.username, reason, work.now)
        return await _left(work, message, "message.set_aside", {"reason": reason})


async def bring_back(parts: Parts, person: Person, message: int) -> Message:
    """It is on the list again, and no rule sets it aside any more. Raises ``RefusedError``: ``unknown_message``,
    ``message_waits``, ``not_allowed``."""
    async with begun(parts, person, "message.work", f"message:{message}") as work:
        row = await _locked(work, message, states=("set_aside",), otherwise="message_waits")
        await work.connection.execute(QUERIES["bring_back"], row["message_id"], work.now)
        return await _left(work, message, "message.bring_back")


async def done(parts: Parts, person: Person, message: int) -> Message:
    """It is dealt with, though it has no draft. Raises as ``claim``, and ``draft_waits`` with the ``number`` of its draft."""
    async with begun(parts, person, "message.work", f"message:{message}") as work:
        row = await _mine(work, message)
        if row["ticket_id"] is not None:
            ticket = await store.load(work.connection, row["ticket_id"])
            if ticket.state == "draft":
                raise RefusedError("draft_waits", number=number(ticket.ticket_id, ticket.channel))
        await work.connection.execute(QUERIES["done"], message, person.username, work.now)
        return await _left(work, message, "message.done")


async def _mine(work: Work, message: int) -> asyncpg.Record:
    """The message, locked, if it waits and nobody else works on it."""
    row = await _locked(work, message)
    if row["claimed_by"] not in ("", work.person.username):
        raise RefusedError("message_claimed", by=row["claimed_by"])
    return row


async def _locked(
    work: Work, message: int, *, states: tuple[str, ...] = _WAITING, otherwise: str = "message_ended"
) -> asyncpg.Record:
    permissions.check(work.person, "message.work")
    row = await work.connection.fetchrow(QUERIES["lock"], message)
    if row is None:
        raise RefusedError("unknown_message", message=message)
    work.now = clock.now()
    if row["state"] not in states:
        raise RefusedError(otherwise, state=row["state"])
    return row


async def _handed(work: Work, row: asyncpg.Record, to: str, role: str) -> None:
    """The draft goes with the message; as long as only this happened to it, it can be filled in."""
    if row["ticket_id"] is None:
        return
    before = row["own_version"]
    version = await drafting.hand_over(work, row["ticket_id"], to, role)
    if version == before + 1:
        await work.connection.execute(QUERIES["own"], row["message_id"], version)


async def _left(work: Work, message: int, action: str, detail: dict[str, Any] | None = None) -> Message:
    """The line in the audit log, alarms as they are now, and what became of the message."""
    await work.connection.execute(QUERIES["alarms"], work.now)
    await orders.audit(work.connection, work.person, action, f"message:{message}", detail or {})
    return await _shown(work, message)


async def _shown(work: Work, message: int) -> Message:
    row = await work.connection.fetchrow(QUERIES["one"], message)
    if row is None:
        raise RefusedError("unknown_message", message=message)
    return _message(row, work.now)


def _leads(person: Person) -> bool:
    """Whoever may work on anybody's drafts."""
    return permissions.may(person, "ticket.accept", accepted_by="another")


def _message(row: asyncpg.Record, now: dt.datetime) -> Message:
    given = dict(row)
    ticket_id, channel = given.pop("ticket_id"), given.pop("channel")
    given.pop("total", None)
    given["urgent"] = msgspec.json.decode(row["urgent"], type=tuple[Found, ...])
    given["suggestions"] = msgspec.json.decode(row["suggestions"], type=Suggestions)
    given["is_overdue"] = row["state"] in _WAITING and row["due_at"] < now
    return Message(ticket=number(ticket_id, channel) if ticket_id else None, **given)

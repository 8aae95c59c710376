"""A ticket is opened (TKT-01 to TKT-25): one use case for a live call, a draft, a message, and every other channel.

A call fills in what it knows (TKT-07): number, agent, time, path through the menu; recordings stay with the call and are found by
it. A source (``message:17``, a draft, an upstream number) becomes a ticket once; a call that has one says so.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from acd import drafts, orders
from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency, permissions
from crm.callers import viewer
from crm.errors import RefusedError
from crm.profiles import store as profiles
from crm.tickets import answers, cases, numbering, store, survey
from crm.tickets.cases import Done
from crm.tickets.change import Kept
from crm.tickets.orders import Edit, NoValues, Order, TicketId
from crm.tickets.ticket import ENDED, Channel, Identity, Ticket, number
from crm.tickets.work import Work, begun
from hotline import numbers

Word = Annotated[str, Meta(max_length=80, pattern=r"^[A-Za-z0-9_.:@-]*(?!\n)$")]
_FIELDS = frozenset(Ticket.__struct_fields__)
_IDENTITY = frozenset(Identity.__struct_fields__)


class Opening(Edit, frozen=True, kw_only=True):
    """What a ticket is opened with. Of ``call_id``, ``draft`` and ``message`` one at most, or none where there was no call.

    ``source``: what it came from in another channel (``sms:20261122-17``), once. ``another``: the call is about a second matter.
    ``report_again_of``: the same again after the end of that ticket (TKT-17). ``accept``: and accepted at once (LIF-01).
    """

    channel: Channel = "telephone"
    node: Word = ""
    call_id: Word = ""
    draft: uuid.UUID | None = None
    message: Annotated[int, Meta(ge=1, le=2**62)] | None = None
    source: Word = ""
    another: bool = False
    calling_number: Annotated[str, Meta(max_length=30, pattern=r"^[0-9+() -]*$")] = ""
    urgent: bool = False
    leader_item: bool = False
    report_again_of: TicketId | None = None
    accept: bool = False


class _From(msgspec.Struct, frozen=True, kw_only=True):
    """Where it comes from: fields that the source fills in, and what the history says of it."""

    channel: Channel
    node: str = ""
    call_id: str = ""
    source: str = ""
    number: str = ""
    at: dt.datetime | None = None
    fields: dict[str, Any] = {}
    detail: dict[str, Any] = {}


async def open_ticket(parts: Parts, person: Person, opening: Opening) -> Done:
    """Open a ticket, as a draft or accepted. Raises ``RefusedError``, and nothing was changed: ``not_allowed``, ``unknown_call``,
    ``unknown_message``, ``call_has_ticket`` and ``already_opened`` (with ``number``), ``unknown_nature``, ``unknown_category``,
    what ``accept`` refuses.
    """
    async with begun(parts, person, "ticket.open", "tickets") as work:
        permissions.check(person, "ticket.open")
        await idempotency.claim(work.connection)
        done = await opened(work, opening)
        await idempotency.keep(work.connection, done)
    return done


async def opened(work: Work, opening: Opening) -> Done:
    """As ``open_ticket``, as a part of the caller's transaction, who has seen to it that the person may."""
    came = await _came(work, opening)
    await _only_once(work, opening, came)
    given = _given(opening)
    ticket = await _made(work, came, given, await _checked(work, opening, given))
    await _told(work, ticket, came, given)
    if not opening.accept:
        return cases.done(ticket)
    return await cases.carried_out(work, await store.load(work.connection, ticket.ticket_id), Order("accept", NoValues()))


async def _made(work: Work, came: _From, given: dict[str, Any], taxonomy: int) -> Ticket:
    """The row; its number is taken last of all that may take time."""
    profile = profiles.current(work.parts.settings)
    fields = {**came.fields, **{name: value for name, value in given.items() if name in _FIELDS}}
    if fields.get("hidden"):
        fields |= {"hidden": tuple(sorted(set(fields["hidden"]))), "publishable": False}
    fields |= {
        "channel": came.channel,
        "profile": profile.name,
        "made_at": work.now,
        "made_by": work.person.username,
        "accept_agent": work.person.username,
        "node": came.node,
        "call_id": came.call_id,
        "taxonomy_version": taxonomy if given.get("category") else 0,
        "released": not (profile.trainee_release and work.person.role == "trainee"),
    }
    ticket = Ticket(ticket_id=await numbering.next_id(work.connection, work.now), **fields)
    await store.add(work.connection, ticket)
    return ticket


async def _told(work: Work, ticket: Ticket, came: _From, given: dict[str, Any]) -> None:
    """Who the citizen is, the first contact, the history's first line; then everybody else is told."""
    who = {"calling_number": came.number, **{name: value for name, value in given.items() if name in _IDENTITY}}
    contact: dict[str, Any] = {
        "channel": ticket.channel,
        "kind": "first",
        "node": came.node,
        "call_id": came.call_id,
        "number": came.number,
    }
    contact |= {"source": came.source, "at": came.at or work.now}
    async with viewer.staff(work.connection):
        known = await cases.know(work, ticket, who)
        await store.keep(work.connection, ticket.ticket_id, [Kept("contacts", contact)], work.now, work.person.username)
    detail = {"source": came.source, **came.detail}
    line = store.event(ticket, work.person, "open", work.now, from_state="", detail=detail)
    await store.write_down(work.connection, ticket.ticket_id, line)
    to = known.calling_number or known.callback_phone or known.caller_phone
    await answers.tell_number(work.connection, ticket, to, work.now)
    await cases.told(work, "opened", ticket, from_state="")


def _given(opening: Opening) -> dict[str, Any]:
    """What the person said: every field that was set; ``hidden`` and the flags of TKT-13 among them."""
    names = {*_FIELDS, *_IDENTITY} - {"channel", "node", "call_id", "calling_number"}
    return {name: value for name in opening.__struct_fields__ if name in names and (value := getattr(opening, name)) is not UNSET}


async def _checked(work: Work, opening: Opening, given: dict[str, Any]) -> int:
    """The taxonomy's version; raises ``RefusedError`` for a class that it does not have, for a nature that the city does not have
    (TAX-06), or a report again of what goes on."""
    nature, natures = given.get("nature"), profiles.current(work.parts.settings).nature_set
    if nature is not None and nature not in natures:
        raise RefusedError("unknown_nature", nature=nature, known=list(natures))
    classes = [given.get("category") or "", given.get("related_category") or ""]
    version, known = await survey.taxonomy(work, classes)
    if not known:
        raise RefusedError("unknown_category", category=classes[0], related_category=classes[1])
    if given.get("upstream_no") and not given.get("upstream_system"):
        raise RefusedError("form_incomplete", missing=["upstream_system"])
    if opening.report_again_of is not None:
        before = await store.load(work.connection, opening.report_again_of)
        if before.state not in ENDED:
            raise RefusedError("still_open", number=number(before.ticket_id, before.channel), state=before.state)
    return version


async def _came(work: Work, opening: Opening) -> _From:
    if opening.draft is not None:
        return await _from_draft(work, opening.draft)
    if opening.message is not None:
        return await _from_message(work, opening.message)
    if opening.call_id:
        return await _from_call(work, opening.channel, opening.node, opening.call_id)
    return _From(channel=opening.channel, source=opening.source, number=numbers.normal(opening.calling_number))


async def _from_call(work: Work, channel: Channel, node: str, call_id: str) -> _From:
    """What the call knows; its recordings and its disposition come later, and are read when the ticket is shown."""
    row = await work.connection.fetchrow(store.QUERIES["call"], node, call_id)
    if row is None:
        raise RefusedError("unknown_call", call=call_id)
    detail = {"menu_path": row["menu_path"], "queue": row["queue"] or "", "agent": row["agent"] or ""}
    caller = numbers.normal(row["caller_number"])
    return _From(channel=channel, node=row["node"], call_id=call_id, number=caller, at=row["started_at"], detail={"call": detail})


async def _from_draft(work: Work, draft_id: uuid.UUID) -> _From:
    """What a three-way call, or a unit that was not reached, left to be done (TWC-05, TWC-15): taken in this transaction."""
    draft = await drafts.get(work.connection, work.person, draft_id)
    if not await drafts.take(work.connection, draft_id):
        raise RefusedError("draft_taken", draft=str(draft_id))
    said = "\n".join(text for text in (draft.question, draft.further_questions) if text)
    detail = {"draft": {"unit": draft.unit, "outcome": draft.outcome, "attempts": len(draft.attempts)}}
    return _From(
        channel="telephone",
        node=draft.node,
        call_id=draft.call_id,
        source=f"draft:{draft_id}",
        number=numbers.normal(draft.caller),
        fields={"content": said} if said else {},
        detail=detail,
    )


async def _from_message(work: Work, message: int) -> _From:
    """What was left on the line (IVR-08 to IVR-11); hearing it is somebody's work, the number and the time are there."""
    row = await work.connection.fetchrow(store.QUERIES["message"], message)
    if row is None:
        raise RefusedError("unknown_message", message=message)
    await orders.audit(work.connection, work.person, "message.read", f"message:{message}", {})
    return _From(
        channel="mailbox" if row["kind"] == "mailbox" else "message",
        node=row["node"],
        call_id=row["call_id"],
        source=f"message:{message}",
        number=numbers.normal(row["caller_number"]),
        at=row["left_at"],
        fields={"nature": "complaint"} if row["kind"] == "complaint" else {},
        detail={"message": {"reason": row["reason"], "kind": row["kind"]}},
    )


async def _only_once(work: Work, opening: Opening, came: _From) -> None:
    """Two who open of the same source at once wait for each other here; the second is told the number of the first."""
    upstream = (opening.upstream_system or "", opening.upstream_no or "")
    call = (came.node, came.call_id) if came.call_id and not opening.another else ("", "")
    named = {"source": came.source, "upstream": upstream if upstream[1] else "", "call": call if call[1] else ""}
    keys = sorted(f"{what}:{which}" for what, which in named.items() if which)
    if not keys:
        return
    for key in keys:
        await work.connection.execute(store.QUERIES["alone"], key)
    async with viewer.staff(work.connection):
        row = await work.connection.fetchrow(store.QUERIES["opened_before"], came.source, *upstream, *call)
    if row is not None:
        raise RefusedError(
            "call_has_ticket" if row["how"] == "call" else "already_opened", number=number(row["ticket_id"], row["channel"])
        )


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Six digits, to be told to the citizen now: they are kept nowhere."""

    number: str
    version: int
    code: str


async def issue_code(parts: Parts, person: Person, ticket_id: int) -> Code:
    """A new query code, with which the result is told to whoever calls from another number (IVR-06, SEC-06); the last one ends.

    Raises ``RefusedError``: ``unknown_ticket``, ``not_allowed``.
    """
    code, stored = await answers.new_code()
    async with begun(parts, person, "ticket.code", f"ticket:{ticket_id}") as work:
        ticket = await cases.taken(work, "ticket.code", ticket_id)
        changed = await cases.touched(work, ticket, "code", {})
        await answers.put_code(work.connection, ticket, stored)
    return Code(number=number(ticket_id, ticket.channel), version=changed.version, code=code)

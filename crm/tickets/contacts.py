"""Somebody got in touch about a ticket that is there (CAL-01 to CAL-06, TKT-16, TKT-17, TAX-02): no second ticket is made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency
from crm.callers import viewer
from crm.errors import RefusedError
from crm.tickets import cases, store
from crm.tickets.cases import Done
from crm.tickets.change import Kept
from crm.tickets.intake import Word
from crm.tickets.orders import Values, Words
from crm.tickets.ticket import Channel
from crm.tickets.work import Work, begun
from hotline import numbers


class NewContact(Values, frozen=True, kw_only=True):
    """``repeat``: the same again (CAL-04); ``result``: it was told (CAL-01, LIF-08); ``supplement``: more was said (TAX-02);
    ``same_matter``: somebody else about the same (TKT-16). ``call_id``: of the call, which counts once."""

    kind: Literal["repeat", "result", "supplement", "same_matter"]
    channel: Channel = "telephone"
    node: Word = ""
    call_id: Word = ""
    note: Words = ""
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


async def add(parts: Parts, person: Person, ticket_id: int, said: NewContact) -> Done:
    """Write it down with the ticket. The same call again changes nothing.

    Raises ``RefusedError``: ``unknown_ticket``, ``not_allowed``, ``unknown_call``, ``changed_meanwhile``.
    """
    right = "ticket.contact"
    async with begun(parts, person, right, f"ticket:{ticket_id}") as work:
        await idempotency.claim(work.connection)
        ticket = await cases.taken(work, right, ticket_id, said.version)
        row = await _row(work, ticket_id, said)
        async with viewer.staff(work.connection):
            is_new = not (row["source"] and await work.connection.fetchval(store.QUERIES["contact_known"], row["source"]))
            if is_new:
                await store.keep(work.connection, ticket_id, [Kept("contacts", row)], work.now, person.username)
        if is_new:
            ticket = await cases.touched(work, ticket, "contact", {"kind": said.kind, "channel": said.channel})
        done = cases.done(ticket)
        await idempotency.keep(work.connection, done)
    return done


async def _row(work: Work, ticket_id: int, said: NewContact) -> dict[str, Any]:
    """With the number and the time of its call."""
    row: dict[str, Any] = {"kind": said.kind, "channel": said.channel, "note": said.note, "source": ""}
    if not said.call_id:
        return row
    call = await work.connection.fetchrow(store.QUERIES["call"], said.node, said.call_id)
    if call is None:
        raise RefusedError("unknown_call", call=said.call_id)
    source = f"contact:{ticket_id}:{said.kind}:{said.node}:{said.call_id}"
    number = numbers.normal(call["caller_number"])
    return {**row, "node": said.node, "call_id": said.call_id, "number": number, "at": call["started_at"], "source": source}

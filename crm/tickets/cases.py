"""Everything that is done to a ticket: one use case, one transaction, from the row's lock to the notification (LIF-40, LIF-41).

Either all of it is kept - the ticket, its history, what is kept beside it, its clocks, what citizens hear in the menu, what other
systems are told, the line in the audit log - or nothing is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency, permissions
from crm.callers import persons, viewer
from crm.clocks import book
from crm.errors import RefusedError
from crm.knowledge import ticket_search
from crm.profiles import store as profiles
from crm.profiles.profile import Profile
from crm.tickets import answers, content, store, survey
from crm.tickets.change import Change, Kept
from crm.tickets.decide import decide
from crm.tickets.life_cycle import TABLE
from crm.tickets.orders import VALUES, NoValues, Order, Values
from crm.tickets.ticket import Identity, Ticket, number
from crm.tickets.work import Work, begun
from crm.units import dispatches
from crm.webhooks import outbox
from hotline import clock, numbers

_NOBODYS = ("",)
"""Of which unit a ticket is that is with none."""
_ANSWERING = frozenset(row.action for row in TABLE if row.to == "callback_pending") - {"take_answer"}
"""With which a unit's reply goes to the citizen."""
_OF_CITIZENS = frozenset(("contacts", "identities"))
"""Tables beside a ticket that are seen by the staff's eyes alone."""
_PHONES = ("caller_phone", "calling_number", "callback_phone")


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What the ticket is now. ``warnings``: what was accepted, but ought to be looked at."""

    number: str
    version: int
    state: str
    due_at: dt.datetime | None = None
    warnings: tuple[str, ...] = ()


async def act(parts: Parts, person: Person, ticket_id: int, action: str, values: Values, *, version: int | None = None) -> Done:
    """Carry out an action of the life cycle. ``version``: the one that was seen when it was decided.

    Raises ``RefusedError``, and nothing was changed: ``unknown_action``, ``unknown_ticket``, ``not_allowed``,
    ``changed_meanwhile`` (who changed what since), or what ``decide`` refuses.
    """
    if action not in VALUES:
        raise RefusedError("unknown_action", action=action[:40])
    right = f"ticket.{action}"
    async with begun(parts, person, right, f"ticket:{ticket_id}") as work:
        await idempotency.claim(work.connection)
        below = await _locked_below(work, ticket_id) if action in _ANSWERING else []
        ticket = await taken(work, right, ticket_id, version, others=[*survey.targets(values), *below])
        done = await carried_out(work, ticket, Order(action, values))
        done = await _with_others(work, ticket, Order(action, values), done, below)
        await idempotency.keep(work.connection, done)
    return done


async def taken(work: Work, right: str, ticket_id: int, version: int | None = None, *, others: Collection[int] = ()) -> Ticket:
    """The ticket, locked (``others`` with it), for a person who may do this to it and has seen its newest ``version``.

    Raises ``RefusedError``: ``unknown_ticket``, ``not_allowed``, ``changed_meanwhile``.
    """
    if ticket_id not in await store.lock(work.connection, (ticket_id, *others)):
        raise RefusedError("unknown_ticket", ticket=str(ticket_id))
    work.now = clock.now()
    ticket = await store.load(work.connection, ticket_id)
    await permit(work, right, ticket)
    if version is not None and version != ticket.version:
        raise await _changed(work, ticket, version)
    return ticket


async def permit(work: Work, right: str, ticket: Ticket) -> None:
    """Raise ``RefusedError`` (``not_allowed``) unless the matrix allows it; units act on what they have (LIF-34)."""
    units: Collection[str] = ()
    if permissions.MATRIX[right].get(work.person.role) == "unit":
        async with viewer.unit(work.connection, work.person.unit):
            units = [row[0] for row in await work.connection.fetch(store.QUERIES["holding"], ticket.ticket_id)]
    permissions.check(work.person, right, accepted_by=ticket.accept_agent or ticket.made_by, units=units or _NOBODYS)


async def _below(work: Work, ticket_id: int) -> list[int]:
    """The open tickets that hang under this one."""
    return [row["ticket_id"] for row in await work.connection.fetch(store.QUERIES["below"], ticket_id)]


async def _locked_below(work: Work, ticket_id: int) -> list[int]:
    """As ``_below``, locked with the ticket in the order of their ids; who is just linking another one has done so, or waits."""
    below = await _below(work, ticket_id)
    while True:
        attempt = work.connection.transaction()
        await attempt.start()
        await store.lock(work.connection, (ticket_id, *below))
        newer = await _below(work, ticket_id)
        if set(newer) <= set(below):
            await attempt.commit()
            return newer
        await attempt.rollback()  # lets go of the locks
        below = newer


async def _with_others(work: Work, before: Ticket, order: Order, done: Done, below: Collection[int]) -> Done:
    """What an action does to other tickets, in its transaction: an answer is each caller's (TKT-18), a merge is a contact of the
    ticket that goes on (TKT-17). ``below``: the tickets under this one, locked with it."""
    if order.action == "link" and getattr(order.values, "parent", None) is not None:
        return await _answered(work, before.ticket_id) or done
    if order.action in _ANSWERING and done.state == "callback_pending":
        taken_over = [one for one in below if await _answered(work, one)]
        if set(await _below(work, before.ticket_id)) - set(taken_over):
            return msgspec.structs.replace(done, warnings=(*done.warnings, "below_left"))
    if order.action == "merge":
        await _repeated(work, before, survey.targets(order.values)[0])
    return done


async def _answered(work: Work, ticket_id: int) -> Done | None:
    """It takes the answer of the ticket above; None: it goes its own way, and somebody may order it later."""
    ticket = await store.load(work.connection, ticket_id)
    try:
        return await carried_out(work, ticket, Order("take_answer", NoValues()), by_rule=True)
    except RefusedError:
        return None


async def _repeated(work: Work, merged: Ticket, into: int) -> None:
    """The ticket that goes on tells that the citizen reported it again."""
    source = f"merge:{merged.ticket_id}"
    async with viewer.staff(work.connection):
        if await work.connection.fetchval(store.QUERIES["contact_known"], source):
            return
        known = await store.identity(work.connection, merged.ticket_id)
        row: dict[str, Any] = {
            "channel": merged.channel,
            "kind": "repeat",
            "node": merged.node,
            "call_id": merged.call_id,
            "source": source,
        }
        row |= {"number": known.calling_number or known.caller_phone, "at": merged.made_at}
        await store.keep(work.connection, into, [Kept("contacts", row)], work.now, work.person.username)
    ticket = await store.load(work.connection, into)
    await touched(work, ticket, "contact", {"kind": "repeat", "channel": merged.channel, "merged": str(merged.ticket_id)})


async def carried_out(work: Work, ticket: Ticket, order: Order, *, by_rule: bool = False) -> Done:
    """Decide, and do all that follows from it, in this transaction; the ticket is locked and may be acted on.

    ``by_rule``: it follows from something else that the person did; whether the person might order it does not matter.
    """
    identity = await survey.identity_of(work, ticket)
    named = content.names_citizen(identity, ticket.hidden, content.of_ticket(ticket))
    ticket = msgspec.structs.replace(ticket, identity_in_text=named)
    around = await survey.around(work, ticket, order, identity)
    profile = profiles.current(work.parts.settings)
    person = msgspec.structs.replace(work.person, role="office") if by_rule else work.person
    change = decide(ticket, order, person, around, profile=profile, now=work.now)
    changed = await _saved(work, ticket, change, profile)
    await _beside(work, ticket, changed, order.action, change)
    await dispatches.follow(work, changed, order.action, change.kept)
    await told(work, order.action, changed, from_state=ticket.state)
    return done(changed, change.warnings)


def done(ticket: Ticket, warnings: tuple[str, ...] = ()) -> Done:
    """What is answered about a ticket that was changed."""
    return Done(
        number=number(ticket.ticket_id, ticket.channel),
        version=ticket.version,
        state=ticket.state,
        due_at=ticket.due_at,
        warnings=warnings,
    )


async def _saved(work: Work, ticket: Ticket, change: Change, profile: Profile) -> Ticket:
    """With what its clocks say of its due time."""
    calendar = work.parts.settings.calendar
    clocks = await book.apply(work.connection, change.ticket, change.clocks, profile, calendar, work.now, by=work.person.username)
    values = {**change.values, **clocks}
    if "category" in values:
        values["taxonomy_version"] = (await survey.taxonomy(work, ()))[0]
    version = await store.save(work.connection, ticket, values, work.now)
    return msgspec.structs.replace(change.ticket, **values, version=version)


async def _beside(work: Work, before: Ticket, ticket: Ticket, action: str, change: Change) -> None:
    """The line of the history, rows beside the ticket, who the citizen is."""
    connection, person = work.connection, work.person
    said = {"from_state": before.state, "reason": change.reason, "detail": dict(change.detail)}
    await store.write_down(connection, ticket.ticket_id, store.event(ticket, person, action, work.now, **said))
    plain = [_with_due(one, ticket) for one in change.kept if one.table not in _OF_CITIZENS]
    await store.keep(connection, ticket.ticket_id, plain, work.now, person.username)
    if len(plain) < len(change.kept):
        async with viewer.staff(connection):
            contacts = [one for one in change.kept if one.table == "contacts"]
            await store.keep(connection, ticket.ticket_id, contacts, work.now, person.username)
            for one in change.kept:
                if one.table == "identities":
                    await know(work, ticket, one.values)


def _with_due(one: Kept, ticket: Ticket) -> Kept:
    """An extension that was approved says from when to when (EXT-13): the clock has just computed it."""
    if "old_due_at" not in one.values:
        return one
    return msgspec.structs.replace(one, values={**one.values, "new_due_at": ticket.due_at})


async def know(work: Work, ticket: Ticket, values: Mapping[str, Any]) -> Identity:
    """Keep what was said of the citizen, with the person that this is (TKT-01, TKT-06); needs the eyes of the staff.

    Of a person who was picked nothing is typed again (TKT-07), unless the citizen stays anonymous (TKT-15).
    Raises ``RefusedError`` (``bad_values``) for a telephone number that is none.
    """
    plain = {name: numbers.normal(value) if name in _PHONES else value for name, value in values.items()}
    for name in _PHONES:
        if values.get(name) and not plain[name]:
            raise RefusedError("bad_values", problem=f"{name}: not a telephone number")
    await store.put_identity(work.connection, ticket.ticket_id, plain)
    known = await store.identity(work.connection, ticket.ticket_id)
    if values.get("caller_id") and not ticket.anonymous:
        more = await persons.filled(work.connection, known)
        await store.put_identity(work.connection, ticket.ticket_id, more)
        known = msgspec.structs.replace(known, **more)
    caller = await persons.remember(
        work.connection, known, by=work.person.username, special_group=ticket.special_group, now=work.now
    )
    if caller is not None and caller != known.caller_id:
        await store.put_identity(work.connection, ticket.ticket_id, {"caller_id": caller})
    return msgspec.structs.replace(known, caller_id=caller)


async def told(work: Work, action: str, ticket: Ticket, *, from_state: str) -> None:
    """Everybody else is told of it: citizens in the menu, searches, other systems, the audit log, desks that show it."""
    connection = work.connection
    await answers.tell(connection, ticket, work.now)
    await ticket_search.index_ticket(connection, ticket)
    await outbox.note(connection, action, ticket, work.now, from_state=from_state)
    detail = {"version": ticket.version, "from": from_state, "to": ticket.state}
    await orders.audit(connection, work.person, f"ticket.{action}", f"ticket:{ticket.ticket_id}", detail)
    await connection.execute(store.QUERIES["told"], f"{ticket.ticket_id} {ticket.version}")


async def touched(work: Work, ticket: Ticket, action: str, detail: Mapping[str, Any]) -> Ticket:
    """Something was added beside the ticket without a decision: a new version, its line in the history, and all are told."""
    version = await store.save(work.connection, ticket, {}, work.now)
    changed = msgspec.structs.replace(ticket, version=version)
    line = store.event(changed, work.person, action, work.now, from_state=ticket.state, detail=dict(detail))
    await store.write_down(work.connection, ticket.ticket_id, line)
    await told(work, action, changed, from_state=ticket.state)
    return changed


async def _changed(work: Work, ticket: Ticket, version: int) -> RefusedError:
    """Who changed what since; the names of what was changed, not the values."""
    since = await work.connection.fetch(store.QUERIES["changes_since"], ticket.ticket_id, version)
    changes = [{**row, "at": row["at"].isoformat()} for row in since]
    last: Mapping[str, Any] = changes[0] if changes else {}
    return RefusedError(
        "changed_meanwhile", version=ticket.version, by=last.get("actor", ""), at=last.get("at", ""), changes=changes
    )

"""Reads what a decision must know beside the ticket (``surroundings.py``), in the transaction that carries it out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from crm.callers import persons, viewer
from crm.tickets import content, store
from crm.tickets.orders import Order
from crm.tickets.rows import Reply
from crm.tickets.surroundings import Above, Proposed, Request, Supervision, Surroundings, Task, UnitKnown
from crm.tickets.ticket import Identity, Ticket
from crm.tickets.work import Work
from hotline.clock import SHANGHAI

_UNITS = ("lead_unit", "co_units", "unit", "suggested", "accused_unit", "addressee")
"""Fields of an order, or of a ticket, that name units."""
_TARGETS = ("into", "parent")


class _Reply(msgspec.Struct, frozen=True):
    """The newest reply, whatever became of it."""

    unit: str
    state: str
    head_signed: str
    outcome: str


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What the query ``beside`` finds."""

    tasks: tuple[Task, ...]
    request: Request | None
    proposed: _Reply | None
    supervisions: tuple[Supervision, ...]
    has_children: bool
    extended_days: int
    attachments: frozenset[str]
    service_steps: tuple[str, ...]
    return_due_at: dt.datetime | None


def targets(values: msgspec.Struct) -> list[int]:
    """The other tickets that an order names: to be locked with the one that it is about."""
    return [target for name in _TARGETS if isinstance(target := getattr(values, name, None), int)]


async def identity_of(work: Work, ticket: Ticket) -> Identity:
    """Who the citizen is, for checks whose outcome alone is told (TKT-13, TKT-15): nobody is shown it."""
    async with viewer.staff(work.connection):
        return await store.identity(work.connection, ticket.ticket_id)


async def around(work: Work, ticket: Ticket, order: Order, identity: Identity) -> Surroundings:
    """What the decision wants to know; the rows that it is made of are locked with the ticket."""
    found = msgspec.json.decode(await work.connection.fetchval(store.QUERIES["beside"], ticket.ticket_id), type=_Beside)
    target, chain = await _target(work, order)
    hidden = content.hidden_in(order.action, ticket)
    newest = found.proposed
    waits = newest is not None and newest.state in ("proposed", "sent")
    above = await _above(work, ticket) if order.action == "take_answer" else None
    return Surroundings(
        units=await _units(work, ticket, order, found, above),
        tasks=found.tasks,
        request=found.request,
        proposed=Proposed(unit=newest.unit, head_signed=newest.head_signed, outcome=newest.outcome) if newest and waits else None,
        supervisions=found.supervisions,
        target=target,
        target_chain=chain,
        has_children=found.has_children,
        return_due_at=found.return_due_at,
        extended_days=found.extended_days,
        attachments=found.attachments,
        category_known=await _category_known(work, order),
        identity_missing=_missing(identity),
        service_steps=found.service_steps,
        same_citizen=await _same_citizen(work, order, target, identity),
        above=above,
        named_in_order=bool(hidden) and content.names_citizen(identity, hidden, content.texts(order.values)),
    )


async def _above(work: Work, ticket: Ticket) -> Above | None:
    """TKT-18; its row is locked where its reply is just being sent, and read as it is where somebody takes it later."""
    known = await work.connection.fetchval(store.QUERIES["load"], ticket.parent_id) if ticket.parent_id is not None else None
    if known is None:
        return None
    reply = await work.connection.fetchval(store.QUERIES["reply_sent"], ticket.parent_id)
    return Above(msgspec.json.decode(known, type=Ticket), msgspec.json.decode(reply, type=Reply) if reply else None)


async def _same_citizen(work: Work, order: Order, target: Ticket | None, identity: Identity) -> bool:
    """Whether a merge concerns one person, as far as both are known."""
    if order.action != "merge" or target is None or identity.caller_id is None:
        return True
    other = (await identity_of(work, target)).caller_id
    if other in (None, identity.caller_id):
        return True
    async with viewer.staff(work.connection):
        return other in await persons.group(work.connection, identity.caller_id)


async def _units(work: Work, ticket: Ticket, order: Order, found: _Beside, above: Above | None = None) -> dict[str, UnitKnown]:
    named = {work.person.unit, *(task.unit for task in found.tasks), *_named(ticket), *_named(order.values)}
    named |= set(_named(above.ticket)) if above else set()
    return await store.units(work.connection, named, work.now.astimezone(SHANGHAI).date())


def _named(values: msgspec.Struct) -> Iterator[str]:
    for name in _UNITS:
        match getattr(values, name, None):
            case str(one):
                yield one
            case tuple(several):
                yield from several
            case _:
                pass


def _missing(identity: Identity) -> tuple[str, ...]:
    """What TKT-15 asks for and is not known; any number is a contact."""
    known = {name: getattr(identity, name) for name in ("caller_name", "workplace", "home_address")}
    known["caller_phone"] = identity.caller_phone or identity.callback_phone or identity.calling_number
    return tuple(name for name, value in known.items() if not value)


async def _target(work: Work, order: Order) -> tuple[Ticket | None, tuple[int, ...]]:
    named = targets(order.values)
    if not named:
        return None, ()
    known = await work.connection.fetchval(store.QUERIES["load"], named[0])
    rows = await work.connection.fetch(store.QUERIES["chain"], named[0])
    return (msgspec.json.decode(known, type=Ticket) if known else None), tuple(row[0] for row in rows)


async def _category_known(work: Work, order: Order) -> bool:
    wanted = [getattr(order.values, name, None) for name in ("category", "related_category")]
    return (await taxonomy(work, [one for one in wanted if isinstance(one, str)]))[1]


async def taxonomy(work: Work, wanted: Iterable[str]) -> tuple[int, bool]:
    """The version in force (0: none), and whether it has these classes (TAX-31); with no taxonomy nothing is unknown."""
    classes = [one for one in wanted if one]
    row = await work.connection.fetchrow(store.QUERIES["taxonomy"], work.now.astimezone(SHANGHAI).date(), classes)
    return row["version"], row["known"]

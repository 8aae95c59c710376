"""The call-back list: who is to be called back, and what agents do about it (IVR-18, IVR-28)."""

from __future__ import annotations

import uuid

import msgspec

from acd import callback_orders
from acd.callbacks import Entry
from acd.permissions import Person
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, ordered

_OPEN = parameters.flag("open", "只要未完成的", "Only those still to be called", default=True)
_LIST = (parameters.QUEUE, _OPEN, parameters.PAGE)


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why nobody needs to be called."""

    note: Line = ""


class Entries(msgspec.Struct, frozen=True):
    """A page of the list: who waits longest is first, or what was settled last."""

    entries: list[Entry]


class Taken(msgspec.Struct, frozen=True):
    """The entry to be called by whoever asked; null: nobody is to be called now."""

    entry: Entry | None


async def everything(ask: Ask, person: Person, *, queue: str | None, open: bool, page: int) -> Entries:
    """``GET /api/callbacks``."""
    return Entries(await callback_orders.listed(ask.parts.acd, person, queue=queue, is_open=open, page=page))


async def take(ask: Ask, person: Person) -> Taken:
    """``POST /api/callbacks/next``."""
    return Taken(await callback_orders.take(ask.parts.acd, person))


async def give_back(ask: Ask, person: Person, *, id: uuid.UUID) -> Entry:
    """``POST /api/callbacks/{id}/give-back``."""
    return await callback_orders.give_back(ask.parts.acd, person, id)


async def withdraw(ask: Ask, person: Person, *, id: uuid.UUID, note: str) -> Entry:
    """``POST /api/callbacks/{id}/withdraw``."""
    return await callback_orders.withdraw(ask.parts.acd, person, id, note)


_MAY = "call.callback"
ROUTES: tuple[Route, ...] = (
    ordered(
        "GET", "/api/callbacks", everything, "callback.list", ("回拨列表", "The call-back list"), query=_LIST, answer=Entries
    ),
    ordered("POST", "/api/callbacks/next", take, _MAY, ("领取下一个回拨", "Take the next"), answer=Taken),
    ordered("POST", "/api/callbacks/{id}/give-back", give_back, _MAY, ("放回回拨列表", "Give back"), answer=Entry),
    ordered("POST", "/api/callbacks/{id}/withdraw", withdraw, _MAY, ("撤销回拨", "Withdraw"), body=Note, answer=Entry),
)

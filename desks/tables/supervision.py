"""Supervision of live calls: listen, whisper, talk with all, take over (QUA-03, ORG-25, ORG-34, IVR-26)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from acd import orders, supervision_book, supervision_orders
from acd.permissions import Person
from acd.supervision import Mode, Target, Wish
from acd.supervision_book import Supervision
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import AgentNumber, Line, Word, order, ordered

_MAY = "call.listen"
_OPEN = parameters.flag("open", "只要正在进行的", "Only those going on", default=False)


class Beginning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hear a call (its id), an agent (number) or a queue (name). ``seat``: the telephone to ring, one's own unless given."""

    target: Target
    whom: Word
    mode: Mode = "monitor"
    reason: Annotated[Line, msgspec.Meta(min_length=1)]
    seat: AgentNumber | None = None


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another mode; of a queue's listener, to talk with all or to take over: in which call."""

    mode: Mode
    call_id: Word | None = None


class Supervisions(msgspec.Struct, frozen=True):
    """Those asked for in a time, the latest first."""

    supervisions: list[Supervision]


async def begin(ask: Ask, person: Person, *, target: Target, whom: str, mode: Mode, reason: str, seat: str | None) -> Supervision:
    """``POST /api/supervisions``: answers when the telephone has been answered."""
    wish = Wish(target=target, whom=whom, mode=mode, reason=reason)
    return await supervision_orders.begin(ask.parts.acd, person, wish, seat or "")


async def change(ask: Ask, person: Person, *, id: uuid.UUID, mode: Mode, call_id: str | None) -> Supervision:
    """``PUT /api/supervisions/{id}/mode``."""
    return await supervision_orders.change(ask.parts.acd, person, id, mode, call_id or "")


async def stop(ask: Ask, person: Person, *, id: uuid.UUID) -> Supervision:
    """``POST /api/supervisions/{id}/stop``."""
    return await supervision_orders.stop(ask.parts.acd, person, id)


async def everything(ask: Ask, person: Person, *, open: bool, **time: dt.datetime) -> Supervisions:
    """``GET /api/supervisions``; looking leaves an audit line."""
    found = await supervision_book.listed(ask.parts.acd, time["from"], time["to"], open_only=open)
    detail = {"from": time["from"], "to": time["to"], "found": len(found)}
    await orders.audit(ask.parts.pool, person, "supervision.list", "supervisions", detail)
    return Supervisions(found)


ROUTES: tuple[Route, ...] = (
    ordered("POST", "/api/supervisions", begin, _MAY, ("监听通话", "Supervise"), body=Beginning, answer=Supervision),
    Route(
        "GET",
        "/api/supervisions",
        order(everything),
        "supervision.list",
        "监听记录",
        "Who supervised whom",
        query=(parameters.FROM, parameters.TO, _OPEN),
        answer=Supervisions,
    ),
    ordered(
        "PUT", "/api/supervisions/{id}/mode", change, _MAY, ("切换监听方式", "Another mode"), body=Change, answer=Supervision
    ),
    ordered("POST", "/api/supervisions/{id}/stop", stop, _MAY, ("结束监听", "Stop"), answer=Supervision),
)

"""The call in an agent's hands, and calls to outside (IVR-21 to IVR-23, IVR-28); each order answers with how it is then."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

import msgspec

from acd import control_orders, control_outbound, orders
from acd.control import Kind, Stand
from acd.control_orders import Emergency
from acd.control_outbound import Outbound, Purpose
from acd.control_rules import Disposition
from acd.permissions import Person, may
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import PhoneNumber, Word, ordered

_MAY = "call.control"
_ONE = "/api/agents/{agent}/call"


class To(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent (number), a queue (name), or somebody outside (number)."""

    kind: Kind
    name: Word


class Searching(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent looks something up without hold; false: it is found."""

    searching: bool = True


class Whom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to come into the conversation."""

    kind: Literal["police", "fire", "medical"]


class HangUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the agent ends the call first (IVR-23); ``explained``: politely, before."""

    disposition: Disposition
    explained: bool = False


class Dial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to call, what for, and for which ticket."""

    number: PhoneNumber
    purpose: Purpose = "other"
    ticket: Word | None = None


class Reminder(msgspec.Struct, frozen=True):
    """When to speak to the citizen again (IVR-21); null: not at all."""

    speak_at: dt.datetime | None


class Patience(msgspec.Struct, frozen=True):
    """From when on the agent may hang up on a caller who says nothing (IVR-22)."""

    may_hang_up_at: dt.datetime


class Outbounds(msgspec.Struct, frozen=True):
    """The newest calls to outside, the latest first."""

    calls: list[Outbound]


class Waiting(msgspec.Struct, frozen=True):
    """Somebody in a parking place, since when."""

    slot: str
    call_id: str
    since: dt.datetime


class Parked(msgspec.Struct, frozen=True):
    """Who waits in parking places: an agent dials the place to take the call."""

    parked: list[Waiting]


async def current(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``GET /api/agents/{agent}/call``."""
    return await control_orders.current(ask.parts.acd, person, agent)


async def hold(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/hold``: the citizen hears music."""
    return await control_orders.hold(ask.parts.acd, person, agent)


async def resume(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/resume``."""
    return await control_orders.resume(ask.parts.acd, person, agent)


async def consult(ask: Ask, person: Person, *, agent: str, kind: Kind, name: str) -> Stand:
    """``POST …/consult``: ask somebody while the citizen waits."""
    return await control_orders.consult(ask.parts.acd, person, kind, name, agent)


async def back(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/back``: from the consultation to the citizen."""
    return await control_orders.back(ask.parts.acd, person, agent)


async def complete(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/complete``: the one who was asked takes the citizen."""
    return await control_orders.complete(ask.parts.acd, person, agent)


async def three(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/join``: all three talk."""
    return await control_orders.three(ask.parts.acd, person, agent)


async def drop(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/drop``: the one who was asked goes."""
    return await control_orders.drop(ask.parts.acd, person, agent)


async def transfer(ask: Ask, person: Person, *, agent: str, kind: Kind, name: str) -> Stand:
    """``POST …/transfer``: without asking."""
    return await control_orders.transfer(ask.parts.acd, person, kind, name, agent)


async def park(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/park``: ``slot`` is the place."""
    return await control_orders.park(ask.parts.acd, person, agent)


async def survey(ask: Ask, person: Person, *, agent: str) -> Stand:
    """``POST …/survey``: the conversation is over; the citizen is asked for a rating (IVR-20)."""
    return await control_orders.survey(ask.parts.acd, person, agent)


async def searching(ask: Ask, person: Person, *, agent: str, searching: bool) -> Reminder:
    """``POST …/searching``."""
    return Reminder(await control_orders.search(ask.parts.acd, person, agent, searching=searching))


async def silent(ask: Ask, person: Person, *, agent: str) -> Patience:
    """``POST …/silent``: nobody speaks."""
    return Patience(await control_orders.silent(ask.parts.acd, person, agent))


async def emergency(ask: Ask, person: Person, *, agent: str, kind: str) -> Emergency:
    """``POST …/emergency``: 110, 119 or 120 into the conversation."""
    return await control_orders.emergency(ask.parts.acd, person, kind, agent)


async def hang_up(ask: Ask, person: Person, *, agent: str, disposition: Disposition, explained: bool) -> Stand:
    """``POST …/hang-up``."""
    return await control_orders.hang_up(ask.parts.acd, person, disposition, agent, explained=explained)


async def parked(ask: Ask, person: Person) -> Parked:
    """``GET /api/parked``."""
    rows = await control_orders.parked(ask.parts.acd, person)
    return Parked([msgspec.convert({**row, "since": row["changed_at"]}, Waiting) for row in rows])


async def dial(ask: Ask, person: Person, *, agent: str, number: str, purpose: Purpose, ticket: str | None) -> Outbound:
    """``POST /api/agents/{agent}/dial``: answers when the agent's telephone has."""
    return await control_outbound.call(ask.parts.acd, person, number, purpose, ticket=ticket or "", agent=agent)


async def call_back(ask: Ask, person: Person, *, id: uuid.UUID) -> Outbound:
    """``POST /api/callbacks/{id}/call``: the agent says yes (IVR-18)."""
    return await control_outbound.call_back(ask.parts.acd, person, id)


async def outbound(ask: Ask, person: Person, *, id: uuid.UUID) -> Outbound:
    """``GET /api/outbound/{id}``."""
    found = await control_outbound.get(ask.parts.acd, id)
    await orders.authorise(ask.parts.pool, person, "call.read", found.agent)
    await orders.audit(ask.parts.pool, person, "outbound.read", f"outbound:{id}", {})
    return found


async def outbounds(ask: Ask, person: Person, *, limit: int) -> Outbounds:
    """``GET /api/outbound``: everybody's, or one's own."""
    whose = "" if may(person, "call.read", "*") else person.agent
    found = await control_outbound.listed(ask.parts.acd, person, agent=whose, limit=limit)
    await orders.audit(ask.parts.pool, person, "outbound.list", "outbound", {"calls": [str(one.outbound_id) for one in found]})
    return Outbounds(found)


_LIMIT = (parameters.LIMIT,)
ROUTES: tuple[Route, ...] = (
    ordered("GET", _ONE, current, _MAY, ("坐席当前的通话", "An agent's call"), answer=Stand),
    ordered("POST", f"{_ONE}/hold", hold, _MAY, ("保持", "Hold"), answer=Stand),
    ordered("POST", f"{_ONE}/resume", resume, _MAY, ("恢复通话", "Resume"), answer=Stand),
    ordered("POST", f"{_ONE}/consult", consult, _MAY, ("咨询", "Consult"), body=To, answer=Stand),
    ordered("POST", f"{_ONE}/back", back, _MAY, ("回到市民", "Back to the citizen"), answer=Stand),
    ordered("POST", f"{_ONE}/complete", complete, _MAY, ("咨询后转接", "Complete the transfer"), answer=Stand),
    ordered("POST", f"{_ONE}/join", three, _MAY, ("三人同时通话", "All three talk"), answer=Stand),
    ordered("POST", f"{_ONE}/drop", drop, _MAY, ("挂断被咨询方", "Let the one who was asked go"), answer=Stand),
    ordered("POST", f"{_ONE}/transfer", transfer, _MAY, ("直接转接", "Transfer"), body=To, answer=Stand),
    ordered("POST", f"{_ONE}/park", park, _MAY, ("驻留", "Park"), answer=Stand),
    ordered("POST", f"{_ONE}/survey", survey, _MAY, ("转满意度评价", "On to the survey"), answer=Stand),
    ordered("POST", f"{_ONE}/searching", searching, _MAY, ("查询提醒", "Looking something up"), body=Searching, answer=Reminder),
    ordered("POST", f"{_ONE}/silent", silent, _MAY, ("无声来电", "Nobody speaks"), answer=Patience),
    ordered("POST", f"{_ONE}/emergency", emergency, _MAY, ("紧急转接", "Emergency"), body=Whom, answer=Emergency),
    ordered("POST", f"{_ONE}/hang-up", hang_up, _MAY, ("按规定先挂机", "End the call first"), body=HangUp, answer=Stand),
    ordered("GET", "/api/parked", parked, _MAY, ("驻留中的来电", "Who is parked"), answer=Parked),
    ordered("POST", "/api/agents/{agent}/dial", dial, _MAY, ("外呼", "Call somebody"), body=Dial, answer=Outbound),
    ordered("GET", "/api/outbound", outbounds, "call.read", ("外呼记录", "Calls to outside"), query=_LIMIT, answer=Outbounds),
    ordered("GET", "/api/outbound/{id}", outbound, "call.read", ("一次外呼", "A call to outside"), answer=Outbound),
    ordered("POST", "/api/callbacks/{id}/call", call_back, "call.callback", ("确认回拨", "Call back"), answer=Outbound),
)

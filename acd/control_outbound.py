"""Calls of agents to outside: to give an answer, to complete a ticket's data, to call back (IVR-28, SCR-30, SCR-31).

The agent's own telephone rings first; when it answers, the number is dialled with the hotline's own number shown. No number is
called by two agents at once. The dialplan tells how it goes; a call of which nothing is heard any more is closed as ``unknown``.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Literal

import asyncpg
import msgspec
import structlog

from acd import callback_orders, callback_rules, control, orders
from acd.control import Stand, Told
from acd.control_orders import QUERIES, RIGHT, checked_number, save
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from ami_bridge.actions import Parameters, channel_id
from hotline import clock

_log = structlog.get_logger()
Purpose = Literal["answer", "complete_data", "callback", "other"]
PURPOSES = frozenset({"answer", "complete_data", "callback", "other"})
_BUSY = frozenset({"ringing", "talking", "holding"})
_RESULTS: Mapping[str, str] = {
    "ANSWER": "answered",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "given_up",
}
"""Dial's word to ours; any other one is ``unreachable``."""
_CALLED_BACK: Mapping[str, callback_rules.Result | None] = {
    "answered": "answered",
    "busy": "busy",
    "no_answer": "no_answer",
    "agent_not_reached": None,
}


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``outbound_calls``: ``result`` is empty as long as the call is not over."""

    outbound_id: uuid.UUID
    node: str
    agent: str
    number: str
    purpose: str
    ticket: str
    ordered_by: str
    ordered_at: dt.datetime
    call_id: str
    dialled_at: dt.datetime | None
    answered_at: dt.datetime | None
    ended_at: dt.datetime | None
    result: str


async def call(
    parts: Parts,
    person: Person,
    number: str,
    purpose: Purpose,
    *,
    ticket: str = "",
    agent: str = "",
    entry_id: uuid.UUID | None = None,
) -> Outbound:
    """Ring the agent's telephone, and dial when it answers; ``entry_id``: of the call-back list. Answers when the agent has.

    Raises ``RefusedError``: ``bad_number``, ``bad_purpose``, ``in_a_call``, ``agent_not_there``, ``number_in_use``, and
    ``agent_not_reached``, when the telephone was not answered.
    """
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, RIGHT, agent)
    if purpose not in PURPOSES:
        raise RefusedError("bad_purpose", purpose=purpose)
    checked_number(number)
    outbound_id = uuid.uuid4()
    async with parts.pool.acquire() as connection, connection.transaction():
        seat = await _seat(connection, parts, agent)
        if entry_id is not None:
            await callback_orders.begin(connection, person, entry_id, outbound_id)
        asked = await orders.command(
            connection,
            parts.node,
            "Originate",
            _originate(parts, seat, agent, number, outbound_id),
            person=person,
            reason="outbound",
        )
        values = (outbound_id, parts.node, agent, number, purpose, ticket, person.username, clock.now(), channel_id(asked))
        if not await connection.fetchval(QUERIES["order_outbound"], *values):
            raise RefusedError("number_in_use", number=number)
        await orders.audit(connection, person, "call.outbound", f"agent:{agent}", {"number": number, "ticket": ticket})
    (outcome,) = await orders.settled(parts.pool, [asked], parts.settings.control.ring_seconds + orders.PATIENCE_SECONDS)
    if outcome.state in ("refused", "expired"):
        async with parts.pool.acquire() as connection, connection.transaction():
            await _ended(connection, parts, outbound_id, clock.now(), "agent_not_reached")
        raise RefusedError("agent_not_reached", message=outcome.answer.get("message", outcome.state))
    return await get(parts, outbound_id)


async def call_back(parts: Parts, person: Person, entry_id: uuid.UUID) -> Outbound:
    """Dial an entry of the call-back list that the agent has taken. Raises ``RefusedError`` as ``call`` does."""
    number = await callback_orders.number_of(parts, entry_id)
    return await call(parts, person, number, "callback", entry_id=entry_id)


async def let_in(parts: Parts, person: Person, entry_id: uuid.UUID, channel: str) -> dict[str, str]:
    """The agent's own telephone has dialled for a call-back: the variables that its channel is to have before it goes to
    [outbound], at the extension ``HOTLINE_OUTBOUND_NUMBER``. Raises ``RefusedError`` as ``call`` does."""
    await orders.authorise(parts.pool, person, RIGHT, person.agent)
    number = checked_number(await callback_orders.number_of(parts, entry_id))
    outbound_id = uuid.uuid4()
    async with parts.pool.acquire() as connection, connection.transaction():
        await _seat(connection, parts, person.agent)
        await callback_orders.begin(connection, person, entry_id, outbound_id)
        values = (outbound_id, parts.node, person.agent, number, "callback", "", person.username, clock.now(), channel)
        if not await connection.fetchval(QUERIES["order_outbound"], *values):
            raise RefusedError("number_in_use", number=number)
        await orders.audit(connection, person, "call.outbound", f"agent:{person.agent}", {"number": number, "how": "code"})
    return {
        "HOTLINE_OUTBOUND": str(outbound_id),
        "HOTLINE_OUTBOUND_NUMBER": number,
        "HOTLINE_MEMBER": person.agent,
    }


def _originate(parts: Parts, seat: str, agent: str, number: str, outbound_id: uuid.UUID) -> Parameters:
    """The agent sees the number that will be dialled."""
    return {
        "channel": f"PJSIP/{seat}",
        "context": "outbound",
        "exten": number,
        "caller_id": number,
        "ring_seconds": parts.settings.control.ring_seconds,
        "variables": {"HOTLINE_OUTBOUND": str(outbound_id), "HOTLINE_MEMBER": agent},
    }


async def _seat(connection: asyncpg.Connection, parts: Parts, agent: str) -> str:
    row = await connection.fetchrow(QUERIES["seat_of"], parts.node, agent)
    if row is None or row["state"] == "offline":
        raise RefusedError("agent_not_there", agent=agent)
    if row["state"] in _BUSY:
        raise RefusedError("in_a_call", agent=agent)
    interface = await connection.fetchval(QUERIES["telephone_of"], parts.node, agent)
    return str(interface or row["seat"]).removeprefix("PJSIP/")


async def get(parts: Parts, outbound_id: uuid.UUID) -> Outbound:
    """How a call stands. Raises ``unknown_call``."""
    row = await parts.pool.fetchrow(QUERIES["outbound"], outbound_id)
    if row is None:
        raise RefusedError("unknown_call")
    return Outbound(**dict(row))


async def listed(parts: Parts, person: Person, *, agent: str = "", ticket: str = "", limit: int = 100) -> list[Outbound]:
    """The newest calls, of an agent or about a ticket; one's own unless one leads."""
    await orders.authorise(parts.pool, person, "call.read", agent or person.agent)
    return [Outbound(**dict(row)) for row in await parts.pool.fetch(QUERIES["outbound_listed"], agent, ticket, limit)]


async def hear(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """What the dialplan tells about a call to outside."""
    words = step.words()
    outbound_id = uuid.UUID(words["order"])
    match step.what:
        case "outbound_dialling":
            await connection.execute(QUERIES["outbound_told"], outbound_id, step.at, None, None, "")
        case "outbound_answered":
            await connection.execute(QUERIES["outbound_told"], outbound_id, None, step.at, None, "")
            await _in_hand(connection, step, outbound_id)
        case "outbound_over" | "outbound_left":
            await _ended(connection, parts, outbound_id, step.at, _RESULTS.get(words.get("result", ""), "unreachable"))


async def over(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """Whoever was called is in nobody's hands any more; of another call this says nothing."""
    outbound_id = await connection.fetchval(QUERIES["outbound_of_call"], step.node, step.call_id)
    if outbound_id is not None:
        await _ended(connection, parts, outbound_id, step.at, "answered")


async def _in_hand(connection: asyncpg.Connection, step: Step, outbound_id: uuid.UUID) -> None:
    """Who was called is in the agent's hands as any citizen: hold, consult and so on work."""
    row = await connection.fetchrow(QUERIES["outbound"], outbound_id)
    if row is None:
        return
    agent, call_id = row["agent"], row["call_id"]
    await connection.execute(QUERIES["begin"], step.node, step.uniqueid, call_id, agent, call_id, "talking")
    known = await connection.fetchrow(QUERIES["locked"], step.node, step.uniqueid)
    await save(connection, Stand(**dict(known)))


async def _ended(connection: asyncpg.Connection, parts: Parts, outbound_id: uuid.UUID, at: dt.datetime, result: str) -> None:
    row = await connection.fetchrow(QUERIES["outbound"], outbound_id)
    if row is None or row["ended_at"] is not None:
        return
    result = "answered" if row["answered_at"] and result != "unknown" else result
    await connection.execute(QUERIES["outbound_told"], outbound_id, None, None, at, result)
    await callback_orders.ended(connection, parts, outbound_id, _CALLED_BACK.get(result, "failed"))


async def close_lost(parts: Parts) -> None:
    """Calls of which nobody hears any more: nobody has them in hand, and the number may be called again."""
    for row in await parts.pool.fetch(QUERIES["outbound_lost"], parts.node):
        async with parts.pool.acquire() as connection, connection.transaction():
            for hand in await connection.fetch(QUERIES["hands_of"], parts.node, row["call_id"]):
                await save(connection, control.apply(Stand(**hand), Told("over", {}, hand["citizen"])))
            await _ended(connection, parts, row["outbound_id"], clock.now(), "unknown")
        _log.warning("a call to outside was never heard of again", outbound=str(row["outbound_id"]))

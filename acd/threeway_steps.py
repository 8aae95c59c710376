"""What the dialplan tells of three-way calls, and what follows: drafts, alarms, and the end of what nothing is told of any more.

A step moves its row in the transaction that counts it as read, and nothing is kept in memory: whatever dies, the row is what the
steps say (TWC-15).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable

import asyncpg
import msgspec
import structlog

from acd import control, control_steps, drafts, orders, threeway, threeway_store
from acd.control_orders import QUERIES as CONTROL
from acd.drafts import Draft
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from acd.threeway_state import Alarm, Effect, Send, State, Told, Write
from acd.threeway_store import QUERIES, Words
from hotline import clock, database

_log = structlog.get_logger()
_ALARM = "threeway_agent_lost"
_STALE_SECONDS = 20.0
_LOOK_SECONDS = 5.0
_BY_ITSELF = Person("acd", "supervisor")


async def hear(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """A step of area ``threeway``: once, in the transaction that counts it as read."""
    words = step.words()
    try:
        state, noted = await threeway_store.load(connection, int(words["id"]), lock=True)
    except RefusedError:
        _log.warning("a step of no three-way call", step=step.step, detail=step.detail, call=step.call_id)
        return
    if step.node != state.node:
        return
    if "seat" in words:
        words = {**words, "agent": await control_steps.agent_at(connection, words["seat"])}
    after, effects = threeway.apply(state, Told(step.what, words, step.uniqueid, step.number, step.at))
    await threeway_store.save(connection, after)
    await follow(connection, after, noted, effects)
    await _hand_over(connection, parts, step, after)


async def attended(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """A telephone has put another one in its place (the telephone's own transfer): whose call it is, and whose three-way call."""
    if step.what != "attended":
        return
    words = step.words()
    agent = await control_steps.agent_at(connection, words["seat"])
    citizen = words.get("citizen") or await connection.fetchval(CONTROL["citizen_of"], step.node, step.call_id)
    if citizen:
        await control_steps.follow(connection, parts, step, citizen, control.Told("attended", {}, step.uniqueid, agent))
    threeway_id = await connection.fetchval(QUERIES["of_agents_channel"], step.node, words["before"])
    if threeway_id:
        state, _ = await threeway_store.load(connection, threeway_id, lock=True)
        await threeway_store.save(connection, threeway.replaced(state, step.uniqueid, agent))


async def _hand_over(connection: asyncpg.Connection, parts: Parts, step: Step, state: State) -> None:
    """Who has the citizen's call now, for the book of all calls (``acd/control.py``)."""
    match step.what:
        case "together" if step.uniqueid == state.agent_channel:
            told = control.Told("taken", {}, state.agent_channel, state.agent)
        case "requeued":
            told = control.Told("lost", {}, state.caller_channel)
        case "done" | "caller_left":
            told = control.Told("over", {}, state.caller_channel)
        case _:
            return
    await control_steps.follow(connection, parts, step, state.caller_channel, told)


async def run(parts: Parts) -> None:
    """For ever: close what nothing is told of any more (a node that died, a beginning that never was)."""
    while True:
        try:
            for row in await parts.pool.fetch(QUERIES["stale"], parts.node, _STALE_SECONDS):
                await _close(parts, row["threeway_id"])
        except database.TROUBLE as error:
            database.stop_if_cancelled()
            _log.warning("three-way calls cannot be looked after", error=str(error) or type(error).__name__)
        await asyncio.sleep(_LOOK_SECONDS)


async def _close(parts: Parts, threeway_id: int) -> None:
    async with parts.pool.acquire() as connection, connection.transaction():
        state, words = await threeway_store.load(connection, threeway_id, lock=True)
        after, effects = threeway.failed(state, clock.now())
        await threeway_store.save(connection, after)
        await follow(connection, after, words, effects)


async def follow(connection: asyncpg.Connection, state: State, words: Words, effects: Iterable[Effect]) -> None:
    """Do what is to be done after a change."""
    for effect in effects:
        match effect:
            case Send():
                await send(connection, _BY_ITSELF, state.node, effect)
            case Write():
                await draft(connection, state, words)
            case Alarm(is_on):
                await _alarm(connection, state, is_on=is_on)


async def send(connection: asyncpg.Connection, person: Person, node: str, one: Send) -> uuid.UUID:
    """Ask a node's Asterisk, when the transaction is committed."""
    return await orders.command(connection, node, one.action, one.parameters, person=person, reason="three-way call")


async def _alarm(connection: asyncpg.Connection, state: State, *, is_on: bool) -> None:
    """For the supervisor: citizen and unit are there, and the agent's telephone is not."""
    subject = f"threeway:{state.threeway_id}"
    if not is_on:
        await connection.execute(QUERIES["clear"], _ALARM, subject, clock.now())
        return
    detail = {"call_id": state.call_id, "node": state.node, "agent": state.agent, "unit": state.unit, "phase": state.phase}
    await connection.execute(QUERIES["raise"], _ALARM, subject, clock.now(), msgspec.json.encode(detail).decode())
    _log.warning("ALARM", kind=_ALARM, subject=subject, **detail)


async def draft(connection: asyncpg.Connection, state: State, words: Words) -> None:
    """Everything that TWC-15 wants on the ticket (TWC-05, TWC-08)."""
    assert state.outcome and state.outcome != "cancelled" and state.ended_at
    caller = await connection.fetchval(QUERIES["caller"], state.node, state.call_id)
    await drafts.make(
        connection,
        Draft(
            node=state.node,
            call_id=state.call_id,
            threeway_id=str(state.threeway_id),
            caller=caller or "",
            contact_number=words.contact_number,
            unit=state.unit,
            unit_name=state.unit_name,
            question=words.question,
            consent=words.consent,
            attempts=[drafts.Attempt(**msgspec.structs.asdict(attempt)) for attempt in state.attempts],
            joined_at=state.joined_at,
            end_order=",".join(state.left),
            outcome=state.outcome,
            further_questions=words.further_questions,
            made_by=state.agent,
            made_at=state.ended_at,
        ),
    )

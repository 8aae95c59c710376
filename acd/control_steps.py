"""What the dialplan tells of calls in agents' hands (area ``control``), written into the book; each step is taken once.

Most steps are told by the citizen's own channel; those of another name the citizen, or belong to the call that they were told in.
"""

from __future__ import annotations

import asyncpg

from acd import control, control_orders, control_outbound
from acd.control import Stand, Told
from acd.control_orders import QUERIES
from acd.parts import Parts
from acd.steps import Step

_OF_THE_CITIZEN = frozenset(
    {"held", "joined", "lost", "over", "citizen_left", "sent", "returned", "parked", "party", "emergency"},
)


async def hear(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """Take one step."""
    if step.what.startswith("outbound_"):
        await control_outbound.hear(connection, parts, step)
        return
    words = step.words()
    citizen = step.uniqueid if step.what in _OF_THE_CITIZEN else words.get("citizen")
    citizen = citizen or await connection.fetchval(QUERIES["citizen_of"], step.node, step.call_id)
    if not citizen:
        return
    agent = await agent_at(connection, words.get("seat", ""))
    await follow(connection, parts, step, citizen, Told(step.what, words, step.uniqueid, agent))


async def agent_at(connection: asyncpg.Connection, seat: str) -> str:
    """Who works at this telephone; empty: nobody."""
    return await connection.fetchval(QUERIES["agent_at"], seat.partition("@")[0]) or ""


async def follow(connection: asyncpg.Connection, parts: Parts, step: Step, citizen: str, told: Told) -> None:
    """Write what a step, of whatever area, means for who has this citizen's call."""
    await connection.execute(QUERIES["begin"], step.node, citizen, step.call_id, "", "", "talking")
    row = await connection.fetchrow(QUERIES["locked"], step.node, citizen)
    before = Stand(**dict(row))
    after = control.apply(before, told)
    if after != before:
        await control_orders.save(connection, after)
    if after.place == "over":
        await control_outbound.over(connection, parts, step)

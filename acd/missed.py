"""Who does not answer is paused: so many calls one after another (``agents.missed_calls``), until the agent is ready again.

Counted from the turns of the calls, never in memory: since the agent was last ready, and after the last call it answered. A call
that rang out while the telephone was gone counts too: there is nobody at it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import structlog

from acd import sessions
from acd.membership import QUERIES
from acd.parts import Parts
from hotline import rounds
from hotline.waiting import within

_log = structlog.get_logger()
_POLL_SECONDS = 1.0


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await _follow(connection, parts)

    if parts.settings.agents.missed_calls:
        await rounds.forever(work, "missed calls cannot be counted", every=_POLL_SECONDS)


async def _follow(connection: asyncpg.Connection, parts: Parts) -> None:
    woken = asyncio.Event()

    def told(*said: Any) -> None:
        if str(said[-1]).partition(" ")[0] == parts.node:
            woken.set()

    await connection.add_listener("figures", told)
    try:
        while True:
            woken.clear()
            await read(connection, parts)
            try:
                await within(woken.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue
    finally:
        connection.terminate()  # the pool takes back no connection that listens


async def read(connection: asyncpg.Connection, parts: Parts) -> list[str]:
    """Look at the turns that changed; returns the agents who are paused for it."""
    position = await connection.fetchval(QUERIES["turns_position"], parts.node)
    row = await connection.fetchrow(QUERIES["turns_newer"], parts.node, position or 0)
    if row["version"] is None:
        return []
    paused = []
    async with connection.transaction():
        for one in await connection.fetch(QUERIES["missed"], row["agents"] or []):
            if one["missed"] >= parts.settings.agents.missed_calls:
                await sessions.pause_for_missing(connection, parts, one["agent"], one["missed"])
                paused.append(one["agent"])
        await connection.execute(QUERIES["turns_read"], parts.node, row["version"])
    for agent in paused:
        _log.warning("an agent is paused: calls were not answered", agent=agent)
    return paused

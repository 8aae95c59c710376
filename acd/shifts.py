"""Who outlasts the shift is logged out, ``agents.shift_grace_minutes`` after its end, once no call is left; off when that is 0.

Who is late or stays longer is told with every list of agents (``sessions.AgentNow``); nothing else is made of the plan.
"""

from __future__ import annotations

import asyncpg
import structlog

from acd import sessions
from acd.membership import QUERIES
from acd.parts import Parts
from hotline import rounds

_log = structlog.get_logger()
_EVERY_SECONDS = 5.0


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await look(connection, parts)

    if parts.settings.agents.shift_grace_minutes:
        await rounds.forever(work, "shifts cannot be ended", every=_EVERY_SECONDS)


async def look(connection: asyncpg.Connection, parts: Parts) -> list[str]:
    """End the sessions that are over by the plan; returns whose."""
    found = await connection.fetch(QUERIES["over"], parts.settings.agents.shift_grace_minutes * 60)
    for row in found:
        async with connection.transaction():
            await sessions.end_by_plan(connection, parts, row["agent"])
    return [row["agent"] for row in found]

"""Round after round: calls are checked, and the sample of each week that is over is drawn (QUA-01)."""

from __future__ import annotations

import structlog

from acd.parts import Parts
from crm.quality import checking, plans, sheets
from hotline import clock, rounds

_log = structlog.get_logger()
_ROUND_SECONDS = 2.0
_WALK_ROUNDS = 1800
_BATCHES = 20
"""Of the walk in a round: what is new does not wait for what is old."""
_DRAW_ROUNDS = 300


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""
    checker, done = checking.Checker(parts.pool, parts.settings), 0

    async def work() -> None:
        nonlocal done
        await turn(parts, checker, done)
        done += 1

    await rounds.forever(work, "calls cannot be checked", every=_ROUND_SECONDS)


async def turn(parts: Parts, checker: checking.Checker, rounds: int = 0) -> None:
    """What there is to do now; in the first round, and now and then, everything is looked through."""
    if rounds == 0:
        async with parts.pool.acquire() as connection:
            await sheets.ensure(connection)
    if rounds % _WALK_ROUNDS == 0:
        checker.begin_anew()
    await checker.lately(clock.now())
    await checker.walk(_BATCHES)
    if rounds % _DRAW_ROUNDS == 0:
        async with parts.pool.acquire() as connection:
            await plans.draw_due(connection, clock.shanghai_now().date())

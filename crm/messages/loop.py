"""Round after round: messages that were stored become drafts, transcripts that were made are filled in (IVR-08 to IVR-11)."""

from __future__ import annotations

import datetime as dt
import itertools

import structlog

from acd.parts import Parts
from crm.messages import drafting
from crm.messages.suggesting import QUERIES
from hotline import clock, database, rounds

_log = structlog.get_logger()
_ROUND_SECONDS = 1.0
_WHOLE_ROUNDS = 600
_LATE = 1000
"""Ids are given before rows are seen: so far behind the newest one is looked each time, and everywhere now and then."""
_PATIENCE = dt.timedelta(seconds=20)
"""How long a message may wait for being processed before it becomes a draft: until then it is not known whether it is silent."""
BATCH = 50


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""
    turns = itertools.count()
    await rounds.forever(
        lambda: turn(parts, whole=next(turns) % _WHOLE_ROUNDS == 0), "messages do not become drafts", every=_ROUND_SECONDS
    )


async def turn(parts: Parts, *, whole: bool = True) -> None:
    """Everything that there is to do now. ``whole``: all messages are looked through, not only the newest."""
    now = clock.now()
    patience = _PATIENCE if parts.settings.recordings.workers else dt.timedelta()
    first = 0 if whole else await parts.pool.fetchval(QUERIES["newest"]) - _LATE
    while found := await parts.pool.fetch(QUERIES["unseen"], first, now - patience, BATCH):
        for row in found:
            await drafting.take(parts, row["message_id"])
        first = found[-1]["message_id"]
    for row in await parts.pool.fetch(QUERIES["to_try"], now, BATCH):
        await drafting.take(parts, row["message_id"])
    for row in await parts.pool.fetch(QUERIES["to_hear"], BATCH):
        await _heard(parts, row["message_id"])
    await drafting.tidy(parts, now)


async def _heard(parts: Parts, message: int) -> None:
    """One that cannot be looked through does not hold the others up; it is tried again."""
    try:
        await drafting.hear(parts, message)
    except database.TROUBLE as error:
        if database.is_away(error):
            raise
        _log.warning("a transcript cannot be looked through", message=message, error=str(error))

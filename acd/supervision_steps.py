"""What supervisors' telephones tell, written down: modes, calls heard, ends (QUA-03); and those whose end nobody told."""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from acd import orders, supervision
from acd.membership import SYSTEM
from acd.parts import Parts
from acd.steps import Step
from acd.supervision_book import QUERIES, Supervision, ended, enter, standing
from acd.supervision_orders import is_there
from hotline import database

_log = structlog.get_logger()
_EVERY_SECONDS = 30.0


async def hear(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """A step ``supervise:…`` of a supervisor's telephone."""
    del parts
    row = await connection.fetchrow(QUERIES["lock_channel"], step.node, step.uniqueid)
    if row is None and step.what == "started":  # somebody who was not asked
        await orders.audit(connection, SYSTEM, "supervision.unknown", step.uniqueid, {"detail": step.detail})
    if row is None:
        return
    known = Supervision(**row)
    await enter(connection, known, supervision.hear(standing(known), step.what, step.words(), step.at), step.at)


async def run(parts: Parts) -> None:
    """For ever: those that Asterisk no longer has, and whose telephone told no end (Asterisk itself died)."""
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            for row in await parts.pool.fetch(QUERIES["to_look_after"], parts.node):
                if not await is_there(parts, row["channel"], SYSTEM):
                    await ended(parts.pool, row["supervision_id"], "lost")
        except database.TROUBLE as error:
            database.stop_if_cancelled()
            _log.warning("open supervisions cannot be looked after", error=str(error) or type(error).__name__)

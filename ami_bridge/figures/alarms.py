"""Alarms kept in table ``alarms`` and told (``NOTIFY alarms``, a warning in the log): the shell of ``alarm_rules`` (KPI-43).

The table is the truth about what is on, so an alarm is raised once over restarts and over several processes that watch. While
PostgreSQL is away the log alone tells; what began or ended meanwhile is written when it is back.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import asyncpg
import structlog

from ami_bridge.figures import alarm_rules
from ami_bridge.figures.alarm_rules import Effect, Raised, Readings, Rules
from hotline import clock, database, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "alarms.sql")
_PAUSE_SECONDS = 1.0


async def watch(pool: asyncpg.Pool, readings: Callable[[], Readings | None], rules: Rules) -> None:
    """Look every second, for ever; ``readings`` gives None while it knows nothing yet. Ends only by cancellation."""
    state = alarm_rules.State()
    unwritten: list[Effect] = []
    while True:
        try:
            await _write(pool, unwritten)
            state.open = {(row["kind"], row["subject"]) for row in await pool.fetch(_QUERIES["open"])}
        except database.AWAY as error:
            if not database.is_away(error):
                raise
        now = readings()
        effects = alarm_rules.step(state, now, rules, clock.now()) if now else []
        for effect in effects:
            _tell(effect)
        unwritten += effects
        if not effects:
            await asyncio.sleep(_PAUSE_SECONDS)


async def see(pool: asyncpg.Pool, alarm_id: uuid.UUID, person: str) -> bool:
    """A person has seen an alarm (audit line, SEC-12); False when somebody had before, or there is none."""
    return await pool.fetchrow(_QUERIES["see"], alarm_id, person) is not None


async def _write(pool: asyncpg.Pool, unwritten: list[Effect]) -> None:
    """In their order; what is written is taken off the list."""
    while unwritten:
        match unwritten[0]:
            case Raised() as raised:
                values = (raised.kind, raised.subject, raised.at, raised.value, raised.limit)
                await pool.execute(_QUERIES["raise"], uuid.uuid4(), *values)
            case cleared:
                await pool.execute(_QUERIES["clear"], cleared.kind, cleared.subject, cleared.at)
        del unwritten[0]


def _tell(effect: Effect) -> None:
    if isinstance(effect, Raised):
        _log.warning("ALARM", kind=effect.kind, subject=effect.subject, value=effect.value, limit=effect.limit)
    else:
        _log.warning("alarm is over", kind=effect.kind, subject=effect.subject)

"""What has fallen due is fired: each step of a clock once, in order, also after the system was down (SUP-16, DSP-13).

A batch is one transaction: the steps that were fired, their lines of electronic supervision, and where each clock stands. A
process that dies in the middle has fired nothing of it; the primary key of ``escalations`` keeps two from firing a step twice.
Of daily reminders that were missed only the newest is fired.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import structlog

from acd.parts import Parts
from crm.clocks import plan
from crm.clocks.book import QUERIES
from crm.clocks.clock import Clock
from crm.clocks.due import Facts, working_time
from crm.clocks.kinds import KINDS
from crm.clocks.plan import Fired
from crm.clocks.working import WorkingTime
from crm.profiles import store
from crm.profiles.profile import Profile
from hotline import clock, rounds
from hotline.clock import SHANGHAI
from hotline.settings import Calendar

_log = structlog.get_logger()
_ROUND_SECONDS = 1.0
_OVERDUE_ROUNDS = 30
BATCH = 2000
_TO_UNITS = frozenset(("unit", "unit_leader"))


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""
    sweeper, turns = Sweeper(parts.pool, parts.settings.calendar), itertools.count()

    async def work() -> None:
        await sweeper.sweep(clock.now())
        if next(turns) % _OVERDUE_ROUNDS == 0:
            await mark_overdue_callers(parts.pool, clock.now())

    await rounds.forever(work, "what falls due cannot be fired", every=_ROUND_SECONDS)


class Sweeper:
    """Fires what is due; remembers profiles and working days between its rounds."""

    def __init__(self, pool: asyncpg.Pool, calendar: Calendar) -> None:
        self._pool, self._calendar = pool, calendar
        self._rules: dict[int, tuple[Profile, WorkingTime]] = {}

    async def sweep(self, now: dt.datetime, *, batch: int = BATCH) -> int:
        """Everything that is due; returns how many steps were fired."""
        total = 0
        async with self._pool.acquire() as connection:
            while True:
                async with connection.transaction():
                    seen, fired = await self._batch(connection, now, batch)
                total += fired
                if seen < batch:
                    return total

    async def _batch(self, connection: asyncpg.Connection, now: dt.datetime, batch: int) -> tuple[int, int]:
        clocks = [_clock(row) for row in await connection.fetch(QUERIES["to_fire"], now, batch)]
        if not clocks:
            return 0, 0
        await self._know(connection, {one.profile_version for one in clocks})
        turned = [plan.fire(one, *self._rules[one.profile_version], now) for one in clocks]
        steps = [_step(one, fired) for one, several in turned for fired in several]
        count: int = await connection.fetchval(QUERIES["fire"], now, *_columns(steps, 11)) if steps else 0
        moved = [(one.ticket_id, one.kind, one.round, one.next_step, one.next_fire_at) for one, _ in turned]
        await connection.execute(QUERIES["fired_up_to"], *_columns(moved, 5))
        if count:
            _log.info("supervision was fired", steps=count, clocks=len(clocks))
        return len(clocks), count

    async def _know(self, connection: asyncpg.Connection, versions: Iterable[int]) -> None:
        if missing := set(versions) - self._rules.keys():
            for version, profile in (await store.by_version(connection, missing)).items():
                self._rules[version] = (profile, working_time(profile, self._calendar))


async def mark_overdue_callers(pool: asyncpg.Pool, now: dt.datetime) -> None:
    """Table ``overdue_callers`` holds the numbers of those whose ticket is overdue at a unit now (IVR-32)."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["as_staff"])
        await connection.execute(QUERIES["overdue_callers_end"], now)
        await connection.execute(QUERIES["overdue_callers_begin"], now)


def _clock(row: asyncpg.Record) -> Clock:
    """As much of it as firing needs: one that is to fire runs, and its facts do not count any more."""
    return Clock(**row, facts=Facts())


def _step(one: Clock, fired: Fired) -> tuple[Any, ...]:
    step = fired.step
    addressee = one.unit if step.addressee in _TO_UNITS and one.unit else step.addressee
    demand = f"{KINDS[one.kind].chinese}时限 {one.due_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    place = (one.ticket_id, one.kind, one.round, one.extension, fired.place)
    return (*place, fired.at, one.due_at, step.mode, step.level, addressee, demand)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]

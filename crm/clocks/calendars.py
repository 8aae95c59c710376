"""When the calendar changes, due times of clocks that run are computed anew (TIM-30): in batches, each with its line in the log.

The calendar of settings ``[calendar]`` and the public table have a digest. One that the database does not know yet is a new
version when the process starts; the version keeps up to which ticket it has come, and a restart goes on from there.
"""

from __future__ import annotations

import datetime as dt

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from crm.clocks import turning
from crm.clocks.book import QUERIES, clock_of
from crm.clocks.clock import Clock
from crm.clocks.due import working_time
from crm.clocks.reasons import Reason
from crm.profiles import store
from hotline import calendar, clock, rounds
from hotline.settings import Calendar

_log = structlog.get_logger()
_AGAIN_SECONDS = 5.0
BATCH = 200


async def run(parts: Parts) -> None:
    """Until all is computed that the calendar of these settings asks for; PostgreSQL may come and go."""

    async def work() -> None:
        await begin(parts.pool, parts.settings.calendar, clock.now())
        while await go_on(parts.pool, parts.settings.calendar, clock.now()):
            pass

    await rounds.until_done(work, "due times cannot be computed anew", again=_AGAIN_SECONDS)


async def begin(pool: asyncpg.Pool, days: Calendar, now: dt.datetime) -> bool:
    """Whether this calendar is another than the newest that was known: then it is a new version."""
    digest = calendar.digest(days)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["calendar_one_at_a_time"])
        newest = await connection.fetchrow(QUERIES["calendar_newest"])
        if newest is not None and newest["digest"] == digest:
            return False
        lists = {name: sorted(getattr(days, name)) for name in ("holidays", "make_up_days", "ordinary_days")}
        version = await connection.fetchval(QUERIES["calendar_add"], digest, msgspec.json.encode(lists).decode(), now)
    _log.info("the calendar is another one", version=version)
    return True


async def go_on(pool: asyncpg.Pool, days: Calendar, now: dt.datetime, *, batch: int = BATCH) -> bool:
    """Compute one more batch of tickets; False when nothing is left, or a newer calendar than this one counts."""
    async with pool.acquire() as connection, connection.transaction():
        newest = await connection.fetchrow(QUERIES["calendar_newest_locked"])
        if newest is None or newest["done_at"] is not None or newest["digest"] != calendar.digest(days):
            return False
        tickets = [row["ticket_id"] for row in await connection.fetch(QUERIES["calendar_tickets"], newest["done_to"], batch)]
        seen, moved = await _recompute(connection, tickets, days, now) if tickets else (0, 0)
        is_done = len(tickets) < batch
        done_to = tickets[-1] if tickets else newest["done_to"]
        await connection.execute(QUERIES["calendar_progress"], newest["version"], done_to, seen, moved, now if is_done else None)
    total = newest["recomputed"] + seen
    _log.info("due times computed anew", clocks=total, of=newest["open"], moved=newest["moved"] + moved, done=is_done)
    return not is_done


async def _recompute(connection: asyncpg.Connection, tickets: list[int], days: Calendar, now: dt.datetime) -> tuple[int, int]:
    """Tickets are locked before their clocks, as a use case does it. How many clocks were looked at, and how many moved."""
    await connection.execute(QUERIES["lock_tickets"], tickets)
    clocks = [clock_of(row) for row in await connection.fetch(QUERIES["open_of_tickets"], tickets)]
    profiles = await store.by_version(connection, {one.profile_version for one in clocks})
    workings = {version: working_time(profile, days) for version, profile in profiles.items()}
    fresh = [turning.again(one, profiles[one.profile_version], workings[one.profile_version]) for one in clocks]
    moved = [_row(new) for old, new in zip(clocks, fresh, strict=True) if new.due_at != old.due_at]
    if moved:
        await connection.execute(QUERIES["move"], msgspec.json.encode(moved).decode(), now)
    return len(clocks), len(moved)


def _row(new: Clock) -> dict[str, object]:
    names = ("ticket_id", "kind", "round", "due_at", "next_fire_at", "next_step")
    return {name: getattr(new, name) for name in names} | {"why": (*new.why, Reason("calendar"))}

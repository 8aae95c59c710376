"""How much waits to be transcribed, how fast it goes, and when it will be done."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

import asyncpg
import msgspec

from hotline import clock
from hotline.setting_sections import Transcription
from recordings.transcription.store import QUERIES


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Recordings of one kind in one state; ``seconds``: of their sound, what was heard already not counted."""

    kind: str
    state: str
    recordings: int
    seconds: float
    oldest: dt.datetime


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """``speed``: seconds of sound a second, of one process; ``ends_at``: of what waits for no model; None: nobody can say yet."""

    waiting: list[Waiting]
    recordings: int
    hours: float
    lacking_model: int
    failed: int
    done_last_day: int
    hours_last_day: float
    workers: int
    speed: float | None
    ends_at: dt.datetime | None


def workers(settings: Transcription) -> int:
    """How many processes transcribe on this machine."""
    return settings.workers or os.cpu_count() or 1


async def look(connection: asyncpg.Connection, processes: int) -> Progress:
    """As it is now. Raises what asyncpg raises."""
    waiting = [Waiting(**dict(row)) for row in await connection.fetch(QUERIES["backlog"])]
    done: dict[str, Any] = dict(await connection.fetchrow(QUERIES["done_today"]))
    return estimate(waiting, done, await connection.fetchval(QUERIES["speed"]), processes, clock.now())


def estimate(waiting: list[Waiting], done: dict[str, Any], speed: float | None, processes: int, now: dt.datetime) -> Progress:
    """What follows from the rows."""
    running = [one for one in waiting if one.state in ("waiting", "running")]
    seconds = sum(max(one.seconds, 0.0) for one in running)
    left = None if not speed else seconds / (speed * processes)
    return Progress(
        waiting=waiting,
        recordings=sum(one.recordings for one in running),
        hours=round(seconds / 3600, 3),
        lacking_model=sum(one.recordings for one in waiting if one.state == "no_model"),
        failed=sum(one.recordings for one in waiting if one.state == "failed"),
        done_last_day=done["recordings"],
        hours_last_day=round(done["seconds"] / 3600, 3),
        workers=processes,
        speed=None if speed is None else round(speed, 2),
        ends_at=None if left is None or not running else now + dt.timedelta(seconds=min(left, 10**9)),
    )

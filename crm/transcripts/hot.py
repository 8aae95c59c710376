"""The hot words of a day: what citizens said in more calls than is usual on this day of the week."""

from __future__ import annotations

import datetime as dt

import asyncpg
import msgspec

from crm.transcripts.indexing import QUERIES

LEAST_CALLS = 2


class HotWord(msgspec.Struct, frozen=True):
    """In so many ``calls`` of the day; ``usual``: the mean of the same weekday of four weeks."""

    word: str
    calls: int
    usual: float


async def of_day(connection: asyncpg.Connection, day: dt.date, limit: int = 50) -> list[HotWord]:
    """The hottest first; who may see them is decided by whoever asks."""
    rows = await connection.fetch(QUERIES["hot"], day, LEAST_CALLS, min(max(limit, 1), 200))
    return [HotWord(row["word"], row["calls"], row["usual"]) for row in rows]

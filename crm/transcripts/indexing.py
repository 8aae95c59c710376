"""Each transcript is taken in once: its words for the search, the citizen's words for the day's hot words, its subject terms.

All of one transcript is one transaction; a process that dies in the middle has taken in nothing of it. What was written down anew
is taken in again, and what it counted before is taken back. Long numbers are no words to find a call by (SEC-03).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import asyncpg
import structlog

from acd.parts import Parts
from crm.knowledge import dictionary, words
from crm.units import taxonomy
from crm.units.taxonomy import Term
from hotline import clock, rounds, sql
from hotline.clock import SHANGHAI

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "transcripts.sql")
_log = structlog.get_logger()
EVERY_SECONDS = 3.0
BATCH = 50


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""
    await asyncio.to_thread(dictionary.load)

    async def work() -> None:
        while await index_some(parts.pool):
            pass

    await rounds.forever(work, "transcripts are not taken in", every=EVERY_SECONDS)


async def index_some(pool: asyncpg.Pool, batch: int = BATCH) -> int:
    """Take in the next transcripts, oldest first; returns how many."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(QUERIES["to_index"], batch)
        terms = await taxonomy.terms(connection) if rows else []
        for row in rows:
            await _index(connection, row, terms)
    return len(rows)


async def _index(connection: asyncpg.Connection, row: asyncpg.Record, terms: Sequence[Term]) -> None:
    turns = await connection.fetch(QUERIES["turns"], row["recording_id"])
    found = words.without_numbers(word for turn in turns for word in words.words(turn["text"]))
    citizen = "\n".join(turn["text"] for turn in turns if turn["track"] == "left")
    said = words.without_numbers(spoken_words(citizen))
    if row["said_before"]:
        await connection.execute(QUERIES["take_back_words"], _day(row["at_before"]), row["said_before"])
    await connection.execute(QUERIES["put_words"], row["recording_id"], row["at"], found, said, terms_in(citizen, terms))
    await connection.execute(QUERIES["count_words"], _day(row["at"]), said)
    await connection.execute(QUERIES["indexed"], row["recording_id"], clock.now())


def spoken_words(text: str) -> set[str]:
    """Words of two characters and more as people know them, not the pairs of an index."""
    return {word for word in dictionary.cut(words.normal(text)) if len(word) > 1 and word.isalpha() and word not in words.STOP}


def terms_in(text: str, terms: Iterable[Term]) -> list[str]:
    """Controlled subject terms that the text has, or words that stand for them."""
    plain = words.normal(text)
    return sorted({one.term for one in terms if any(word and words.normal(word) in plain for word in (one.term, *one.words))})


def _day(at: dt.datetime) -> dt.date:
    return at.astimezone(SHANGHAI).date()

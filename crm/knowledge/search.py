"""Looking something up (KBA-09): by words, term, class, topic, owner; announcements first, then where the words stand, then use.

What nothing fits is looked for more loosely, with any of the words, and what may be meant is named; the miss is logged.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import uuid
from typing import Any, Literal

import asyncpg
import msgspec

from acd.permissions import Person
from crm import permissions
from crm.knowledge import entries, words
from crm.knowledge.entries import LARGEST_PAGE
from crm.knowledge.spoken import QUERIES
from crm.knowledge.words import Spot
from hotline import clock

Audience = Literal["agents", "ivr", "web"]
_LONGEST_MISS = 100
_LONG_DIGITS = re.compile(r"[0-9]{7,}")
_MOST_MEANT = 5


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry must be besides; empty: anything. ``category``: a leaf or a class."""

    category: str = ""
    term: str = ""
    topic: str = ""
    owner: str = ""
    audience: Audience = "agents"


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was found; ``title_spots`` and ``spots`` are where the words stand in the title and the piece.

    What is ``binding`` is told word for word: ``answer`` (KBA-03, LIF-05, RPL-15). ``owner_name``: whose answer it is (DSP-03).
    """

    entry_id: uuid.UUID
    version: int
    kind: str
    topic: str
    title: str
    title_spots: list[Spot]
    piece: str
    spots: list[Spot]
    answer: str
    binding: bool
    category: str
    subject_terms: list[str]
    owner_unit: str
    owner_name: str
    author: str
    valid_to: dt.datetime | None
    changed_at: dt.datetime
    used: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A page. ``total``: at most a thousand are counted, and 0 beyond the last page; ``loose``: only some of the words are in
    what is shown; ``meant``: words that may have been meant."""

    entries: list[Hit]
    total: int
    loose: bool = False
    meant: list[str] = []


async def search(
    connection: asyncpg.Connection, person: Person, text: str = "", where: Where | None = None, *, limit: int = 20, page: int = 1
) -> Found:
    """Entries in force that the person may see, the best first. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "knowledge.read")
    chosen = where or Where()
    asked = words.query(text)
    if not asked:
        return Found(**_page(await _fetch(connection, person, (), chosen, limit=limit, page=page), text))
    any_word = words.either(text)
    rows = await _fetch(connection, person, (asked, any_word), chosen, limit=limit, page=page)
    if rows or page > 1:
        return Found(**_page(rows, text))
    await _missed(connection, person, text)
    loosely = await _fetch(connection, person, (any_word, any_word), chosen, limit=limit, page=page) if " | " in any_word else []
    return Found(**_page(loosely, text), loose=bool(loosely), meant=await _meant(connection, person, text))


async def _fetch(
    connection: asyncpg.Connection, person: Person, asked: tuple[str, ...], where: Where, *, limit: int, page: int
) -> list[asyncpg.Record]:
    limit = min(max(limit, 1), LARGEST_PAGE)
    secret = entries.sees_secrets(person) and where.audience == "agents"
    chosen = [where.category, where.term, where.topic, where.owner]
    values = (
        *asked,
        clock.now(),
        where.audience,
        secret,
        *(one.replace("\x00", "") for one in chosen),
        limit,
        min(max(page - 1, 0), 1000) * limit,
    )
    async with connection.transaction():
        await connection.execute(QUERIES["plan_anew"])
        rows: list[asyncpg.Record] = await connection.fetch(QUERIES["search" if asked else "browse"], *values)
    return rows


async def _missed(connection: asyncpg.Connection, person: Person, text: str) -> None:
    """Write down what was not found; not what may be somebody's number."""
    plain = " ".join(words.normal(text).split())[:_LONGEST_MISS]
    if not _LONG_DIGITS.search(plain):
        await connection.execute(QUERIES["miss"], plain, clock.now(), person.username)


async def _meant(connection: asyncpg.Connection, person: Person, text: str) -> list[str]:
    """Known words that are nearly what was written."""
    asked = [run for run in re.findall(r"\w+", words.normal(text)[:_LONGEST_MISS]) if 1 < len(run) <= 20]
    if not asked:
        return []
    characters = "[" + "".join(sorted({one for run in asked for one in run if one.isalnum()})) + "]"
    rows = await connection.fetch(QUERIES["known_words"], entries.sees_secrets(person), characters)
    known = sorted({row["word"] for row in rows})
    near = [word for run in asked for word in difflib.get_close_matches(run, known, _MOST_MEANT, 0.5)]
    return [word for word in dict.fromkeys(near) if word not in asked][:_MOST_MEANT]


def _page(rows: list[asyncpg.Record], text: str) -> dict[str, Any]:
    return {"entries": [_hit(row, text) for row in rows], "total": rows[0]["total"] if rows else 0}


def _hit(row: asyncpg.Record, text: str) -> Hit:
    piece, spots = words.snippet(row["body"] or row["answer"], text)
    same = {name: row[name] for name in Hit.__struct_fields__ if name not in ("title_spots", "piece", "spots")}
    return Hit(**same, title_spots=words.marked(row["title"], text), piece=piece, spots=spots)

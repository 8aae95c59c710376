"""Finding calls by what was said in them, with the second to jump to.

A search finds what the words of one call have all of; the places shown are turns that have any. Stretches that are masked are
shown to nobody here, and what stands in them finds nothing. Who searched for what is in the audit log (SEC-12).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.knowledge import words
from crm.knowledge.words import Spot
from crm.recordings import access, rows
from crm.tickets.work import begun
from crm.transcripts.indexing import QUERIES

ACTION = "transcript.search"
LARGEST_PAGE = 100
_PLACES = 5
_BEGINNING, _END = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A turn with the words: play from ``from_ms``; ``spots``: where they stand in ``text``."""

    turn: int
    side: str
    from_ms: int
    to_ms: int
    text: str
    spots: list[Spot]


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that was found."""

    recording_id: int
    call_id: str
    node: str
    kind: str
    at: dt.datetime
    length_ms: int
    places: list[Place]


class Page(msgspec.Struct, frozen=True):
    """The newest first; ``next``: for the page after, null: there is none."""

    recordings: list[Heard]
    next: str | None


async def search(
    connection: asyncpg.Connection,
    person: Person,
    text: str,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    agent: str = "",
    side: str = "",
    after: tuple[dt.datetime, int] | None = None,
    limit: int = 20,
) -> tuple[list[Heard], tuple[dt.datetime, int] | None]:
    """A page, and where the next begins. ``side``: ``left`` the citizen's words, ``right`` the others'.

    Agents find their own calls. Raises ``RefusedError``: ``not_allowed``.
    """
    permissions.check(person, ACTION)
    asked, limit = words.query(text), min(max(limit, 1), LARGEST_PAGE)
    at, last = after or (None, 0)
    if permissions.MATRIX[ACTION][person.role] == "self":
        agent = person.agent or "-"
    time = (since or _BEGINNING, until or _END)
    rows = await connection.fetch(QUERIES["found"], asked, *time, agent, at, last, limit) if asked else []
    found = [one for row in rows if (one := await _heard(connection, row, text, side)).places]
    await orders.audit(
        connection, person, ACTION, "recordings", {"text": text[:200], "found": [one.recording_id for one in found]}
    )
    full = len(rows) == limit
    return found, (rows[-1]["at"], rows[-1]["recording_id"]) if full else None


async def _heard(connection: asyncpg.Connection, row: asyncpg.Record, text: str, side: str) -> Heard:
    masks = [(mask["from_ms"], mask["to_ms"]) for mask in await connection.fetch(QUERIES["masks"], row["recording_id"])]
    places = []
    for turn in await connection.fetch(QUERIES["turns"], row["recording_id"]):
        spots = words.marked(turn["text"], text) if side in ("", turn["track"]) else []
        if spots and not hidden(turn["from_ms"], turn["to_ms"], masks):
            same = {name: turn[name] for name in ("from_ms", "to_ms", "text")}
            places.append(Place(turn=turn["number"], side=turn["track"], spots=spots, **same))
    same = {name: row[name] for name in ("recording_id", "call_id", "node", "kind", "at", "length_ms")}
    return Heard(places=places[:_PLACES], **same)


def hidden(from_ms: int, to_ms: int, masks: Sequence[tuple[int, int]]) -> bool:
    """Whether a turn lies in a masked stretch, if only in part."""
    return any(begin < to_ms and from_ms < end for begin, end in masks)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one side said; ``masked``: not shown."""

    number: int
    side: str
    from_ms: int
    to_ms: int
    text: str
    confidence: float
    masked: bool = False


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine heard, with its confidence; ``state`` ``done`` or why there is none."""

    recording_id: int
    state: str
    why: str
    engine: str
    model: str
    confidence: float
    made_at: dt.datetime | None
    turns: list[Turn]


async def read(parts: Parts, person: Person, recording_id: int, reason: str = "") -> Transcript:
    """All turns, for who may hear the recording: to read it is to hear it (QUA-02). What is masked is shown to who may hear it.

    Refused: ``not_allowed``, ``reason_missing``, ``unknown_recording``, ``recording_deleted``, ``no_transcript``.
    """
    subject = f"recording:{recording_id}"
    async with begun(parts, person, "recording.hear", subject) as work:
        found = await rows.find(work, recording_id, "recording.hear", reason)
        rows.check_there(found)
        row = await work.connection.fetchrow(QUERIES["transcript"], recording_id)
        if row is None:
            raise RefusedError("no_transcript", recording=recording_id)
        await orders.audit(work.connection, person, "transcript.read", subject, {"reason": reason.strip()})
        turns = await work.connection.fetch(QUERIES["turns"], recording_id)
    masks = () if access.may(person, "recording.masked", found.facts) else found.silent
    same = {name: row[name] for name in ("recording_id", "state", "why", "engine", "model", "confidence", "made_at")}
    return Transcript(turns=[_turn(turn, masks) for turn in turns], **same)


def _turn(row: asyncpg.Record, masks: Sequence[tuple[int, int]]) -> Turn:
    is_hidden = hidden(row["from_ms"], row["to_ms"], masks)
    same = {name: row[name] for name in ("number", "from_ms", "to_ms", "confidence")}
    return Turn(side=row["track"], text="" if is_hidden else row["text"], masked=is_hidden, **same)

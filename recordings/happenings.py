"""Reads from PostgreSQL what happened to a call, and makes of it the manifest of its recording (QUA-01, TWC-15).

``describe`` fills in everything that is known without the sound: whoever has the sound adds levels, speech, quality and hashes
(``msgspec.structs.replace``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from hotline import sql
from recordings import timeline
from recordings.errors import UnknownRecordingError
from recordings.manifest import Manifest, Voice
from recordings.timeline import Happenings, Step, Stretch

_QUERIES = sql.load(Path(__file__).parent / "sql" / "happenings.sql")
_LONGEST_CALL = dt.timedelta(days=1)


async def describe(connection: asyncpg.Connection, recording_id: int) -> Manifest:
    """The manifest of a recording that was taken in, without levels, speech, quality and the segments' and the sound's hashes.

    Raises ``UnknownRecordingError``.
    """
    row = await connection.fetchrow(_QUERIES["recording"], recording_id)
    if row is None:
        raise UnknownRecordingError(f"there is no recording {recording_id}")
    voices = tuple(msgspec.json.decode(row["voices"], type=list[Voice]))
    is_message = row["kind"] == "message"
    began = row["started_at"]
    found = Happenings() if is_message or began is None else await _happened(connection, row["node"], row["call_id"], began)
    segments = timeline.segments(voices, found, began, row["length_ms"], is_message=is_message)
    return Manifest(
        node=row["node"],
        call_id=row["call_id"],
        kind=row["kind"],
        started_at=began,
        length_ms=row["length_ms"],
        voices=voices,
        segments=segments,
        gaps=() if is_message else timeline.gaps(voices, segments, found, began),
        wav_sha256=row["sha256"],
    )


async def named(
    connection: asyncpg.Connection, node: str, call_id: str, voices: Sequence[tuple[Voice, dt.datetime | None]]
) -> tuple[Voice, ...]:
    """Voices with the names of who spoke: agents' numbers, units' codes, supervisors' names.

    Each comes with the number of its telephone as ``name``, which stays where nobody knows better, and the time when it began.
    """
    seats = [(voice.name, at) for voice, at in voices if at is not None and voice.name]
    rows = await connection.fetch(_QUERIES["agents_at"], [seat for seat, _ in seats], [at for _, at in seats])
    agents = {(row["seat"], row["at"]): row["agent"] for row in rows}
    channels = {row["channel"]: row["name"] for row in await connection.fetch(_QUERIES["units_of"], node, call_id)}
    supervisors = [voice.channel for voice, _ in voices if voice.who == "supervisor"]
    rows = await connection.fetch(_QUERIES["supervisors_of"], node, supervisors) if supervisors else []
    channels.update({row["channel"]: row["name"] for row in rows})

    def name(voice: Voice, at: dt.datetime | None) -> str:
        if voice.who in ("unit", "supervisor") and voice.channel in channels:
            return str(channels[voice.channel])
        return str(agents.get((voice.name, at), voice.name)) if voice.who in ("agent", "colleague", "supervisor") else voice.name

    return tuple(msgspec.structs.replace(voice, name=name(voice, at)) for voice, at in voices)


async def _happened(connection: asyncpg.Connection, node: str, call_id: str, began: dt.datetime) -> Happenings:
    steps = await connection.fetch(_QUERIES["steps"], node, call_id)
    around = (began - _LONGEST_CALL, began + _LONGEST_CALL)
    supervised = await connection.fetch(_QUERIES["supervised"], node, call_id, *around)
    pauses = await connection.fetch(_QUERIES["pauses"], node, call_id)
    return Happenings(
        steps=tuple(_step(row) for row in steps),
        whispers=tuple(_whispers(call_id, supervised)),
        pauses=tuple(
            Stretch(since=row["paused_at"], until=row["resumed_at"], by=row["paused_by"], reason=row["reason"]) for row in pauses
        ),
    )


def _step(row: asyncpg.Record) -> Step:
    pairs = (part.partition("=") for part in row["detail"].split(";") if part)
    words = {name: value for name, _, value in pairs}
    return Step(at=row["at"], channel=row["uniqueid"], number=row["number"], step=row["step"], words=words)


def _whispers(call_id: str, rows: Iterable[Any]) -> Iterator[Stretch]:
    """When supervisors whispered into this call: from the order to the next one, to the next call, or to the end."""
    for _, events in groupby(rows, key=lambda row: row["supervision_id"]):
        since, mode, is_here = None, "", True
        ended_at = None
        person = ""
        for event in events:
            mode, is_here = event["mode"] or mode, event["call_id"] == call_id if event["call_id"] else is_here
            ended_at, person = event["ended_at"], event["person"]
            whispers = mode == "whisper" and is_here
            if since and not whispers:
                yield Stretch(since=since, until=event["at"], by=person)
            since = (since or event["at"]) if whispers else None
        if since:
            yield Stretch(since=since, until=ended_at, by=person)

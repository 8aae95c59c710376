"""Looking recordings up: lists, one with everything about it, its picture, and who heard it (QUA-02, IVR-13, SEC-12)."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.recordings import access, hearing, rows
from crm.recordings.rows import QUERIES, Line, Shown
from crm.tickets.work import Work, begun
from hotline import clock
from recordings.errors import RecordingsError
from recordings.playback import waveform
from recordings.playback.playing import Making, Wish

LARGEST_PAGE = 200
USUALLY = dt.timedelta(days=31)
"""How far back a list goes that is asked for without a call, a ticket or a beginning."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Which: of these times (the end is not included), call, ticket, agent, kind, quality and length."""

    begin: dt.datetime | None = None
    end: dt.datetime | None = None
    call_id: str = ""
    ticket_id: int | None = None
    agent: str = ""
    kind: str = ""
    quality: str = ""
    shortest_ms: int | None = None
    longest_ms: int | None = None


class Lines(msgspec.Struct, frozen=True):
    """The newest first; ``next``: ``before`` of the next page, null: there is none."""

    recordings: list[Line]
    next: int | None


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody heard it, or took it away; ``asked``, ``sent``: stretches in milliseconds. ``play_id``: the number in the mark."""

    play_id: int
    kind: str
    listener: str
    role: str
    reason: str
    side: str
    began_at: dt.datetime
    last_at: dt.datetime
    requests: int
    asked: tuple[tuple[int, int], ...]
    sent: tuple[tuple[int, int], ...]


class Plays(msgspec.Struct, frozen=True):
    """The newest first; ``next``: ``before`` of the next page."""

    plays: list[Play]
    next: int | None


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """``tracks``: 800 points each, 0 to 255, the left one first; masked stretches are flat for whom they are silent."""

    length_ms: int
    tracks: list[list[int]]
    masks: tuple[tuple[int, int], ...]


async def listed(parts: Parts, person: Person, where: Where, *, before: int | None = None, limit: int = 50) -> Lines:
    """A page of those that this person may see. Refused: ``not_allowed``."""
    limit, right = min(max(limit, 1), LARGEST_PAGE), "recording.read"
    begin = where.begin
    if begin is None and not where.call_id and where.ticket_id is None:
        begin = (where.end or clock.now()) - USUALLY
    async with begun(parts, person, right, "recordings") as work:
        permissions.check(person, right)
        await work.connection.execute(QUERIES["plan_anew"])
        async with rows.eyes(work.connection, person, right):
            found = await work.connection.fetch(
                QUERIES["listed"], *_conditions(person, where, begin), before, *_whose(person), limit
            )
        lines = [Line(**rows.line(person, dict(row))) for row in found]
        asked = {name: value for name, value in msgspec.structs.asdict(where).items() if value}
        detail = {"recordings": [one.recording_id for one in lines], **asked}
        await orders.audit(work.connection, person, "recording.list", "recordings", detail)
    return Lines(lines, lines[-1].recording_id if len(lines) == limit else None)


def _conditions(person: Person, where: Where, begin: dt.datetime | None) -> tuple[Any, ...]:
    """A unit is not told which recordings are of a call: calls lead to citizens."""
    if where.call_id and access.whose(person, "recording.read") == "unit":
        raise RefusedError("not_allowed", action="recording.read", role=person.role)
    lengths = (where.shortest_ms, where.longest_ms)
    return begin, where.end, where.call_id, where.ticket_id, where.agent, where.kind, where.quality, *lengths


def _whose(person: Person) -> tuple[str, str, str]:
    """The unit whose they have to be; or the user, with the agent's number."""
    scope = access.whose(person, "recording.read")
    return (person.unit if scope == "unit" else "", person.username if scope == "self" else "", person.agent)


async def one(parts: Parts, person: Person, recording_id: int) -> Shown:
    """Everything about it but the sound. Refused: ``unknown_recording``, ``not_allowed``."""
    right, subject = "recording.read", f"recording:{recording_id}"
    async with begun(parts, person, right, subject) as work:
        found = await rows.find(work, recording_id, right)
        if access.whose(person, right) == "unit":
            async with rows.eyes(work.connection, person, right):
                seen = await work.connection.fetch(QUERIES["plain_to_unit"], recording_id)
            found.row["tickets"] = [row["ticket_id"] for row in seen]
        await orders.audit(work.connection, person, right, subject, {"state": found.row["state"]})
    return rows.shown(person, found)


async def plays(parts: Parts, person: Person, recording_id: int, *, before: int | None = None, limit: int = 50) -> Plays:
    """Who heard it. Refused: ``unknown_recording``, ``not_allowed``."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    right, subject = "recording.plays", f"recording:{recording_id}"
    async with begun(parts, person, right, subject) as work:
        await rows.find(work, recording_id, right)
        found = await work.connection.fetch(QUERIES["plays"], recording_id, before, limit)
        await orders.audit(work.connection, person, right, subject, {"lines": len(found)})
    lines = [msgspec.convert(dict(row), Play) for row in found]
    return Plays(lines, lines[-1].play_id if len(lines) == limit else None)


async def picture(parts: Parts, person: Person, recording_id: int) -> tuple[Picture, str]:
    """The points, and the same drawn as SVG. Refused as ``one``, and ``recording_deleted``, ``recording_unreadable``."""
    right, subject = "recording.read", f"recording:{recording_id}"
    async with begun(parts, person, right, subject) as work:
        found = await rows.find(work, recording_id, right)
        rows.check_there(found)
        packed = await work.connection.fetchval(QUERIES["peaks"], recording_id)
        await orders.audit(work.connection, person, "recording.picture", subject, {})
        if not packed:
            packed = await _peaks(work, found)
    length = found.row["length_ms"]
    silent = () if access.may(person, "recording.masked", found.facts) else found.silent
    points = [waveform.silenced(track, silent, length) for track in waveform.tracks(packed)]
    manifest = found.manifest
    drawn = waveform.svg(
        points,
        length,
        segments=manifest.segments if manifest else (),
        gaps=manifest.gaps if manifest else (),
        masks=found.silent,
    )
    return Picture(length_ms=length, tracks=points, masks=found.silent), drawn


async def _peaks(work: Work, found: rows.Found) -> bytes:
    """Of what has none yet: it has not been processed. Refused: ``recording_unreadable``."""
    _, source = await hearing.sound_of(work, found, "recording.read")
    try:
        return await asyncio.to_thread(_walked, Making(source, Wish(format="wav")), source.channels, source.length_ms)
    except (RecordingsError, OSError) as error:
        raise RefusedError("recording_unreadable", why=type(error).__name__) from error
    finally:
        source.close()


def _walked(making: Making, channels: int, length_ms: int) -> bytes:
    peaks = waveform.Peaks(length_ms * 8, channels)
    for number, piece in enumerate(making.pieces()):
        if number:  # the first is the head of the file
            peaks.feed(piece)
    return peaks.packed()

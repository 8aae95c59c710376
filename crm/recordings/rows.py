"""Recordings as they are looked up and shown: what each role is shown of one, and nothing that leads a unit to the citizen."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from acd.permissions import Person
from crm.callers import masks as personal
from crm.callers import viewer
from crm.errors import RefusedError
from crm.recordings import access
from crm.recordings.access import Facts
from crm.tickets.work import Work
from hotline import sql
from recordings.manifest import Gap, Level, Manifest, Segment, Voice

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "recordings.sql")
ACTIONS = ("recording.hear", "recording.download", "recording.mask", "recording.masked", "recording.plays")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One of a list. ``tickets``: those that it belongs to, of a unit its own; ``transcript``: its state, or empty."""

    recording_id: int
    node: str
    call_id: str
    kind: str
    at: dt.datetime
    started_at: dt.datetime | None
    length_ms: int
    state: str
    quality: str
    deleted_at: dt.datetime | None
    transcript: str
    caller: str
    agent: str
    tickets: tuple[str, ...]


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that is silent for whom ``recording.masked`` is not given; lifted: it is so no more."""

    mask_id: int
    from_ms: int
    to_ms: int
    reason: str
    set_by: str
    set_at: dt.datetime
    lifted_by: str = ""
    lifted_at: dt.datetime | None = None
    lift_reason: str = ""


class Shown(Line, frozen=True, kw_only=True):
    """A recording as this person may see it; ``may``: what this person may do; ``reason_needed``: only saying why."""

    format: str
    tracks: tuple[str, ...]
    voices: tuple[Voice, ...]
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    levels: tuple[Level, ...]
    masks: tuple[Mask, ...]
    may: tuple[str, ...]
    reason_needed: bool
    sha256: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A row with what it has to do with who asks, and its masks."""

    row: dict[str, Any]
    facts: Facts
    masks: tuple[Mask, ...]
    manifest: Manifest | None
    voices: tuple[Voice, ...]

    @property
    def silent(self) -> tuple[tuple[int, int], ...]:
        """What is masked now."""
        return tuple((one.from_ms, one.to_ms) for one in self.masks if one.lifted_at is None)


@asynccontextmanager
async def eyes(connection: asyncpg.Connection, person: Person, action: str) -> AsyncIterator[None]:
    """Within the block, units see what is theirs."""
    async with viewer.unit(connection, person.unit if access.whose(person, action) == "unit" else ""):
        yield


async def find(work: Work, recording_id: int, action: str, reason: str = "") -> Found:
    """The recording, for who may do this to it. Raises ``unknown_recording``, ``not_allowed``, ``reason_missing``."""
    person = work.person
    async with eyes(work.connection, person, action):
        row = await work.connection.fetchrow(QUERIES["one"], recording_id, person.agent, person.username)
    if row is None:
        if access.whose(person, action) != "anyone":  # who may not see all is not told which there are
            raise RefusedError("not_allowed", action=action, role=person.role)
        raise RefusedError("unknown_recording", recording=str(recording_id))
    facts = Facts(kind=row["kind"], took_part=row["took_part"], has_ticket=row["has_ticket"], of_unit=row["of_unit"])
    access.check(person, action, facts, reason)
    masks = await work.connection.fetch(QUERIES["masks"], recording_id)
    manifest = msgspec.json.decode(row["manifest"], type=Manifest) if row["manifest"] else None
    voices = manifest.voices if manifest else msgspec.json.decode(row["voices"], type=tuple[Voice, ...])
    return Found(row=dict(row), facts=facts, masks=tuple(Mask(**one) for one in masks), manifest=manifest, voices=voices)


def check_there(found: Found) -> None:
    """Raise ``RefusedError`` (``recording_deleted``) when there is no sound any more."""
    if found.row["state"] == "deleted":
        raise RefusedError("recording_deleted", deleted_at=found.row["deleted_at"])


def line(person: Person, row: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``Line`` as this person is shown them: no number of a call, and no caller, to units."""
    told = {name: row[name] for name in Line.__struct_fields__}
    told["tickets"] = tuple(str(one) for one in row["tickets"])
    told["caller"] = personal.masked(person.role, {"calling_number": row["caller"]})["calling_number"]
    return told | ({"node": "", "call_id": ""} if access.whose(person, "recording.read") == "unit" else {})


def shown(person: Person, found: Found) -> Shown:
    """All of it."""
    manifest, row = found.manifest, found.row
    voices = found.voices
    if access.whose(person, "recording.read") == "unit":
        voices = tuple(msgspec.structs.replace(one, channel="") for one in voices)
    return Shown(
        **line(person, row),
        format="wav" if row["state"] == "taken_in" else "opus" if row["state"] == "stored" else "",
        tracks=("left", "right")[: row["channels"]],
        voices=voices,
        segments=manifest.segments if manifest else (),
        gaps=manifest.gaps if manifest else (),
        levels=manifest.levels if manifest else (),
        masks=found.masks,
        may=tuple(one for one in ACTIONS if access.may(person, one, found.facts)),
        reason_needed=person.role in access.WITH_A_REASON,
        sha256=(manifest.sound_sha256 if manifest else "") or row["sha256"],
    )

"""Several score the same call blindly; when it is closed, all see where they differ."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book, calibration, scores, sheets
from crm.quality.calibration import Agreement
from crm.quality.scores import QUERIES, Score, What
from hotline import clock


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """``scorers``: user names; ``done``: those who have submitted."""

    calibration_id: uuid.UUID
    recording_id: int
    sheet: str
    version: int
    scorers: list[str]
    made_at: dt.datetime
    made_by: str
    closed_at: dt.datetime | None = None
    closed_by: str = ""
    done: list[str] = []


class Calibrations(msgspec.Struct, frozen=True):
    """A page, the newest first; beyond the last page ``total`` is 0."""

    calibrations: list[Calibration]
    total: int


class Given(msgspec.Struct, frozen=True):
    """What one scorer gave."""

    scorer: str
    points: dict[str, float]
    vetoes: list[str]
    total: float
    remark: str


class Result(msgspec.Struct, frozen=True):
    """Nothing is told before it is closed: ``agreement`` is None and ``given`` empty."""

    calibration: Calibration
    given: list[Given]
    agreement: Agreement | None


async def make(
    connection: asyncpg.Connection, person: Person, recording_id: int, sheet: str, scorers: Sequence[str]
) -> Calibration:
    """Ask these scorers. Raises ``RefusedError``: ``not_allowed``, ``unknown_recording``, ``unknown_sheet``, ``bad_values``."""
    permissions.check(person, "quality.keep")
    asked = sorted(set(scorers))
    if len(asked) < 2:
        raise RefusedError("bad_values", fields=["scorers"])
    if await connection.fetchrow(book.QUERIES["checked_call"], recording_id) is None:
        raise RefusedError("unknown_recording")
    kept = await sheets.get(connection, sheet)
    made, now = uuid.uuid4(), clock.now()
    async with connection.transaction():
        values = (made, recording_id, sheet, kept.version, asked, now, person.username)
        await connection.execute(QUERIES["add_calibration"], *values)
        await orders.audit(connection, person, "quality.calibration", f"recording:{recording_id}", {"scorers": asked})
    return await _known(connection, made)


async def score(connection: asyncpg.Connection, person: Person, calibration_id: uuid.UUID) -> Score:
    """Begin one's own part. Raises ``RefusedError``: ``unknown_calibration``, ``not_asked_to_score``, ``calibration_closed``."""
    async with connection.transaction():
        found = await _known(connection, calibration_id)
        if person.username not in found.scorers:
            raise RefusedError("not_asked_to_score")
        if found.closed_at:
            raise RefusedError("calibration_closed")
        row = await connection.fetchrow(book.QUERIES["checked_call"], found.recording_id)
        what = What(
            recording_id=found.recording_id,
            agent=row["agent"],
            sheet=found.sheet,
            version=found.version,
            calibration_id=calibration_id,
        )
        return await scores.begin(connection, person, what)


async def listed(connection: asyncpg.Connection, person: Person, *, limit: int, page: int) -> Calibrations:
    """Everybody's for who keeps them, one's own for who scores. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.score")
    whose = "" if permissions.may(person, "quality.keep") else person.username
    rows = await connection.fetch(QUERIES["calibrations"], whose, *book.paged(limit, page))
    return Calibrations([_calibration(row) for row in rows], book.total(rows))


async def result(connection: asyncpg.Connection, person: Person, calibration_id: uuid.UUID) -> Result:
    """What came of it. Raises ``RefusedError``: ``not_allowed``, ``unknown_calibration``, ``not_asked_to_score``."""
    permissions.check(person, "quality.score")
    found = await _known(connection, calibration_id)
    if person.username not in (*found.scorers, found.made_by) and not permissions.may(person, "quality.keep"):
        raise RefusedError("not_asked_to_score")
    rows = await connection.fetch(QUERIES["scores_of_calibration"], calibration_id)
    found = msgspec.structs.replace(found, done=[row["scorer"] for row in rows])
    if not found.closed_at:
        return Result(found, [], None)
    given = [book.read(row, Given, points=msgspec.json.decode(row["points"]), vetoes=list(row["vetoes"])) for row in rows]
    sheet = (await sheets.get(connection, found.sheet, found.version)).content
    most = {item.code: item.most for item in sheet.items()}
    return Result(found, given, calibration.agreement(most, {one.scorer: one.points for one in given}))


async def close(connection: asyncpg.Connection, person: Person, calibration_id: uuid.UUID) -> None:
    """Nobody scores any more, and all see. Raises ``RefusedError``: ``not_allowed``, ``unknown_calibration``,
    ``calibration_closed``."""
    permissions.check(person, "quality.keep")
    async with connection.transaction():
        if (await _known(connection, calibration_id)).closed_at:
            raise RefusedError("calibration_closed")
        await connection.execute(QUERIES["close_calibration"], calibration_id, clock.now(), person.username)
        await orders.audit(connection, person, "quality.calibration_closed", f"calibration:{calibration_id}", {})


async def _known(connection: asyncpg.Connection, calibration_id: uuid.UUID) -> Calibration:
    row = await connection.fetchrow(QUERIES["calibration"], calibration_id)
    if row is None:
        raise RefusedError("unknown_calibration")
    return _calibration(row)


def _calibration(row: asyncpg.Record) -> Calibration:
    done = list(row["done"]) if "done" in row else []
    return book.read(row, Calibration, scorers=list(row["scorers"]), done=done)

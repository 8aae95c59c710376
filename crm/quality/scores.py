"""Scoring by people: of a sample, of any call, or in a calibration; a draft until it is submitted, never of one's own call."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book, sheets, views
from crm.quality.sheet import check_points, total
from hotline import clock, sql

QUERIES = sql.load(book.FOLDER / "quality_scores.sql")
_SCORE = "quality.score"


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A score and the version of the sheet that it was made with; ``total`` of ``most`` points, as they stand."""

    score_id: uuid.UUID
    recording_id: int
    node: str
    call_id: str
    agent: str
    sample_id: uuid.UUID | None
    calibration_id: uuid.UUID | None
    sheet: str
    version: int
    scorer: str
    state: str
    points: dict[str, float]
    vetoes: list[str]
    remark: str
    total: float
    most: float
    begun_at: dt.datetime
    submitted_at: dt.datetime | None


class Scores(msgspec.Struct, frozen=True):
    """A page, the latest first; beyond the last page ``total`` is 0."""

    scores: list[Score]
    total: int


class What(msgspec.Struct, frozen=True, kw_only=True):
    """What is scored: a sample, a part in a calibration, or a recording with a sheet; ``version`` 0: the newest."""

    recording_id: int
    agent: str
    sheet: str
    version: int = 0
    sample_id: uuid.UUID | None = None
    calibration_id: uuid.UUID | None = None


async def of_sample(connection: asyncpg.Connection, person: Person, sample_id: uuid.UUID) -> Score:
    """Begin to score a sample. Raises ``RefusedError``: ``unknown_sample``, and as ``begin``."""
    row = await connection.fetchrow(book.QUERIES["sample"], sample_id)
    if row is None:
        raise RefusedError("unknown_sample")
    what = What(recording_id=row["recording_id"], agent=row["agent"], sheet=row["sheet"], sample_id=sample_id)
    return await begin(connection, person, what)


async def of_recording(connection: asyncpg.Connection, person: Person, recording_id: int, sheet: str) -> Score:
    """Begin to score any call. Raises ``RefusedError``: ``unknown_recording``, and as ``begin``."""
    row = await connection.fetchrow(book.QUERIES["checked_call"], recording_id)
    if row is None:
        raise RefusedError("unknown_recording")
    return await begin(connection, person, What(recording_id=recording_id, agent=row["agent"], sheet=sheet))


async def begin(connection: asyncpg.Connection, person: Person, what: What) -> Score:
    """A draft. Raises ``RefusedError``: ``not_allowed``, ``own_call``, ``unknown_sheet``, ``scored_already``."""
    permissions.check(person, _SCORE)
    await views.refuse_own(connection, person, what.recording_id)
    async with connection.transaction():
        kept = await sheets.get(connection, what.sheet, what.version)
        links = (what.sample_id, what.calibration_id, what.sheet, kept.version)
        made = await connection.fetchval(
            QUERIES["begin"], uuid.uuid4(), what.recording_id, what.agent, *links, person.username, kept.content.most, clock.now()
        )
        if made is None:
            raise RefusedError("scored_already")
        await orders.audit(connection, person, "quality.score_begun", f"recording:{what.recording_id}", {"score": str(made)})
        return await known(connection, made)


async def save(
    connection: asyncpg.Connection,
    person: Person,
    score_id: uuid.UUID,
    points: Mapping[str, float],
    *,
    vetoes: Sequence[str],
    remark: str,
) -> Score:
    """Keep a draft. Raises ``RefusedError``: ``unknown_score``, ``not_your_score``, ``scored_already``, ``unknown_item``,
    ``bad_points``."""
    permissions.check(person, _SCORE)
    async with connection.transaction():
        score = await _own_draft(connection, person, score_id)
        sheet = (await sheets.get(connection, score.sheet, score.version)).content
        check_points(sheet, points, vetoes, whole=False)
        await keep(connection, score_id, points, vetoes, remark)
        return await known(connection, score_id)


async def submit(connection: asyncpg.Connection, person: Person, score_id: uuid.UUID) -> Score:
    """It stands. Raises as ``save``, and ``points_missing``."""
    permissions.check(person, _SCORE)
    async with connection.transaction():
        score = await _own_draft(connection, person, score_id)
        check_points((await sheets.get(connection, score.sheet, score.version)).content, score.points, score.vetoes, whole=True)
        await connection.execute(QUERIES["submit"], score_id, clock.now())
        await orders.audit(connection, person, "quality.scored", f"score:{score_id}", {"total": score.total})
        return await known(connection, score_id)


async def get(connection: asyncpg.Connection, person: Person, score_id: uuid.UUID) -> Score:
    """One score; agents see their own when it was submitted, nobody another's of a calibration.

    Raises ``RefusedError``: ``unknown_score``, ``not_allowed``.
    """
    score = await known(connection, score_id)
    if score.scorer != person.username:
        if score.calibration_id or score.state != "submitted":
            raise RefusedError("unknown_score")
        await book.whose(connection, person, score.agent)
    await orders.audit(connection, person, "quality.score_read", f"score:{score_id}", {})
    return score


async def listed(
    connection: asyncpg.Connection, person: Person, begin: dt.datetime, end: dt.datetime, *, agent: str, limit: int, page: int
) -> Scores:
    """Scores that were submitted in this time, and one's own drafts. Raises ``RefusedError``: ``not_allowed``."""
    whom = await book.whose(connection, person, agent)
    drafts = person.username if permissions.may(person, _SCORE) else ""
    rows = await connection.fetch(QUERIES["scores"], begin, end, whom, drafts, *book.paged(limit, page))
    await orders.audit(connection, person, "quality.scores", f"agent:{whom}" if whom else "scores", {"count": len(rows)})
    return Scores([_score(row) for row in rows], int(rows[0]["total_rows"]) if rows else 0)


async def known(connection: asyncpg.Connection, score_id: uuid.UUID) -> Score:
    """Raises ``RefusedError``: ``unknown_score``. Within a transaction nobody else changes it until that ends."""
    row = await connection.fetchrow(QUERIES["score"], score_id)
    if row is None:
        raise RefusedError("unknown_score")
    return _score(row)


async def keep(
    connection: asyncpg.Connection, score_id: uuid.UUID, points: Mapping[str, float], vetoes: Sequence[str], remark: str
) -> None:
    """New values; whoever calls has checked them."""
    given = msgspec.json.encode(points).decode()
    await connection.execute(QUERIES["save"], score_id, given, sorted(set(vetoes)), remark, total(points, vetoes))


async def _own_draft(connection: asyncpg.Connection, person: Person, score_id: uuid.UUID) -> Score:
    score = await known(connection, score_id)
    if score.scorer != person.username:
        raise RefusedError("not_your_score")
    if score.state != "draft":
        raise RefusedError("scored_already")
    return score


def _score(row: asyncpg.Record) -> Score:
    return book.read(row, Score, points=msgspec.json.decode(row["points"]), vetoes=list(row["vetoes"]))

"""An agent appeals against a score; somebody else than the scorer keeps or changes it, and both values stay."""

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
from crm.quality import book, checking, scores, sheets, views
from crm.quality.scores import QUERIES, Score
from crm.quality.sheet import check_points, total
from hotline import clock
from hotline.settings import Settings


class Points(msgspec.Struct, frozen=True):
    """A score as it was."""

    points: dict[str, float]
    vetoes: list[str]
    total: float


class Appeal(msgspec.Struct, frozen=True, kw_only=True):
    """``before``: the score when the agent appealed; ``after``: what it was changed to, None: it was kept, or is open."""

    appeal_id: uuid.UUID
    score_id: uuid.UUID
    agent: str
    by: str
    reason: str
    made_at: dt.datetime
    state: str
    before: Points
    after: Points | None
    answer: str
    settled_by: str
    settled_at: dt.datetime | None


class Appeals(msgspec.Struct, frozen=True):
    """A page, the latest first; beyond the last page ``total`` is 0."""

    appeals: list[Appeal]
    total: int


async def appeal(connection: asyncpg.Connection, person: Person, settings: Settings, score_id: uuid.UUID, reason: str) -> Appeal:
    """Of an own score, within the days that the rules give.

    Raises ``RefusedError``: ``unknown_score``, ``not_your_score``, ``not_submitted_yet``, ``appeal_too_late``,
    ``appealed_already``.
    """
    permissions.check(person, "quality.appeal")
    days = (await checking.ensure_rules(connection, settings)).rules.appeal_days
    async with connection.transaction():
        score = await scores.known(connection, score_id)
        if not person.agent or score.agent != person.agent or score.calibration_id:
            raise RefusedError("not_your_score")
        if score.submitted_at is None:
            raise RefusedError("not_submitted_yet")
        if clock.now() > score.submitted_at + dt.timedelta(days=days):
            raise RefusedError("appeal_too_late", days=days)
        made = uuid.uuid4()
        values = (made, score_id, score.agent, person.username, reason, clock.now(), _text(_points(score)))
        if await connection.fetchval(QUERIES["add_appeal"], *values) is None:
            raise RefusedError("appealed_already")
        await orders.audit(connection, person, "quality.appeal", f"score:{score_id}", {})
        return await _known(connection, made)


async def listed(connection: asyncpg.Connection, person: Person, *, agent: str, state: str, limit: int, page: int) -> Appeals:
    """Everybody's, or one's own. Raises ``RefusedError``: ``not_allowed``."""
    whom = await book.whose(connection, person, agent)
    rows = await connection.fetch(QUERIES["appeals"], whom, state, *book.paged(limit, page))
    await orders.audit(connection, person, "quality.appeals", f"agent:{whom}" if whom else "appeals", {"count": len(rows)})
    return Appeals([_appeal(row) for row in rows], book.total(rows))


async def settle(
    connection: asyncpg.Connection,
    person: Person,
    appeal_id: uuid.UUID,
    answer: str,
    changed: tuple[Mapping[str, float], Sequence[str]] | None,
) -> Appeal:
    """Keep the score (``changed`` None), or change its points and vetoes.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_appeal``, ``settled_already``, ``own_score`` (the scorer, or who
    appealed), ``own_call``, and as ``check_points``.
    """
    permissions.check(person, "quality.review")
    async with connection.transaction():
        found = await _known(connection, appeal_id)
        if found.state != "open":
            raise RefusedError("settled_already")
        score = await scores.known(connection, found.score_id)
        if person.username in (score.scorer, found.by):
            raise RefusedError("own_score")
        await views.refuse_own(connection, person, score.recording_id)
        after = None if changed is None else await _change(connection, score, *changed)
        state = "kept" if after is None else "changed"
        values = (state, _text(after) if after else None, answer, person.username, clock.now())
        await connection.execute(QUERIES["settle_appeal"], appeal_id, *values)
        detail = {"appeal": str(appeal_id), "before": found.before.total, "after": after.total if after else found.before.total}
        await orders.audit(connection, person, f"quality.appeal_{state}", f"score:{score.score_id}", detail)
        return await _known(connection, appeal_id)


async def _change(connection: asyncpg.Connection, score: Score, points: Mapping[str, float], vetoes: Sequence[str]) -> Points:
    check_points((await sheets.get(connection, score.sheet, score.version)).content, points, vetoes, whole=True)
    await scores.keep(connection, score.score_id, points, vetoes, score.remark)
    return Points(dict(points), sorted(set(vetoes)), total(points, vetoes))


def _points(score: Score) -> Points:
    return Points(score.points, score.vetoes, score.total)


def _text(value: Points) -> str:
    return msgspec.json.encode(value).decode()


async def _known(connection: asyncpg.Connection, appeal_id: uuid.UUID) -> Appeal:
    row = await connection.fetchrow(QUERIES["appeal"], appeal_id)
    if row is None:
        raise RefusedError("unknown_appeal")
    return _appeal(row)


def _appeal(row: asyncpg.Record) -> Appeal:
    after = msgspec.json.decode(row["after"], type=Points) if row["after"] else None
    return book.read(row, Appeal, before=msgspec.json.decode(row["before"], type=Points), after=after)

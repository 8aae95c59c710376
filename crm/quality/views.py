"""What was found: in all calls, in one, of an agent, today; replies of units (QUA-01, QUA-08). Each look is audited."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book, checks
from crm.quality.book import QUERIES
from crm.quality.call import Outcome, Severity
from crm.tickets.ticket import number
from hotline import clock

Verdict = Literal["true", "not_true", "not_to_rule"]
Judged = Literal["confirmed", "dismissed"]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A finding: what, in which call, at which millisecond, why in Chinese and in English, and what a person said about it."""

    finding_id: int
    recording_id: int
    node: str
    call_id: str
    code: str
    agent: str
    severity: Severity
    rule: str
    why: tuple[str, str]
    at: dt.datetime
    from_ms: int
    to_ms: int
    detail: dict[str, Any]
    rules: int
    judged: str
    judged_by: str
    judged_at: dt.datetime | None
    note: str


class Findings(msgspec.Struct, frozen=True):
    """A page, the latest first; beyond the last page ``total`` is 0."""

    findings: list[Shown]
    total: int


class CheckedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call: the outcome of every check, and what was found. ``words_of``: when its transcript was made; None: not read."""

    recording_id: int
    node: str
    call_id: str
    agent: str
    started_at: dt.datetime
    length_ms: int
    rules: int
    checked_at: dt.datetime
    words_of: dt.datetime | None
    is_wanted: bool
    outcomes: dict[str, Outcome]
    findings: list[Shown]


class OfCode(msgspec.Struct, frozen=True):
    """How often a check found something."""

    code: str
    found: int
    confirmed: int
    dismissed: int


class Week(msgspec.Struct, frozen=True):
    """A week of an agent; ``share``: the mean of points of the most there are, None without scores."""

    week: dt.date
    calls: int
    findings: int
    scores: int
    share: float | None


class OfAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's time: calls, findings, scores, errors, valid complaints, and the trend by week (QUA-10, QUA-12)."""

    agent: str
    calls: int
    calls_without_words: int
    findings: list[OfCode]
    scores: int
    share: float | None
    open_appeals: int
    errors: dict[str, int]
    valid_complaints: int
    weeks: list[Week]


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """Shanghai's day so far; ``satisfaction``: the share of those who rated, None without any."""

    since: dt.datetime
    recorded: int
    checked: int
    words_checked: int
    findings: int
    serious: int
    not_judged: int
    scores: int
    open_appeals: int
    open_samples: int
    rated: int
    satisfaction: float | None
    by_check: list[OfCode]


class CheckShown(msgspec.Struct, frozen=True):
    """One automatic check: what it looks at, for which rule, how grave; its name in Chinese and in English."""

    code: str
    looks_at: str
    rule: str
    severity: Severity
    called: tuple[str, str]


class CheckList(msgspec.Struct, frozen=True):
    """All of them."""

    checks: list[CheckShown]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A unit's reply, without its text: the ticket is to be opened for that. ``warnings``: by the rules for replies."""

    reply_id: uuid.UUID
    ticket: str
    unit: str
    at: dt.datetime
    kind: str
    is_true: str
    solvable: str
    outcome: str
    citizen_told: bool
    warnings: list[str]
    state: str
    verdict: str
    note: str
    checked_by: str
    checked_at: dt.datetime | None


class Replies(msgspec.Struct, frozen=True):
    """A page; beyond the last page ``total`` is 0."""

    replies: list[Reply]
    total: int


def all_checks() -> CheckList:
    """The table."""
    return CheckList([CheckShown(one.code, one.looks_at, one.rule, one.severity, one.called) for one in checks.CHECKS])


async def findings(
    connection: asyncpg.Connection,
    person: Person,
    begin: dt.datetime,
    end: dt.datetime,
    *,
    agent: str = "",
    check: str = "",
    severity: str = "",
    judged: str = "",
    limit: int = 100,
    page: int = 1,
) -> Findings:
    """Findings of a time, of everybody or of an agent; others see their own. Raises ``RefusedError``: ``not_allowed``."""
    whom = await book.whose(connection, person, agent)
    rows = await connection.fetch(QUERIES["findings"], begin, end, whom, check, severity, judged, *book.paged(limit, page))
    recordings = sorted({row["recording_id"] for row in rows})
    await orders.audit(connection, person, "quality.findings", f"agent:{whom}" if whom else "calls", {"recordings": recordings})
    return Findings([_shown(row) for row in rows], book.total(rows))


async def call(connection: asyncpg.Connection, person: Person, recording_id: int) -> CheckedCall:
    """One call; agents see their own findings in it. Raises ``RefusedError``: ``unknown_recording``, ``not_allowed``."""
    row = await connection.fetchrow(QUERIES["checked_call"], recording_id)
    if row is None:
        raise RefusedError("unknown_recording")
    heard = {one["agent"] for one in await connection.fetch(QUERIES["agents_in"], recording_id)}
    whom = await book.whose(connection, person, person.agent if person.agent in heard else row["agent"] or "*")
    found = await connection.fetch(QUERIES["findings_of_call"], recording_id)
    await orders.audit(connection, person, "quality.call", f"recording:{recording_id}", {})
    shown = [_shown(one) for one in found if book.sees_all(person) or one["agent"] == whom]
    return book.read(row, CheckedCall, outcomes=msgspec.json.decode(row["outcomes"]), findings=shown)


async def judge(connection: asyncpg.Connection, person: Person, finding_id: int, judged: Judged, note: str) -> None:
    """Say whether a finding is right. Raises ``RefusedError``: ``not_allowed``, ``own_call``, ``unknown_finding``."""
    permissions.check(person, "quality.score")
    async with connection.transaction():
        recording = await connection.fetchval(QUERIES["judge"], finding_id, judged, person.username, clock.now(), note)
        if recording is None:
            raise RefusedError("unknown_finding")
        await refuse_own(connection, person, recording)
        await orders.audit(connection, person, "quality.judged", f"recording:{recording}", {"finding": finding_id, "is": judged})


async def refuse_own(connection: asyncpg.Connection, person: Person, recording_id: int) -> None:
    """Raise ``RefusedError`` (``own_call``): the person can be heard in it."""
    heard = {row["agent"] for row in await connection.fetch(QUERIES["agents_in"], recording_id)}
    if heard & {person.agent, person.username}:
        raise RefusedError("own_call")


async def of_agent(connection: asyncpg.Connection, person: Person, agent: str, begin: dt.datetime, end: dt.datetime) -> OfAgent:
    """An agent's time. Raises ``RefusedError``: ``not_allowed``."""
    await book.whose(connection, person, agent)
    span = (begin, end, agent)
    calls = await connection.fetchrow(QUERIES["calls_of"], *span)
    standing = await connection.fetchrow(QUERIES["standing_of"], *span)
    await orders.audit(connection, person, "quality.agent", f"agent:{agent}", {"from": begin, "to": end})
    return OfAgent(
        agent=agent,
        calls=calls["calls"],
        calls_without_words=calls["without_words"],
        findings=await _by_code(connection, *span),
        scores=standing["scores"],
        share=standing["share"],
        open_appeals=standing["open_appeals"],
        errors={row["kind"]: row["errors"] for row in await connection.fetch(QUERIES["errors_by_kind"], *span)},
        valid_complaints=standing["valid_complaints"],
        weeks=[book.read(row, Week) for row in await connection.fetch(QUERIES["weeks_of"], *span)],
    )


async def today(connection: asyncpg.Connection, person: Person) -> Today:
    """Today's figures of everybody. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.live")
    since = dt.datetime.combine(clock.shanghai_now().date(), dt.time(), clock.SHANGHAI)
    row = await connection.fetchrow(QUERIES["today"], since)
    by_check = await _by_code(connection, since, since + dt.timedelta(days=1), "")
    satisfaction = row["satisfied"] / row["rated"] if row["rated"] else None
    return book.read(row, Today, since=since.astimezone(dt.UTC), satisfaction=satisfaction, by_check=by_check)


async def replies(
    connection: asyncpg.Connection,
    person: Person,
    begin: dt.datetime,
    end: dt.datetime,
    *,
    warned: bool,
    seed: str,
    limit: int,
    page: int,
) -> Replies:
    """Replies of units, the latest first, or by chance (QUA-08). Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.replies")
    rows = await connection.fetch(QUERIES["replies"], begin, end, warned, seed, *book.paged(limit, page))
    found = [book.read(row, Reply, ticket=number(row["ticket_id"], row["channel"])) for row in rows]
    await orders.audit(connection, person, "quality.replies", "replies", {"replies": [str(one.reply_id) for one in found]})
    return Replies(found, book.total(rows))


async def check_reply(connection: asyncpg.Connection, person: Person, reply_id: uuid.UUID, verdict: Verdict, note: str) -> None:
    """What a reply turned out to be (QUA-08). Raises ``RefusedError``: ``not_allowed``, ``unknown_reply``."""
    permissions.check(person, "quality.replies")
    async with connection.transaction():
        if await connection.fetchval(QUERIES["check_reply"], reply_id, verdict, note, person.username, clock.now()) is None:
            raise RefusedError("unknown_reply")
        await orders.audit(connection, person, "quality.reply_checked", f"reply:{reply_id}", {"verdict": verdict})


async def _by_code(connection: asyncpg.Connection, begin: dt.datetime, end: dt.datetime, agent: str) -> list[OfCode]:
    return [book.read(row, OfCode) for row in await connection.fetch(QUERIES["findings_by_code"], begin, end, agent)]


def _shown(row: asyncpg.Record) -> Shown:
    detail = msgspec.json.decode(row["detail"])
    known = checks.BY_CODE.get(row["code"])
    return book.read(row, Shown, detail=detail, why=checks.why(row["code"], detail), rule=known.rule if known else "")

"""Sample plans: each week of each is drawn exactly once, by chance, with a seed that is kept (QUA-01)."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid

import asyncpg
import msgspec
import structlog

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book, sampling, sheets
from crm.quality.book import QUERIES
from crm.quality.sampling import Candidate, Rule
from hotline import clock

_log = structlog.get_logger()
_WEEK = dt.timedelta(days=7)
_SEED_BITS = 52
"""A seed survives being a number in JSON."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan; ``last_week``: the newest that was drawn."""

    plan_id: uuid.UUID
    name: str
    sheet: str
    rule: Rule
    seed: int
    made_at: dt.datetime
    made_by: str
    ended_at: dt.datetime | None = None
    ended_by: str = ""
    last_week: dt.date | None = None


class Plans(msgspec.Struct, frozen=True):
    """A page, the newest first; beyond the last page ``total`` is 0."""

    plans: list[Plan]
    total: int


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """A week that was drawn: of how many calls how many, with which seed."""

    plan_id: uuid.UUID
    week: dt.date
    seed: int
    calls: int
    drawn: int
    drawn_at: dt.datetime
    drawn_by: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A call to be scored; ``state``: open, draft, submitted."""

    sample_id: uuid.UUID
    plan_id: uuid.UUID
    plan: str
    sheet: str
    week: dt.date
    recording_id: int
    agent: str
    node: str
    call_id: str
    started_at: dt.datetime
    length_ms: int
    state: str
    scorer: str
    score_id: uuid.UUID | None


class Samples(msgspec.Struct, frozen=True):
    """A page, the newest week first; beyond the last page ``total`` is 0."""

    samples: list[Sample]
    total: int


async def make(connection: asyncpg.Connection, person: Person, name: str, sheet: str, rule: Rule) -> Plan:
    """A new plan. Raises ``RefusedError``: ``not_allowed``, ``unknown_sheet``."""
    permissions.check(person, "quality.keep")
    await sheets.get(connection, sheet)
    made = Plan(
        plan_id=uuid.uuid4(),
        name=name,
        sheet=sheet,
        rule=rule,
        seed=secrets.randbits(_SEED_BITS),
        made_at=clock.now(),
        made_by=person.username,
    )
    async with connection.transaction():
        text = msgspec.json.encode(rule).decode()
        await connection.execute(QUERIES["add_plan"], made.plan_id, name, sheet, text, made.seed, made.made_at, made.made_by)
        await orders.audit(connection, person, "quality.plan", f"plan:{made.plan_id}", {"name": name})
    return made


async def listed(connection: asyncpg.Connection, person: Person, *, ended: bool, limit: int, page: int) -> Plans:
    """Plans in force, or all. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.plans")
    rows = await connection.fetch(QUERIES["plans"], ended, *book.paged(limit, page))
    return Plans([_plan(row) for row in rows], book.total(rows))


async def end(connection: asyncpg.Connection, person: Person, plan_id: uuid.UUID) -> None:
    """No week is drawn any more. Raises ``RefusedError``: ``not_allowed``, ``unknown_plan``, ``plan_ended``."""
    permissions.check(person, "quality.keep")
    async with connection.transaction():
        await _in_force(connection, plan_id)
        await connection.execute(QUERIES["end_plan"], plan_id, clock.now(), person.username)
        await orders.audit(connection, person, "quality.plan_ended", f"plan:{plan_id}", {})


async def draw(connection: asyncpg.Connection, person: Person, plan_id: uuid.UUID, week: dt.date) -> Draw:
    """Draw a week by hand; one that was drawn already is answered as it is.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_plan``, ``plan_ended``, ``bad_week``, ``week_not_over``.
    """
    permissions.check(person, "quality.keep")
    if week.isoweekday() != 1:
        raise RefusedError("bad_week", week=week)
    if week + _WEEK > clock.shanghai_now().date():
        raise RefusedError("week_not_over", week=week)
    async with connection.transaction():
        drawn = await _draw(connection, plan_id, week, person.username)
        await orders.audit(connection, person, "quality.draw", f"plan:{plan_id}", {"week": week, "drawn": drawn.drawn})
    return drawn


async def draw_due(connection: asyncpg.Connection, today: dt.date) -> int:
    """Weeks that are over and were not drawn; returns how many were. ``today``: Shanghai's day."""
    monday = today - dt.timedelta(days=today.weekday())
    due = await connection.fetch(QUERIES["plans_due"], monday, today)
    count = 0
    for row in due:
        try:
            async with connection.transaction():
                await _draw(connection, row["plan_id"], row["week"], "")
        except RefusedError:  # ended meanwhile
            continue
        count += 1
    if count:
        _log.info("samples were drawn", weeks=count)
    return count


async def samples(
    connection: asyncpg.Connection, person: Person, *, plan: uuid.UUID | None, done: bool, limit: int, page: int
) -> Samples:
    """What is to be scored, without the person's own calls. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.score")
    rows = await connection.fetch(QUERIES["samples"], plan, done, person.agent, *book.paged(limit, page))
    await orders.audit(connection, person, "quality.samples", "samples", {"recordings": [row["recording_id"] for row in rows]})
    return Samples([book.read(row, Sample) for row in rows], book.total(rows))


async def _draw(connection: asyncpg.Connection, plan_id: uuid.UUID, week: dt.date, by: str) -> Draw:
    """Within a transaction: the plan's row is locked, so that a week is drawn once."""
    plan = await _in_force(connection, plan_id)
    known = await connection.fetchrow(QUERIES["draw_of"], plan_id, week)
    if known is not None:
        return book.read(known, Draw)
    begin = dt.datetime.combine(week, dt.time(), clock.SHANGHAI)
    today = clock.shanghai_now().date()
    rows = await connection.fetch(QUERIES["candidates"], plan_id, begin, begin + _WEEK, today)
    seed = plan.seed ^ week.toordinal()
    chosen = sampling.draw([_candidate(row) for row in rows], plan.rule, seed)
    await connection.execute(QUERIES["keep_draw"], plan_id, week, seed, len(rows), len(chosen), clock.now(), by or "plan")
    await connection.execute(
        QUERIES["keep_samples"], plan_id, week, [one.recording_id for one in chosen], [one.agent for one in chosen]
    )
    return book.read(await connection.fetchrow(QUERIES["draw_of"], plan_id, week), Draw)


def _candidate(row: asyncpg.Record) -> Candidate:
    return book.read(row, Candidate, findings=frozenset(row["findings"]))


async def _in_force(connection: asyncpg.Connection, plan_id: uuid.UUID) -> Plan:
    row = await connection.fetchrow(QUERIES["plan"], plan_id)
    if row is None:
        raise RefusedError("unknown_plan")
    if row["ended_at"]:
        raise RefusedError("plan_ended")
    return _plan(row)


def _plan(row: asyncpg.Record) -> Plan:
    return book.read(row, Plan, rule=msgspec.json.decode(row["rule"], type=Rule))

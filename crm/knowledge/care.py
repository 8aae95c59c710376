"""What keeps the knowledge base right (KBA-07, KBA-09, KBA-13): reports of errors, searches that missed, entries due for review.

A report or a review is its owner's to deal with: the unit's editor, or the centre's. The loop keeps the telephone menu in step
with the time, reminds owners by an alarm, and makes the partitions of the words of tickets ahead.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from typing import Any, Literal

import asyncpg
import msgspec
import structlog

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.knowledge import dictionary, entries, samples, spoken, ticket_search
from crm.knowledge.entries import LARGEST_PAGE
from crm.knowledge.spoken import QUERIES
from crm.units import tree
from hotline import clock, rounds

_log = structlog.get_logger()
ReportKind = Literal["wrong", "outdated", "unclear", "incomplete"]
_EDIT = "knowledge.edit"
EVERY_SECONDS = 60.0
LEARN_SECONDS = 3600.0
AHEAD = dt.timedelta(days=14)
"""An entry is due so long before its review or its end."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody says that an entry is wrong."""

    report_id: uuid.UUID
    entry_id: uuid.UUID
    title: str
    owner_unit: str
    version: int
    at: dt.datetime
    by: str
    kind: ReportKind
    text: str


class Reports(msgspec.Struct, frozen=True):
    """A page, the oldest first; beyond the last page ``total`` is 0."""

    reports: list[Report]
    total: int


class Miss(msgspec.Struct, frozen=True):
    """What was looked for and not found, and how often."""

    text: str
    missed: int
    first_at: dt.datetime
    last_at: dt.datetime


class Misses(msgspec.Struct, frozen=True):
    """A page, the most frequent first; beyond the last page ``total`` is 0."""

    misses: list[Miss]
    total: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An entry in a list for who writes and releases. ``newest`` beyond ``version``: a change waits to be released."""

    entry_id: uuid.UUID
    state: str
    version: int
    newest: int
    kind: str
    topic: str
    title: str
    owner_unit: str
    owner_name: str
    editor: str
    changed_at: dt.datetime
    valid_to: dt.datetime | None
    review_on: dt.date | None


class Lines(msgspec.Struct, frozen=True):
    """A page; beyond the last page ``total`` is 0."""

    entries: list[Line]
    total: int


async def report(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, kind: ReportKind, text: str) -> uuid.UUID:
    """Say that an entry in force is wrong (KBA-07); the report's id. Raises as ``entries.read``."""
    permissions.check(person, "knowledge.report")
    shown = await entries.read(connection, person, entry_id, used=False)
    made = uuid.uuid4()
    async with connection.transaction():
        await connection.execute(QUERIES["report"], made, entry_id, shown.version, clock.now(), person.username, kind, text)
        await orders.audit(connection, person, "knowledge.report", f"entry:{entry_id}", {"kind": kind})
    return made


async def reports(connection: asyncpg.Connection, person: Person, *, limit: int = 20, page: int = 1) -> Reports:
    """Reports that are open, about entries that the person may edit. Raises ``RefusedError``: ``not_allowed``."""
    rows = await connection.fetch(QUERIES["reports"], await owned(connection, person), *_paged(limit, page))
    return Reports([Report(**_values(row, Report)) for row in rows], _total(rows))


async def settle(connection: asyncpg.Connection, person: Person, report_id: uuid.UUID, note: str) -> None:
    """Deal with a report. Raises ``RefusedError``: ``unknown_report``, ``not_allowed``, ``settled_already``."""
    async with connection.transaction():
        row = await connection.fetchrow(QUERIES["report_of"], report_id)
        if row is None:
            raise RefusedError("unknown_report")
        await entries.authorise(connection, person, _EDIT, row["owner_unit"])
        if row["settled_at"]:
            raise RefusedError("settled_already")
        await connection.execute(QUERIES["settle_report"], report_id, clock.now(), person.username, note)
        await orders.audit(connection, person, "knowledge.report_settled", f"entry:{row['entry_id']}", {"note": note})


async def misses(connection: asyncpg.Connection, person: Person, *, limit: int = 20, page: int = 1) -> Misses:
    """What was looked for and not found, and nobody has dealt with (KBA-09). Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "knowledge.misses")
    rows = await connection.fetch(QUERIES["misses"], *_paged(limit, page))
    return Misses([Miss(**_values(row, Miss)) for row in rows], _total(rows))


async def settle_miss(connection: asyncpg.Connection, person: Person, text: str) -> None:
    """An entry was written, or none is wanted. Raises ``RefusedError``: ``not_allowed``, ``unknown_miss``."""
    permissions.check(person, "knowledge.misses")
    async with connection.transaction():
        if not await connection.fetchval(QUERIES["settle_miss"], text, clock.now(), person.username):
            raise RefusedError("unknown_miss")
        await orders.audit(connection, person, "knowledge.miss_settled", "misses", {"text": text})


async def listed(
    connection: asyncpg.Connection, person: Person, *, state: str = "", waiting: bool = False, limit: int = 20, page: int = 1
) -> Lines:
    """Entries that the person may edit, the newest changes first; ``waiting``: for their release.

    Raises ``RefusedError``: ``not_allowed``.
    """
    rows = await connection.fetch(QUERIES["listed"], await owned(connection, person), state, waiting, *_paged(limit, page))
    return Lines([Line(**_values(row, Line)) for row in rows], _total(rows))


async def reviews(
    connection: asyncpg.Connection, person: Person, *, days: int = AHEAD.days, limit: int = 20, page: int = 1
) -> Lines:
    """Entries to be looked through, or that end, within so many days (KBA-13). Raises ``RefusedError``: ``not_allowed``."""
    until = clock.shanghai_now().date() + dt.timedelta(days=days)
    rows = await connection.fetch(QUERIES["reviews"], await owned(connection, person), until, *_paged(limit, page))
    return Lines([Line(**_values(row, Line)) for row in rows], _total(rows))


async def reviewed(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, again: dt.date) -> None:
    """It was looked through and is right; ``again``: when to look next.

    Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``, ``day_past``.
    """
    async with connection.transaction():
        row = await entries.locked(connection, person, _EDIT, entry_id)
        if again <= clock.shanghai_now().date():
            raise RefusedError("day_past")
        now = clock.now()
        await connection.execute(QUERIES["set_review"], entry_id, again, now)
        await connection.execute(QUERIES["note"], entry_id, now, person.username, "reviewed", row["version"], "")
        await orders.audit(connection, person, "knowledge.reviewed", f"entry:{entry_id}", {"again": again})


async def owned(connection: asyncpg.Connection, person: Person) -> list[str]:
    """The units whose entries the person may edit; none: everybody's. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, _EDIT)
    if permissions.MATRIX[_EDIT][person.role] != "unit":
        return []
    return sorted(await tree.below(connection, person.unit) | {person.unit})


async def run(parts: Parts) -> None:
    """For ever: what the time changes; a private database without entries begins with samples. PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            if not parts.settings.database.dsn:
                await samples.put(connection)
            await tend(connection, clock.now())

    await rounds.forever(work, "the knowledge base is not tended", every=EVERY_SECONDS)


async def tend(connection: asyncpg.Connection, now: dt.datetime) -> None:
    """Once: the menu in step with the time, owners reminded, partitions ahead."""
    for row in await connection.fetch(QUERIES["out_of_step"], now):
        await _in_step(connection, row["entry_id"], now)
    await _remind(connection, now)
    await ticket_search.ensure_partitions(connection, now)


async def keep_words(pool: asyncpg.Pool) -> None:
    """For ever, in a process that searches: the dictionary is loaded before anybody asks, and learns our own words each hour."""
    await rounds.forever(lambda: learn(pool), "our own words are not known", every=LEARN_SECONDS)


async def learn(pool: asyncpg.Pool) -> None:
    """Load the dictionary and put our own words into it."""
    await asyncio.to_thread(dictionary.load)
    dictionary.add([row["word"] for row in await pool.fetch(QUERIES["own_words"])])


async def _in_step(connection: asyncpg.Connection, entry_id: uuid.UUID, now: dt.datetime) -> None:
    try:
        async with connection.transaction():
            row = await connection.fetchrow(QUERIES["lock"], entry_id)
            content = entries.content_of_row(row) if row["state"] == "released" else None
            await spoken.keep(connection, entry_id, content, row["released_by"], now)
    except RefusedError as refused:
        _log.warning("the telephone menu is not in step with an entry", entry=str(entry_id), why=refused.code)


async def _remind(connection: asyncpg.Connection, now: dt.datetime) -> None:
    """One alarm for each owner with entries that are due; it clears when there are none (KBA-13)."""
    until = (now + AHEAD).astimezone(clock.SHANGHAI).date()
    due = {f"unit:{row['owner_unit']}": row["entries"] for row in await connection.fetch(QUERIES["due_by_owner"], until)}
    known = {row["subject"] for row in await connection.fetch(QUERIES["open_reminders"])}
    for subject in due.keys() - known:
        await connection.execute(QUERIES["remind"], subject, now, float(due[subject]))
    for subject in known - due.keys():
        await connection.execute(QUERIES["end_reminder"], subject, now)


def _paged(limit: int, page: int) -> tuple[int, int]:
    limit = min(max(limit, 1), LARGEST_PAGE)
    return limit, min(max(page - 1, 0), 10_000) * limit


def _values(row: asyncpg.Record, kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: row[name] for name in kind.__struct_fields__}


def _total(rows: list[asyncpg.Record]) -> int:
    return int(rows[0]["total"]) if rows else 0

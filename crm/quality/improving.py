"""What makes the hotline better: suggestions of staff and units (QUA-13), and lines tried as a citizen would (QUA-09)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book
from crm.quality.records import QUERIES, not_ahead
from hotline import clock

Answer = Literal["accepted", "declined"]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=36_000)]


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody of the centre or of a unit proposes."""

    suggestion_id: uuid.UUID
    text: str
    by: str
    unit: str
    made_at: dt.datetime
    state: str = "open"
    answer: str = ""
    answered_by: str = ""
    answered_at: dt.datetime | None = None


class Suggestions(msgspec.Struct, frozen=True):
    """A page, the latest first; beyond the last page ``total`` is 0."""

    suggestions: list[Suggestion]
    total: int


class Attempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One time that the line was dialled, and how long each stage took; None: not reached."""

    result: Literal["solved", "not_solved", "no_agent", "busy", "no_answer"]
    ring_seconds: _Seconds | None = None
    menu_seconds: _Seconds | None = None
    wait_seconds: _Seconds | None = None
    solve_seconds: _Seconds | None = None


class Mystery(msgspec.Struct, frozen=True, kw_only=True):
    """A test of a line: three attempts at most; the last one counts."""

    mystery_id: uuid.UUID
    line: str
    at: dt.datetime
    attempts: list[Attempt]
    passed: bool
    note: str
    made_by: str
    made_at: dt.datetime


class OfLine(msgspec.Struct, frozen=True):
    """All tests of a line: means of their last attempts."""

    line: str
    tests: int
    passed: int
    attempts: float
    ring_seconds: float | None
    menu_seconds: float | None
    wait_seconds: float | None
    solve_seconds: float | None


class Mysteries(msgspec.Struct, frozen=True):
    """A page, the latest first, and each line's figures of the whole time."""

    calls: list[Mystery]
    total: int
    lines: list[OfLine]


async def suggest(connection: asyncpg.Connection, person: Person, text: str) -> Suggestion:
    """Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.suggest")
    made = Suggestion(suggestion_id=uuid.uuid4(), text=text, by=person.username, unit=person.unit, made_at=clock.now())
    async with connection.transaction():
        await connection.execute(QUERIES["add_suggestion"], *msgspec.structs.astuple(made)[:5])
        await orders.audit(connection, person, "quality.suggestion", f"suggestion:{made.suggestion_id}", {})
    return made


async def suggestions(connection: asyncpg.Connection, person: Person, *, state: str, limit: int, page: int) -> Suggestions:
    """Everybody's for who answers them, and one's own. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.suggest")
    whose = "" if permissions.may(person, "quality.suggestions") else person.username
    rows = await connection.fetch(QUERIES["suggestions"], whose, state, *book.paged(limit, page))
    return Suggestions([book.read(row, Suggestion) for row in rows], book.total(rows))


async def answer_suggestion(
    connection: asyncpg.Connection, person: Person, suggestion_id: uuid.UUID, state: Answer, answer: str
) -> Suggestion:
    """Raises ``RefusedError``: ``not_allowed``, ``unknown_suggestion``, ``settled_already``."""
    permissions.check(person, "quality.suggestions")
    async with connection.transaction():
        row = await connection.fetchrow(QUERIES["suggestion"], suggestion_id)
        if row is None:
            raise RefusedError("unknown_suggestion")
        if row["state"] != "open":
            raise RefusedError("settled_already")
        now = clock.now()
        await connection.execute(QUERIES["answer_suggestion"], suggestion_id, state, answer, person.username, now)
        await orders.audit(connection, person, "quality.suggestion_answered", f"suggestion:{suggestion_id}", {"is": state})
        return book.read(await connection.fetchrow(QUERIES["suggestion"], suggestion_id), Suggestion)


async def add_mystery(
    connection: asyncpg.Connection, person: Person, *, line: str, at: dt.datetime, attempts: Sequence[Attempt], note: str
) -> Mystery:
    """Passed when the last attempt was solved. Raises ``RefusedError``: ``not_allowed``, ``time_ahead``."""
    permissions.check(person, "quality.mystery")
    now, passed = not_ahead(at), attempts[-1].result == "solved"
    made = Mystery(
        mystery_id=uuid.uuid4(),
        line=line,
        at=at,
        attempts=list(attempts),
        passed=passed,
        note=note,
        made_by=person.username,
        made_at=now,
    )
    async with connection.transaction():
        tried = msgspec.json.encode(made.attempts).decode()
        await connection.execute(QUERIES["add_mystery"], made.mystery_id, line, at, tried, passed, note, made.made_by, now)
        await orders.audit(connection, person, "quality.mystery", f"line:{line}", {"passed": passed})
    return made


async def mysteries(
    connection: asyncpg.Connection,
    person: Person,
    begin: dt.datetime,
    end: dt.datetime,
    *,
    line: str,
    limit: int,
    page: int,
) -> Mysteries:
    """Tests of lines, and the report by line. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.plans")
    rows = await connection.fetch(QUERIES["mysteries"], begin, end, line, *book.paged(limit, page))
    found = [book.read(row, Mystery, attempts=msgspec.json.decode(row["attempts"], type=list[Attempt])) for row in rows]
    lines = [book.read(row, OfLine) for row in await connection.fetch(QUERIES["by_line"], begin, end)]
    return Mysteries(found, book.total(rows), lines)

"""Errors of agents (QUA-12), and complaints about staff with their validity (QUA-10, KPI-04)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import book
from hotline import clock, sql

QUERIES = sql.load(book.FOLDER / "quality_records.sql")
ErrorKind = Literal["wrong_unit", "form_returned", "wrong_answer", "missed_confidentiality", "other"]
About = Literal["attitude", "professional"]
Step = Literal["acceptance", "transfer", "handling", "callback", "supervision"]
Validity = Literal["valid", "invalid"]


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """An error of an agent, in a ticket or a call."""

    error_id: uuid.UUID
    agent: str
    kind: ErrorKind
    at: dt.datetime
    ticket: str = ""
    recording_id: int | None = None
    note: str = ""
    noted_by: str
    noted_at: dt.datetime
    withdrawn_at: dt.datetime | None = None
    withdrawn_by: str = ""
    why: str = ""


class Errors(msgspec.Struct, frozen=True):
    """A page, the latest first; beyond the last page ``total`` is 0."""

    errors: list[Error]
    total: int


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint about staff; ``agent`` empty: not known."""

    complaint_id: uuid.UUID
    agent: str
    about: About
    step: Step
    at: dt.datetime
    ticket: str
    text: str
    logged_by: str
    logged_at: dt.datetime
    state: str = "open"
    checked_by: str = ""
    checked_at: dt.datetime | None = None
    conclusion: str = ""


class Complaints(msgspec.Struct, frozen=True):
    """A page, and of the whole time how many were logged, are valid, are open; ``rate``: valid ones of calls (KPI-04)."""

    complaints: list[Complaint]
    total: int
    logged: int
    valid: int
    open: int
    rate: float | None


async def add_error(
    connection: asyncpg.Connection,
    person: Person,
    *,
    agent: str,
    kind: ErrorKind,
    at: dt.datetime,
    ticket: str,
    recording_id: int | None,
    note: str,
) -> Error:
    """Raises ``RefusedError``: ``not_allowed``, ``time_ahead``, ``unknown_recording``."""
    permissions.check(person, "quality.errors")
    now = not_ahead(at)
    if recording_id is not None and not await connection.fetchval(QUERIES["is_recording"], recording_id):
        raise RefusedError("unknown_recording")
    made = Error(
        error_id=uuid.uuid4(),
        agent=agent,
        kind=kind,
        at=at,
        ticket=ticket,
        recording_id=recording_id,
        note=note,
        noted_by=person.username,
        noted_at=now,
    )
    async with connection.transaction():
        await connection.execute(QUERIES["add_error"], *msgspec.structs.astuple(made)[:9])
        await orders.audit(connection, person, "quality.error", f"agent:{agent}", {"kind": kind, "error": str(made.error_id)})
    return made


async def errors(
    connection: asyncpg.Connection,
    person: Person,
    begin: dt.datetime,
    end: dt.datetime,
    *,
    agent: str,
    kind: str,
    limit: int,
    page: int,
) -> Errors:
    """Everybody's, or one's own. Raises ``RefusedError``: ``not_allowed``."""
    whom = await book.whose(connection, person, agent)
    rows = await connection.fetch(QUERIES["errors"], begin, end, whom, kind, *book.paged(limit, page))
    await orders.audit(connection, person, "quality.errors", f"agent:{whom}" if whom else "errors", {"count": len(rows)})
    return Errors([book.read(row, Error) for row in rows], book.total(rows))


async def withdraw_error(connection: asyncpg.Connection, person: Person, error_id: uuid.UUID, why: str) -> None:
    """It was none. Raises ``RefusedError``: ``not_allowed``, ``unknown_error_event``, ``settled_already``."""
    permissions.check(person, "quality.errors")
    async with connection.transaction():
        agent = await connection.fetchval(QUERIES["withdraw_error"], error_id, clock.now(), person.username, why)
        if agent is None:
            known = await connection.fetchval(QUERIES["is_error"], error_id)
            raise RefusedError("settled_already" if known else "unknown_error_event")
        await orders.audit(connection, person, "quality.error_withdrawn", f"agent:{agent}", {"error": str(error_id)})


async def add_complaint(
    connection: asyncpg.Connection,
    person: Person,
    *,
    agent: str,
    about: About,
    step: Step,
    at: dt.datetime,
    ticket: str,
    text: str,
) -> Complaint:
    """Raises ``RefusedError``: ``not_allowed``, ``time_ahead``."""
    permissions.check(person, "quality.complain")
    made = Complaint(
        complaint_id=uuid.uuid4(),
        agent=agent,
        about=about,
        step=step,
        at=at,
        ticket=ticket,
        text=text,
        logged_by=person.username,
        logged_at=not_ahead(at),
    )
    async with connection.transaction():
        await connection.execute(QUERIES["add_complaint"], *msgspec.structs.astuple(made)[:9])
        subject = f"complaint:{made.complaint_id}"
        await orders.audit(connection, person, "quality.complaint", subject, {"agent": agent, "about": about})
    return made


async def complaints(
    connection: asyncpg.Connection,
    person: Person,
    begin: dt.datetime,
    end: dt.datetime,
    *,
    agent: str,
    state: str,
    limit: int,
    page: int,
) -> Complaints:
    """Raises ``RefusedError``: ``not_allowed``. Who a complaint is about does not read it: there are only their counts."""
    permissions.check(person, "quality.complaints")
    rows = await connection.fetch(QUERIES["complaints"], begin, end, agent, state, *book.paged(limit, page))
    rate = await connection.fetchrow(QUERIES["complaint_rate"], begin, end)
    seen = [str(row["complaint_id"]) for row in rows]
    await orders.audit(connection, person, "quality.complaints", "complaints", {"complaints": seen})
    return Complaints(
        [book.read(row, Complaint) for row in rows],
        book.total(rows),
        rate["logged"],
        rate["valid"],
        rate["open"],
        rate["valid"] / rate["calls"] if rate["calls"] else None,
    )


async def check_complaint(
    connection: asyncpg.Connection, person: Person, complaint_id: uuid.UUID, validity: Validity, *, agent: str, conclusion: str
) -> Complaint:
    """``agent``: who it turned out to be about, empty: as it was.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_complaint``, ``settled_already``, ``own_call``: it is about the person.
    """
    permissions.check(person, "quality.review")
    async with connection.transaction():
        found = await _complaint(connection, complaint_id)
        if found.state != "open":
            raise RefusedError("settled_already")
        whom = agent or found.agent
        if person.agent and person.agent in (whom, found.agent):
            raise RefusedError("own_call")
        values = (complaint_id, validity, whom, conclusion, person.username, clock.now())
        await connection.execute(QUERIES["check_complaint"], *values)
        await orders.audit(connection, person, "quality.complaint_checked", f"complaint:{complaint_id}", {"is": validity})
        return await _complaint(connection, complaint_id)


def not_ahead(at: dt.datetime) -> dt.datetime:
    """Now; raises ``RefusedError`` (``time_ahead``) when ``at`` is later."""
    now = clock.now()
    if at > now:
        raise RefusedError("time_ahead")
    return now


async def _complaint(connection: asyncpg.Connection, complaint_id: uuid.UUID) -> Complaint:
    row = await connection.fetchrow(QUERIES["complaint"], complaint_id)
    if row is None:
        raise RefusedError("unknown_complaint")
    return book.read(row, Complaint)

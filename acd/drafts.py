"""Ticket drafts: what a call leaves to be done, until the ticket system takes it (TWC-05, TWC-08, TWC-15).

A draft holds a citizen's data: whoever reads or amends one leaves a line in the audit log (SEC-12).
"""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from acd import orders
from acd.errors import RefusedError
from acd.permissions import Person, may
from hotline import sql

Outcome = Literal["answered", "not_competent", "declined", "unreachable", "caller_left", "no_consent", "failed", "cancelled"]
_QUERIES = sql.load(Path(__file__).parent / "sql" / "drafts.sql")
_ACTION, _READS = "ticket.draft", "draft.read"
LARGEST_PAGE = 100


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the unit was dialled: ``result`` in one word (``BUSY``), ``cause`` as the network gave it, if it did."""

    number: str
    dialled_at: dt.datetime
    ended_at: dt.datetime | None = None
    result: str
    cause: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft. ``made_by`` is the agent's number; ``caller`` the number that called; ``end_order`` who left, first first.

    ``consent`` is None when nobody asked (TWC-04). ``unit_name`` stays when the unit goes from the directory.
    """

    draft_id: uuid.UUID = msgspec.field(default_factory=uuid.uuid4)
    node: str
    call_id: str
    threeway_id: str = ""
    caller: str = ""
    contact_number: str = ""
    unit: str = ""
    unit_name: str = ""
    question: str = ""
    consent: bool | None = None
    attempts: list[Attempt] = []
    joined_at: dt.datetime | None = None
    end_order: str = ""
    outcome: Outcome
    further_questions: str = ""
    made_by: str
    made_at: dt.datetime
    taken_at: dt.datetime | None = None


class Page(msgspec.Struct, frozen=True):
    """Drafts, the newest first, and how many there are in all."""

    drafts: list[Draft]
    total: int


async def make(connection: asyncpg.Connection, draft: Draft) -> uuid.UUID:
    """Keep a draft; its id. A call, or a three-way call of it, has one: the first stays as it is, and its id is returned."""
    values = {name: getattr(draft, name) for name in Draft.__struct_fields__ if name != "taken_at"}
    values["attempts"] = msgspec.json.encode(draft.attempts).decode()
    await connection.execute(_QUERIES["make"], *values.values())
    known: uuid.UUID = await connection.fetchval(_QUERIES["known"], draft.node, draft.call_id, draft.threeway_id)
    return known


async def get(pool: asyncpg.Pool, person: Person, draft_id: uuid.UUID) -> Draft:
    """One draft. Raises ``RefusedError``: ``unknown_draft``, ``not_allowed``."""
    row = await pool.fetchrow(_QUERIES["get"], draft_id)
    if row is None:
        raise RefusedError("unknown_draft")
    await orders.authorise(pool, person, _READS, row["made_by"])
    await orders.audit(pool, person, "draft.read", f"draft:{draft_id}", {})
    return _draft(row)


async def listed(pool: asyncpg.Pool, person: Person, *, taken: bool = False, limit: int = 20, page: int = 1) -> Page:
    """Drafts that the person may see: those of everybody, or one's own; ``taken``: also those of which a ticket was made.

    Raises ``RefusedError``: ``not_allowed``. Beyond the last page ``total`` is 0.
    """
    await orders.authorise(pool, person, _READS)
    whose = "" if may(person, _READS, "*") else person.agent
    limit = min(max(limit, 1), LARGEST_PAGE)
    rows = await pool.fetch(_QUERIES["list"], whose, taken, limit, min(max(page - 1, 0), 10_000) * limit)
    await orders.audit(pool, person, "draft.list", "drafts", {"drafts": [str(row["draft_id"]) for row in rows]})
    return Page([_draft(row) for row in rows], rows[0]["total"] if rows else 0)


async def of_unit(database: asyncpg.Pool | asyncpg.Connection, person: Person, unit: str) -> list[Draft]:
    """The newest drafts about a unit of which no ticket has been made; who may see them is decided by whoever asks."""
    rows = await database.fetch(_QUERIES["of_unit"], unit, LARGEST_PAGE)
    await orders.audit(database, person, "draft.list", f"unit:{unit}", {"drafts": [str(row["draft_id"]) for row in rows]})
    return [_draft(row) for row in rows]


async def amend(
    pool: asyncpg.Pool,
    person: Person,
    draft_id: uuid.UUID,
    *,
    contact_number: str | None = None,
    question: str | None = None,
    further_questions: str | None = None,
) -> Draft:
    """Complete what the citizen said (TWC-05, TWC-11); None leaves a value as it is. What happened is not amended.

    Raises ``RefusedError``: ``unknown_draft``, ``not_allowed``, ``draft_taken``.
    """
    values = {"contact_number": contact_number, "question": question, "further_questions": further_questions}
    async with pool.acquire() as connection:
        row = await connection.fetchrow(_QUERIES["get"], draft_id)
        if row is None:
            raise RefusedError("unknown_draft")
        await orders.authorise(connection, person, _ACTION, row["made_by"])
        async with connection.transaction():
            if await connection.fetchrow(_QUERIES["amend"], draft_id, *values.values()) is None:
                raise RefusedError("draft_taken")
            changed = [name for name, value in values.items() if value is not None]
            await orders.audit(connection, person, "draft.amend", f"draft:{draft_id}", {"values": changed})
            return _draft(await connection.fetchrow(_QUERIES["get"], draft_id))


async def take(connection: asyncpg.Connection, draft_id: uuid.UUID) -> bool:
    """A ticket is made of it in this transaction; False when one was made already, or there is no such draft."""
    return bool(await connection.fetchval(_QUERIES["take"], draft_id))


def _draft(row: asyncpg.Record) -> Draft:
    values = {name: row[name] for name in Draft.__struct_fields__}
    values["attempts"] = msgspec.json.decode(row["attempts"], type=list[Attempt])
    return Draft(**values)

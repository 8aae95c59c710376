"""Tickets in PostgreSQL: read with what is counted beside them, saved by column, and what is kept beside them added or completed.

Every function works inside of the caller's transaction, on a ticket whose row that has locked.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from acd.permissions import Person
from crm.errors import RefusedError
from crm.tickets import rows
from crm.tickets.change import Kept
from crm.tickets.draft import COUNTED
from crm.tickets.surroundings import UnitKnown
from crm.tickets.ticket import Identity, Ticket
from hotline import sql

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "tickets.sql")
COLUMNS = frozenset(Ticket.__struct_fields__) - COUNTED
"""Fields of a ticket that are columns of its table."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history (LIF-41): ``seq`` is the version that it made of the ticket."""

    seq: int
    at: dt.datetime
    actor: str
    role: str
    action: str
    from_state: str
    to_state: str
    reason: str = ""
    detail: dict[str, Any] = {}


async def lock(connection: asyncpg.Connection, ids: Collection[int]) -> dict[int, int]:
    """Lock these tickets, in the order of their ids, so that two who want the same never wait for each other; their versions."""
    return {row["ticket_id"]: row["version"] for row in await connection.fetch(QUERIES["lock"], sorted(set(ids)))}


async def load(connection: asyncpg.Connection, ticket_id: int) -> Ticket:
    """The ticket with its counts; raises ``RefusedError``: ``unknown_ticket``."""
    found = await connection.fetchval(QUERIES["load"], ticket_id)
    if found is None:
        raise RefusedError("unknown_ticket", ticket=str(ticket_id))
    return msgspec.json.decode(found, type=Ticket)


async def add(connection: asyncpg.Connection, ticket: Ticket) -> None:
    """A new ticket's row."""
    values = {name: value for name, value in msgspec.structs.asdict(ticket).items() if name in COLUMNS}
    await connection.execute(QUERIES["add"], _json(values))


async def save(connection: asyncpg.Connection, ticket: Ticket, values: Mapping[str, Any], now: dt.datetime) -> int:
    """Change these columns of the ticket as it was loaded; the new version. Raises ``KeyError`` for what is no column."""
    strange = sorted(set(values) - COLUMNS)
    if strange:
        raise KeyError(f"tickets has no column {strange[0]}")
    version = await connection.fetchval(QUERIES["save"], ticket.ticket_id, _json(values), ticket.version, now)
    if version is None:
        raise RefusedError("changed_meanwhile", ticket=str(ticket.ticket_id))
    return int(version)


async def put_identity(connection: asyncpg.Connection, ticket_id: int, values: Mapping[str, Any]) -> None:
    """Set what is known of the citizen; needs the eyes of the staff (``crm.callers.viewer``)."""
    strange = sorted(set(values) - set(Identity.__struct_fields__))
    if strange:
        raise KeyError(f"ticket_identities has no column {strange[0]}")
    await connection.execute(QUERIES["put_identity"], ticket_id, _json(values))


async def identity(connection: asyncpg.Connection, ticket_id: int) -> Identity:
    """Who the citizen is, as far as the transaction may see it."""
    found = await connection.fetchval(QUERIES["identity"], ticket_id)
    return msgspec.json.decode(found, type=Identity) if found else Identity()


async def keep(connection: asyncpg.Connection, ticket_id: int, kept: Iterable[Kept], at: dt.datetime, by: str) -> None:
    """Add rows beside the ticket, or complete the newest one that fits; ``KeyError`` for a table or column that is none."""
    for one in kept:
        if one.is_new:
            row = rows.made(one.table, one.values, uuid.uuid4(), at, by)
            await connection.execute(QUERIES[f"add_{one.table}"], _json({**row, "ticket_id": ticket_id}))
        else:
            values, where = rows.columns(one.table, one.values), rows.columns(one.table, one.where, with_key=True)
            await connection.execute(QUERIES[f"complete_{one.table}"], ticket_id, _json(values), _json(where))


async def write_down(connection: asyncpg.Connection, ticket_id: int, event: Event) -> None:
    """A line of the history; it is never changed."""
    values = msgspec.structs.asdict(event)
    await connection.execute(QUERIES["add_event"], ticket_id, *(list(values.values())[:-1]), _json(event.detail))


async def units(connection: asyncpg.Connection, codes: Collection[str], day: dt.date) -> dict[str, UnitKnown]:
    """Those of these units that the directory has or had: whether they may get tickets on this day, whom to reach (TKT-05)."""
    found = await connection.fetch(QUERIES["units"], sorted(set(codes) - {""}), day)
    return {row["code"]: UnitKnown(**{**row, "above": tuple(reversed(row["above"]))}) for row in found}


def event(ticket: Ticket, person: Person, action: str, at: dt.datetime, **said: Any) -> Event:
    """The line for an action that has made ``ticket`` what it is."""
    return Event(seq=ticket.version, at=at, actor=person.username, role=person.role, action=action, to_state=ticket.state, **said)


def _json(values: Mapping[str, Any]) -> str:
    return msgspec.json.encode(values).decode()

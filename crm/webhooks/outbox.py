"""What is to be told about a ticket is written in the transaction that changes it: the one is never without the other.

It says what happened to which ticket, and nothing of the citizen: who needs more asks for the ticket, and is let in or not.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import asyncpg
import msgspec

from crm.tickets.ticket import Ticket, number
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "webhooks.sql")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a delivery about a ticket. ``version``: what the action made it, so that a receiver knows what is newer."""

    event: str
    at: dt.datetime
    number: str
    version: int
    state: str
    from_state: str
    nature: str | None
    category: str
    lead_unit: str
    co_units: tuple[str, ...]
    urgent: bool
    due_at: dt.datetime | None


async def note(connection: asyncpg.Connection, action: str, ticket: Ticket, at: dt.datetime, *, from_state: str = "") -> None:
    """``action`` (of the life cycle, or ``opened``) has made the ticket what it is. Inside of the transaction that changes it.

    The ticket's row has to be locked: that keeps what is told about one ticket in order.
    """
    told = Told(
        event=action,
        at=at,
        number=number(ticket.ticket_id, ticket.channel),
        version=ticket.version,
        state=ticket.state,
        from_state=from_state,
        nature=ticket.nature,
        category=ticket.category,
        lead_unit=ticket.lead_unit,
        co_units=ticket.co_units,
        urgent=ticket.urgent,
        due_at=ticket.due_at,
    )
    await connection.execute(_QUERIES["note"], ticket.ticket_id, action, msgspec.json.encode(told).decode())

"""What citizens hear about their tickets in the menu (IVR-06, SEC-06).

A row of ``ticket_answers`` is kept in the transaction that changes the ticket, so that the menu never says what was true before.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from crm.tickets.ticket import Ticket, is_confidential
from hotline import query_codes, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "ticket_answers.sql")

_ACCEPTED, _ASSIGNED, _HANDLING = "ticket-state-accepted", "ticket-state-assigned", "ticket-state-handling"
_ANSWERED, _RETURNED, _CLOSED = "ticket-state-answered", "ticket-state-returned", "ticket-state-closed"
STATES: Mapping[str, str] = {
    **dict.fromkeys(("draft", "accepted", "returned_to_acceptor", "pending_dispatch", "reported", "countersign"), _ACCEPTED),
    **dict.fromkeys(("dispatched", "return_requested"), _ASSIGNED),
    **dict.fromkeys(
        ("received", "in_progress", "extension_requested", "extension_second_review", "reply_proposed", "committed"), _HANDLING
    ),
    **dict.fromkeys(("replied", "callback_pending", "unreachable_1", "review"), _ANSWERED),
    "redo": _RETURNED,
    **dict.fromkeys(("answered", "rejected", "withdrawn", "merged", "closed", "archived"), _CLOSED),
}
"""State -> the prompt that says it."""
_EXPLAINED, _DECLINED = "ticket-result-explained", "ticket-result-declined"
_OUTCOMES = {"resolved": "ticket-result-solved", "planned": _EXPLAINED, "explained": _EXPLAINED, "not_true": _EXPLAINED}
"""Outcome of the last reply (GEN-16) -> the prompt that says it."""
RESULTS = frozenset((_EXPLAINED, _DECLINED, *_OUTCOMES.values()))
"""Every prompt that says a result."""
_TOLD = frozenset(("replied", "callback_pending", "unreachable_1", "review", "closed", "archived"))


def result(ticket: Ticket, outcome: str) -> str:
    """The prompt of the result; empty while there is none, or what was replied is not to be told any more (a redo)."""
    if ticket.state == "answered" or ticket.closing_ground == "answered":
        return _EXPLAINED
    if ticket.state == "rejected" or ticket.reject_reason or ticket.closing_ground == "demand_closed":
        return _DECLINED
    return _OUTCOMES.get(outcome, "") if ticket.state in _TOLD else ""


async def tell(connection: asyncpg.Connection, ticket: Ticket, now: dt.datetime) -> None:
    """Keep what is told about the ticket, and about those that were merged into it: the same, each to its own number."""
    if ticket.merged_into is not None:
        into, is_secret = str(ticket.merged_into), is_confidential(ticket)
        await connection.execute(_QUERIES["tell_as"], ticket.ticket_id, into, now, is_secret)
        return
    outcome = await connection.fetchval(_QUERIES["outcome"], ticket.ticket_id) or ""
    values = (STATES[ticket.state], result(ticket, outcome), is_confidential(ticket), now)
    await connection.execute(_QUERIES["tell"], ticket.ticket_id, *values)


async def tell_number(connection: asyncpg.Connection, ticket: Ticket, number: str, now: dt.datetime) -> None:
    """The number to which it is told without a code, and what is confidential at all: the one that the citizen called from."""
    await connection.execute(_QUERIES["tell_number"], str(ticket.ticket_id), number, STATES[ticket.state], now)


async def new_code() -> tuple[str, str]:
    """Six digits, and what is stored of them; the digits are told once and are nowhere afterwards."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    return code, await asyncio.to_thread(query_codes.hashed, code)


async def put_code(connection: asyncpg.Connection, ticket: Ticket, stored: str) -> None:
    """Only the newest code fits."""
    await connection.execute(_QUERIES["put_code"], str(ticket.ticket_id), stored)

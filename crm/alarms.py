"""Alarms about tickets, in table ``alarms`` beside those of the calls (KPI-43): they begin and end by themselves.

``ticket_not_received``: a unit has not looked at tickets in time (DSP-13). ``dispatch_at_risk``: tickets are to be dispatched
within the hour, or should have been (TIM-01, TIM-02). ``ticket_adrift``: once a night, tickets that nobody has, without a clock,
or to which nothing was done in a month (GEN-23). ``value``: how many when it was raised.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import structlog

from acd.parts import Parts
from crm.tickets import lists
from hotline import clock, rounds, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "alarms.sql")
_PAUSE_SECONDS = 15.0
_AHEAD = dt.timedelta(hours=1)
_NIGHT_HOUR = 3
_DUE = ("ticket_not_received", "dispatch_at_risk")
_ADRIFT = "ticket_adrift"


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go. The nightly check is made at the start too: it is not known when the last one was."""
    checked: dt.date | None = None

    async def work() -> None:
        nonlocal checked
        now = clock.now()
        async with parts.pool.acquire() as connection:
            await watch_due(connection, now)
            if checked is None or _night(now) > checked:
                await check_adrift(connection, now)
                checked = _night(now)

    await rounds.forever(work, "alarms about tickets are not kept", every=_PAUSE_SECONDS)


async def watch_due(connection: asyncpg.Connection, now: dt.datetime) -> None:
    """One alarm for each unit that has not looked at a ticket in time, one for the cut-off; over when there is none any more."""
    rows = await connection.fetch(_QUERIES["due"], now, now + _AHEAD)
    await keep(connection, _DUE, now, {(row["kind"], row["subject"]): row["tickets"] for row in rows})


async def check_adrift(connection: asyncpg.Connection, now: dt.datetime) -> None:
    """GEN-23: there should be no such ticket; ``GET /api/tickets/adrift`` lists them."""
    found = await lists.lost(connection, now)
    for ticket in found:
        _log.warning("a ticket is adrift", ticket=ticket.number, lacks=ticket.lacks)
    await keep(connection, (_ADRIFT,), now, {(_ADRIFT, "tickets"): float(len(found))} if found else {})


async def keep(
    connection: asyncpg.Connection, kinds: tuple[str, ...], now: dt.datetime, wanted: Mapping[tuple[str, str], float]
) -> None:
    """Of these kinds those alarms are on that ``wanted`` says, ``(kind, subject)`` to value; all others are over."""
    columns = ([key[0] for key in wanted], [key[1] for key in wanted], list(wanted.values()))
    await connection.execute(_QUERIES["keep"], list(kinds), now, *columns)


def _night(now: dt.datetime) -> dt.date:
    """The day whose night check has come: it changes at three in the morning, in Shanghai."""
    return (now.astimezone(clock.SHANGHAI) - dt.timedelta(hours=_NIGHT_HOUR)).date()

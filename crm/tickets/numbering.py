"""Numbers of tickets (TKT-08, TKT-09): the day of Shanghai and a number within the day; unique, and never given out again."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import asyncpg

from crm.errors import RefusedError
from crm.tickets.ticket import LETTERS
from hotline import sql
from hotline.clock import SHANGHAI

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "tickets.sql")
_WRITTEN = re.compile(f"[{''.join(LETTERS.values())}]?([0-9]{{13,18}})", re.IGNORECASE)


async def next_id(connection: asyncpg.Connection, now: dt.datetime) -> int:
    """The id of a new ticket: ``yyyymmdd`` and five digits, six after the 99,999th of a day.

    Whoever opens the next one waits until this transaction ends: ask for it last. One that fails was never told.
    """
    day = now.astimezone(SHANGHAI).date()
    last: int = await connection.fetchval(_QUERIES["next_number"], day)
    return int(f"{day:%Y%m%d}{last:05d}")


def first_of(day: dt.date) -> int:
    """An id that no ticket of this day of Shanghai, or of a later one, is below."""
    return int(f"{day:%Y%m%d}00000")


def first_since(at: dt.datetime) -> int:
    """``first_of`` the day of Shanghai in which this moment is."""
    return first_of(at.astimezone(SHANGHAI).date())


def first_past(end: dt.datetime) -> int:
    """An id above those of the day of Shanghai that ends at this moment, or in which it is."""
    return first_since(end - dt.timedelta.resolution + dt.timedelta(days=1))


def id_of(written: str) -> int:
    """The id in a number as people write it, with its letter or without; raises ``RefusedError``: ``unknown_ticket``."""
    found = _WRITTEN.fullmatch(written.strip())
    if not found or not written.isascii():
        raise RefusedError("unknown_ticket", ticket=written[:40])
    return int(found[1])

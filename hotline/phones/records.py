"""Which calls reached an agent: a citizen's telephone cannot know it, so the call records in PostgreSQL are asked."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from hotline import clock, credentials, sql
from hotline.errors import CredentialsError

_QUERIES = sql.load(Path(__file__).parent / "sql" / "records.sql")
_CLOCK_SLACK = dt.timedelta(seconds=2)


async def answered_by_agent(
    numbers: Sequence[str], since: dt.datetime, expected: int, *, within: float
) -> tuple[int | None, str]:
    """How many calls from ``numbers`` since ``since`` have a conversation with an agent on record; waits for their records.

    Returns ``(count, "")``, or ``(None, reason)`` when the records cannot be read or are not all there after ``within`` seconds.
    """
    if expected == 0:
        return 0, ""
    try:
        connection = await asyncpg.connect(credentials.load().database, timeout=5)
    except (CredentialsError, OSError, TimeoutError, asyncpg.PostgresError) as error:
        return None, f"the call records cannot be read: {str(error) or type(error).__name__}"
    try:
        return await _wait(connection, sorted(set(numbers)), since - _CLOCK_SLACK, expected, within)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return None, f"the call records cannot be read: {error}"
    finally:
        await connection.close(timeout=5)


async def _wait(
    connection: asyncpg.Connection, numbers: list[str], since: dt.datetime, expected: int, within: float
) -> tuple[int | None, str]:
    deadline = clock.monotonic() + within
    while True:
        row = await connection.fetchrow(_QUERIES["of_callers"], numbers, since)
        if row["closed"] >= expected:
            return row["connected"], ""
        if clock.monotonic() >= deadline:
            return None, f"only {row['closed']} of {expected} call records were complete after {within:.0f} s"
        await asyncio.sleep(0.25)

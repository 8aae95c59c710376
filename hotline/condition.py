"""The condition of the database: does it answer, do its tables fit this checkout, which alarms are on (KPI-43)."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from pathlib import Path

import asyncpg
import msgspec

from hotline import database, probes, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "condition.sql")
_SECONDS = 3.0


class Alarm(msgspec.Struct, frozen=True):
    """One that is on. ``value`` is what was measured, ``limit_value`` what it should have been."""

    kind: str
    subject: str
    raised_at: dt.datetime
    value: float | None
    limit_value: float | None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """``away``: why it does not answer; then nothing else is known. Migrations by name: those not applied, applied ones that are
    not in this checkout, and applied ones that are different in it.
    """

    away: str | None = None
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()


def look(dsn: str) -> Condition:
    """Ask it, for a few seconds at most; changes nothing. Raises ``MigrationError`` for a checkout that is damaged."""
    try:
        return asyncio.run(_look(dsn))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        return Condition(away=probes.reason(error))


async def _look(dsn: str) -> Condition:
    async with asyncio.timeout(_SECONDS):
        connection = await asyncpg.connect(dsn, timeout=_SECONDS)
        try:
            applied = {row["number"]: (row["name"], row["digest"]) for row in await _rows(connection, "ledger")}
            alarms = tuple(Alarm(**row) for row in await _rows(connection, "alarms"))
        finally:
            await connection.close(timeout=1)
    ours = {number: (name, hashlib.sha256(text.encode()).hexdigest()) for number, name, text in database.migrations()}
    return Condition(
        missing=tuple(ours[number][0] for number in sorted(ours.keys() - applied.keys())),
        unknown=tuple(applied[number][0] for number in sorted(applied.keys() - ours.keys())),
        changed=tuple(name for number, (name, digest) in ours.items() if applied.get(number, ("", digest))[1] != digest),
        alarms=alarms,
    )


async def _rows(connection: asyncpg.Connection, query: str) -> list[asyncpg.Record]:
    """None from a table that is not there yet."""
    try:
        rows: list[asyncpg.Record] = await connection.fetch(_QUERIES[query])
    except asyncpg.UndefinedTableError:
        return []
    return rows

"""The audit log in PostgreSQL: writing a line, sealing, verifying (SEC-12, LIF-41).

Lines are sealed by whoever runs ``keep_sealed``, a moment after they were committed; nobody who writes one waits for that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import msgspec
import structlog

from hotline import rounds, sql
from hotline.audit import chain
from hotline.audit.chain import Finding, Head, Line, Link, Verification

Database: TypeAlias = "asyncpg.Pool | asyncpg.Connection"
_QUERIES = sql.load(Path(__file__).parent / "sql" / "audit.sql")
_AT_ONCE = 2000
_EVERY_SECONDS = 1.0
_log = structlog.get_logger()


class Report(msgspec.Struct, frozen=True):
    """What a verification found: ``lines`` were looked at, ``waiting`` have no seal yet; ``findings`` empty: all is well."""

    lines: int
    waiting: int
    head: Head
    findings: list[Finding]


class Entry(msgspec.Struct, frozen=True):
    """A line, for reading."""

    entry_id: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


async def write(to: Database, actor: str, action: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
    """Write a line; inside a transaction it is there when that is committed."""
    await to.execute(_QUERIES["write"], actor, action, subject, msgspec.json.encode(detail or {}).decode())


async def seal(pool: asyncpg.Pool, most: int = _AT_ONCE) -> int:
    """Seal what is committed and unsealed, in one transaction; how many. 0 also while another process does it."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_QUERIES["one_at_a_time"]):
            return 0
        number, before = await _head(connection)
        lines = [_line(row) for row in await connection.fetch(_QUERIES["unsealed"], most)]
        if lines:
            seals: list[bytes] = []
            for line in lines:
                before = chain.seal(before, line)
                seals.append(before)
            numbers = list(range(number + 1, number + 1 + len(lines)))
            await connection.execute(_QUERIES["seal"], numbers, [line.entry_id for line in lines], seals)
    return len(lines)


async def keep_sealed(pool: asyncpg.Pool) -> None:
    """Seal every second; ends only by cancellation. While the database is away, lines wait for their seals."""

    async def work() -> None:
        while await seal(pool) == _AT_ONCE:
            pass

    await rounds.forever(work, "the audit log is not sealed", every=_EVERY_SECONDS)


async def head(connection: asyncpg.Connection) -> Head:
    """How far the log is sealed."""
    number, newest = await _head(connection)
    return Head(number, newest.hex())


async def verify(
    connection: asyncpg.Connection, begin: dt.datetime | None = None, end: dt.datetime | None = None, known: Head | None = None
) -> Report:
    """Hold every line of a time (None: all) against its seal. ``known``: a head that was kept elsewhere must be in the chain."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        first, last = 1, (await _head(connection))[0]
        if begin or end:
            row = await connection.fetchrow(_QUERIES["range"], begin, end)
            first, last = (row["first"] or last + 1), (row["last"] or last)
        before = chain.BEGINNING if first == 1 else await connection.fetchval(_QUERIES["seal_of"], first - 1)
        found = Verification(before, first)
        async for row in connection.cursor(_QUERIES["links"], first, last, prefetch=5000, timeout=600):
            found.see(_link(row))
        findings = [*found.findings, *await _beside(connection, begin, end)]
        if known and await connection.fetchval(_QUERIES["seal_of"], known.number) != bytes.fromhex(known.seal):
            findings.append(Finding("head", known.number, None))
        waiting = await connection.fetchval(_QUERIES["waiting"])
    return Report(found.lines, waiting, found.head, findings)


async def entries(
    pool: asyncpg.Pool,
    *,
    actor: str | None = None,
    subject: str | None = None,
    action: str | None = None,
    begin: dt.datetime | None = None,
    end: dt.datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Entry]:
    """Lines, the newest first; the last one's number is ``before`` of the next page."""
    rows = await pool.fetch(_QUERIES["entries"], actor, subject, action, begin, end, before, limit)
    return [
        Entry(row["entry_id"], row["at"], row["actor"], row["action"], row["subject"], _detail(row["detail"])) for row in rows
    ]


async def _beside(connection: asyncpg.Connection, begin: dt.datetime | None, end: dt.datetime | None) -> list[Finding]:
    strangers = await connection.fetch(_QUERIES["strangers"], begin, end, timeout=600)
    lost = await connection.fetch(_QUERIES["lost"])
    return [Finding("inserted", None, row["entry_id"]) for row in strangers] + [
        Finding("removed", None, row["entry_id"]) for row in lost
    ]


async def _head(connection: asyncpg.Connection) -> tuple[int, bytes]:
    row = await connection.fetchrow(_QUERIES["head"])
    return (row["number"], row["hash"]) if row else (0, chain.BEGINNING)


def _line(row: asyncpg.Record) -> Line:
    return Line(row["entry_id"], chain.microseconds(row["at"]), row["actor"], row["action"], row["subject"], row["detail"])


def _link(row: asyncpg.Record) -> Link:
    return Link(row["number"], row["entry_id"], row["hash"], _line(row) if row["is_there"] else None)


def _detail(text: str) -> dict[str, Any]:
    found: object = msgspec.json.decode(text)
    return found if isinstance(found, dict) else {"value": found}

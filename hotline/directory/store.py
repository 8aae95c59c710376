"""The directory in PostgreSQL: a whole file in, a whole kind out, in one transaction with a line in the audit log (SEC-12)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from hotline import database, numbers, query_codes, sql
from hotline.directory import kinds
from hotline.directory.kinds import AnnouncementEntry, CallerEntry, DirectoryError, TicketEntry, UnitNumber

_QUERIES = sql.load(Path(__file__).parent / "sql" / "directory.sql")


class Change(msgspec.Struct, frozen=True):
    """What an import did."""

    added: int
    changed: int
    removed: int


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection; raises ``DirectoryError`` when PostgreSQL is away, not ready, or refuses what is done with it."""
    try:
        connection = await asyncpg.connect(dsn, timeout=5, server_settings={"application_name": "directory", "timezone": "UTC"})
        try:
            yield connection
        finally:
            await connection.close()
    except (*database.AWAY, asyncpg.PostgresError) as error:
        what = "is away" if database.is_away(error) else "refuses this"
        raise DirectoryError(f"PostgreSQL {what}, nothing was changed: {type(error).__name__}: {error}") from error


async def put(connection: asyncpg.Connection, kind: str, entries: list[Any], *, actor: str, file: str) -> Change:
    """Make the table of ``kind`` hold exactly these checked entries; the same again changes nothing."""
    table = kinds.table_of(kind)
    async with connection.transaction():
        known = dict(await connection.fetch(_QUERIES["codes_of_tickets"])) if kind == "ticket-answers" else {}
        rows = msgspec.json.encode([_row(entry, known) for entry in entries]).decode()
        if kind == "articles" and (ours := await connection.fetch(_QUERIES["articles_of_knowledge"], rows)):
            raise DirectoryError(f"{file}: codes of the knowledge base: {', '.join(row['code'] for row in ours)}")
        removed = await connection.fetch(_QUERIES[f"remove_{table}"], rows)
        written = await connection.fetch(_QUERIES[f"put_{table}"], rows)
        added = sum(row["added"] for row in written)
        change = Change(added, len(written) - added, len(removed))
        await audited(connection, actor, "directory.import", f"directory:{kind}", {"file": file} | msgspec.structs.asdict(change))
    return change


async def get(connection: asyncpg.Connection, kind: str, *, actor: str) -> list[Any]:
    """The entries of ``kind`` as a file would hold them; codes of tickets stay secret."""
    async with connection.transaction():
        rows = await connection.fetch(_QUERIES[f"get_{kinds.table_of(kind)}"])
        await audited(connection, actor, "directory.export", f"directory:{kind}", {"entries": len(rows)})
    return [kinds.KINDS[kind](**_values(row)) for row in rows]


async def announce(connection: asyncpg.Connection, entry: AnnouncementEntry, *, actor: str) -> None:
    """Add one announcement to those there are (IVR-33)."""
    async with connection.transaction():
        await connection.fetch(_QUERIES["put_announcements"], msgspec.json.encode([_row(entry, {})]).decode())
        detail = {"reason": entry.reason, "person": entry.person, "ends_at": entry.ends_at}
        await audited(connection, actor, "announcement.add", f"announcement:{','.join(entry.prompts)}", detail)


async def stop(connection: asyncpg.Connection, prompts: str, *, actor: str) -> list[str]:
    """End one announcement, or with ``""`` every one; returns the prompts of those ended."""
    async with connection.transaction():
        ended = [row["prompts"] for row in await connection.fetch(_QUERIES["stop_announcements"], prompts)]
        for one in ended:
            await audited(connection, actor, "announcement.stop", f"announcement:{one}", {})
    return ended


async def audited(connection: asyncpg.Connection, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    """One line of the audit log."""
    await connection.execute(_QUERIES["note"], actor, action, subject, msgspec.json.encode(detail).decode())


def _row(entry: Any, codes: Mapping[str, str]) -> dict[str, Any]:
    """An entry as a row's values; ``codes``: hashes by ticket, so that a code that did not change is not hashed anew."""
    row = msgspec.structs.asdict(entry)
    if "prompts" in row:
        row["prompts"] = ",".join(row["prompts"])
    match entry:
        case CallerEntry():
            row["number"] = numbers.normal(entry.number)
        case TicketEntry():
            row["caller_number"] = numbers.normal(entry.caller_number)
            row["result"] = entry.result or ""
            row["query_code_hash"] = _hash(row.pop("query_code"), codes.get(entry.ticket_no))
        case _:
            pass
    return row


def _hash(code: str | None, known: str | None) -> str | None:
    if not code:
        return code
    return known if known and query_codes.fits(code, known) else query_codes.hashed(code)


def _values(row: asyncpg.Record) -> dict[str, Any]:
    values = dict(row)
    if "prompts" in values:
        values["prompts"] = [name for name in values["prompts"].split(",") if name]
    if "hours" in values:
        values["hours"] = msgspec.json.decode(values["hours"])
    if "skills" in values:
        values["skills"] = msgspec.json.decode(values["skills"])
    if "numbers" in values:
        values["numbers"] = msgspec.json.decode(values["numbers"], type=list[UnitNumber])
    return values

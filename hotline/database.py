"""PostgreSQL: the connection pool, and forward-only numbered migrations (``hotline/sql/migrations/NNNN_name.sql``)."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import asyncpg

from hotline import sql
from hotline.errors import MigrationError

AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # "another operation is in progress": a connection broke at a moment that asyncpg did not expect
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.InsufficientPrivilegeError,
)
"""What says that the server, not the statement, is to blame: the same statement may succeed later. See ``is_away``."""

TROUBLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
"""Whatever may keep a statement from being done, refusals included: for who has to keep trying, because nothing may be lost."""

_HERE = Path(__file__).parent / "sql"
_QUERIES = sql.load(_HERE / "migrate.sql")


async def pool(dsn: str, *, name: str, largest: int = 4, connect_seconds: float = 5) -> asyncpg.Pool:
    """A small pool whose connections carry ``name`` (seen in ``pg_stat_activity``); sessions run in UTC.

    ``connect_seconds``: how long one connection may take to be made.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=largest,
        timeout=connect_seconds,
        command_timeout=30,
        server_settings={"application_name": name, "timezone": "UTC"},
    )


def is_away(error: BaseException) -> bool:
    """Whether it is worth trying again later. A parameter that does not fit is our fault, whatever class asyncpg gives it.

    Raises ``CancelledError`` as ``stop_if_cancelled`` does.
    """
    stop_if_cancelled()
    return isinstance(error, AWAY) and not isinstance(error, ValueError)


def stop_if_cancelled() -> None:
    """Raise ``CancelledError`` when this task is to end: of one that meets a dying connection asyncpg makes an error of its own.

    For whoever waits for a database to come back, and would wait for ever.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # nothing runs that could be cancelled
        return
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def migrations() -> list[tuple[int, str, str]]:
    """Every migration of this checkout as (number, name, sql), in order; raises ``MigrationError`` on a hole in the numbers."""
    files = sorted((_HERE / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    found = [(int(f.name[:4]), f.stem, f.read_text(encoding="utf-8")) for f in files]
    if [number for number, _, _ in found] != list(range(1, len(found) + 1)):
        raise MigrationError(f"the migrations are not numbered 1 to {len(found)} without a hole")
    return found


async def migrate(connection: asyncpg.Connection) -> list[str]:
    """Apply what is missing, each in a transaction of its own, one process at a time; returns the names applied.

    Raises ``MigrationError`` when an applied migration is not, byte for byte, the one in this checkout.
    """
    await connection.execute(_QUERIES["one_at_a_time"])
    try:
        return await _migrate(connection)
    finally:
        await connection.execute(_QUERIES["next_may"])


async def _migrate(connection: asyncpg.Connection) -> list[str]:
    await connection.execute(_QUERIES["create_ledger"])
    applied: list[str] = []
    for number, name, text in migrations():
        digest = hashlib.sha256(text.encode()).hexdigest()
        async with connection.transaction():
            known = await connection.fetchval(_QUERIES["digest_of"], number)
            if known is None:
                await connection.execute(text)
                await connection.execute(_QUERIES["record"], number, name, digest)
                applied.append(name)
            elif known != digest:
                raise MigrationError(f"migration {name} was changed after it had been applied to this database")
    newest = await connection.fetchval(_QUERIES["newest"])
    if newest > len(migrations()):
        raise MigrationError(f"the database is at migration {newest}, this checkout knows {len(migrations())}: use a newer one")
    return applied

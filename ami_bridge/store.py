"""Call records to PostgreSQL: batched, idempotent, at least once; nothing is lost while the database is away.

What is not stored yet waits in memory, one record per call, and is rebuilt from the journal after a kill -9, because the
position saved in the same transaction points at the oldest segment that is still needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import msgspec
import structlog

from ami_bridge import channel_log
from ami_bridge.calls import CallRecord
from hotline import database, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "calls.sql")
_BATCH = 500
_PAUSE_SECONDS = 0.25
_LONGEST_WAIT = 5.0
_UNREACHABLE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Position(msgspec.Struct, frozen=True):
    """From where to go on after a restart: the oldest journal segment needed, and how far the channel event log was used."""

    segment: int
    channel_log: channel_log.Position = channel_log.Position()


class Store:
    """Writes the records of one node. ``position`` is asked for at each batch and saved with it.

    A copy of the position lies beside the journal, written after each commit, for a start while the database is away.
    """

    def __init__(self, node: str, dsn: str, copy: Path, position: Callable[[], Position]) -> None:
        self._node, self._dsn, self._copy, self._position = node, dsn, copy, position
        self._pool: asyncpg.Pool | None = None
        self._waiting: dict[str, CallRecord] = {}
        self._saved: Position | None = None
        self._work = asyncio.Event()
        self.failing = False

    @property
    def backlog(self) -> int:
        """How many calls wait to be stored."""
        return len(self._waiting)

    def waiting(self) -> set[str]:
        """The calls that wait to be stored."""
        return set(self._waiting)

    def put(self, record: CallRecord) -> None:
        """Take a record; a later one of the same call replaces it."""
        self._waiting[record.call_id] = record
        self._work.set()

    def touch(self) -> None:
        """Save the position even if no call changed."""
        self._work.set()

    async def saved_position(self, patience_seconds: float) -> Position | None:
        """The position in the database, else (away for ``patience_seconds``) that of the copy, else None."""
        try:
            async with asyncio.timeout(patience_seconds):
                pool = await self._connected()
                row = await pool.fetchrow(_QUERIES["position"], self._node)
                if row is None:
                    return None
                return Position(row["segment"], channel_log.Position(row["cel_file"], row["cel_offset"]))
        except _UNREACHABLE as error:
            _log.warning("PostgreSQL is away at the start; using the local copy of the position", error=_text(error))
        try:
            return msgspec.json.decode(self._copy.read_bytes(), type=Position)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    async def run(self) -> None:
        """Store for ever; the database may come and go."""
        wait = _PAUSE_SECONDS
        while True:
            await self._work.wait()
            await asyncio.sleep(wait)
            self._work.clear()
            if await self.flush():
                wait = _PAUSE_SECONDS
            else:
                wait = min(wait * 2, _LONGEST_WAIT)
                self._work.set()

    async def flush(self) -> bool:
        """Store all that waits, batch by batch; False when the database refused or is away (logged once)."""
        try:
            await self._flush()
        except _UNREACHABLE as error:
            if not self.failing:
                _log.warning("PostgreSQL is away; calls go on, records wait", error=_text(error), waiting=self.backlog)
            self.failing = True
            return False
        if self.failing:
            _log.warning("PostgreSQL is back; all records are stored")
            self.failing = False
        return True

    async def close(self) -> None:
        """Give the connections back; a database that does not answer is not waited for."""
        if self._pool:
            try:
                await asyncio.wait_for(self._pool.close(), 2)
            except _UNREACHABLE:
                self._pool.terminate()

    async def _flush(self) -> None:
        """The position counts what waits as not stored, this batch included: it moves on with the next one."""
        largest = _BATCH
        while True:
            batch = list(self._waiting.values())[:largest]
            position = self._position()
            if not batch and position == self._saved:
                return
            try:
                await self._commit(batch, position)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
                if len(batch) > 1:
                    largest = 1
                    continue
                _log.error("ALARM: the database refuses a record; it stays in the journal", record=str(batch), error=str(error))
            for record in batch:
                if self._waiting.get(record.call_id) is record:
                    del self._waiting[record.call_id]

    async def _commit(self, batch: list[CallRecord], position: Position) -> None:
        """One transaction: records and position; then the copy of the position."""
        pool = await self._connected()
        log = position.channel_log
        async with pool.acquire() as connection, connection.transaction():
            await connection.executemany(_QUERIES["store_call"], [(self._node, *_row(record)) for record in batch])
            await connection.execute(_QUERIES["store_position"], self._node, position.segment, log.file, log.offset)
        self._keep_copy(position)

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await database.pool(self._dsn, name="ami_bridge", largest=2)
        return self._pool

    def _keep_copy(self, position: Position) -> None:
        self._saved = position
        fresh = self._copy.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(position))
            fresh.replace(self._copy)
        except OSError as error:
            _log.warning("the local copy of the position could not be written", error=str(error))


def _row(record: CallRecord) -> tuple[object, ...]:
    """The values of ``store_call`` after the node, in the order of the record's fields; the last, the steps, as JSON."""
    return (*msgspec.structs.astuple(record)[:-1], msgspec.json.encode(record.steps).decode())


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__

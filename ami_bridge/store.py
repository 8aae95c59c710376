"""A node's rows to PostgreSQL: batched, idempotent, at least once; nothing is lost while the database is away.

What is not stored yet waits in memory, one item per call, gap and agent, and is rebuilt from the journal after a kill -9,
because the position saved in the same transaction points at the oldest segment that is still needed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable
from pathlib import Path

import asyncpg
import msgspec
import structlog

from ami_bridge import batch, channel_log, stored
from ami_bridge.stored import Item, Key, Position, Status
from hotline import clock, database, sql
from hotline.waiting import within

__all__ = ["Position", "Status", "Store"]
_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "store.sql")
_LARGEST = 500
_PAUSE_SECONDS = 0.02
_LONGEST_WAIT = 5.0


class Store:
    """Writes the rows of one node. ``position`` is asked for at each batch and saved with it; ``skill`` names a queue's skill.

    A copy of the position lies beside the journal, written after each commit, for a start while the database is away.
    """

    def __init__(
        self, node: str, dsn: str, copy: Path, position: Callable[[], Position], skill: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._node, self._dsn, self._copy, self._position, self._skill = node, dsn, copy, position, skill
        self._pool: asyncpg.Pool | None = None
        self._waiting: dict[Key, Item] = {}
        self._saved: Position | None = None
        self._months: set[dt.date] = set()
        self._work = asyncio.Event()
        self.failing = False
        self.refused = 0
        """Records that the database refused, since the start."""
        self.version = 0
        """Of the newest commit."""
        self.seen_at: dt.datetime | None = None
        """When a bridge of this node last stored anything before this one, once ``saved_position`` was asked; None: never."""

    @property
    def backlog(self) -> int:
        """How many calls and steps wait to be stored."""
        return len(self.waiting())

    def waiting(self) -> set[str]:
        """The calls and steps that wait to be stored."""
        return {name for kind, name in self._waiting if kind in ("call", "step")}

    def put(self, item: Item) -> None:
        """Take what is known of a call, a step, a gap, an agent, or the bridge itself; a later one of the same replaces it."""
        self._waiting[stored.key(item)] = item
        self._work.set()

    def touch(self) -> None:
        """Save the position even if nothing else changed."""
        self._work.set()

    async def saved_position(self, patience_seconds: float) -> Position | None:
        """The position in the database, else (away for ``patience_seconds``) that of the copy, else None."""
        try:
            async with asyncio.timeout(patience_seconds):
                pool = await self._connected()
                row = await pool.fetchrow(_QUERIES["position"], self._node)
                if row is None:
                    return None
                self.seen_at = row["updated_at"]
                logs = [channel_log.Position(row[f"{log}_file"], row[f"{log}_offset"]) for log in ("cel", "queue_log")]
                return Position(row["segment"], *logs)
        except database.TROUBLE as error:
            _log.warning("PostgreSQL is away at the start; using the local copy of the position", error=_text(error))
        try:
            return msgspec.json.decode(self._copy.read_bytes(), type=Position)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    async def run(self) -> None:
        """Store for ever; the database may come and go. At most half of the time is spent on storing."""
        wait = _PAUSE_SECONDS
        while True:
            await self._work.wait()
            await asyncio.sleep(wait)
            self._work.clear()
            began = clock.monotonic()
            if await self.flush():
                wait = min(max(_PAUSE_SECONDS, clock.monotonic() - began), _LONGEST_WAIT)
            else:
                database.stop_if_cancelled()
                wait = min(max(wait, 0.25) * 2, _LONGEST_WAIT)
                self._work.set()

    async def flush(self) -> bool:
        """Store all that waits, batch by batch; False when the database refused or is away (logged once)."""
        try:
            await self._flush()
        except database.TROUBLE as error:
            if not self.failing:
                _log.warning("PostgreSQL is away or refuses; calls go on, records wait", error=_text(error), waiting=self.backlog)
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
                await within(self._pool.close(), 2)
            except database.TROUBLE:
                self._pool.terminate()

    async def _flush(self) -> None:
        """The position counts what waits as not stored, this batch included: it moves on with the next one."""
        largest = _LARGEST
        while True:
            items = dict(list(self._waiting.items())[:largest])
            position = self._position()
            if not items and position == self._saved:
                return
            try:
                await self._commit(list(items.values()), position)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
                if len(items) > 1:
                    largest = 1
                    continue
                self.refused += 1
                _log.error("ALARM: the database refuses a record; it stays in the journal", record=str(items), error=str(error))
            for key, item in items.items():
                if self._waiting.get(key) is item:
                    del self._waiting[key]

    async def _commit(self, items: list[Item], position: Position) -> None:
        """Everything in one transaction; then the copy of the position."""
        pool = await self._connected()
        async with pool.acquire() as connection:
            await self._ensure_months(connection, batch.times(items))
            async with connection.transaction():
                self.version = await batch.write(connection, self._node, items, position, skill=self._skill, backlog=self.backlog)
        self._keep_copy(position)

    async def _ensure_months(self, connection: asyncpg.Connection, times: Iterable[dt.datetime]) -> None:
        """The partitions, once a month in the life of this process."""
        first_of = {at.astimezone(clock.SHANGHAI).date().replace(day=1): at for at in times}
        for month in first_of.keys() - self._months:
            await connection.execute(_QUERIES["ensure_month"], first_of[month])
            self._months.add(month)

    async def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await database.pool(self._dsn, name="ami_bridge", largest=2)
        return self._pool

    def _keep_copy(self, position: Position) -> None:
        if position == self._saved:
            return
        self._saved = position
        fresh = self._copy.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(position))
            fresh.replace(self._copy)
        except OSError as error:
            _log.warning("the local copy of the position could not be written", error=str(error))


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__

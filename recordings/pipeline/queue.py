"""The jobs of a node, done by pgqueuer's ``QueueManager``, and what keeps them from being lost (SEC-15).

pgqueuer 1.x, as it was read and tried: its run ends with the first statement that fails, so it is begun anew with a connection
of its own until it is told to end; a listener that is dead is noticed by its own probe, and by our watching the connection. A
job of a worker that died keeps its place until its heart has not beaten for 30 s: we release it at the start, and hold one that
ended its workers again and again. A retry that cannot be written becomes a failure: ours stays picked and is released instead.
A job that is cancelled is forgotten: ``forgotten`` finds what has none. A traceback with a NUL byte keeps the results of all
jobs from being written: our errors are made printable. Its statistics only grow: they are not made, and the log is trimmed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import suppress
from typing import Protocol

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Job, TracebackRecord

from hotline import clock, database
from recordings.errors import DatabaseAwayError, DiskFullError, FfmpegMissingError, StoppedError, UnusableError
from recordings.ffmpeg import NO_ROOM
from recordings.pipeline import jobs
from recordings.pipeline.commands import QUERIES
from recordings.storage.errors import BadNameError, KeysError, StorageAwayError

TRIES = 5
"""How often a recording is tried when it fails for reasons of its own; then its job is held: ``recordings failed``."""
DEATHS = 20
"""How often a job may be left behind by a worker that died."""
FIRST_PAUSE, LONGEST_PAUSE = dt.timedelta(seconds=5), dt.timedelta(minutes=5)
_AWAY_PAUSE, _LONGEST_AWAY_PAUSE = dt.timedelta(seconds=2), dt.timedelta(seconds=30)
NOT_ITS_FAULT = (DatabaseAwayError, StorageAwayError, DiskFullError, KeysError, FfmpegMissingError)
"""What every recording would fail for: waited for, for as long as it takes, with an alarm in the log."""
HOPELESS = (UnusableError, BadNameError)
"""Given up at once: the next try would be the same."""
_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_DEQUEUE = dt.timedelta(seconds=2)
"""A job that is put back wakes nobody: pgqueuer's trigger does not see changes of a row."""
_HEART = dt.timedelta(seconds=30)
_LOOK_SECONDS, _TRIM_SECONDS = 15.0, 86400.0
_FORGOTTEN = 500
_log = structlog.get_logger()


class GivenUpError(Exception):
    """Why a job failed, as one printable line; without a cause, so that pgqueuer writes nothing else down."""


class _Jobs(Queries):
    """pgqueuer's statements, but putting back a job that was not at fault does not count as a try."""

    uncounted: set[int]

    async def retry_job(self, job: Job, delay: dt.timedelta, traceback_record: TracebackRecord | None) -> None:
        """Raises nothing while PostgreSQL is away: the job stays picked, and is released when it is back."""
        with suppress(*database.TROUBLE):
            if job.id in self.uncounted:
                self.uncounted.discard(job.id)
                await self.driver.execute(QUERIES["put_back"], job.id, delay)
            else:
                await super().retry_job(job, delay, traceback_record)


class Work(Protocol):
    """What is done for a job: the recording's number is all it gets."""

    async def process(self, recording_id: int) -> None:
        """Do it; what it raises says whether it is done again."""

    async def damaged(self, recording_id: int) -> None:
        """It was given up."""


class Line:
    """The jobs of one node; ``workers`` are done at once. ``backlog`` is for the sign of life.

    ``entrypoint``: whose jobs; its own name's when it is empty. ``is_shared``: other nodes do such jobs too, and may be alive.
    """

    def __init__(
        self,
        dsn: str,
        node: str,
        processor: Work,
        *,
        workers: int,
        first_pause: dt.timedelta = FIRST_PAUSE,
        entrypoint: str = "",
        is_shared: bool = False,
    ) -> None:
        self._dsn, self._node, self._processor = dsn, node, processor
        self._workers, self._first_pause = workers, first_pause
        self._entrypoint, self._is_shared = entrypoint or jobs.processing(node), is_shared
        self._uncounted: set[int] = set()
        self._away = dt.timedelta()
        self._alarmed = ""
        self._manager: QueueManager | None = None
        self.backlog: dict[str, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; PostgreSQL may come and go."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._end(stop))
            deaths, pause = 1, _PAUSE
            while not stop.is_set():
                try:
                    connection = await self._connect()
                    try:
                        await self._release(connection, deaths)
                        deaths, pause = 0, _PAUSE
                        await self._work(connection, stop)
                    finally:
                        connection.terminate()
                except (*database.TROUBLE, FailingListenerError, RuntimeError) as error:
                    database.stop_if_cancelled()
                    _log.warning("jobs_wait", why=_line(error))
                    await _rest(stop, pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)

    async def _end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._manager is not None:
            self._manager.shutdown.set()

    async def look(self, stop: asyncio.Event, pool: asyncpg.Pool) -> None:
        """Until ``stop`` is set: find what was forgotten, count what waits, trim the log."""
        trimmed_at, is_failing = float("-inf"), False
        while not stop.is_set():
            try:
                self.backlog = dict(await pool.fetchrow(QUERIES["backlog_of"], self._node, self._entrypoint))
                await self.find(pool)
                if clock.monotonic() - trimmed_at > _TRIM_SECONDS:
                    await pool.execute(QUERIES["trim"])
                    trimmed_at = clock.monotonic()
                is_failing = False
            except database.TROUBLE as error:
                database.stop_if_cancelled()
                if not is_failing:
                    _log.warning("backlog_unknown", why=f"{type(error).__name__}: {error}")
                is_failing = True
            await _rest(stop, _LOOK_SECONDS)

    async def find(self, pool: asyncpg.Pool) -> int:
        """Add jobs for recordings that have none; returns how many."""
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(QUERIES["forgotten"], self._node, self._entrypoint, _FORGOTTEN)
            for row in rows:
                await jobs.add(connection, self._entrypoint, row["recording_id"], row["kind"])
        if rows:
            _log.info("found_without_job", recordings=len(rows))
        return len(rows)

    async def _connect(self) -> asyncpg.Connection:
        settings = {"application_name": "recordings jobs", "timezone": "UTC"}
        return await asyncpg.connect(self._dsn, timeout=5, command_timeout=30, server_settings=settings)

    async def _release(self, connection: asyncpg.Connection, deaths: int) -> None:
        if self._is_shared:  # their hearts tell whether they are alive
            return
        for row in await connection.fetch(QUERIES["deadly"], self._entrypoint, deaths, DEATHS):
            await self._given_up(row["payload"], "its workers died of it again and again")
        count = await connection.fetchval(QUERIES["release"], self._entrypoint, deaths, DEATHS)
        if count:
            _log.info("released", jobs=count)

    async def _work(self, connection: asyncpg.Connection, stop: asyncio.Event) -> None:
        """Run the manager until it is told to end, or its connection dies."""
        queries = _Jobs(AsyncpgDriver(connection))
        queries.uncounted = self._uncounted
        self._manager = manager = QueueManager(queries)
        most = 0 if self._is_shared else self._workers  # it counts the jobs of all nodes
        manager.entrypoint(self._entrypoint, concurrency_limit=most, on_failure="hold", accepts_context=False)(self._do)
        connection.add_termination_listener(lambda _: manager.shutdown.set())
        if not stop.is_set():
            await manager.run(
                dequeue_timeout=_DEQUEUE,
                batch_size=1,
                max_concurrent_tasks=max(self._workers, 2) if self._is_shared else None,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=_HEART,
                log_aggregation_interval=dt.timedelta(0),
            )
        if not stop.is_set():
            raise ConnectionError("the connection of the jobs ended")

    async def _do(self, job: Job) -> None:
        """One job; raises ``RetryRequested`` when it is to be done again, ``GivenUpError`` when not."""
        try:
            await self._processor.process(jobs.recording_of(job.payload))
        except Exception as error:
            database.stop_if_cancelled()
            delay = await self._after(job, error)
            raise RetryRequested(delay, _line(error)) from None
        self._away, self._alarmed = dt.timedelta(), ""

    async def _after(self, job: Job, error: Exception) -> dt.timedelta:
        """How long to wait; raises ``GivenUpError``."""
        recording, why = (job.payload or b"").decode("ascii", "replace"), _line(error)
        if isinstance(error, StoppedError):
            self._uncounted.add(job.id)
            return dt.timedelta()
        if isinstance(error, NOT_ITS_FAULT) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            if self._alarmed != type(error).__name__:
                _log.critical("recordings_wait", why=why)
                self._alarmed = type(error).__name__
            self._uncounted.add(job.id)
            self._away = min(max(self._away * 2, _AWAY_PAUSE), _LONGEST_AWAY_PAUSE)
            return self._away
        if isinstance(error, HOPELESS) or job.attempts + 1 >= TRIES:
            with suppress(*database.TROUBLE):
                await self._given_up(job.payload, why)
            raise GivenUpError(why) from None
        _log.warning("failed", recording=recording, attempt=job.attempts + 1, why=why)
        pause: dt.timedelta = self._first_pause * 2**job.attempts
        return min(pause, LONGEST_PAUSE)

    async def _given_up(self, payload: bytes | None, why: str) -> None:
        """Say so, in the log and to whoever waits for it."""
        _log.error("given_up", recording=(payload or b"").decode("ascii", "replace"), why=why)
        with suppress(ValueError):
            await self._processor.damaged(jobs.recording_of(payload))


def _line(error: BaseException) -> str:
    """An error as one printable line of at most 500 letters: it may quote what a file holds."""
    text = f"{type(error).__name__}: {error}"[:500]
    return "".join(letter if letter.isprintable() else " " for letter in text)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()

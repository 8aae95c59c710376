"""The loop: every two seconds look at what Asterisk left, decide, and do it, one file after another.

What fails is left where it is and tried again: at once after a restart, with growing pauses while PostgreSQL is away or the
disk is full, after a minute for a file that fails on its own. ``var/run/recordings.alive`` tells ``hotline status`` about it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import msgspec
import structlog

from hotline import clock
from hotline import lock as locks
from recordings import intake
from recordings.errors import AlreadyRunningError, ChangedError, DatabaseAwayError, DiskFullError, UnusableError
from recordings.facts import Entry, Folder, Forget, Ignore, Job, Round, SetAside, Sidecar, Take
from recordings.files import Disk, Draft, write_whole
from recordings.store import Row, Store

ROUND_SECONDS = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 10.0
_PAUSE_OF_A_FILE = 60.0
_log = structlog.get_logger()


class Worker:
    """Takes in the recordings of one node; ``var`` is the state folder."""

    def __init__(self, var: Path, node: str, store: Store) -> None:
        self.disk = Disk(var / "recordings")
        self._alive = var / "run" / "recordings.alive"
        self._node = node
        self._store = store
        self._pause, self._not_before, self._beaten = 0.0, 0.0, 0.0
        self._resting: dict[str, float] = {}
        self.beside: Callable[[], Mapping[str, int]] = dict
        """What else the sign of life says."""
        self._strange: set[tuple[Folder, str]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; the job in hand is finished first."""
        self.disk.prepare()
        _log.info("started", node=self._node, folder=str(self.disk.root))
        while not stop.is_set():
            await self.round(stop)
            try:
                async with asyncio.timeout(ROUND_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass
        _log.info("stopped")

    async def round(self, stop: asyncio.Event | None = None) -> None:
        """One look and everything that follows from it."""
        now = clock.now()
        spool, inbox = await asyncio.to_thread(self._look)
        if clock.monotonic() < self._not_before or not (spool or inbox):
            return
        try:
            for job in intake.decide(await self._facts(now, spool, inbox)):
                if stop and stop.is_set():
                    return
                await self._attempt(job)
                if clock.monotonic() - self._beaten >= ROUND_SECONDS:
                    await asyncio.to_thread(self._look)
        except (DatabaseAwayError, DiskFullError) as error:
            self._back_off(error)
        else:
            if self._pause:
                _log.info("going_on")
            self._pause = 0.0

    async def copy(self, job: Take) -> Draft:
        """First step: a complete copy under a hidden name; what was said while its recording was paused is not in it (QUA-01)."""
        return await asyncio.to_thread(self.disk.draft, job, await self._store.paused(job))

    async def settle(self, job: Take, draft: Draft) -> Row:
        """Second step: the copy gets its name (or goes, when an attempt before this one got as far); returns the row to be."""
        row = _row(job, draft)
        stored = await self._store.stored_of_call(row.node, row.call_id, row.kind)
        file = intake.place(job.file, draft.sha256, stored)
        again = [known for known in stored if known.file == file]
        if again and (again[0].taken_away_at or self.disk.holds(file, draft)):
            self.disk.drop(draft)
        else:
            await asyncio.to_thread(self.disk.name, draft, file)
        return msgspec.structs.replace(row, file=file)

    async def record(self, job: Take, row: Row) -> None:
        """Third step: the row, and the message's."""
        await self._store.add(row, job.sidecar)

    async def clear(self, job: Take) -> None:
        """Last step: what Asterisk wrote is not needed any more."""
        self.disk.clear(job)

    async def _facts(self, now: dt.datetime, spool: list[Entry], inbox: list[Entry]) -> Round:
        """Listing (made after ``now``), sidecars and what the database knows; raises ``DatabaseAwayError``."""
        stems = {stem for stem, suffix in _parts(Folder.INBOX, inbox) if suffix == "json"}
        sidecars = await asyncio.to_thread(lambda: {stem: self.disk.sidecar(stem) for stem in sorted(stems)})
        usable = {stem: sidecar for stem, sidecar in sidecars.items() if isinstance(sidecar, Sidecar)}
        voices = _parts(Folder.SPOOL, spool)
        ids = {stem for stem, _ in (*voices, *_parts(Folder.INBOX, inbox))}
        lonely = {call_id for call_id, _ in voices} - {call_id for call_id, part in voices if intake.is_first(part)}
        return Round(
            now=now,
            node=self._node,
            spool=spool,
            inbox=inbox,
            sidecars=sidecars,
            calls=await self._store.calls(self._node, sorted(ids | {sidecar.call_id for sidecar in usable.values()})),
            stored=await self._store.stored_messages([intake.message_file(stem, sidecar) for stem, sidecar in usable.items()]),
            written=await self._written(lonely),
        )

    async def _written(self, call_ids: set[str]) -> dict[str, dt.datetime]:
        """When these calls' stored conversations were written, of those that have any."""
        found = {}
        for call_id in sorted(call_ids):
            stored = await self._store.stored_of_call(self._node, call_id, "conversation")
            written = self.disk.written(row.file for row in stored)
            times = [at for at in (written, *(row.taken_away_at for row in stored)) if at]
            if times:
                found[call_id] = max(times)
        return found

    async def _attempt(self, job: Job) -> None:
        """Do one job; only what concerns every job (database, disk) is raised."""
        key = f"{type(job).__name__}:{_name(job)}"
        if self._resting.get(key, 0.0) > clock.monotonic():
            return
        self._resting.pop(key, None)
        try:
            await self._do(job)
        except (DatabaseAwayError, DiskFullError):
            raise
        except (ChangedError, FileNotFoundError) as error:
            _log.info("left_for_later", file=_name(job), why=str(error))
        except Exception:
            _log.exception("failed", file=_name(job))
            self._resting[key] = clock.monotonic() + _PAUSE_OF_A_FILE

    async def _do(self, job: Job) -> None:
        match job:
            case Take():
                try:
                    await self._take(job)
                except UnusableError as error:
                    self._set_aside(SetAside(job.folder, job.sources, str(error)))
            case SetAside():
                self._set_aside(job)
            case Forget():
                self.disk.forget(job.folder, job.name)
            case Ignore():
                if (job.folder, job.name) not in self._strange:
                    self._strange.add((job.folder, job.name))
                    _log.warning("does_not_belong_here", folder=str(job.folder), file=job.name)

    async def _take(self, job: Take) -> None:
        draft = await self.copy(job)
        row = await self.settle(job, draft)
        await self.record(job, row)
        await self.clear(job)
        _log.info("stored", kind=row.kind, call_id=row.call_id, file=row.file, length_ms=row.length_ms)

    def _set_aside(self, job: SetAside) -> None:
        for name in job.names:
            _log.warning("set_aside", file=name, now=self.disk.set_aside(job.folder, name), why=job.why)

    def _look(self) -> tuple[list[Entry], list[Entry]]:
        """List both folders and leave a sign of life. A full disk must not end the worker."""
        spool, inbox = self.disk.scan(Folder.SPOOL), self.disk.scan(Folder.INBOX)
        waiting, oldest = intake.backlog(spool + inbox, clock.now())
        try:
            write_whole(self._alive, msgspec.json.encode({"backlog": waiting, "oldest_seconds": oldest, **self.beside()}))
        except OSError as error:
            _log.error("no_sign_of_life", why=str(error))
        self._beaten = clock.monotonic()
        return spool, inbox

    def _back_off(self, error: DatabaseAwayError | DiskFullError) -> None:
        """Pause longer each time; say so the first time."""
        if not self._pause:
            alarm = isinstance(error, DiskFullError)
            (_log.critical if alarm else _log.warning)("disk_full" if alarm else "database_away", why=str(error))
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._not_before = clock.monotonic() + self._pause


def lock(var: Path) -> IO[bytes]:
    """Keep the returned file open: while it is, no second worker starts on ``var``. Raises ``AlreadyRunningError``."""
    path = var / "run" / "recordings.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    file = locks.hold(path)
    if file is None:
        raise AlreadyRunningError(f"another recordings worker works on {var}")
    return file


def _parts(folder: Folder, entries: list[Entry]) -> list[tuple[str, str]]:
    return [parts for entry in entries if (parts := intake.split(folder, entry))]


def _name(job: Job) -> str:
    match job:
        case Take():
            return job.pieces[0].name
        case SetAside():
            return job.names[0]
        case Forget() | Ignore():
            return job.name


def _row(job: Take, draft: Draft) -> Row:
    return Row(
        node=job.node,
        call_id=job.call_id,
        kind=job.kind,
        file=job.file,
        started_at=job.started_at,
        length_ms=draft.shape.length_ms,
        channels=draft.shape.channels,
        sha256=draft.sha256,
        voices=draft.voices,
    )

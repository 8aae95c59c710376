"""The bridge of one node: the link's events into the book, the book's rows into the store, and repair after every gap.

After each login: note the gap, read the two logs for what was missed, ask which channels, queues and members there are, let the
logs settle, read them once more, and close the calls that Asterisk no longer has and whose end nobody saw (metrics, section 6).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
import structlog

from ami_bridge import codec, facts, hands, membership
from ami_bridge.book import EPOCH, Book, Reckoning
from ami_bridge.commands import Port
from ami_bridge.errors import LinkLostError, OutcomeUnknownError, SecondBridgeError
from ami_bridge.fact import Fact
from ami_bridge.figures import rollups
from ami_bridge.floor import Floor
from ami_bridge.lines import Gap
from ami_bridge.link import Link
from ami_bridge.overload_windows import Windows
from ami_bridge.requests import Rules
from ami_bridge.store import Position, Status, Store
from ami_bridge.witnesses import Witnesses
from hotline import clock, lock
from hotline.credentials import Credentials
from hotline.settings import Settings

_log = structlog.get_logger()
_SETTLE_SECONDS = 2.0
_START_PATIENCE_SECONDS = 3.0
_LAST_FLUSH_SECONDS = 3.0
_STATUS_SECONDS = 1.0
_LOOK_SECONDS = 15.0
_CLOCK_STEP = dt.timedelta(seconds=0.5)
_MILLISECOND = dt.timedelta(milliseconds=1)
_SECOND_US = 1_000_000


class Bridge:
    """One node's bridge; ``var`` is the state folder. ``await run()`` ends only by cancellation."""

    def __init__(self, settings: Settings, credentials: Credentials, var: Path) -> None:
        self._node = settings.asterisk.node
        folder = var / "journal" / self._node
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _sole(folder / "lock")
        self._alive_file = var / "run" / "ami_bridge.alive"
        self._store = Store(self._node, credentials.database, folder / "position.json", self._position, skill=settings.skill)
        self._windows = Windows(self._node, credentials.database)
        wrapups = {name: queue.wrapup_seconds for name, queue in settings.queues.items()}
        self._floor = Floor(settings.queue, wrapups=wrapups, show=self._store.put, mark=self._windows.put, keep=self._store.put)
        self._book = Book(folder, self._store, _reckoning(settings), listen=self._listen)
        self._witnesses = Witnesses(var / "asterisk" / "log", self._book)
        self._silent_since: dt.datetime | None = None
        self._cause = "the bridge was not running"
        self._is_noted = False
        self._is_repaired = False
        self._prune_at = 0.0
        self._lag: dt.timedelta | None = None
        self._down_since = clock.now()
        self._clock_offset = _clock_offset()
        self._link = Link(
            settings.ami,
            credentials.ami,
            on_frames=self._hear,
            on_up=self._up,
            on_down=self._down,
            on_alive=self._alive,
        )
        self._dsn = credentials.database
        self._port = Port(self._node, self._dsn, self._link)

    async def run(self) -> None:
        """Give back the state, then serve."""
        position = await self._store.saved_position(_START_PATIENCE_SECONDS) or Position(0)
        entries = self._book.replay(position.segment)
        self._witnesses.resume(position.channel_log, position.queue_log)
        self._silent_since = self._book.heard_at or self._store.seen_at
        self._tell_gap(self._silent_since, None, self._cause)
        _log.info("journal replayed", from_segment=position.segment, entries=entries, calls_open=len(self._book.state.open()))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._store.run())
                tasks.create_task(self._windows.run(self._silent_since))
                tasks.create_task(self._link.run())
                tasks.create_task(self._port.run())
                tasks.create_task(rollups.run(self._dsn))
                tasks.create_task(self._each_second())
                tasks.create_task(self._look_at_members())
        finally:
            await self._finish()

    def _position(self) -> Position:
        return Position(self._book.oldest_needed(), self._witnesses.channels_used, self._witnesses.queues_used)

    def _hear(self, frames: list[codec.Frame]) -> None:
        if not self._is_noted:
            self._note_gap()
        self._watch_clock()
        now = clock.now()
        self._book.hear(frames, now)
        if self._book.newest_fact is not None:
            self._lag = now - self._book.newest_fact

    def _listen(self, fact: Fact) -> None:
        """A fact that is written down and not yet applied."""
        self._floor.hear(fact)
        self._port.hear(fact)

    def _note_gap(self) -> None:
        """The first thing that the journal says about a connection: what was missed before it."""
        self._is_noted, self._is_repaired = True, False
        self._book.journal.rotate()
        self._book.journal.connection += 1
        gap = self._book.open_gap(self._silent_since, clock.now(), self._cause)
        _log.info("repairing a gap", begin=str(gap.begin), end=str(gap.end), cause=gap.cause)

    def _tell_gap(self, begin: dt.datetime | None, end: dt.datetime | None, cause: str) -> None:
        """A gap that the figures carry; before the very first start of a node there was nothing to miss."""
        if begin is not None:
            self._store.put(Gap(self._node, begin, end, cause))

    async def _up(self) -> None:
        """Logged in: find out what was missed."""
        if not self._is_noted:
            self._note_gap()
        self._show(connected=True)
        self._port.wake()
        asterisk_now = facts.timestamp((await self._link.ask(Action="Ping")).timestamp)
        present = {channel.uniqueid for channel in await self._link.ask(Action="CoreShowChannels") if channel.uniqueid}
        self._floor.list_all(_stated(await self._queues()))
        await self._witnesses.testify(_SETTLE_SECONDS)
        lost = [
            call.call_id for call in self._book.state.open() if call.started.at < asterisk_now and call.call_id not in present
        ]
        self._book.lose(lost, clock.now())
        self._floor.recall(hands.in_hand(self._book.state.open(), present))
        for gap in self._book.unrepaired:
            self._tell_gap(gap.begin, gap.end, gap.cause)
        self._book.close_gaps(clock.now())
        self._is_repaired = True
        self._store.touch()
        _log.info("gap repaired", calls_lost=len(lost), calls_open=self._witnesses.watch())

    async def _queues(self) -> list[codec.Frame]:
        """The list of all queues; an Asterisk that is still starting does not have it yet, and is asked again."""
        while True:
            if found := await self._link.listing("QueueStatus"):
                return found
            await asyncio.sleep(_STATUS_SECONDS)

    async def _look_at_members(self) -> None:
        """Members may go without a word, as when a queue is taken out of its file: seen twice, the list is the truth again."""
        before: set[membership.Key] = set()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._is_repaired:
                continue
            try:
                listing = list(_stated(await self._queues()))
            except (LinkLostError, OutcomeUnknownError):
                continue
            unlike = self._floor.unlike(listing)
            if unlike & before:
                _log.warning("members of queues changed without a word", members=len(unlike))
                self._floor.list_all(listing)
            before = unlike - before

    def _down(self, heard_at: dt.datetime, cause: str) -> None:
        if self._is_noted:
            self._silent_since, self._cause, self._is_noted = heard_at, cause, False
            self._tell_gap(heard_at, None, cause)
        self._is_repaired, self._down_since = False, heard_at
        self._floor.lose(heard_at)
        self._show(connected=False)

    def _alive(self) -> None:
        """A ping was answered."""
        self._book.alive(clock.now())
        self._show(connected=True)
        if self._is_repaired:
            self._witnesses.follow()
            self._store.touch()
        if clock.monotonic() >= self._prune_at:
            self._prune_at = clock.monotonic() + 3600
            self._book.prune(clock.now(), self._book.oldest_needed())

    async def _each_second(self) -> None:
        """What must be told although nothing happens."""
        while True:
            self._watch_clock()
            self._floor.tick(clock.now())
            if self._link.connected_since is None:
                self._show(connected=False)
            self._store.put(self._status())
            await asyncio.sleep(_STATUS_SECONDS)

    def _watch_clock(self) -> None:
        """A clock that was set since the last look: told to the book before anything else is."""
        offset = _clock_offset()
        delta, self._clock_offset = offset - self._clock_offset, offset
        if abs(delta) > _CLOCK_STEP:
            _log.warning("the machine's clock was set", forward_by=str(delta))
            self._book.step_clock(delta, clock.now())

    def _status(self) -> Status:
        """What the bridge says of itself."""
        journal, counts = self._book.journal, self._link.counts
        return Status(
            at=clock.now(),
            connected=self._link.connected_since is not None,
            connected_since=self._link.connected_since,
            event_lag_ms=None if self._lag is None else max(0, self._lag // _MILLISECOND),
            journal_segment=journal.segment,
            journal_bytes=journal.written,
            journal_failing_since=journal.failed_since,
            calls_open=len(self._book.state.open()),
            events=counts.events,
            unwanted=counts.unwanted,
            undecodable=counts.undecodable,
            oversized=counts.oversized,
            conservation_violations=len(self._book.unconserved),
            gaps_open=0 if self._is_repaired else 1,
            rss_bytes=_memory(),
            refused=self._store.refused,
        )

    def _show(self, *, connected: bool) -> None:
        """``var/run/ami_bridge.alive``: fresh while the link answers, and while there is none and this process works."""
        state = {
            "connected": connected,
            "since": self._link.connected_since if connected else None,
            "down_since": None if connected else self._down_since,
            "journal_segment": self._book.journal.segment,
            "journal_failing": self._book.journal.failed_since is not None,
            "calls_open": len(self._book.state.open()),
            "store_backlog": self._store.backlog,
        }
        fresh = self._alive_file.with_suffix(".new")
        try:
            fresh.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(state))
            fresh.replace(self._alive_file)
        except OSError as error:
            _log.warning("the sign of life could not be written", error=str(error))

    async def _finish(self) -> None:
        """A clean stop: store what can be stored, close the journal."""
        try:
            async with asyncio.timeout(_LAST_FLUSH_SECONDS):
                await self._store.flush()
                await self._store.close()
        except TimeoutError:
            _log.warning(
                "PostgreSQL did not answer at the end; the journal keeps what is not stored", waiting=self._store.backlog
            )
        self._book.journal.rotate()
        self._lock.close()


def _sole(path: Path) -> IO[bytes]:
    """Hold the node's lock, or raise ``SecondBridgeError``."""
    file = lock.hold(path)
    if file is None:
        raise SecondBridgeError(f"another bridge serves this node already: {path} is held")
    return file


def _reckoning(settings: Settings) -> Reckoning:
    """How this node's rows are made of evidence."""
    return Reckoning(
        node=settings.asterisk.node,
        rules=Rules(short_abandon_us=settings.figures.short_abandon_seconds * _SECOND_US),
        wrapup_us=settings.queue.wrapup_seconds * _SECOND_US,
        wrapups={name: queue.wrapup_seconds * _SECOND_US for name, queue in settings.queues.items()},
    )


def _stated(frames: Iterable[codec.Frame]) -> Iterator[Fact]:
    """The facts of a list that Asterisk sent as an answer."""
    received = clock.now()
    for frame in frames:
        fact = facts.from_event(frame.name, frame.headers, received)
        if fact is not None:
            yield fact


def _clock_offset() -> dt.timedelta:
    """How far the wall clock is ahead of the clock that never steps."""
    return clock.now() - EPOCH - dt.timedelta(seconds=clock.monotonic())


def _memory() -> int:
    """Resident bytes of this process; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0

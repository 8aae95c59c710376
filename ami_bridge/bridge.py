"""The bridge of one node: the link's events into the book, the book's rows into the store, and repair after every gap.

After each login: note the gap, read the two logs for what was missed, ask which channels, queues and members there are, let the
logs settle, read them once more, and close the calls that Asterisk no longer has and whose end nobody saw (metrics, section 6).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import IO

import msgspec
import structlog

from ami_bridge import channel_log, codec, facts
from ami_bridge.book import Book, Reckoning
from ami_bridge.channel_log import ChannelLog
from ami_bridge.errors import SecondBridgeError
from ami_bridge.floor import Floor
from ami_bridge.lines import Gap
from ami_bridge.link import Link
from ami_bridge.requests import Rules
from ami_bridge.store import Position, Status, Store
from hotline import clock, lock
from hotline.credentials import Credentials
from hotline.settings import Settings

_log = structlog.get_logger()
_SETTLE_SECONDS = 2.0
_START_PATIENCE_SECONDS = 3.0
_LAST_FLUSH_SECONDS = 3.0
_LARGEST_LOG, _LOGS_KEPT = 64 << 20, 4
_STATUS_SECONDS = 1.0
_CLOCK_STEP_SECONDS = 0.5
_SECOND_US = 1_000_000


class Bridge:
    """One node's bridge; ``var`` is the state folder. ``await run()`` ends only by cancellation."""

    def __init__(self, settings: Settings, credentials: Credentials, var: Path) -> None:
        self._node = settings.asterisk.node
        folder = var / "journal" / self._node
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _sole(folder / "lock")
        self._alive_file = var / "run" / "ami_bridge.alive"
        self._channel_log = ChannelLog(var / "asterisk" / "log" / "cel-custom" / "calls.csv")
        self._log_used, self._log_mark = channel_log.Position(), channel_log.Position()
        self._store = Store(self._node, credentials.database, folder / "position.json", self._position, settings.queue.skill)
        self._book = Book(folder, self._store)
        self._silent_since: dt.datetime | None = None
        self._cause = "the bridge was not running"
        self._is_noted = False
        self._is_repaired = False
        self._watched: set[str] = set()
        self._open_before: set[str] = set()
        self._prune_at = 0.0
        self._link = Link(
            settings.ami,
            credentials.ami,
            on_frames=self._hear,
            on_up=self._up,
            on_down=self._down,
            on_alive=self._alive,
        )

    async def run(self) -> None:
        """Give back the state, then serve."""
        position = await self._store.saved_position(_START_PATIENCE_SECONDS) or Position(0)
        entries = self._book.replay(position.segment)
        self._log_used = position.channel_log
        self._silent_since = self._book.heard_at
        _log.info("journal replayed", from_segment=position.segment, entries=entries, calls_open=len(self._book.state.open()))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._store.run())
                tasks.create_task(self._link.run())
        finally:
            await self._finish()

    def _position(self) -> Position:
        return Position(self._book.oldest_needed(), self._log_used, self._queue_log_used)

    def _hear(self, frames: list[codec.Frame]) -> None:
        if not self._is_noted:
            self._note_gap()
        self._book.hear(frames, clock.now())

    def _note_gap(self) -> None:
        """The first thing that the journal says about a connection: what was missed before it."""
        self._is_noted, self._is_repaired = True, False
        self._book.journal.rotate()
        self._book.journal.connection += 1
        gap = self._book.open_gap(self._silent_since, clock.now(), self._cause)
        _log.info("repairing a gap", begin=str(gap.begin), end=str(gap.end), cause=gap.cause)

    async def _up(self) -> None:
        """Logged in: find out what was missed."""
        if not self._is_noted:
            self._note_gap()
        self._show(connected=True)
        asterisk_now = facts.timestamp((await self._link.ask(Action="Ping")).timestamp)
        used = await self._read_log(self._log_used)
        present = {channel.uniqueid for channel in await self._link.ask(Action="CoreShowChannels") if channel.uniqueid}
        await asyncio.sleep(_SETTLE_SECONDS)
        self._log_used = self._log_mark = await self._read_log(used)
        lost = [
            call.call_id for call in self._book.state.open() if call.started.at < asterisk_now and call.call_id not in present
        ]
        self._book.lose(lost, clock.now())
        self._book.close_gaps(clock.now())
        self._is_repaired = True
        self._watched = self._open_before = self._open()
        self._store.touch()
        _log.info("gap repaired", calls_lost=len(lost), calls_open=len(self._watched))

    def _down(self, heard_at: dt.datetime, cause: str) -> None:
        if self._is_noted:
            self._silent_since, self._cause, self._is_noted = heard_at, cause, False
        self._is_repaired = False
        self._show(connected=False)

    def _alive(self) -> None:
        """A ping was answered."""
        self._book.alive(clock.now())
        self._show(connected=True)
        if self._is_repaired:
            self._follow_log()
            self._channel_log.rotate(largest=_LARGEST_LOG, keep=_LOGS_KEPT)
            self._store.touch()
        if clock.monotonic() >= self._prune_at:
            self._prune_at = clock.monotonic() + 3600
            self._book.prune(clock.now(), self._book.oldest_needed())

    def _follow_log(self) -> None:
        """Move the position in the log on.

        Calls that were open across a gap are watched there to their end: a step taken in the gap is told by the later lines
        of its call (the userfield grows). Without such calls nothing is read: what the log held at the ping before has
        surely arrived over AMI too.
        """
        if not self._watched:
            self._log_used, self._log_mark = self._log_mark, self._channel_log.end()
            return
        lines, self._log_used = self._channel_log.read(self._log_used)
        self._log_mark = self._log_used
        self._book.read_log(lines, clock.now(), self._watched)
        self._watched &= self._open_before
        self._open_before = self._open()

    def _open(self) -> set[str]:
        return {call.call_id for call in self._book.state.open()}

    async def _read_log(self, position: channel_log.Position) -> channel_log.Position:
        """Use the channel event log from ``position`` on; returns the position after it."""
        lines, after = await asyncio.to_thread(self._channel_log.read, position)
        used = self._book.read_log(lines, clock.now())
        _log.info("channel event log read", lines=len(lines), used=used)
        return after

    def _show(self, *, connected: bool) -> None:
        """``var/run/ami_bridge.alive``: its age is that of the last sign of life over AMI."""
        state = {
            "connected": connected,
            "since": self._link.connected_since,
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

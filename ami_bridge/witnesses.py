"""The two witnesses of one node: the channel event log and the queue log, each read on from a position (metrics, section 6).

The channel event log knows times to the microsecond but not what app_queue thought; the queue log knows that, to the second. Both
are evidence of gaps only, and of calls that were open across one: those are watched in the channel event log to their end,
because a step taken in the gap is told by the later lines of its call (the userfield grows).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from ami_bridge.book import Book
from ami_bridge.channel_log import ChannelLog, Position
from hotline import clock

_log = structlog.get_logger()
_LARGEST_LOG, _LOGS_KEPT = 64 << 20, 4


class Witnesses:
    """Reads the logs under ``folder`` (Asterisk's log folder) into the book."""

    def __init__(self, folder: Path, book: Book) -> None:
        self._book = book
        self._channels = ChannelLog(folder / "cel-custom" / "calls.csv")
        self._queues = ChannelLog(folder / "queue_log")
        self.channels_used, self.queues_used = Position(), Position()
        self._mark, self._queue_mark = Position(), Position()
        self._watched: set[str] = set()
        self._open_before: set[str] = set()

    def resume(self, channels: Position, queues: Position) -> None:
        """Go on from where an earlier bridge was."""
        self.channels_used, self.queues_used = channels, queues

    async def testify(self, settle_seconds: float) -> None:
        """What the logs hold of the gap: read, let them settle, and read once more. What is read twice changes nothing."""
        channels = await self._read_channels(self.channels_used)
        queues = await self._read_queues(self.queues_used)
        await asyncio.sleep(settle_seconds)
        self.channels_used = self._mark = await self._read_channels(channels)
        self.queues_used = self._queue_mark = await self._read_queues(queues)

    def watch(self) -> int:
        """From now on, follow the calls that are open; returns how many."""
        self._watched = self._open_before = self._open()
        return len(self._watched)

    def follow(self) -> None:
        """Move the positions on, and put a log aside that has grown large.

        Without watched calls nothing is read: what a log held at the ping before has surely arrived over AMI too.
        """
        self._follow_channels()
        self.queues_used, self._queue_mark = self._queue_mark, self._queues.end()
        self._channels.rotate(largest=_LARGEST_LOG, keep=_LOGS_KEPT)

    def _follow_channels(self) -> None:
        if not self._watched:
            self.channels_used, self._mark = self._mark, self._channels.end()
            return
        lines, self.channels_used = self._channels.read(self.channels_used)
        self._mark = self.channels_used
        self._book.read_log(lines, clock.now(), self._watched)
        self._watched &= self._open_before
        self._open_before = self._open()

    def _open(self) -> set[str]:
        return {call.call_id for call in self._book.state.open()}

    async def _read_channels(self, position: Position) -> Position:
        lines, after = await asyncio.to_thread(self._channels.read, position)
        _log.info("channel event log read", lines=len(lines), used=self._book.read_log(lines, clock.now()))
        return after

    async def _read_queues(self, position: Position) -> Position:
        lines, after = await asyncio.to_thread(self._queues.read, position)
        _log.info("queue log read", lines=len(lines), used=self._book.read_queue_log(lines, clock.now()))
        return after

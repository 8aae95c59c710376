"""The journal: everything the bridge learned, on disk before it is applied (architecture, section 4).

A segment is one file of a zlib stream, flushed after each record, so that a killed process loses nothing it had written and a
reader of a torn file gets every record that was complete. Segments are numbered without end; a new one begins for each
connection, each hour, and each 8 MiB, and says first what was known before it. A full disk stops the journal, not the calls: the
failure is logged as an alarm, and a new segment is tried every few seconds.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

import msgspec
import structlog

from hotline import clock

_log = structlog.get_logger()
_DAMAGED = "journal segment is damaged; what came before is used"
_HEAD = struct.Struct(">BqII")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_SUFFIX = ".journal"


class Kind(IntEnum):
    """What a record holds."""

    STREAM = 1
    """AMI blocks, as Asterisk sent them: the payloads of a segment, joined, are an AMI stream."""
    CHANNEL_LOG = 2
    """Lines of the channel event log that repair a gap."""
    GAP = 3
    """JSON ``{"from", "to", "cause"}``: the link was down; written when it is up again."""
    LOST = 4
    """JSON ``{"at", "calls"}``: calls that Asterisk no longer has and whose end nobody saw."""
    REPAIRED = 5
    """All gaps before this are repaired."""
    CALLS = 7
    """MessagePack list of calls: the state after a time in which the journal could not be written."""
    ALIVE = 6
    """The link answered a ping; nothing else happened."""
    QUEUE_LOG = 8
    """Lines of the queue log that repair a gap."""
    CLOCK = 9
    """JSON ``{"microseconds"}``: the machine's clock was set forward by so much (back: negative)."""
    KNOWN = 10
    """MessagePack list of the calls that were heard of before this segment, by their linkedids."""


class Entry(msgspec.Struct, frozen=True):
    """One record: what, received when (UTC, microseconds), over which connection of this process, and the bytes."""

    kind: Kind
    at: dt.datetime
    connection: int
    payload: bytes


class Journal:
    """Writes the segments of one node; ``segment`` is the number being written (the next one while none is).

    ``heading`` is asked, when a segment is begun, what its first record shall be.
    """

    def __init__(
        self,
        folder: Path,
        *,
        heading: Callable[[], tuple[Kind, bytes]] | None = None,
        segment_bytes: int = 8 << 20,
        segment_seconds: float = 3600,
        retry_seconds: float = 5,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._heading = folder, heading
        self._limits = (segment_bytes, segment_seconds)
        self._retry_seconds = retry_seconds
        self._file: int | None = None
        self._written, self._opened, self._retry_at = 0, 0.0, 0.0
        self._packer = zlib.compressobj(6)
        self.segment = max((number for number, _ in segments(folder)), default=0) + 1
        self.connection = 0
        self.failed_since: dt.datetime | None = None

    @property
    def written(self) -> int:
        """Bytes of the segment being written."""
        return self._written if self._file is not None else 0

    def write(self, kind: Kind, at: dt.datetime, payload: bytes) -> bool:
        """Append one record; False when the disk refuses it (logged; the caller goes on without)."""
        now = clock.monotonic()
        if self._file is not None and (self._written >= self._limits[0] or now - self._opened >= self._limits[1]):
            self.rotate()
        if self._file is None and now < self._retry_at:
            return False
        try:
            if self._file is None:
                self._open(now)
                if self._heading:
                    self._append(at, *self._heading())
            self._append(at, kind, payload)
        except OSError as error:
            self._fail(now, at, error)
            return False
        if self.failed_since:
            _log.warning("journal writes again", since=self.failed_since.isoformat(), segment=self.segment)
            self.failed_since = None
        return True

    def rotate(self) -> None:
        """Finish the segment; the next record opens another."""
        if self._file is None:
            return
        try:
            self._write_all(self._packer.flush(zlib.Z_FINISH))
            os.fdatasync(self._file)
        except OSError as error:
            _log.error("journal segment was not finished", segment=self.segment, error=str(error))
        finally:
            self._abandon()

    def prune(self, *, before_segment: int, older_than: dt.datetime) -> int:
        """Remove segments that are neither needed (their number is below) nor young; returns how many."""
        removed = 0
        for number, path in segments(self._folder):
            if number < before_segment and path.stat().st_mtime < older_than.timestamp():
                path.unlink()
                removed += 1
        return removed

    def _open(self, now: float) -> None:
        path = self._folder / f"{self.segment:010d}{_SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._packer = zlib.compressobj(6)
        self._written, self._opened = 0, now

    def _append(self, at: dt.datetime, kind: Kind, payload: bytes) -> None:
        data = _HEAD.pack(kind, (at - _EPOCH) // _MICROSECOND, self.connection, len(payload)) + payload
        self._write_all(self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH))

    def _write_all(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        while view:
            done = os.write(self._file, view)
            self._written += done
            view = view[done:]

    def _fail(self, now: float, at: dt.datetime, error: OSError) -> None:
        if self.failed_since is None:
            _log.error("ALARM: the journal cannot be written; calls go on without it", error=str(error))
            self.failed_since = at
        self._retry_at = now + self._retry_seconds
        self._abandon()

    def _abandon(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self.segment += 1


def segments(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a node, oldest first, as (number, path)."""
    found = [path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit()]
    return sorted((int(path.stem), path) for path in found)


def read(path: Path) -> Iterator[Entry]:
    """Every complete record of a segment; a torn or damaged tail ends it quietly (logged when bytes were left over)."""
    buffer = bytearray()
    try:
        for piece in _inflated(path):
            buffer += piece
            yield from _take(buffer)
    except (ValueError, OverflowError) as error:  # a kind that is none, a time beyond all times
        _log.warning(_DAMAGED, segment=path.name, error=str(error))
        return
    if buffer:
        _log.info("journal segment ends in the middle of a record", segment=path.name, left_over=len(buffer))


def _inflated(path: Path) -> Iterator[bytes]:
    """What a segment holds, up to where it is damaged."""
    unpacker = zlib.decompressobj()
    with path.open("rb") as file:
        while chunk := file.read(1 << 16):
            before = unpacker.copy()
            try:
                yield unpacker.decompress(chunk)
            except zlib.error as error:
                _log.warning(_DAMAGED, segment=path.name, error=str(error))
                yield _sound_part(before, chunk)
                return


def _sound_part(unpacker: zlib._Decompress, chunk: bytes) -> bytes:
    """What a damaged chunk gives before its damage: found byte by byte, because the failing call gives nothing."""
    found = bytearray()
    with contextlib.suppress(zlib.error):
        for place in range(len(chunk)):
            found += unpacker.decompress(chunk[place : place + 1])
    return bytes(found)


def _take(buffer: bytearray) -> Iterator[Entry]:
    """Cut the complete records off the front of ``buffer``."""
    start = 0
    while len(buffer) - start >= _HEAD.size:
        kind, microseconds, connection, length = _HEAD.unpack_from(buffer, start)
        end = start + _HEAD.size + length
        if len(buffer) < end:
            break
        yield Entry(Kind(kind), _EPOCH + microseconds * _MICROSECOND, connection, bytes(buffer[start + _HEAD.size : end]))
        start = end
    del buffer[:start]

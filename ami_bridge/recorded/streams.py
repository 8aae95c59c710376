"""Recorded AMI streams and journals to facts in the order of time, with what was heard and what was not.

Any recording of an Asterisk 18 to 22: raw (also gzip), filtered or not, of several nodes (``SystemName``, else what stands before
the ``-`` of a unique id), given twice, overlapping, cut into files, torn at its end; and journals: a segment, a node's folder, or
the folder of all nodes. What has no ``Timestamp`` has no place in time and is left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from ami_bridge import book, codec, facts, journal, queue_log
from ami_bridge.calls import Call, CallLost
from ami_bridge.errors import UnreadableStreamError
from ami_bridge.journal import Entry, Kind
from ami_bridge.lines import Gap
from ami_bridge.recorded.connections import ClockSet, Connection, Item, Notes, Repairing, Resumed
from ami_bridge.recorded.coverage import Coverage
from ami_bridge.recorded.rawfiles import RawFile
from hotline import messages

_RECENT = 8192
"""How many events are remembered, to know the ones that two recordings both hold."""
SUFFIX = ".journal"


class JournalStream:
    """Segments of one node's journal, in their order."""

    def __init__(self, node: str, paths: Sequence[Path], coverage: Coverage, notes: Notes) -> None:
        self.node, self._paths, self._coverage, self._notes = node, paths, coverage, notes
        self._connection = Connection(coverage, notes, node=node, has_gaps=True)
        self.size, self.position = sum(path.stat().st_size for path in paths), 0
        self.first_at = next((entry.at for path in paths for entry in journal.read(path)), None)

    def read(self) -> Iterator[Item]:
        """Everything they say."""
        for path in self._paths:
            for entry in journal.read(path):
                yield from self._entry(entry)
            self.position += path.stat().st_size

    def _entry(self, entry: Entry) -> Iterator[Item]:
        match entry.kind:
            case Kind.STREAM:
                decoder = codec.Decoder(facts.READABLE)
                yield from self._connection.items(decoder.feed(entry.payload), entry.at)
                self._notes.events += decoder.counts.events
            case Kind.CHANNEL_LOG:
                yield from (Item(entry.at, self.node, fact, source) for fact, source in book.from_channel_log(entry.payload))
            case Kind.QUEUE_LOG:
                yield from (Item(entry.at, self.node, fact, source) for fact, source in book.from_queue_log(entry.payload))
            case Kind.LOST:
                lost = msgspec.json.decode(entry.payload, type=book.Lost)
                yield from (Item(entry.at, self.node, CallLost(at=lost.at, call_id=call)) for call in lost.calls)
            case Kind.CLOCK:
                delta = msgspec.json.decode(entry.payload, type=book.Clock).microseconds
                yield Item(entry.at, self.node, ClockSet(at=entry.at, call_id="", microseconds=delta))
            case Kind.CALLS:
                known = msgspec.msgpack.decode(entry.payload, type=list[Call])
                yield Item(entry.at, self.node, Resumed(at=entry.at, call_id="", calls=known))
            case Kind.GAP:
                self._gap(msgspec.json.decode(entry.payload, type=book.Gap))
                yield Item(entry.at, self.node, Repairing(at=entry.at, call_id="", goes_on=True))
            case Kind.REPAIRED:
                self._alive(entry.at)
                yield Item(entry.at, self.node, Repairing(at=entry.at, call_id="", goes_on=False))
            case Kind.ALIVE:
                self._alive(entry.at)
            case Kind.KNOWN:
                pass

    def _gap(self, gap: book.Gap) -> None:
        span = self._connection.last()
        if span is not None and gap.begin is not None:
            span.end = max(span.begin, gap.begin)
        elif gap.begin is not None:
            self._coverage.begin(self.node, gap.begin)
        else:
            self._coverage.note(Gap(self.node, None, gap.end, gap.cause))
        self._connection.go_on(self.node, gap.end, gap.cause)

    def _alive(self, at: dt.datetime) -> None:
        if span := self._connection.last():
            span.hear(at)


Stream = RawFile | JournalStream


class Reader:
    """All recordings together. ``notes`` and ``coverage`` are complete when ``items`` has come to its end."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.coverage, self.notes = Coverage(), Notes()
        self._streams = _opened(paths, self.coverage, self.notes)
        raw = [stream for stream in self._streams if isinstance(stream, RawFile)]
        for stream in raw:
            stream.others = raw
        self.total_bytes = sum(stream.size for stream in self._streams)

    @property
    def has_clock(self) -> bool:
        """Whether anything in the recordings has a time."""
        return any(stream.first_at for stream in self._streams)

    @property
    def read_bytes(self) -> int:
        """How much of ``total_bytes`` was read so far."""
        return sum(stream.position for stream in self._streams)

    def items(self) -> Iterator[Item]:
        """Everything that was said, in the order of time (as near as each recording keeps it), each thing once."""
        recent: dict[int, None] = {}
        for item in _merged(self._streams):
            if item.key:
                if item.key in recent:
                    self.notes.repeated += 1
                    continue
                recent[item.key] = None
                if len(recent) > _RECENT:
                    del recent[next(iter(recent))]
            yield item


def _merged(streams: Sequence[Stream]) -> Iterator[Item]:
    """The streams as one; each is opened when its time has come, and read as long as it is the earliest."""
    waiting = [(stream.first_at, number, None, stream.read()) for number, stream in enumerate(streams) if stream.first_at]
    heap: list[tuple[dt.datetime, int, Item | None, Iterator[Item]]] = [*waiting]
    heapq.heapify(heap)
    while heap:
        _, number, item, reading = heapq.heappop(heap)
        limit = heap[0][0] if heap else None
        if item is not None:
            yield item
        for item in reading:
            if limit is not None and item.at > limit:
                heapq.heappush(heap, (item.at, number, item, reading))
                break
            yield item


def _opened(paths: Sequence[Path], coverage: Coverage, notes: Notes) -> list[Stream]:
    """The streams of these files and folders, the same file once; raises ``UnreadableStreamError``."""
    segments: dict[Path, list[Path]] = {}
    found: list[Stream] = []
    for file in _distinct([file for path in paths for file in _files(path)], notes):
        if file.suffix == SUFFIX:
            segments.setdefault(file.resolve().parent, []).append(file)
        else:
            found.append(RawFile(file, coverage, notes))
    for folder, files in segments.items():
        found.append(JournalStream(folder.name, sorted(files, key=lambda file: file.name), coverage, notes))
    return found


def _files(path: Path) -> list[Path]:
    """The file, or the segments in the folder and the folders in it."""
    if not path.is_dir():
        return [path]
    found = sorted([*path.glob(f"*{SUFFIX}"), *path.glob(f"*/*{SUFFIX}")])
    if not found:
        raise UnreadableStreamError(messages.text("replay.no_journal", folder=path))
    return found


def _distinct(paths: Sequence[Path], notes: Notes) -> list[Path]:
    """Each file once, whatever its name."""
    sizes = [path.stat().st_size for path in paths]
    seen: set[object] = set()
    kept = []
    for path, size in zip(paths, sizes, strict=True):
        mark = (size, _digest(path)) if sizes.count(size) > 1 else path
        if mark in seen:
            notes.same.append(path.name)
        else:
            seen.add(mark)
            kept.append(path)
    return kept


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def log_lines(paths: Sequence[Path]) -> Iterator[queue_log.Line]:
    """The lines of queue logs, in the order of time; raises ``UnreadableStreamError`` for a file without one."""
    return heapq.merge(*(_log_lines(path) for path in dict.fromkeys(paths)), key=lambda line: line.at)


def _log_lines(path: Path) -> Iterator[queue_log.Line]:
    found = False
    with path.open("rb") as file:
        for line in queue_log.lines(file):
            found = True
            yield line
    if not found and path.stat().st_size:
        raise UnreadableStreamError(messages.text("replay.no_queue_log", file=path))

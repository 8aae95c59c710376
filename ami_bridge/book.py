"""What the bridge knows: journal first, then state, then rows to store. The same reading of an entry, live and in a replay.

The state is a function of the journal: everything that changes it (AMI blocks, lines of the two logs, calls given up, a clock
that was set) is an entry. After a kill -9, reading the segments from the saved position gives the state back; calls of which they
tell only the rest were over and stored when it was saved, and are left alone. Who reads agents' states off the same events is
told of each fact after it was written (``listen``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import Path
from typing import Protocol

import msgspec
import structlog

from ami_bridge import calls, cel, codec, facts, journal, queue_log, rows
from ami_bridge.calls import Call, CallLost, Source
from ami_bridge.facts import AcdStep, Fact
from ami_bridge.journal import Entry, Kind
from ami_bridge.requests import Rules
from ami_bridge.rows import CallFacts

_log = structlog.get_logger()
_MARGIN = dt.timedelta(seconds=5)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_KEEP = dt.timedelta(days=30)
Reading = Iterator[tuple[Fact, Source]]


class Store(Protocol):
    """Where changed rows go."""

    def put(self, found: CallFacts | AcdStep) -> None:
        """Take the rows of a call, or a step."""

    def waiting(self) -> set[str]:
        """The calls, and the steps by channel and number, not stored yet."""


class Lost(msgspec.Struct, frozen=True):
    """A journal entry: calls given up."""

    at: dt.datetime
    calls: list[str]


class Gap(msgspec.Struct, frozen=True):
    """A time in which the link was down; ``begin`` is None when nothing is known from before."""

    begin: dt.datetime | None = msgspec.field(name="from")
    end: dt.datetime = msgspec.field(name="to")
    cause: str = ""

    def covers(self, at: dt.datetime) -> bool:
        """Whether something at ``at`` may have been missed, a few seconds on either side included."""
        return (self.begin is None or self.begin - _MARGIN <= at) and at <= self.end + _MARGIN


class Clock(msgspec.Struct, frozen=True):
    """A journal entry: the clock was set."""

    microseconds: int


class Reckoning(msgspec.Struct, frozen=True):
    """How rows are made of evidence: whose they are, and what a city may set (CFG-05)."""

    node: str = ""
    rules: Rules = Rules()
    wrapup_us: int = 0
    wrapups: Mapping[str, int] = {}
    """Of queues that have their own, in microseconds."""


class Book:
    """State, journal and outgoing rows of one node. ``listen`` is told each fact that AMI states."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        reckoning: Reckoning | None = None,
        listen: Callable[[Fact], None] | None = None,
    ) -> None:
        self._folder, self._store, self._listen = folder, store, listen
        self._reckoning = reckoning or Reckoning()
        self.journal = journal.Journal(folder, heading=self._heading)
        self.state = calls.State()
        self.newest_fact: dt.datetime | None = None
        self.unconserved: set[str] = set()
        """Calls that ended with a request that did not (metrics, section 2): a fault of ours, told to the supervisors."""
        self.heard_at: dt.datetime | None = None
        """After a replay: the time of the last entry."""
        self.unrepaired: list[Gap] = []
        self._first_segment: dict[str, int] = {}
        self._unrepaired_segment: int | None = None
        self._over: frozenset[str] = frozenset()
        """After a replay: calls begun before its first segment, which were over and stored when its position was saved."""

    def replay(self, first_segment: int) -> int:
        """Read the journal from a segment on; returns how many entries there were."""
        entries = 0
        for number, path in journal.segments(self._folder):
            if number < first_segment:
                continue
            for entry in journal.read(path):
                self._take(entry, number)
                self.heard_at = entry.at
                entries += 1
        return entries

    def hear(self, frames: list[codec.Frame], at: dt.datetime) -> None:
        """AMI events, as they were read."""
        self.journal.write(Kind.STREAM, at, b"".join(frame.raw for frame in frames))
        self._apply(self._heard(frames, at), self.journal.segment)

    def read_log(self, lines: list[bytes], at: dt.datetime, watched: Set[str] = frozenset()) -> int:
        """Lines of the channel event log: those in an unrepaired gap and those of ``watched`` calls are evidence.

        Returns how many were.
        """
        missed = [
            raw for raw in lines if (line := cel.parse(raw)) and (line.linkedid in watched or self._may_have_missed(line.at))
        ]
        if missed:
            self._learn(Kind.CHANNEL_LOG, at, b"\n".join(missed))
        return len(missed)

    def read_queue_log(self, lines: list[bytes], at: dt.datetime) -> int:
        """Lines of the queue log: those in an unrepaired gap are evidence, exact to a second; returns how many were."""
        missed = [raw for raw in lines if (line := queue_log.parse(raw)) and self._may_have_missed(line.at)]
        if missed:
            self._learn(Kind.QUEUE_LOG, at, b"\n".join(missed))
        return len(missed)

    def step_clock(self, delta: dt.timedelta, at: dt.datetime) -> None:
        """The machine's clock was set: what is in progress goes on by the old one."""
        self._learn(Kind.CLOCK, at, msgspec.json.encode(Clock(delta // dt.timedelta(microseconds=1))))

    def _may_have_missed(self, at: dt.datetime) -> bool:
        return any(gap.covers(at) for gap in self.unrepaired)

    def lose(self, lost: list[str], at: dt.datetime) -> None:
        """Close calls that Asterisk no longer has: at the last they were heard of, or when the link was last up."""
        if lost:
            up = next((gap.begin for gap in self.unrepaired if gap.begin), EPOCH)
            self._learn(Kind.LOST, at, msgspec.json.encode(Lost(up, lost)))

    def open_gap(self, begin: dt.datetime | None, end: dt.datetime, cause: str) -> Gap:
        """Note that the link was down."""
        gap = Gap(begin, end, cause)
        self._learn(Kind.GAP, end, msgspec.json.encode(gap))
        return gap

    def close_gaps(self, at: dt.datetime) -> None:
        """All that could be repaired is repaired."""
        self._learn(Kind.REPAIRED, at, b"")

    def alive(self, at: dt.datetime) -> None:
        """The link answered."""
        self._learn(Kind.ALIVE, at, b"")

    def oldest_needed(self) -> int:
        """The segment from which a replay gives back all calls that are open, just ended, or not stored, and unrepaired gaps."""
        needed = self.state.calls.keys() | self._store.waiting()
        self._first_segment = {call: number for call, number in self._first_segment.items() if call in needed}
        return min([*self._first_segment.values(), self._unrepaired_segment or self.journal.segment])

    def prune(self, at: dt.datetime, saved_segment: int) -> None:
        """Remove segments that are a month old and not needed."""
        removed = self.journal.prune(before_segment=saved_segment, older_than=at - _KEEP)
        if removed:
            _log.info("old journal segments removed", segments=removed)

    def _learn(self, kind: Kind, at: dt.datetime, payload: bytes) -> None:
        self.journal.write(kind, at, payload)
        self._take(Entry(kind, at, self.journal.connection, payload), self.journal.segment)

    def _heading(self) -> tuple[Kind, bytes]:
        """What a segment says first: which calls were begun before it; after a time without a journal, the calls as they are."""
        if self.journal.failed_since:
            return Kind.CALLS, msgspec.msgpack.encode(list(self.state.calls.values()))
        return Kind.KNOWN, msgspec.msgpack.encode([*self.state.calls, *self.state.joined])

    def _take(self, entry: Entry, segment: int) -> None:
        """The one reading of an entry."""
        match entry.kind:
            case Kind.STREAM:
                self._apply(_from_frames(codec.Decoder().feed(entry.payload), entry.at), segment)
            case Kind.CHANNEL_LOG:
                self._apply(from_channel_log(entry.payload), segment)
            case Kind.QUEUE_LOG:
                self._apply(from_queue_log(entry.payload), segment)
            case Kind.LOST:
                lost = msgspec.json.decode(entry.payload, type=Lost)
                self._apply(((CallLost(at=lost.at, call_id=call), Source.AMI) for call in lost.calls), segment)
            case Kind.CALLS:
                self._resume(msgspec.msgpack.decode(entry.payload, type=list[Call]), segment)
            case Kind.CLOCK:
                calls.step_clock(
                    self.state, dt.timedelta(microseconds=msgspec.json.decode(entry.payload, type=Clock).microseconds)
                )
            case Kind.KNOWN:
                if self.heard_at is None:
                    self._over = frozenset(msgspec.msgpack.decode(entry.payload, type=list[str]))
            case Kind.GAP:
                self._unrepaired_segment = min(self._unrepaired_segment or segment, segment)
                self.unrepaired.append(msgspec.json.decode(entry.payload, type=Gap))
                self.state.holds = True
            case Kind.REPAIRED:
                self._unrepaired_segment = None
                self.unrepaired.clear()
                self.state.holds = False
            case Kind.ALIVE:
                pass

    def _apply(self, reading: Reading, segment: int) -> None:
        """Fold facts in; each call that they changed is put once."""
        touched: dict[str, Call] = {}
        for fact, source in reading:
            if type(fact) is AcdStep:
                self._first_segment.setdefault(f"{fact.uniqueid} {fact.number}", segment)
                self._store.put(fact)
                continue
            call = None if fact.call_id in self._over else calls.apply(self.state, fact, source)
            if call is None:
                continue
            self._first_segment.setdefault(call.call_id, segment)
            if call.is_inbound:
                touched[call.call_id] = call
        for call in touched.values():
            self._put(call)

    def _put(self, call: Call) -> None:
        how = self._reckoning
        found = rows.of_call(call, how.rules, node=how.node, wrapup_us=how.wrapup_us, wrapups=how.wrapups)
        if calls.is_closed(call) and any(request.outcome == "waiting" for request in found.requests):
            self.unconserved.add(call.call_id)
        else:
            self.unconserved.discard(call.call_id)
        self._store.put(found)

    def _heard(self, frames: list[codec.Frame], at: dt.datetime) -> Reading:
        for fact, source in _from_frames(frames, at):
            self.newest_fact = fact.at
            if self._listen:
                self._listen(fact)
            yield fact, source

    def _resume(self, known: list[Call], segment: int) -> None:
        known = [call for call in known if call.call_id not in self._over]
        calls.resume(self.state, known)
        for call in known:
            self._first_segment.setdefault(call.call_id, segment)
            if call.is_inbound:
                self._put(call)


def _from_frames(frames: list[codec.Frame], received: dt.datetime) -> Reading:
    for frame in frames:
        if frame.kind == "event":
            for fact in (facts.from_event(*(known := (frame.name, frame.headers, received))), facts.attended(*known)):
                if fact is not None:
                    yield fact, Source.AMI


def from_channel_log(payload: bytes) -> Reading:
    """What lines of the channel event log are evidence of."""
    for raw in payload.split(b"\n"):
        line = cel.parse(raw)
        if line is not None:
            yield from ((fact, Source.CEL) for fact in cel.evidence(line))


def from_queue_log(payload: bytes) -> Reading:
    """What lines of the queue log are evidence of."""
    for line in queue_log.lines(payload.split(b"\n")):
        yield from ((fact, Source.QUEUE_LOG) for fact in queue_log.evidence(line))

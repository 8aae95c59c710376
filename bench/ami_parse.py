"""From bytes to state and rows on one core, beside what panoramisk 1.4 needs to parse the same bytes, in turns.

The stream is that of a peak day's busy hours, unfiltered: of its events one in seven says something that we use. Ours is the
whole way: decoding, facts, the evidence of each call, and the rows (record, requests, turns) of every call touched: after
each piece of 64 KiB (less than a second of the busy hour), and, apart, once at the end as in a replay. The peer's ``AMIProtocol``
gets the same pieces and does nothing with a message once it is parsed. A run whose rows are not the stream's truth is an error.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Collection

from panoramisk.ami_protocol import AMIProtocol

from ami_bridge import calls, codec, facts, rows
from ami_bridge.calls import Call
from ami_bridge.requests import Rules
from ami_bridge.rows import CallFacts
from bench.figure import Figure, say
from bench.peak_day import Chunk, Day, Truth

CALLS = int(os.environ.get("BENCH_PARSE_CALLS", "1500"))
ROUNDS = 5
WANTED_RATIO = 4.0
_RULES = Rules()
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Reading:
    """``take`` bytes into state, ``derive`` the rows of the calls touched since, ``settle`` the calls that are over.

    ``wanted``: the events that are read; the bridge's own, or, as in a replay, all that may say something.
    """

    def __init__(self, wanted: Collection[str] = facts.WANTED) -> None:
        self.counted = Truth()
        self._decoder = codec.Decoder(wanted)
        self._state = calls.State()
        self._touched: dict[str, Call] = {}
        self._rows: dict[str, CallFacts] = {}

    @property
    def calls(self) -> int:
        """Calls that are known now: in progress, or over since a moment."""
        return len(self._state.calls)

    def take(self, data: bytes) -> None:
        """The next piece of the stream."""
        state, touched = self._state, self._touched
        apply, from_event = calls.apply, facts.from_event
        for frame in self._decoder.feed(data):
            if frame.kind == "event":
                fact = from_event(frame.name, frame.headers, _NEVER)
                if fact is not None:
                    call = apply(state, fact)
                    if call is not None:
                        touched[call.call_id] = call

    def derive(self) -> None:
        """The rows as they are now."""
        for call_id, call in self._touched.items():
            self._rows[call_id] = rows.of_call(call, _RULES, node="node1")
        self._touched.clear()

    def settle(self, *, everything: bool = False) -> None:
        """Count the calls that the state has forgotten (or all), as a truth counts, and forget their rows."""
        gone = [call_id for call_id in self._rows if everything or call_id not in self._state.calls]
        for call_id in gone:
            self._count(self._rows.pop(call_id))

    def _count(self, call: CallFacts) -> None:
        self.counted.dispositions[str(call.record.disposition)] += 1
        for request in call.requests:
            self.counted.outcomes[request.outcome] += 1
            self.counted.answered_wait_us += request.wait_us() if request.outcome == "answered" else 0


def measure() -> list[Figure]:
    """Medians of a few rounds."""
    logging.getLogger("panoramisk.ami_protocol").setLevel(logging.WARNING)
    day = Day(CALLS, first_hour=9, hours=3)
    stream = list(day.chunks())
    rates: dict[str, list[float]] = {name: [] for name in _WAYS}
    for number in range(1, ROUNDS + 1):
        for name, way in _WAYS.items():
            rates[name].append(day.events / _seconds(lambda way=way: way(stream, day.truth)))  # type: ignore[misc]
        say(f"ami_parse: round {number}: " + ", ".join(f"{name} {found[-1]:,.0f} events/s" for name, found in rates.items()))
    note = f"{CALLS} calls, {day.events} events, {sum(len(chunk.data) for chunk in stream) / 1e6:.0f} MB; peer: panoramisk parses"
    return [_figure(f"ami_{name}", rates[name], rates["panoramisk"], note) for name in _WAYS if name != "panoramisk"]


def _figure(name: str, ours: list[float], peers: list[float], note: str) -> Figure:
    """The aim is so many times the peer."""
    ratios = [one / other for one, other in zip(ours, peers, strict=True)]
    note += "; rounds: " + ", ".join(f"{ratio:.1f}" for ratio in ratios)
    peer = statistics.median(peers)
    return Figure(
        name=name, ours=peer * statistics.median(ratios), peer=peer, unit="events/s", aim=WANTED_RATIO * peer, note=note
    )


def _seconds(work: Callable[[], None]) -> float:
    """CPU of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _live(stream: list[Chunk], truth: Truth) -> None:
    """The bridge's way: rows after each piece."""
    reading = Reading()
    for chunk in stream:
        reading.take(chunk.data)
        reading.derive()
    check(reading, truth)


def _replay(stream: list[Chunk], truth: Truth) -> None:
    """A replay's way: everything that may say something, rows once."""
    reading = Reading(facts.READABLE)
    for chunk in stream:
        reading.take(chunk.data)
    reading.derive()
    check(reading, truth)


def check(reading: Reading, truth: Truth) -> None:
    """Raise ``RuntimeError`` when the rows are not the truth."""
    reading.settle(everything=True)
    if reading.counted != truth:
        raise RuntimeError(f"the rows say {reading.counted}, the truth is {truth}")


class _Nobody:
    """What panoramisk's protocol reports to."""

    save_stream = None

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def dispatch(self, _: object) -> None:
        self.counted["messages"] += 1


def _peer(stream: list[Chunk], _: Truth) -> None:
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory = _Nobody()
    protocol.encoding = "utf8"
    for chunk in stream:
        protocol.data_received(chunk.data)


_WAYS: dict[str, Callable[[list[Chunk], Truth], None]] = {
    "panoramisk": _peer,
    "bytes_to_state": _replay,
    "bytes_to_rows": _live,
}

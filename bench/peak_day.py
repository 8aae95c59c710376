"""A peak day's AMI stream, unfiltered, with its truth: 42,936 calls (CAP-30), interleaved, made from calls of a real Asterisk.

``bench/streams`` holds what a real Asterisk said about one call of each kind, 78 to 204 events: all classes but RTCP reports. Of
each, copies are made with their own times, numbers, ids, channels and agents, and waits and talks of their own. Nothing is kept
but the calls in progress; the same seed gives the same bytes.
"""

from __future__ import annotations

import heapq
import lzma
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

CALLS = 42_936
SEED = 12345
CHUNK = 64 * 1024
MIDNIGHT = 1_790_006_400
"""A midnight in Shanghai, in seconds of UTC."""
HOURS = (1.2, 0.8, 0.6, 0.5, 0.5, 0.7, 1.5, 3.0, 7.5, 11.5, 12.0, 8.5, 5.0, 5.5, 8.0, 8.0, 7.0, 5.5, 3.5, 2.8, 2.4, 2.0, 1.6, 1.4)
"""How many of a day's calls arrive in each hour, in percent, about: 12 in the busy one."""
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_FOLDER = Path(__file__).with_name("streams")
_AGENTS = 340
_TOKEN = re.compile(
    rb"(?P<time>(?<=Timestamp: )\d+\.\d{6})|(?P<unique>node1-\d+\.\d+)|(?P<channel>(?<=-)[0-9a-f]{8}\b)"
    rb"|(?P<bridge>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})|(?P<caller>\b1380000\d{4}\b)|(?P<agent>\b100[12]\b)"
)
_STRETCHED = {b"QueueCallerJoin": "wait", b"AgentConnect": "talk"}


class Kind(msgspec.Struct, frozen=True):
    """A kind of call: its share in percent, the outcome of its request (empty: none), the disposition of the call.

    ``waits``: by how many seconds its wait is made longer, from and to; ``mean_talk``: and its talk, on average.
    """

    stream: str
    share: float
    outcome: str
    disposition: str
    waits: tuple[float, float] = (0.0, 0.0)
    mean_talk: float = 0.0


KINDS = (
    Kind("menu", 53.0, "", "ivr_hangup"),
    Kind("answered", 28.0, "answered", "answered", (0.0, 6.0), 60.0),
    Kind("answered_caller", 12.0, "answered", "answered", (0.0, 30.0), 60.0),
    Kind("abandoned", 4.0, "abandoned", "abandoned", (5.0, 90.0)),
    Kind("timed_out", 2.0, "timed_out", "message_left"),
    Kind("empty", 1.0, "no_agents", "message_left"),
)


class Truth(msgspec.Struct):
    """What must come out, by name: outcomes of requests, dispositions of calls, and the answered requests' waits in all."""

    outcomes: Counter[str] = msgspec.field(default_factory=Counter)
    dispositions: Counter[str] = msgspec.field(default_factory=Counter)
    answered_wait_us: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """The next bytes, and the time of their last event in microseconds since midnight."""

    at_us: int
    data: bytes


class _Event(msgspec.Struct, frozen=True):
    """One event of a template: microseconds after the call's first, and a format with numbered slots."""

    after_us: int
    text: bytes
    begins: str = ""


class _Template(msgspec.Struct, frozen=True):
    """A recorded call. ``slots``: what is put in for each number, by the kind of thing. ``wait_us``: from queue to agent."""

    events: list[_Event]
    slots: list[str]
    wait_us: int


class Day:
    """``for chunk in day.chunks(): …``; afterwards ``truth`` is complete."""

    def __init__(
        self,
        calls: int = CALLS,
        *,
        seed: int = SEED,
        first_hour: int = 0,
        hours: int = 24,
        midnight: int = MIDNIGHT,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        self.truth = Truth()
        self.events = 0
        self._calls, self._first, self._hours = calls, first_hour, hours
        self._random = random.Random(seed)
        self._midnight, self._kinds = midnight, kinds
        self._templates = {kind.stream: _read(_FOLDER / f"{kind.stream}.ami.xz") for kind in kinds}
        self._channels = 0

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """The stream, in pieces of about ``size`` bytes that end anywhere."""
        pending, held = [GREETING], len(GREETING)
        at_us = 0
        for at_us, text in self._interleaved():
            pending.append(text)
            held += len(text)
            self.events += 1
            if held >= size:
                data = b"".join(pending)
                whole = len(data) - len(data) % size
                yield Chunk(at_us, data[:whole])
                pending, held = [data[whole:]], len(data) - whole
        yield Chunk(at_us, b"".join(pending))

    def _interleaved(self) -> Iterator[tuple[int, bytes]]:
        """All events of all calls, in the order of time."""
        arrivals = self._arrivals()
        following = next(arrivals, None)
        open_: list[tuple[int, int, bytes, Iterator[tuple[int, bytes]]]] = []
        number = 0
        while open_ or following is not None:
            if following is not None and (not open_ or following <= open_[0][0]):
                number += 1
                telling = self._call(following, number)
                heapq.heappush(open_, (*_next(telling, number), telling))
                following = next(arrivals, None)
                continue
            at_us, place, text, telling = open_[0]
            yield at_us, text
            more = next(telling, None)
            if more is None:
                heapq.heappop(open_)
            else:
                heapq.heapreplace(open_, (more[0], place, more[1], telling))

    def _arrivals(self) -> Iterator[int]:
        shares = HOURS[self._first : self._first + self._hours]
        due = 0.0
        made = 0
        for hour, share in enumerate(shares, start=self._first):
            due += self._calls * share / sum(shares)
            count = round(due) - made
            made += count
            yield from sorted(int((hour + self._random.random()) * 3_600_000_000) for _ in range(count))

    def _call(self, begin_us: int, number: int) -> Iterator[tuple[int, bytes]]:
        """One call's events; what it must be recorded as goes into the truth."""
        kind = self._random.choices(self._kinds, [kind.share for kind in self._kinds])[0]
        template = self._templates[kind.stream]
        longer = {
            "wait": int(self._random.uniform(*kind.waits) * 1e6),
            "talk": int(self._random.expovariate(1 / kind.mean_talk) * 1e6) if kind.mean_talk else 0,
        }
        self._note(kind, template, longer["wait"])
        values = self._values(template, begin_us, number)
        at_us = begin_us
        shift = 0
        for event in template.events:
            at_us = begin_us + event.after_us + shift
            values[b"t"] = b"%d.%06d" % divmod(self._midnight * 1_000_000 + at_us, 1_000_000)
            yield at_us, event.text % values
            shift += longer.get(event.begins, 0)

    def _note(self, kind: Kind, template: _Template, longer_us: int) -> None:
        self.truth.dispositions[kind.disposition] += 1
        if kind.outcome:
            self.truth.outcomes[kind.outcome] += 1
        if kind.outcome == "answered":
            self.truth.answered_wait_us += template.wait_us + longer_us

    def _values(self, template: _Template, begin_us: int, number: int) -> dict[bytes, bytes]:
        """What goes into the slots of one call."""
        first = self._random.randrange(_AGENTS)
        values = {}
        for slot, what in enumerate(template.slots):
            match what:
                case "unique":
                    self._channels += 1
                    value = f"node1-{self._midnight + begin_us // 1_000_000}.{self._channels}"
                case "channel":
                    value = f"{self._channels + slot:08x}"
                case "bridge":
                    value = f"{number:08x}-0000-4000-8000-{slot:012x}"
                case "caller":
                    value = f"139{number:08d}"
                case _:
                    value = str(1001 + (first + slot) % _AGENTS)
            values[b"%d" % slot] = value.encode()
        return values


def _next(telling: Iterator[tuple[int, bytes]], number: int) -> tuple[int, int, bytes]:
    at_us, text = next(telling)
    return at_us, number, text


def _read(path: Path) -> _Template:
    """A recorded call, its events cut apart and everything that is its own replaced by a slot."""
    numbers: dict[bytes, int] = {}
    slots: list[str] = []

    def slot(match: re.Match[bytes]) -> bytes:
        what = match.lastgroup or ""
        if what == "time":
            return b"%(t)b"
        if match[0] not in numbers:
            numbers[match[0]] = len(slots)
            slots.append(what)
        return b"%%(%d)b" % numbers[match[0]]

    found: list[_Event] = []
    times: dict[bytes, int] = {}
    for block in lzma.decompress(path.read_bytes()).split(b"\r\n\r\n"):
        stamp = re.search(rb"\r\nTimestamp: (\d+)\.(\d{6})", block)
        if stamp is None:
            continue
        at_us = int(stamp[1]) * 1_000_000 + int(stamp[2])
        name = block[len(b"Event: ") : block.index(b"\r\n")]
        begun = times.setdefault(b"", at_us)
        times.setdefault(name, at_us)
        text = _TOKEN.sub(slot, block.replace(b"%", b"%%")) + b"\r\n\r\n"
        found.append(_Event(at_us - begun, text, _STRETCHED.get(name, "")))
    wait_us = times.get(b"AgentConnect", 0) - times.get(b"QueueCallerJoin", 0)
    return _Template(found, slots, wait_us)

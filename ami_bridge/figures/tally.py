"""What is counted, in a form that adds up: waits by outcome, exact sums, and a histogram of whole seconds. Pure.

A tally of any set of requests is the sum of the tallies of its parts, so a quarter of an hour, a day and twenty years are the
same thing. A second's lane of the histogram holds the waits above the second before and up to it, so "within 15 s" is lanes 0 to
15, exactly. Lanes are 32 bits of one large number: adding two histograms is adding two numbers.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping

import msgspec

from ami_bridge.lines import OUTCOMES

LONGEST = 7200
"""The last lane, in seconds: it holds every longer wait too."""
LANE_BITS = 32
_LANE_BYTES = LANE_BITS // 8
_SECOND = 1_000_000
_CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}


class Waits(msgspec.Struct, frozen=True):
    """How many, the sum and the longest in microseconds, and the histogram."""

    n: int = 0
    sum_us: int = 0
    max_us: int = 0
    lanes: int = 0

    def __add__(self, other: Waits) -> Waits:
        return Waits(self.n + other.n, self.sum_us + other.sum_us, max(self.max_us, other.max_us), self.lanes + other.lanes)

    def within(self, seconds: int) -> int:
        """How many waited at most so many whole seconds (0 to ``LONGEST`` - 1)."""
        return sum(_counts(self.lanes & ((1 << (seconds + 1) * LANE_BITS) - 1)))

    def histogram(self) -> list[int]:
        """How many in each second's lane, from 0 on; nothing behind the last one that is not empty."""
        return list(_counts(self.lanes))


NOTHING = Waits()


class Tally(msgspec.Struct, frozen=True):
    """Waits by outcome (only outcomes that occurred), and how many of them were repaired."""

    outcomes: Mapping[str, Waits] = {}
    repaired: int = 0

    def __add__(self, other: Tally) -> Tally:
        return total((self, other))

    def waits(self, *outcomes: str) -> Waits:
        """The waits of these outcomes together."""
        return _sum(self.outcomes.get(outcome, NOTHING) for outcome in outcomes)

    def n(self, outcomes: Iterable[str]) -> int:
        """How many ended so."""
        return sum(self.outcomes[outcome].n for outcome in outcomes if outcome in self.outcomes)

    def within(self, outcomes: Iterable[str], seconds: int) -> int:
        """How many ended so after at most so many whole seconds."""
        return sum(self.outcomes[outcome].within(seconds) for outcome in outcomes if outcome in self.outcomes)

    def counts(self) -> dict[str, int]:
        """``total`` and every outcome: the line that must be conserved (metrics, section 2)."""
        each = {outcome: self.outcomes.get(outcome, NOTHING).n for outcome in OUTCOMES}
        return {"total": sum(each.values()), **each}


EMPTY = Tally()


def second(wait_us: int) -> int:
    """The lane of a wait: whole seconds, rounded up."""
    return min(-(-wait_us // _SECOND), LONGEST)


def of(requests: Iterable[tuple[str, int, bool]]) -> Tally:
    """The tally of (outcome, wait in microseconds, repaired); of one that still waits, the wait is not counted."""
    gathered: dict[str, list[int]] = {}
    repaired = 0
    for outcome, wait_us, is_repaired in requests:
        gathered.setdefault(outcome, []).append(0 if outcome == "waiting" else wait_us)
        repaired += is_repaired
    return Tally({outcome: _waits(outcome, found) for outcome, found in gathered.items()}, repaired)


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum."""
    gathered: dict[str, list[Waits]] = {}
    repaired = 0
    for tally in tallies:
        repaired += tally.repaired
        for outcome, waits in tally.outcomes.items():
            gathered.setdefault(outcome, []).append(waits)
    return Tally({outcome: _sum(found) for outcome, found in gathered.items()}, repaired)


def percentile(waits: Waits, share: float) -> int | None:
    """The smallest whole second within which at least ``share`` of them waited; None of none.

    The same from a roll-up and from the rows, because both know whole seconds.
    """
    needed, seen = share * waits.n, 0
    for seconds, count in enumerate(waits.histogram()):
        seen += count
        if count and seen >= needed:
            return seconds
    return None


def pack(tally: Tally) -> bytes:
    """For a column; ``unpack`` gives the tally back."""
    found = [
        (_CODE[outcome], waits.n, waits.sum_us, waits.max_us, _packed(waits.lanes)) for outcome, waits in tally.outcomes.items()
    ]
    return msgspec.msgpack.encode((tally.repaired, sorted(found)))


def unpack(packed: bytes) -> Tally:
    """What ``pack`` made; raises ``msgspec.DecodeError`` for anything else."""
    repaired, found = _PACKED.decode(packed)
    return Tally(
        {OUTCOMES[code]: Waits(n, sum_us, max_us, _unpacked(lanes)) for code, n, sum_us, max_us, lanes in found},
        repaired,
    )


_PACKED = msgspec.msgpack.Decoder(tuple[int, list[tuple[int, int, int, int, bytes | list[int]]]])


def _packed(lanes: int) -> bytes | list[int]:
    """The lanes as they are or, when few are in use (a quarter-hour), lane and count of each of those."""
    counts = _counts(lanes)
    used = [(lane, count) for lane, count in enumerate(counts) if count]
    return [number for pair in used for number in pair] if 4 * len(used) < len(counts) else _bytes(lanes)


def _unpacked(packed: bytes | list[int]) -> int:
    if isinstance(packed, bytes):
        return int.from_bytes(packed, "little")
    return sum(count << lane * LANE_BITS for lane, count in zip(packed[::2], packed[1::2], strict=True))


def _waits(outcome: str, found: list[int]) -> Waits:
    if outcome == "waiting":
        return Waits(len(found))
    longest = max(found)
    lanes = array("I", bytes(_LANE_BYTES * (second(longest) + 1)))
    for wait_us in found:
        lanes[second(wait_us)] += 1
    if sys.byteorder == "big":
        lanes.byteswap()
    return Waits(len(found), sum(found), longest, int.from_bytes(lanes.tobytes(), "little"))


def _sum(found: Iterable[Waits]) -> Waits:
    n = sum_us = max_us = lanes = 0
    for waits in found:
        n += waits.n
        sum_us += waits.sum_us
        max_us = max(max_us, waits.max_us)
        lanes += waits.lanes
    return Waits(n, sum_us, max_us, lanes)


def _bytes(lanes: int) -> bytes:
    whole = -(-lanes.bit_length() // LANE_BITS) * _LANE_BYTES
    return lanes.to_bytes(whole, "little")


def _counts(lanes: int) -> array[int]:
    found = array("I", _bytes(lanes))
    if sys.byteorder == "big":
        found.byteswap()
    return found

"""Looks at processes again and again while a load runs: CPU by name, memory of ours, and how busy the machine was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from bench import cpu
from hotline import clock

EVERY_SECONDS = 5.0


class Sample(msgspec.Struct, frozen=True):
    """One look, at ``at`` (monotonic seconds): CPU seconds since the first look by name, the machine's busy ones, MiB."""

    at: float
    used: dict[str, float]
    busy: float
    resident: float


class Watch:
    """``groups()`` names the processes to look at (``name`` or ``name/anything``: added up); ``resident`` whose memory."""

    def __init__(self, groups: Callable[[], Mapping[str, int]], resident: Callable[[], list[int]]) -> None:
        self._groups, self._resident = groups, resident
        self._last: dict[str, float] = {}
        self._used: dict[str, float] = {}
        self.samples: list[Sample] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY_SECONDS)

    def look(self) -> Sample:
        """Take a sample now. What a process used before it was first seen, or after it was last seen, is not counted."""
        present = cpu.seconds(self._groups(), alone=frozenset({"up", "bench"}))
        for name, seconds in present.items():
            key = name.split("/")[0]
            self._used[key] = self._used.get(key, 0.0) + max(0.0, seconds - self._last.get(name, seconds))
        self._last = present
        resident = sum(cpu.memory(pid, alone=True).rss for pid in self._resident())
        self.samples.append(Sample(clock.monotonic(), dict(self._used), cpu.machine()[0], resident))
        return self.samples[-1]

    def between(self, begin: float, end: float) -> list[Sample]:
        """The samples of a span of monotonic time."""
        return [sample for sample in self.samples if begin <= sample.at <= end]


def shares(samples: list[Sample]) -> dict[str, float]:
    """CPU by name in percent of one core over these samples, largest first; ``machine`` is everything that ran."""
    first, last = samples[0], samples[-1]
    seconds = max(0.001, last.at - first.at)
    found = {name: 100 * (used - first.used.get(name, 0.0)) / seconds for name, used in last.used.items()}
    ordered = dict(sorted(found.items(), key=lambda item: -item[1]))
    return {"machine": 100 * (last.busy - first.busy) / seconds} | ordered


def slope(samples: list[Sample]) -> float:
    """Growth of resident memory in MiB an hour: the least-squares line through the samples."""
    middle = sum(sample.at for sample in samples) / len(samples)
    mean = sum(sample.resident for sample in samples) / len(samples)
    spread = sum((sample.at - middle) ** 2 for sample in samples)
    return 3600 * sum((s.at - middle) * (s.resident - mean) for s in samples) / spread if spread else 0.0

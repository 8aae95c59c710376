"""Looks at processes again and again while a load runs: CPU by name, memory of ours, and how busy the machine was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from bench import cpu
from hotline import clock

EVERY_SECONDS = 5.0


class Sample(msgspec.Struct, frozen=True):
    """One look, at ``at`` (monotonic seconds): CPU seconds since the first look and resident MiB, both by name; the machine's
    busy seconds.
    """

    at: float
    used: dict[str, float]
    busy: float
    resident: dict[str, float]

    @property
    def memory(self) -> float:
        """Resident memory of all in MiB."""
        return sum(self.resident.values())


class Watch:
    """``groups()`` names the processes to look at (``name`` or ``name/anything``: added up); ``resident`` whose memory."""

    def __init__(self, groups: Callable[[], Mapping[str, int]], resident: Callable[[], Mapping[str, int]]) -> None:
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
        resident = {name: cpu.memory(pid, alone=True).rss for name, pid in self._resident().items()}
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


def slope(samples: list[Sample], name: str | None = None) -> float:
    """Growth of resident memory, of all or of one, in MiB an hour: the least-squares line through the samples."""
    values = [sample.memory if name is None else sample.resident[name] for sample in samples]
    middle = sum(sample.at for sample in samples) / len(samples)
    mean = sum(values) / len(values)
    spread = sum((sample.at - middle) ** 2 for sample in samples)
    moved = sum((sample.at - middle) * (value - mean) for sample, value in zip(samples, values, strict=True))
    return 3600 * moved / spread if spread else 0.0

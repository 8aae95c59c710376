"""A whole peak day, 42,936 calls (CAP-30), from bytes to rows: how long it takes, and whether memory stays flat.

The unfiltered stream is made while it is read (its making is not counted); rows are derived after each piece of 64 KiB. Memory
is that of the whole process, the maker included, at each full hour of the day; calls that are over are forgotten after a minute.
``BENCH_DAY_CALLS`` makes it shorter; the time allowed shrinks with it.
"""

from __future__ import annotations

import os
import time

from ami_bridge import facts
from bench import cpu
from bench.ami_parse import Reading, check
from bench.figure import Figure, say
from bench.peak_day import CALLS, Day

MADE = int(os.environ.get("BENCH_DAY_CALLS", str(CALLS)))
LIMIT_SECONDS, LIMIT_GROWTH = 60.0, 1.05
WARM_HOURS = 12
"""The busiest hour is over by then: what is needed at most has been needed."""
_HOUR_US = 3_600_000_000


def measure() -> list[Figure]:
    """Run it once; rows that are not the truth are an error."""
    day, reading = Day(MADE), Reading(facts.READABLE)
    used, most = 0.0, 0
    resident: list[float] = []
    for chunk in day.chunks():
        began = time.process_time()
        reading.take(chunk.data)
        reading.derive()
        if chunk.at_us >= (len(resident) + 1) * _HOUR_US:
            reading.settle()
            resident.append(cpu.memory(os.getpid(), alone=True).rss)
            say(f"day: {len(resident):2d}:00 {used:5.1f} s, {reading.calls} calls known, {resident[-1]:.1f} MiB")
        used += time.process_time() - began
        most = max(most, reading.calls)
    check(reading, day.truth)
    resident.append(cpu.memory(os.getpid(), alone=True).rss)
    growth = resident[-1] / max(resident[:WARM_HOURS])
    hours = ", ".join(f"{size:.0f}" for size in resident)
    note = f"{day.events} events, {MADE} calls; at most {most} known at once"
    return [
        Figure(name="day_replay", ours=used, unit="s of CPU", limit=LIMIT_SECONDS * MADE / CALLS, note=note),
        Figure(name="day_memory_growth", ours=growth, unit="x", limit=LIMIT_GROWTH, note=f"end over noon; MiB by hour: {hours}"),
    ]

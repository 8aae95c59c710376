"""2,000 mixed calls on a real Asterisk with faults meanwhile, each compared with what SIPp's own log says (metrics, section 7).

Agents hold, park, hand over and bring units in, supervisors listen and take over, and agents come and go.

``BENCH_MIXED_CALLS`` sets how many calls, ``BENCH_FAULTS`` which faults (names of tests/faults.py, with commas between), and
``BENCH_RATE`` how many calls begin in a second, ``BENCH_AWAY_SECONDS`` how long the database is away.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from bench.figure import Figure, say
from tests import mixed
from tests.mixed import Comparison
from tests.trial import Trial

FAULTS = (
    "cut_ami",
    "kill_bridge",
    "half_open_ami",
    "journal_full",
    "postgres_away",
    "second_bridge",
    "bridge_away",
    "storm",
    "kill_acd",
    "freeze_acd",
    "flapping_ami",
    "kill_asterisk",
)


def measure() -> list[Figure]:
    """Run it once."""
    calls, rate = int(os.environ.get("BENCH_MIXED_CALLS", "2000")), float(os.environ.get("BENCH_RATE", "5"))
    faults = tuple(name for name in os.environ.get("BENCH_FAULTS", ",".join(FAULTS)).split(",") if name)
    found = _play(calls, faults, rate)
    for line in [*found.broken, *found.differences]:
        say(f"mixed: {line}")
    for line in found.doubtful:
        say(f"mixed, an order of which nobody knows what became: {line}")
    for line in found.in_gaps:
        say(f"mixed, at a gap: {line}")
    note = (
        f"{found.calls} calls of {len(found.stories)} stories in {found.seconds:.0f} s, {found.requests} requests "
        f"({', '.join(f'{count} {outcome}' for outcome, count in found.outcomes.items())}); faults: {', '.join(found.faults)}; "
        f"{found.gaps} gaps, {found.repaired} requests repaired, {found.cut} calls cut by Asterisk's death; agents meanwhile: "
        f"{', '.join(f'{count} {what}' for what, count in found.comings.items())}; {len(found.doubtful)} stories in doubt"
    )
    return [
        Figure(name="mixed_calls_differing", ours=len(found.differences), unit="differences", limit=0, note=note),
        Figure(name="mixed_calls_differing_at_gaps", ours=len(found.in_gaps), unit="differences", note="repaired lines"),
        Figure(name="mixed_stories_broken", ours=len(found.broken), unit="stories", limit=0, note="not gone as written"),
    ]


def _play(calls: int, faults: tuple[str, ...], rate: float) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        stack = Trial(Path(folder), mixed.SETTINGS)
        mixed.prepare(stack)
        try:
            stack.start()
            return asyncio.run(mixed.run(stack, mixed.phases(calls, faults), rate=rate))
        finally:
            if stack.process:
                stack.stop()

"""The busy hour of a peak day (CAP-30) with telephones on the same machine: 1.43 calls a second, for ten minutes.

``BENCH_MINUTES`` sets how long calls arrive. CPU and memory are taken once the talks of the first two minutes have begun to end,
or in the second half of a shorter run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from bench import cpu, evidence, load
from bench.figure import Figure, say
from bench.load import Outcome, Run, Step, percentile, worst_gaps
from bench.stack import PARTS, SUPERVISOR, check_unchanged, groups, running
from bench.watch import shares, slope
from tests.trial import Trial

PROMPT_LIMIT_MS, GAP_LIMIT_MS = 500.0, 60.0
PYTHON_LIMIT_MIB, IDLE_LIMIT_MIB = 400.0, 700.0
SETTINGS: dict[str, dict[str, object]] = {"queue": {"wrapup_seconds": 0}}
"""Agents are ready again at once: so 60 of them can talk the whole load."""
_SETTLE_SECONDS = 120.0
_IDLE_AFTER_SECONDS = 10.0


def measure() -> list[Figure]:
    """Run it once."""
    return for_minutes(float(os.environ.get("BENCH_MINUTES", "10")), "busy_hour")


def for_minutes(minutes: float, name: str) -> list[Figure]:
    """``minutes`` of arrivals, and what becomes of them; figures begin with ``name``."""
    with running(SETTINGS) as stack:
        parts = groups(stack)
        idle = asyncio.run(_idle(stack))
        outcome = asyncio.run(Run(stack).through([Step(1.0, minutes * 60)]))
        counts = evidence.gather(stack, outcome)
        check_unchanged(stack, parts)
        for complaint in stack.asterisk_complaints()[:5]:
            say(f"{name}: Asterisk complained: {complaint}")
    for count in counts:
        say(f"{name}: {count}")
    events = Figure(
        name=f"{name}_events_lost",
        ours=sum(count.lost for count in counts),
        unit="calls",
        limit=0,
        note="; ".join(map(str, counts)),
    )
    prefixed = [*telephone_figures(outcome), *process_figures(outcome, idle)]
    return [*[_under(name, figure) for figure in prefixed], events]


def telephone_figures(outcome: Outcome) -> list[Figure]:
    """What citizens and agents noticed."""
    calls = outcome.calls
    failed = [call for call in calls if call.answered_at is None]
    prompts = [call.prompt_ms for call in calls if call.prompt_ms is not None]
    silent = len(calls) - len(failed) - len(prompts)
    gaps = worst_gaps([*calls, *outcome.seat_calls], outcome.stalls)
    heard = f"{len(prompts)} calls; {silent} answered ones heard nothing; {max(prompts, default=0):.0f} at most"
    legs = (
        f"{len(gaps)} legs measured, {sum(gap > 0 for gap in gaps)} with a gap, {max(gaps):.0f} ms at most; "
        f"telephones late {len(outcome.stalls)} times"
    )
    return [
        Figure(name="failed", ours=len(failed) + silent, unit="calls", limit=0, note=f"of {len(calls)}"),
        Figure(name="prompt_p99", ours=percentile(prompts, 0.99), unit="ms", limit=PROMPT_LIMIT_MS, note=heard),
        Figure(name="rtp_gap_p99", ours=percentile(gaps, 0.99), unit="ms", limit=GAP_LIMIT_MS, note=legs),
    ]


def process_figures(outcome: Outcome, idle: float) -> list[Figure]:
    """CPU of each process and memory, in the settled part of the run."""
    begun, ended = outcome.arrivals[0].begun, outcome.arrivals[-1].ended
    samples = outcome.watch.between(min(begun + _SETTLE_SECONDS, (begun + ended) / 2), ended)
    used = [
        Figure(name=f"cpu_{name.replace(' ', '_')}", ours=share, unit="% of a core", note=_part(name))
        for name, share in shares(samples).items()
    ]
    largest = max(samples, key=lambda sample: sample.memory)
    python = ", ".join(f"{name} {size:.0f}" for name, size in largest.resident.items())
    growth = ", ".join(f"{name} {slope(samples, name):.1f}" for name in largest.resident)
    seconds = ended - samples[0].at
    return [
        *used,
        Figure(name="python_memory", ours=largest.memory, unit="MiB resident", limit=PYTHON_LIMIT_MIB, note=python),
        Figure(name="python_memory_growth", ours=slope(samples), unit="MiB/h", note=f"over {seconds:.0f} s: {growth}"),
        Figure(name="idle_memory", ours=idle, unit="MiB (PSS)", limit=IDLE_LIMIT_MIB, note="the whole stack before the load"),
    ]


def describe(used: Mapping[str, float]) -> str:
    """CPU shares in one line."""
    return ", ".join(f"{name} {share:.0f} %" for name, share in used.items())


def _part(name: str) -> str:
    """Whose process it is."""
    if name in (*PARTS, SUPERVISOR):
        return "the stack"
    return "everything on the machine" if name == "machine" else "telephones and measuring"


def _under(name: str, figure: Figure) -> Figure:
    return Figure(**{field: getattr(figure, field) for field in figure.__struct_fields__} | {"name": f"{name}_{figure.name}"})


async def _idle(stack: Trial) -> float:
    """Memory of the whole stack a while after its start: each shared page once."""
    await asyncio.sleep(_IDLE_AFTER_SECONDS)
    assert stack.process
    say(f"load: {load.RATE} calls a second, {load.MENU_PERCENT} % for the menu")
    return cpu.memory(stack.process.pid).pss

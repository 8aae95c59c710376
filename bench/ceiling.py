"""How much more than the busy hour? The same load in rising steps on one stack until something gives, and what that was.

A step gives when a call failed, the first prompt came late, or the sound had gaps (limits of ``busy_hour``). No further step is
begun when one has failed calls or late prompts, or has left the machine nothing to do; gaps are judged at the end, when the
telephones say when they were late themselves. ``BENCH_STEPS`` (``2,3,4``) and ``BENCH_STEP_SECONDS`` set the steps.
There are more agents than 60, and more ports for sound, so that neither is what gives.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os

import msgspec

from bench import evidence
from bench.busy_hour import GAP_LIMIT_MS, PROMPT_LIMIT_MS, SETTINGS, describe
from bench.figure import Figure, say
from bench.load import Arrivals, Outcome, Run, Step, percentile, worst_gaps
from bench.stack import check_unchanged, groups, running
from bench.watch import Watch, shares

AIM = 3.0
STEPS = [float(times) for times in os.environ.get("BENCH_STEPS", "2,3,4,5,6").split(",")]
STEP_SECONDS = float(os.environ.get("BENCH_STEP_SECONDS", "120"))
_AGENTS = 340
_SOUND_PORTS: dict[str, object] = {"rtp_first": 10000, "rtp_last": 19998}
_FULL_PERCENT = 97.0
_TELEPHONES = ("sipp", "sound engine", "bench")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One step: what gave (nothing: empty), and the CPU by process in percent of a core in its second half."""

    times: float
    gave: list[str]
    figures: str
    used: dict[str, float]


def measure() -> list[Figure]:
    """Run the steps; the figure is the largest one that everything before it and itself went well in."""
    agents: dict[str, object] = {"first": 1001, "last": 1000 + _AGENTS}
    with running(SETTINGS | {"agents": agents, "asterisk": _SOUND_PORTS}) as stack:
        parts = groups(stack)
        steps = [Step(times, STEP_SECONDS) for times in STEPS]
        outcome = asyncio.run(Run(stack).through(steps, enough=_is_enough))
        counts = evidence.gather(stack, outcome)
        check_unchanged(stack, parts)
        complaints = stack.asterisk_complaints()
    verdicts = [judge(arrivals, outcome) for arrivals in outcome.arrivals]
    for verdict in verdicts:
        say(f"ceiling {verdict.times:g} x: {'; '.join(verdict.gave) or 'held'} ({verdict.figures}; {describe(verdict.used)})")
    for line in [*map(str, counts), *complaints[:5]]:
        say(f"ceiling: {line}")
    first = next((place for place, verdict in enumerate(verdicts) if verdict.gave), len(verdicts))
    held = verdicts[first - 1].times if first else 0.0
    lost = Figure(name="ceiling_events_lost", ours=sum(count.lost for count in counts), unit="calls", limit=0)
    return [Figure(name="ceiling", ours=held, unit="x busy hour", aim=AIM, note=_where(verdicts, first)), lost]


def judge(arrivals: Arrivals, outcome: Outcome) -> Verdict:
    """What gave in one step, now that all calls have ended."""
    calls, watch = arrivals.calls, outcome.watch
    first, last = min(call.invited_at for call in calls), max(call.invited_at for call in calls)
    legs = [call for call in outcome.seat_calls if first <= call.invited_at <= last]
    gap = percentile(worst_gaps([*calls, *legs], outcome.stalls), 0.99)
    prompt = percentile([call.prompt_ms for call in calls if call.prompt_ms is not None] or [float("inf")], 0.99)
    failed = sum(call.answered_at is None or call.prompt_ms is None for call in calls)
    gave = [f"{failed} calls failed ({', '.join(arrivals.refused) or 'no answer or no sound'})"] if failed else []
    gave += [f"first prompt after {prompt:.0f} ms at p99"] if prompt > PROMPT_LIMIT_MS else []
    gave += [f"sound gaps of {gap:.0f} ms at p99"] if gap > GAP_LIMIT_MS else []
    late = sum(_within(stall.at, first, last) for stall in outcome.stalls)
    figures = f"{len(calls)} calls, prompt p99 {prompt:.0f} ms, gap p99 {gap:.0f} ms, telephones late {late} times"
    return Verdict(times=arrivals.step.times, gave=gave, figures=figures, used=_second_half(arrivals, watch))


def _within(at: str, first: dt.datetime, last: dt.datetime) -> bool:
    return first <= dt.datetime.fromisoformat(at) <= last


def _second_half(arrivals: Arrivals, watch: Watch) -> dict[str, float]:
    return shares(watch.between((arrivals.begun + arrivals.ended) / 2, arrivals.ended))


def _is_enough(arrivals: Arrivals, watch: Watch) -> bool:
    """Whether a step that has just been dialled leaves no room for the next one."""
    prompts = [call.prompt_ms for call in arrivals.calls if call.prompt_ms is not None]
    late = bool(prompts) and percentile(prompts, 0.99) > PROMPT_LIMIT_MS
    return bool(arrivals.refused) or late or _busy(_second_half(arrivals, watch)) > _FULL_PERCENT


def _busy(used: dict[str, float]) -> float:
    """The machine's CPU in percent of all its cores."""
    return used["machine"] / (os.cpu_count() or 1)


def _where(verdicts: list[Verdict], first: int) -> str:
    """What gave in which step, and who used the CPU there."""
    verdict = verdicts[min(first, len(verdicts) - 1)]
    telephones = sum(verdict.used.get(name, 0.0) for name in _TELEPHONES)
    what = "; ".join(verdict.gave) if verdict.gave else "nothing gave up to the last step that was tried"
    return (
        f"at {verdict.times:g} x: {what}; machine {_busy(verdict.used):.0f} % busy of {os.cpu_count()} cores, "
        f"telephones {telephones:.0f} % of a core; {describe(verdict.used)}"
    )

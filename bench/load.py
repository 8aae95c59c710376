"""The load of a peak day (CAP-30): citizens that arrive evenly, 53 % for the menu, the rest for an agent, in one or more steps.

A menu call presses 2 four times, nine seconds apart, and hangs up after 40 s. The others press 1 and are talked to until the
agent hangs up, after 40 to 120 s (80 s on average, spread evenly over the seats); then they hear the goodbye. Both sides talk
all the time. One telephone in five measures what it hears; the others' kernel throws it away after the first sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
from collections.abc import Callable, Sequence

import msgspec

from bench.figure import say
from bench.stack import PYTHON_PARTS, SUPERVISOR, groups
from bench.watch import Watch, shares
from hotline import clock
from hotline.phones import call_log
from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.plan import Gap
from hotline.phones.seats import Seat, Seats
from tests.trial import Trial

RATE = 1.43
"""Calls a second in the busy hour: 43,000 a day, 12 % of them in one hour."""
MENU_PERCENT, MENU_SECONDS = 53, 40.0
TALK_SECONDS = (40.0, 120.0)
_SAMPLE = 5
_GOLDEN = 0.618034
_DRAIN_SECONDS = 400.0
_KEY_MS, _APART_MS = 6000, 9000


class Step(msgspec.Struct, frozen=True):
    """A stretch of even arrivals: ``times`` the busy hour's rate."""

    times: float
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return RATE * self.times

    @property
    def count(self) -> int:
        """How many calls."""
        return max(1, round(self.rate * self.seconds))


class Arrivals(msgspec.Struct, kw_only=True):
    """One step as it went: its calls, its span in monotonic seconds, what SIPp was refused."""

    step: Step
    calls: list[Call]
    begun: float
    ended: float
    refused: list[str] = []


class Outcome(msgspec.Struct, kw_only=True):
    """All steps, the seats' calls, the processes over time, and when the telephones themselves were late."""

    arrivals: list[Arrivals]
    seat_calls: list[Call]
    watch: Watch
    stalls: list[Gap]

    @property
    def calls(self) -> list[Call]:
        """All citizens' calls."""
        return [call for arrivals in self.arrivals for call in arrivals.calls]


def wants_agent(place: int) -> bool:
    """Whether the call at this place presses 1: 47 of every hundred, well mixed."""
    return place * MENU_PERCENT % 100 >= MENU_PERCENT


def citizens(step: Step, prefix: str) -> list[Citizen]:
    """The callers of a step; numbers begin with ``prefix``."""
    menu = Citizen(number="", keys="2222", stay_seconds=MENU_SECONDS, first_key_ms=_KEY_MS, apart_ms=_APART_MS, speech=None)
    agent = Citizen(number="", keys="1", stay_seconds=0, first_key_ms=_KEY_MS)
    return [
        msgspec.structs.replace(
            agent if wants_agent(place) else menu,
            number=f"{prefix}{place:05d}",
            mode="measure" if place % _SAMPLE == 0 else "drop",
        )
        for place in range(step.count)
    ]


def seats(users: Sequence[str]) -> list[Seat]:
    """The agents: each talks as long as it always does, and hangs up."""
    shortest, longest = TALK_SECONDS
    return [
        Seat(
            user=user,
            talk_seconds=round(shortest + (longest - shortest) * (place * _GOLDEN % 1), 1),
            mode="measure" if place % _SAMPLE == 0 else "drop",
        )
        for place, user in enumerate(users)
    ]


Enough = Callable[[Arrivals, Watch], bool]


class Run:
    """Carries out steps on a stack, one after another without a pause."""

    def __init__(self, stack: Trial) -> None:
        self._stack = stack
        self._telephones: dict[str, int] = {"bench": os.getpid()}
        self.watch = Watch(lambda: groups(stack) | self._telephones, self._python)

    async def through(self, steps: Sequence[Step], enough: Enough = lambda *_: False) -> Outcome:
        """All calls to their end; ``enough`` is asked after each step whether there shall be no more."""
        stack = self._stack
        seated = Seats(stack.settings, stack.credentials.agents, seats(stack.settings.agents.numbers()))
        arrivals: list[Arrivals] = []
        stalls: list[Gap] = []
        async with seated, asyncio.TaskGroup() as tasks:
            self._name("seats", seated)
            watching = tasks.create_task(self.watch.run())
            async with contextlib.AsyncExitStack() as callers:
                opened = []
                for place, step in enumerate(steps):
                    group = Citizens(stack.settings, citizens(step, f"139{place:03d}"), rate=step.rate)
                    await callers.enter_async_context(group)
                    self._name(f"citizens {place}", group)
                    opened.append(group)
                    arrivals.append(await self._arrive(step, group))
                    if enough(arrivals[-1], self.watch):
                        break
                for group, arrived in zip(opened, arrivals, strict=True):
                    arrived.calls = await group.results(_DRAIN_SECONDS)
                    arrived.refused = sorted(set(group.sipp.refusals().values()))
                    stalls += group.own.stalls if group.own else []
            watching.cancel()
        stalls += seated.own.stalls if seated.own else []
        return Outcome(arrivals=arrivals, seat_calls=seated.calls, watch=self.watch, stalls=stalls)

    async def _arrive(self, step: Step, group: Citizens) -> Arrivals:
        """Until the last call of a step has been dialled."""
        begun = clock.monotonic()
        while len(group.sipp.calls) < step.count and clock.monotonic() < begun + step.seconds * 1.2 + 10:
            await group.until(lambda: len(group.sipp.calls) >= step.count, 15.0)
            samples = self.watch.between(clock.monotonic() - 20, clock.monotonic())
            busy = ", ".join(f"{name} {share:.0f} %" for name, share in list(shares(samples).items())[:6]) if samples else ""
            say(f"{step.times:g} x: {len(group.sipp.calls)} of {step.count} calls dialled; {busy}")
        calls, refused = group.calls, sorted(set(group.sipp.refusals().values()))
        call_log.attach(calls, group.engine.reports)
        return Arrivals(step=step, calls=calls, begun=begun, ended=clock.monotonic(), refused=refused)

    def _name(self, name: str, phones: Citizens | Seats) -> None:
        self._telephones |= {f"sipp/{name}": phones.sipp.pid, f"sound engine/{name}": phones.engine.pid}

    def _python(self) -> dict[str, int]:
        parts = groups(self._stack)
        return {part: parts[part] for part in (*PYTHON_PARTS, SUPERVISOR)}


def worst_gaps(calls: Sequence[Call], stalls: Sequence[Gap]) -> list[float]:
    """Of each leg that measured, its longest gap in ms that no late telephone of ours explains (0: none over 60 ms)."""
    return gaps_between(calls, stalls, dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC))


def gaps_between(calls: Sequence[Call], stalls: Sequence[Gap], first: dt.datetime, last: dt.datetime) -> list[float]:
    """The same of the gaps that ended between two moments."""
    spans = [(at - dt.timedelta(milliseconds=gap.ms), at) for gap in stalls for at in [dt.datetime.fromisoformat(gap.at)]]
    slack = dt.timedelta(milliseconds=40)

    def counts(gap: Gap) -> bool:
        end = dt.datetime.fromisoformat(gap.at)
        begin = end - dt.timedelta(milliseconds=gap.ms)
        return first <= end <= last and not any(late <= end + slack and over >= begin - slack for late, over in spans)

    measured = [call.sound for call in calls if call.sound is not None and call.sound.mode != "drop"]
    return [max((gap.ms for gap in sound.gap_list if counts(gap)), default=0.0) for sound in measured]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed; nothing measured is an error, not a zero."""
    if not values:
        raise RuntimeError("nothing was measured")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]

"""A day of calls through the policy and a model of app_queue: who waits how long, and how the load spreads over agents. Pure.

``join`` is app_queue's way to enter a line (main/apps/app_queue.c, join_queue); ``simulate`` plays callers and agents against it.
Callers take their turn from the head; whoever's turn it is rings the agent that the strategy names, as long as one is free.
"""

from __future__ import annotations

import datetime as dt
import heapq
import random
from collections.abc import Callable, Sequence

import msgspec

from acd import policy
from acd.policy import Asked, History, Plan, Standing, Waiting

ANSWER_SECONDS, RING_SECONDS = 3.0, 20.0
"""How long an agent takes to answer, and how long a telephone rings that nobody answers."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Calls at ``at`` and talks for ``talk`` seconds; ``kept``: seconds of an earlier wait; ``group``: as in the directory."""

    at: float
    talk: float
    group: str = ""
    kept: float = 0.0


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """An agent from ``begins`` to ``ends``; one who does not answer has left the telephone alone."""

    name: str
    begins: float = 0.0
    ends: float = 86400.0
    answers: bool = True


class Entry(msgspec.Struct, kw_only=True):
    """Somebody in the line. ``since``: when the wait began, an earlier one included; ``joined``: in this line."""

    number: int
    since: float
    joined: float
    priority: int = 0
    rings: bool = False
    vain: int = 0
    overtook: int = 0


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """How a call went: ``wait`` until an agent was found, ``vain``: telephones that rang for it unanswered.

    ``overtook``: callers of the same priority who had waited longer in total and had to wait on when it was its turn.
    """

    wait: float
    agent: str
    priority: int
    vain: int
    overtook: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the calls that were answered, in that order; seconds of talk and of presence by agent.

    ``lost``: of callers who waited to the end for nobody, the telephones that rang for each.
    """

    served: list[Served]
    lost: list[int]
    talked: dict[str, float]
    present: dict[str, float]

    def vain(self) -> int:
        """The most telephones that rang unanswered for one caller."""
        return max([*(one.vain for one in self.served), *self.lost], default=0)

    def loads(self) -> list[float]:
        """The share of each agent's time that was talk, of those who took calls, the smallest first."""
        return sorted(self.talked[name] / self.present[name] for name in self.talked if self.talked[name])


class _Agent(msgspec.Struct):
    seat: Seat
    place: int
    last_call: float = 0.0
    calls: int = 0
    misses: int = 0
    is_free: bool = False


def join(line: list[Entry], new: Entry, place: int) -> None:
    """Enter as app_queue does: before everybody of lower priority, at ``place`` (0: none) if priorities allow."""
    for at, other in enumerate(line):
        if new.priority > other.priority or (place and new.priority >= other.priority and place <= at + 1):
            line.insert(at, new)
            return
    line.append(new)


Choose = Callable[[list[_Agent], int, random.Random], _Agent]
STRATEGIES: dict[str, Choose] = {
    "leastrecent": lambda free, _, __: min(free, key=lambda a: (a.last_call, a.place)),
    "fewestcalls": lambda free, _, __: min(free, key=lambda a: (a.calls, a.place)),
    "rrmemory": lambda free, last, __: min(free, key=lambda a: (a.place <= last, a.place)),
    "random": lambda free, _, chance: chance.choice(free),
}
"""Whom app_queue rings among agents of one penalty: ``last`` is the place that was rung last."""


class _Floor:
    """The state of a day as it goes."""

    def __init__(self, plan: Plan, seats: Sequence[Seat], strategy: str, misses: int, seed: int) -> None:
        self.plan, self.choose, self.most_misses = plan, STRATEGIES[strategy], misses
        self.chance = random.Random(seed)  # noqa: S311  a simulation
        self.agents = [_Agent(seat, place) for place, seat in enumerate(seats)]
        self.line: list[Entry] = []
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.last = -1
        self.served: list[Served] = []
        self.lost: list[int] = []
        self.talked = dict.fromkeys((seat.name for seat in seats), 0.0)
        self._count = 0

    def later(self, at: float, do: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self.events, (at, self._count, do))

    def arrives(self, number: int, caller: Caller, now: float, moment: dt.datetime) -> None:
        known = tuple(Waiting(now - entry.since, entry.priority) for entry in self.line)
        standing = Standing(waiting=len(self.line), ready=0, logged_in=len(self.agents), known=known)
        asked = Asked(queue=self.plan.default, group=caller.group)
        route = policy.route(self.plan, asked, moment, {self.plan.default: standing}, History(kept_seconds=caller.kept))
        entry = Entry(number=number, since=now - caller.kept, joined=now, priority=route.priority)
        join(self.line, entry, route.place)

    def turn(self, now: float, callers: Sequence[Caller]) -> None:
        """Everybody whose turn it is rings a telephone."""
        free = [agent for agent in self.agents if agent.is_free]
        for entry in [entry for entry in self.line if not entry.rings][: len(free)]:
            agent = self.choose(free, self.last, self.chance)
            free.remove(agent)
            agent.is_free, entry.rings, self.last = False, True, agent.place
            rivals = [other for other in self.line if not other.rings and other.priority == entry.priority]
            entry.overtook = sum(other.since < entry.since for other in rivals)
            if agent.seat.answers:
                self.later(now + ANSWER_SECONDS, lambda at, a=agent, e=entry: self._connects(at, a, e, callers[e.number]))  # type: ignore[misc]
            else:
                self.later(now + RING_SECONDS, lambda at, a=agent, e=entry: self._misses(at, a, e))  # type: ignore[misc]

    def _connects(self, now: float, agent: _Agent, entry: Entry, caller: Caller) -> None:
        self.line.remove(entry)
        name = agent.seat.name
        self.served.append(
            Served(wait=now - entry.joined, agent=name, priority=entry.priority, vain=entry.vain, overtook=entry.overtook)
        )
        self.talked[name] += caller.talk
        agent.calls += 1
        self.later(now + caller.talk, lambda at: self._ends(at, agent))

    def _ends(self, now: float, agent: _Agent) -> None:
        agent.last_call, agent.is_free = now, now < agent.seat.ends

    def _misses(self, now: float, agent: _Agent, entry: Entry) -> None:
        """The telephone rang in vain: the next one, unless the caller's time is over."""
        entry.rings, entry.vain = False, entry.vain + 1
        agent.misses += 1
        agent.is_free = now < agent.seat.ends and (not self.most_misses or agent.misses < self.most_misses)
        if now - entry.joined >= self.plan.rules[self.plan.default].wait_seconds:
            self.line.remove(entry)
            self.lost.append(entry.vain)


def simulate(
    plan: Plan, callers: Sequence[Caller], seats: Sequence[Seat], strategy: str, *, misses: int = 0, seed: int = 1
) -> Day:
    """Play a day. ``misses``: after so many unanswered calls an agent is paused; 0: never."""
    floor = _Floor(plan, seats, strategy, misses, seed)
    noon = dt.datetime(2026, 3, 3, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    for number, caller in enumerate(callers):
        floor.later(caller.at, lambda now, n=number, c=caller: floor.arrives(n, c, now, noon))  # type: ignore[misc]
    for agent in floor.agents:
        floor.later(agent.seat.begins, lambda _, a=agent: setattr(a, "is_free", True))  # type: ignore[misc]
        floor.later(agent.seat.ends, lambda _, a=agent: setattr(a, "is_free", False))  # type: ignore[misc]
    while floor.events:
        now, _, do = heapq.heappop(floor.events)
        do(now)
        floor.turn(now, callers)
    present = {seat.name: seat.ends - seat.begins for seat in seats}
    return Day(served=floor.served, lost=floor.lost, talked=floor.talked, present=present)


def busy_day(seed: int = 1, *, calls: int = 4500, hours: float = 8.0) -> list[Caller]:
    """Callers of a working day, busier in the middle of the morning; one in ten elderly, one in twenty calls again."""
    chance = random.Random(seed)  # noqa: S311  a simulation
    ats = sorted(chance.triangular(0, hours * 3600, hours * 1200) for _ in range(calls))
    return [
        Caller(
            at=at,
            talk=min(900.0, 20 + chance.expovariate(1 / 70)),
            group="elderly" if chance.random() < 0.1 else "",
            kept=chance.uniform(5, 120) if chance.random() < 0.05 else 0.0,
        )
        for at in ats
    ]

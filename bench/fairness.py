"""A simulated working day through the policy and a model of app_queue: waits, who overtook whom, and how the load spreads.

Forty agents, ten of whom begin at noon, and one who has left the telephone without a pause: the strategies of app_queue beside
each other. The figures are of the strategy that we ship; the table is for people.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from acd import fairness, policy
from acd.fairness import Day, Seat
from bench.figure import Figure, say
from hotline import settings

AGENTS, HOURS, MISSES = 40, 8.0, 3
SPREAD, VAIN = 1.5, 3
"""The busiest agent's share of talk to the mean's, and the most unanswered telephones that one caller hears, at most."""


def measure() -> list[Figure]:
    """The shipped strategy's spread, overtakings and vain rings; a table of all on standard error."""
    chosen = settings.parse({"routing": {"priority": True}}, source="fairness")
    plan, callers = policy.plan(chosen), fairness.busy_day()
    say("strategy     pause   wait    p95 elderly  load least  most  vain  lost overtook")
    days: dict[str, Day] = {}
    for strategy in fairness.STRATEGIES:
        for misses in (0, MISSES):
            day = fairness.simulate(plan, callers, seats(), strategy, misses=misses)
            say(f"{strategy:12} {misses or 'never':>5} {_row(day)}")
            if misses:
                days[strategy] = day
    ours = days[chosen.queue.strategy]
    return [
        Figure(
            name="fair_load", ours=max(ours.loads()) / statistics.mean(ours.loads()), limit=SPREAD, unit="busiest agent to mean"
        ),
        Figure(name="fair_order", ours=sum(one.overtook for one in ours.served), limit=0, unit="longer waits overtaken"),
        Figure(name="fair_rings", ours=ours.vain(), limit=VAIN, unit="unanswered telephones of one caller"),
    ]


def seats() -> list[Seat]:
    """Thirty from the morning on, the first of whom is not there; ten from noon on."""
    noon, end = HOURS / 2 * 3600, HOURS * 3600
    return [
        Seat(name=str(1001 + place), begins=0 if place < AGENTS * 3 // 4 else noon, ends=end, answers=place != 0)
        for place in range(AGENTS)
    ]


def _row(day: Day) -> str:
    waits = [one.wait for one in day.served if not one.priority]
    elderly = [one.wait for one in day.served if one.priority]
    loads = day.loads()
    numbers: Sequence[float] = (statistics.mean(waits), statistics.quantiles(waits, n=20)[-1], statistics.mean(elderly))
    shares = (statistics.mean(loads), loads[0], loads[-1])
    return (
        f"{numbers[0]:6.1f} {numbers[1]:6.1f} {numbers[2]:7.1f} {shares[0]:5.2f} {shares[1]:5.2f} {shares[2]:5.2f} "
        f"{day.vain():5} {len(day.lost):5} {sum(one.overtook for one in day.served)}"
    )

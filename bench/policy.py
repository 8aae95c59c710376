"""The routing policy on one core: decisions a second.

A mix as it comes: usual calls, callers who gave up and keep their place among forty who wait, elderly callers, a caller whom
another queue takes over, a sub-centre that is closed.
"""

from __future__ import annotations

import datetime as dt
import statistics

from acd import policy
from acd.policy import Asked, History, Plan, Standing, Waiting
from bench.figure import Figure, say
from hotline import clock, settings
from hotline.clock import SHANGHAI
from hotline.settings import DAYS

WANTED = 100_000
ROUNDS, TURNS = 7, 5_000
NOW = dt.datetime(2026, 3, 3, 20, tzinfo=SHANGHAI)
_FORTY = tuple(Waiting(300.0 - 7 * place, int(place < 4)) for place in range(40))
FLOOR = {
    "hotline": Standing(waiting=40, logged_in=60, known=_FORTY),
    "english": Standing(logged_in=3),
    "north": Standing(waiting=2, ready=1, logged_in=9),
    "south": Standing(ready=3, logged_in=9),
}
NEW = History()
MIX: tuple[tuple[Asked, History], ...] = (
    *((Asked(queue="hotline"), NEW),) * 6,
    (Asked(queue="hotline"), History(kept_seconds=45.0)),
    (Asked(queue="south"), History(agent="1003", is_ready=True)),
    (Asked(queue="hotline", group="elderly"), NEW),
    (Asked(queue="hotline", left=True, waited_seconds=61.0), NEW),
    (Asked(queue="north"), NEW),
    (Asked(queue="english"), NEW),
)


def measure() -> list[Figure]:
    """The median of a few rounds."""
    plan = _plan()
    decisions = statistics.median(_decisions_a_second(plan) for _ in range(ROUNDS))
    say(f"policy: {decisions:.0f} decisions a second")
    return [Figure(name="policy_decisions", ours=decisions, aim=WANTED, unit="decisions/s on one core")]


def _plan() -> Plan:
    day = {day: [("08:00", "18:00")] for day in DAYS}
    tables = {
        "routing": {"priority": True},
        "queue": {"overflow_to": "south", "overflow_seconds": 60, "overflow_waiting": 50},
        "queues": {"north": {"sub_centre": "north", "overflow_to": "south", "hours": day}, "south": {"sub_centre": "south"}},
    }
    return policy.plan(settings.parse(tables, source="bench"))


def _decisions_a_second(plan: Plan) -> float:
    began = clock.monotonic()
    for _ in range(TURNS):
        for asked, history in MIX:
            policy.route(plan, asked, NOW, FLOOR, history)
    return TURNS * len(MIX) / (clock.monotonic() - began)

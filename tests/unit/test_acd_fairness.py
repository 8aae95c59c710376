"""The order in which callers are served, and how the load spreads: laws, on the policy and the model of app_queue's line."""

from __future__ import annotations

import datetime as dt
import random
import statistics

from hypothesis import given
from hypothesis import strategies as st

from acd import fairness, policy
from acd.fairness import Caller, Entry, Seat, join
from acd.policy import Asked, History, Standing, Waiting
from hotline import settings
from hotline.clock import SHANGHAI

LIMIT = 100
PLAN = policy.plan(settings.parse({"routing": {"priority": True, "priority_limit_seconds": LIMIT}}, source="test"))
NOON = dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI)

moves = st.lists(
    st.tuples(
        st.floats(0.1, 60),  # since the move before
        st.sampled_from(["", "elderly"]),
        st.sampled_from([0.0, 0.0, 5.0, 50.0, 500.0]),  # kept
        st.integers(0, 3),  # of the head are served before
    ),
    max_size=40,
)


def played(found: list[tuple[float, str, float, int]]) -> list[tuple[float, list[Entry], Entry]]:
    """Each arrival: when, the line just before it, and who came."""
    line: list[Entry] = []
    history, now = [], 0.0
    for number, (pause, group, kept, served) in enumerate(found):
        now += pause
        del line[:served]
        known = tuple(Waiting(now - entry.since, entry.priority) for entry in line)
        standing = Standing(waiting=len(line), logged_in=1, known=known)
        route = policy.route(PLAN, Asked(queue="hotline", group=group), NOON, {"hotline": standing}, History(kept_seconds=kept))
        new = Entry(number=number, since=now - kept, joined=now, priority=route.priority)
        history.append((now, list(line), new))
        join(line, new, route.place)
        assert_order(line)
    return history


def assert_order(line: list[Entry]) -> None:
    """Higher priority first, and within one the longer total wait."""
    assert line == sorted(line, key=lambda entry: (-entry.priority, entry.since, entry.joined))


@given(moves)
def test_nobody_overtakes_a_longer_wait_of_the_same_priority(found: list[tuple[float, str, float, int]]) -> None:
    played(found)


@given(moves)
def test_nobody_who_has_waited_to_the_limit_is_overtaken_by_priority(found: list[tuple[float, str, float, int]]) -> None:
    for now, before, new in played(found):
        if new.priority:
            assert all(entry.priority or now - entry.since < LIMIT for entry in before)


def test_a_line_is_entered_as_app_queue_does_it() -> None:
    line = [Entry(number=n, since=n, joined=n, priority=priority) for n, priority in enumerate((2, 1, 1, 0))]
    for place, priority, at in ((1, 0, 3), (4, 0, 3), (0, 0, 4), (1, 1, 1), (2, 1, 1), (3, 1, 2), (0, 1, 3), (0, 3, 0)):
        tried = list(line)
        new = Entry(number=9, since=9, joined=9, priority=priority)
        join(tried, new, place)
        assert tried.index(new) == at, (place, priority)


def test_a_day_serves_everybody_in_order_and_spreads_the_load() -> None:
    seats = [Seat(name=str(place), ends=8 * 3600) for place in range(12)]
    callers = fairness.busy_day(calls=1200)
    for strategy in ("rrmemory", "leastrecent"):
        day = fairness.simulate(PLAN, callers, seats, strategy)
        assert len(day.served) == len(callers) and not day.lost
        assert sum(one.overtook for one in day.served) == 0
        assert max(day.loads()) < 1.3 * statistics.mean(day.loads())


def test_an_agent_who_left_the_telephone_alone_is_rung_again_and_again_unless_agents_are_rung_in_turn() -> None:
    """Why ``rrmemory`` is shipped: app_queue's ``leastrecent`` prefers whoever never took a call."""
    seats = [Seat(name=str(place), ends=3600, answers=place != 0) for place in range(5)]
    callers = [Caller(at=100.0 * place, talk=60) for place in range(20)]
    in_turn = fairness.simulate(PLAN, callers, seats, "rrmemory")
    again = fairness.simulate(PLAN, callers, seats, "leastrecent")
    assert in_turn.vain() == 1 and not in_turn.lost
    assert again.vain() >= 30 and again.lost


@given(st.integers(0, 1000), st.sampled_from(sorted(fairness.STRATEGIES)))
def test_no_day_loses_a_call_or_an_agent(seed: int, strategy: str) -> None:
    chance = random.Random(seed)
    callers = [Caller(at=chance.uniform(0, 600), talk=chance.uniform(1, 200)) for _ in range(30)]
    day = fairness.simulate(PLAN, callers, [Seat(name="1"), Seat(name="2", begins=300)], strategy, seed=seed)
    assert len(day.served) == 30
    assert abs(sum(day.talked.values()) - sum(caller.talk for caller in callers)) < 1e-6

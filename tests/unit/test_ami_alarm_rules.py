"""Alarms: raised once, over with hysteresis, and quiet while there is too little to judge by (KPI-43)."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.figures import alarm_rules
from ami_bridge.figures.alarm_rules import Cleared, Node, Raised, Readings, Rules, State
from ami_bridge.figures.metrics import Figure

BEGIN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
RULES = Rules(lag_seconds=10, requests_needed=20)


def at(seconds: float) -> dt.datetime:
    return BEGIN + dt.timedelta(seconds=seconds)


def day(value: float | None, requests: int = 100, goal: float | None = 0.8) -> Readings:
    return Readings({"answer_timely_connected": Figure(0, requests, value, goal)}, requests, ())


def node(**fields: Any) -> Readings:
    return Readings({}, 0, (Node(node="node1", **fields),))


def run(*story: tuple[float, Readings]) -> list[tuple[str, str, float]]:
    """The effects of readings at seconds, as (raised or cleared, kind, second)."""
    state, found = State(), []
    for second, readings in story:
        for effect in alarm_rules.step(state, readings, RULES, at(second)):
            found.append(
                ("raised" if isinstance(effect, Raised) else "cleared", effect.kind, (effect.at - BEGIN).total_seconds())
            )
    return found


def test_a_figure_below_its_goal_is_an_alarm_once_and_says_what_was_and_should_be() -> None:
    state = State()
    (raised,) = alarm_rules.step(state, day(0.79), RULES, at(0))
    assert raised == Raised("figure_below_goal", "answer_timely_connected", at(0), 0.79, 0.8)
    assert alarm_rules.step(state, day(0.5), RULES, at(1)) == []


def test_a_figure_that_wavers_about_its_goal_does_not_flap() -> None:
    wavering = [(float(second), day(0.799 if second % 2 else 0.808)) for second in range(1, 600)]
    assert run(*wavering) == [("raised", "figure_below_goal", 1)]


def test_an_alarm_is_over_when_the_figure_has_been_well_above_its_goal_for_a_minute() -> None:
    story = [(0, day(0.7)), (10, day(0.82)), (40, day(0.805)), (50, day(0.82)), (109, day(0.82)), (110, day(0.82))]
    assert run(*story) == [("raised", "figure_below_goal", 0), ("cleared", "figure_below_goal", 110)]


@pytest.mark.parametrize("readings", [day(0.1, requests=19), day(None), day(0.1, goal=None)])
def test_too_little_to_judge_by_is_no_alarm(readings: Readings) -> None:
    assert run((0, readings), (100, readings)) == []


def test_a_new_day_ends_the_alarm_of_the_old_one() -> None:
    assert run((0, day(0.7)), (1, day(None, requests=0)), (61, day(None, requests=0)))[-1] == ("cleared", "figure_below_goal", 61)


def test_a_goal_of_everything_is_met_at_everything() -> None:
    story = [(0, day(0.99, goal=1.0)), (1, day(1.0, goal=1.0)), (61, day(1.0, goal=1.0))]
    assert [what for what, _, _ in run(*story)] == ["raised", "cleared"]


@pytest.mark.parametrize(
    ("kind", "bad", "between"),
    [
        ("lag", {"lag_seconds": 10.1}, {"lag_seconds": 9.0}),
        ("gap_open", {"gaps_open": 1}, None),
        ("conservation", {"violations": 1}, None),
        ("journal", {"journal_failing": True}, None),
        ("backlog", {"backlog": 501}, {"backlog": 51}),
    ],
)
def test_a_nodes_trouble_is_raised_held_and_cleared(kind: str, bad: dict[str, Any], between: dict[str, Any] | None) -> None:
    story = [(0, node()), *((second, node(**bad)) for second in range(1, 10))]
    story += [(second, node(**between)) for second in range(10, 200)] if between else []
    story += [(second, node()) for second in range(200, 300)]
    found = run(*story)
    assert [(what, which) for what, which, _ in found] == [("raised", kind), ("cleared", kind)]
    assert found[0][2] <= 6
    assert found[1][2] >= 230


def test_a_moment_of_lag_or_a_gap_closed_at_once_is_no_alarm() -> None:
    assert run((0, node(lag_seconds=60, gaps_open=1)), (1, node()), (2, node(lag_seconds=60)), (3, node())) == []


def test_a_record_refused_is_an_alarm_for_an_hour_after_the_last_one() -> None:
    story = [(0, node()), (1, node(refused=1)), (3000, node(refused=2)), (6000, node(refused=2)), (9700, node(refused=2))]
    assert run(*story) == [("raised", "record_refused", 1), ("cleared", "record_refused", 9700)]


def test_a_bridge_that_began_anew_counts_from_nothing() -> None:
    assert run((0, node(refused=0)), (1, node(refused=5)))[0][1] == "record_refused"
    assert (
        run((0, node()), (1, node(refused=3)), (2, node(refused=1)), (3602, node(refused=1)), (7300, node(refused=1)))[-1][2]
        == 7300
    )


def test_a_node_of_which_nothing_is_told_keeps_its_alarm() -> None:
    assert len(run((0, node(violations=1)), (100, Readings({}, 0, ())), (200, Readings({}, 0, ())))) == 1


def test_alarms_that_were_on_at_the_start_are_not_raised_again() -> None:
    state = State(open={("gap_open", "node1")})
    for second in range(10):
        assert alarm_rules.step(state, node(gaps_open=1), RULES, at(second)) == []
    effects = [effect for second in range(10, 50) for effect in alarm_rules.step(state, node(), RULES, at(second))]
    assert effects == [Cleared("gap_open", "node1", at(40))]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.floats(0, 30), st.integers(0, 2), st.integers(0, 600)), max_size=60
    )
)
def test_raised_and_cleared_take_turns_and_never_faster_than_the_patience(
    story: list[tuple[float, int, float, int, int]],
) -> None:
    readings = []
    for second, (value, requests, lag, gaps, backlog) in enumerate(story):
        nodes = (Node(node="n", lag_seconds=lag, gaps_open=gaps, backlog=backlog),)
        readings.append((second * 7.0, Readings({"f": Figure(0, requests, value, 0.8)}, requests, nodes)))
    found = run(*readings)
    for kind in alarm_rules.KINDS:
        turns = [(what, second) for what, which, second in found if which == kind]
        assert [what for what, _ in turns] == ["raised", "cleared"] * (len(turns) // 2) + ["raised"] * (len(turns) % 2)
        assert all(after - before >= 30 for (what, before), (_, after) in pairwise(turns) if what == "raised")

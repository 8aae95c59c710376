"""Overload: all who could take a call are busy and too many wait; windows hold what is known, no more (metrics, section 3)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import members, overload
from ami_bridge.member_facts import MemberSeen
from ami_bridge.overload import Closed, Opened, Staff, State

BEGIN = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
BUSY = Staff(logged_in=3, busy=2, paused=1)


def at(seconds: float) -> dt.datetime:
    return BEGIN + dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("waiting", "staff", "is_overloaded"),
    [
        (11, Staff(2, busy=2), True),
        (10, Staff(2, busy=2), False),
        (11, Staff(2, busy=1, ready=1), False),
        (11, Staff(2, busy=1, paused=1), True),
        (11, Staff(2, paused=2), False),
        (99, Staff(), False),
    ],
)
def test_overload_is_busy_agents_and_too_many_callers(waiting: int, staff: Staff, is_overloaded: bool) -> None:
    assert overload.step(State(10), "hotline", waiting, staff, at(0)) == ([Opened("hotline", at(0))] if is_overloaded else [])


def test_a_window_ends_when_either_stops_and_is_told_once() -> None:
    state = State(10)
    assert overload.step(state, "hotline", 11, BUSY, at(0)) == [Opened("hotline", at(0))]
    assert overload.step(state, "hotline", 12, BUSY, at(1)) == []
    assert overload.step(state, "hotline", 10, BUSY, at(2)) == [Closed("hotline", at(2))]
    assert overload.step(state, "hotline", 9, BUSY, at(3)) == []
    assert overload.step(state, "english", 11, BUSY, at(4)) == [Opened("english", at(4))]
    assert overload.step(state, "english", 11, Staff(1, ready=1), at(5)) == [Closed("english", at(5))]


def test_over_a_gap_a_window_ends_when_it_was_last_known_to_hold() -> None:
    state = State(10)
    overload.step(state, "hotline", 11, BUSY, at(0))
    assert overload.lose(state, at(7)) == [Closed("hotline", at(7))]
    assert overload.lose(state, at(8)) == []
    assert overload.step(state, "hotline", 11, BUSY, at(60)) == [Opened("hotline", at(60))]


def test_a_window_of_a_bridge_that_is_no_more_ends_when_it_last_heard_of_asterisk() -> None:
    left = {"hotline": at(0), "english": at(9)}
    assert overload.resume(left, at(5)) == [Closed("english", at(9)), Closed("hotline", at(5))]


def test_who_is_logged_in_to_a_queue() -> None:
    state = members.State(5)
    found = [
        ("1001", "hotline", 1, False),
        ("1001", "english", 1, True),
        ("1002", "hotline", 3, False),
        ("1003", "hotline", 5, False),
    ]
    found += [("1004", "hotline", 1, True), ("1005", "english", 3, True)]
    for agent, queue, status, paused in found:
        member = f"PJSIP/{agent}"
        members.apply(
            state,
            MemberSeen(
                at=BEGIN, call_id="", queue=queue, agent=agent, interface=member, status=status, paused=paused, is_status=True
            ),
        )
    assert overload.staff(state, "hotline") == Staff(logged_in=3, ready=1, busy=1, paused=1)
    assert overload.staff(state, "english") == Staff(logged_in=2, busy=1, paused=1)
    assert overload.queues(state) == {"hotline", "english"}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.integers(0, 2), st.integers(0, 2), st.booleans())))
def test_windows_of_a_queue_do_not_overlap_and_cover_exactly_what_was_overloaded(
    story: list[tuple[str, int, int, int, bool]],
) -> None:
    state, effects, overloaded = State(2), [], dict[str, list[tuple[float, bool]]]()
    for second, (queue, waiting, ready, busy, is_lost) in enumerate(story):
        if is_lost:
            effects += overload.lose(state, at(second - 0.5))
            for seen in overloaded.values():
                seen.append((second - 0.5, False))
        effects += overload.step(state, queue, waiting, Staff(ready + busy, ready, busy), at(second))
        overloaded.setdefault(queue, []).append((second, waiting > 2 and busy > 0 and ready == 0))
    for queue, seen in overloaded.items():
        told = [(isinstance(one, Opened), one.at) for one in effects if one.queue == queue]
        assert [is_open for is_open, _ in told] == [i % 2 == 0 for i in range(len(told))]
        turns = [seen[i] for i in range(len(seen)) if seen[i][1] != (i > 0 and seen[i - 1][1])]
        assert told == [(is_open, at(second)) for second, is_open in turns]
        assert (queue in state.open) == seen[-1][1]

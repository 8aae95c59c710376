"""Supervision as a machine: who may what, what a telephone is told, what its steps make of it (QUA-03, IVR-26, ORG-25)."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import supervision
from acd.errors import RefusedError
from acd.permissions import Person, check
from acd.supervision import Found, Standing, Wish
from ami_bridge import actions

AT = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)
TRAINEE = Found(agent="1001", mentor="1003", seat="1005", call_id="node1-1795318125.3")
SOMEBODY = Found(agent="1002", seat="1002")
ONE = uuid.UUID(int=1)
STEPS: st.SearchStrategy[tuple[str, dict[str, str]]] = st.one_of(
    st.tuples(st.sampled_from(("started", "ended", "taken")), st.just({})),
    st.tuples(st.just("mode"), st.fixed_dictionaries({"mode": st.sampled_from((*supervision.RIGHTS, "nothing", ""))})),
    st.tuples(st.just("hears"), st.fixed_dictionaries({}, optional={"call": st.text("n-1.2", min_size=1, max_size=5)})),
)


@pytest.mark.parametrize(
    ("person", "of_trainee", "of_somebody"),
    [
        (Person("chen", "supervisor"), 3, 3),
        (Person("leader", "shift_leader"), 3, 3),
        (Person("wu", "quality"), 1, 1),
        (Person("1003", "agent", "1003"), 2, 0),
        (Person("1004", "agent", "1004"), 0, 0),
        (Person("1001", "trainee", "1001"), 0, 0),
        (Person("admin", "administrator"), 0, 0),
    ],
)
def test_leaders_do_everything_quality_listens_and_a_mentor_whispers_to_the_own_trainee(
    person: Person, of_trainee: int, of_somebody: int
) -> None:
    assert (supervision.level(person, TRAINEE), supervision.level(person, SOMEBODY)) == (of_trainee, of_somebody)
    for found, level in ((TRAINEE, of_trainee), (SOMEBODY, of_somebody)):
        for needed, mode in enumerate(("monitor", "whisper", "barge"), start=1):
            if needed > level:
                with pytest.raises(RefusedError, match="not_allowed"):
                    check(person, supervision.RIGHTS[mode], found.agent, found.mentor)


def test_a_telephone_is_told_which_channels_it_may_hear() -> None:
    chief = Person("chen", "supervisor")
    call = supervision.order(Wish(target="call", whom="node1-1.2", reason="r"), SOMEBODY, chief, ONE)
    assert call.variables == {
        "HOTLINE_SPY_ID": ONE.hex,
        "HOTLINE_SPY_MODE": "monitor",
        "HOTLINE_SPY_MAY": "3",
        "HOTLINE_SPY_CALL": "node1-1.2",
    }
    agent = supervision.order(Wish(target="agent", whom="1001", mode="whisper", reason="r"), TRAINEE, chief, ONE)
    assert (agent.variables["HOTLINE_SPY_GROUP"], agent.variables["HOTLINE_SPY_SEAT"]) == ("agent-1001", "seat-1005")
    queue = supervision.order(Wish(target="queue", whom="hotline", reason="r"), Found(), chief, ONE)
    assert queue.variables["HOTLINE_SPY_GROUP"] == "queue-hotline"
    for order in (call, agent, queue):
        assert asked(order.variables)


def asked(variables: dict[str, str]) -> actions.Prepared:
    """What goes to Asterisk; an error when it would be more than words."""
    told: dict[str, actions.Value] = {"channel": "PJSIP/1011", "context": "supervise", "exten": "s", "variables": variables}
    return actions.prepare("Originate", told, ONE)


def test_a_mentor_follows_the_trainee_and_not_the_call() -> None:
    """The call may be transferred to somebody whose mentor this is not."""
    order = supervision.order(Wish(target="call", whom="node1-1.2", reason="r"), TRAINEE, Person("1003", "agent", "1003"), ONE)
    assert (order.target, order.whom, order.may) == ("agent", "1001", 2)


def test_to_talk_with_all_and_to_take_over_are_about_one_call() -> None:
    chief = Person("chen", "supervisor")
    found = supervision.order(Wish(target="agent", whom="1001", mode="barge", reason="r"), TRAINEE, chief, ONE)
    assert (found.target, found.whom) == ("call", TRAINEE.call_id)
    with pytest.raises(RefusedError, match="not_in_a_call"):
        supervision.order(Wish(target="agent", whom="1002", mode="take_over", reason="r"), SOMEBODY, chief, ONE)
    with pytest.raises(RefusedError, match="unknown_call"):
        supervision.order(Wish(target="queue", whom="hotline", mode="barge", reason="r"), Found(), chief, ONE)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "x" * 201])
def test_nobody_listens_without_a_reason_in_one_line(text: str) -> None:
    with pytest.raises(RefusedError, match="reason_missing"):
        supervision.reason(text)


@given(st.text(max_size=80))
def test_no_name_of_a_call_becomes_more_than_a_name(name: str) -> None:
    """What goes to Asterisk is a word of its grammar, or nothing does."""
    wish = Wish(target="call", whom=name, reason="r")
    try:
        order = supervision.order(wish, SOMEBODY, Person("chen", "supervisor"), ONE)
    except RefusedError:
        return
    assert asked(order.variables)


@given(st.lists(STEPS, max_size=12))
def test_whatever_is_told_an_end_is_final_and_comes_after_the_start(told: list[tuple[str, dict[str, str]]]) -> None:
    now = Standing(mode="monitor")
    for second, (what, words) in enumerate(told):
        before, now = now, supervision.hear(now, what, words, AT + dt.timedelta(seconds=second)).now
        assert now.mode in supervision.RIGHTS
        assert (now.ended_at is None) == (now.ended == "")
        if before.ended_at is not None:
            assert (now.ended_at, now.ended, now.mode) == (before.ended_at, before.ended, before.mode)
        if now.ended == "hung_up":
            assert now.started_at is not None
            assert now.ended_at is not None


@given(STEPS)
def test_a_step_that_is_told_twice_changes_nothing_the_second_time(told: tuple[str, dict[str, str]]) -> None:
    once = supervision.hear(Standing(mode="monitor"), *told, AT).now
    assert supervision.hear(once, *told, AT).now == once


def test_one_that_was_lost_sight_of_ended_when_its_telephone_says() -> None:
    lost = supervision.end(Standing(mode="barge", started_at=AT), AT + dt.timedelta(minutes=5), "lost").now
    told = supervision.hear(lost, "ended", {}, AT + dt.timedelta(minutes=1)).now
    assert (told.ended, told.ended_at) == ("hung_up", AT + dt.timedelta(minutes=1))

"""Whose call it is and what may be ordered: for any orders and steps, in any order; and the rules of ending a call first (IVR-21
to IVR-23, CAL-07, CAL-08)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import control, control_rules
from acd.control import ORDERS, Order, Place, Stand, Target, Told
from acd.control_rules import Call, Disposition, Turn
from acd.errors import RefusedError
from ami_bridge import actions

NOW = dt.datetime(2026, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
C, A, B = "node1-1700000000.1", "node1-1700000000.2", "command-" + "0123456789abcdef" * 2
TALKING = Stand(node="node1", citizen=C, call_id=C, agent="1001", leg=A)
COLLEAGUE = Target("agent", "1002", "1012")


def order(what: str, **more: object) -> Order:
    whole: dict[str, object] = {"target": COLLEAGUE, "slot": "705", "number": "110", "seat": "1011"}
    return Order(what=what, at=NOW, **(whole | more))  # type: ignore[arg-type]


def after(stand: Stand, *steps: tuple[str, str, dict[str, str]]) -> Stand:
    for what, channel, words in steps:
        stand = control.apply(stand, Told(what, words, channel, words.get("seat", "")))
    return stand


places = st.sampled_from(get_args(Place))
stands = st.builds(
    Stand,
    node=st.just("node1"),
    citizen=st.just(C),
    call_id=st.just(C),
    agent=st.sampled_from(["", "1001"]),
    leg=st.sampled_from(["", A]),
    place=places,
    colleague=st.sampled_from(["", "1002"]),
    colleague_leg=st.sampled_from(["", B]),
)
steps = st.tuples(
    st.sampled_from(sorted({*control._STEPS, "something_new"})),
    st.sampled_from([A, B, C]),
    st.dictionaries(st.sampled_from(["agent", "seat", "slot", "result", "target", "attempt", "left"]), st.text(max_size=5)),
)


@given(stand=stands, what=st.sampled_from(sorted(ORDERS)))
def test_an_order_is_refused_or_asks_for_what_asterisk_takes(stand: Stand, what: str) -> None:
    """Two channels are never sent to one place by mistake, and nothing is asked that the table of actions does not know."""
    try:
        now, sends = control.decide(stand, order(what))
    except RefusedError as error:
        assert error.code == "not_now"
        assert stand.place not in ORDERS[what][0] or not stand.leg or not stand.colleague_leg
        return
    assert (now.node, now.citizen, now.call_id) == (stand.node, stand.citizen, stand.call_id)
    for send in sends:
        if "" not in send.parameters.values():
            actions.prepare(send.action, send.parameters, uuid.UUID(int=0))
    if what in ("complete", "three"):
        assert stand.place == "consulted"


@given(stand=stands, told=st.lists(steps, max_size=8))
def test_any_steps_in_any_order_leave_a_call_that_can_be_written(
    stand: Stand, told: list[tuple[str, str, dict[str, str]]]
) -> None:
    found = after(stand, *told)
    assert msgspec.convert(msgspec.to_builtins(found), Stand) == found
    if found.place in ("parked", "queue", "over") and told and told[-1][0] in ("parked", "lost", "over", "citizen_left"):
        assert (found.agent, found.leg) == ("", "")


def test_a_consultation_that_is_completed_gives_the_call_to_the_colleague() -> None:
    asked, _ = control.decide(TALKING, order("consult"))
    consulted = after(asked, ("held", C, {"agent": A}), ("consulting", A, {}), ("consulted", B, {}))
    assert (consulted.place, consulted.colleague_leg) == ("consulted", B)
    done, (send,) = control.decide(consulted, order("complete"))
    assert (done.agent, done.leg, done.place) == ("1002", B, "talking")
    assert after(done, ("joined", C, {"agent": B})) == done
    assert (send.parameters["channel"], send.parameters["extra_channel"]) == (B, A)


def test_the_answer_of_the_colleague_may_be_heard_of_before_the_hold() -> None:
    asked, _ = control.decide(TALKING, order("consult"))
    found = after(asked, ("consulted", B, {}), ("consulting", A, {}), ("held", C, {"agent": A}))
    assert (found.colleague_leg, found.colleague) == (B, "1002")


def test_a_parked_call_belongs_to_who_picks_it_up_whichever_channel_is_heard_first() -> None:
    parked, _ = control.decide(TALKING, order("park"))
    assert (parked.agent, parked.slot) == ("", "705")
    own, citizens = ("picked_up", B, {"seat": "1003"}), ("joined", C, {"agent": B})
    for told in ((own, citizens), (citizens, own)):
        found = after(parked, *told)
        assert (found.place, found.agent, found.leg, found.slot) == ("talking", "1003", B, "")


def test_an_emergency_has_two_attempts() -> None:
    begun, _ = control.decide(TALKING, order("emergency"))
    again = after(begun, ("emergency_over", B, {"attempt": "1", "result": "BUSY"}))
    assert (begun.emergency, again.emergency) == ("dialling", "again")
    assert after(again, ("emergency_over", B, {"attempt": "2", "result": "NOANSWER"})).emergency == "failed"
    answered = after(again, ("emergency_answered", B, {}), ("emergency_over", B, {"attempt": "2", "result": "ANSWER"}))
    assert answered.emergency == "answered"


@given(seconds=st.integers(5, 600))
def test_who_searches_without_hold_is_reminded_and_who_holds_is_not(seconds: int) -> None:
    """IVR-21."""
    searching, sends = control.decide(TALKING, order("search"))
    assert (control.reminder(searching, seconds), sends) == (NOW + dt.timedelta(seconds=seconds), [])
    held, _ = control.decide(searching, order("hold"))
    found, _ = control.decide(searching, order("found"))
    assert [control.reminder(stand, seconds) for stand in (TALKING, held, found)] == [None, None, None]


# --- the rules ------------------------------------------------------------------------------------------------------------------


def refusal(disposition: Disposition, call: Call, now: dt.datetime = NOW) -> str:
    try:
        control_rules.check_hang_up(disposition, call, now, 2)
    except RefusedError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("disposition", "call", "code"),
    [
        ("silent", Call(), "not_silent_yet"),
        ("silent", Call(silent_since=NOW - dt.timedelta(seconds=1)), "not_silent_yet"),
        ("silent", Call(silent_since=NOW - dt.timedelta(seconds=2)), ""),
        ("malicious", Call(level=1, explained=True), "not_warned_yet"),
        ("malicious", Call(level=2), ""),
        ("malicious", Call(level=3), ""),
        ("long_occupation", Call(level=3), "not_explained_yet"),
        ("long_occupation", Call(explained=True), ""),
    ],
)
def test_an_agent_ends_a_call_first_only_in_the_stated_cases(disposition: Disposition, call: Call, code: str) -> None:
    assert refusal(disposition, call) == code


@pytest.mark.parametrize(
    ("turn", "flagged"),
    [
        (Turn(ended_by="agent"), True),
        (Turn(ended_by="caller"), False),
        (Turn(ended_by="transfer"), False),
        (Turn(ended_by="agent", dispositions=frozenset({"silent"})), False),
        (Turn(ended_by="agent", went_on=True), False),
    ],
)
def test_who_hangs_up_first_without_a_reason_is_flagged(turn: Turn, flagged: bool) -> None:
    assert control_rules.is_flagged(turn) is flagged


@given(days=st.lists(st.integers(-400, 400), max_size=6), window=st.integers(1, 365))
def test_the_level_of_a_caller_counts_marks_within_the_window(days: list[int], window: int) -> None:
    """CAL-07: normal, warned, and from the third on with the police; CAL-08: older ones do not count, nor those yet to come."""
    earlier = [NOW - dt.timedelta(days=day) for day in days]
    counted = sum(0 <= day <= window for day in days)
    assert control_rules.level(earlier, NOW, dt.timedelta(days=window)) == min(3, counted + 1)


@pytest.mark.parametrize(("hours", "fits"), [(-1, False), (0, False), (1, True), (24 * 30, True), (24 * 30 + 1, False)])
def test_a_block_is_for_a_time_and_not_for_ever(hours: int, fits: bool) -> None:
    until = NOW + dt.timedelta(hours=hours)
    if fits:
        assert control_rules.block_ends(until, NOW) == until
    else:
        with pytest.raises(RefusedError):
            control_rules.block_ends(until, NOW)

"""The judge of our rows: silent about what is true, and it tells whatever is not."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from ami_bridge.lines import Request, Turn
from tests.judge import CallSeen, judge, judge_calls, near_a_gap
from tests.judge_pauses import Noted, judge_pauses
from tests.truth import Asked, CallTruth, Rang, Talked, Window, about

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CALLER = "13900000001"


def after(seconds: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=seconds)


ASKED = Asked(kind="caller", first_queue="english", queue="hotline", began=about(AT), hops=1)
ASKED.ends("answered", about(after(20)), "1001")
TRUTH = CallTruth(
    caller=CALLER,
    story="one",
    invited_at=after(-1),
    ended_at=after(30),
    connected=True,
    requests=[ASKED],
    rang=[Rang("1002", after(1), "ring_no_answer"), Rang("1001", after(19), "answered")],
)
ROW = Request(
    node="node1",
    call_id="node1-1.0",
    number=1,
    kind="caller",
    caller=CALLER,
    queue="hotline",
    first_queue="english",
    requested_at=after(0.2),
    ended_at=after(20.1),
    outcome="answered",
    agent="1001",
    hops=1,
)
TURNS = [
    Turn(node="node1", call_id="node1-1.0", number=1, agent="1002", queue="english", rang_at=after(1), result="ring_no_answer"),
    Turn(node="node1", call_id="node1-1.0", number=2, agent="1001", queue="hotline", rang_at=after(19), result="answered"),
]


def test_what_is_true_is_not_a_difference() -> None:
    assert judge([TRUTH], [ROW], TURNS) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"outcome": "timed_out"}, "outcome was answered, but we say timed_out"),
        ({"kind": "transfer"}, "kind was caller"),
        ({"queue": "english"}, "queue was hotline"),
        ({"hops": 0}, "hops was 1"),
        ({"agent": "1002"}, "agent was 1001"),
        ({"requested_at": after(5)}, "began"),
        ({"ended_at": after(25)}, "waited"),
        ({"caller": "13900000002"}, "a request of a call that nobody made"),
    ],
)
def test_every_field_that_is_not_true_is_told(changes: dict[str, object], word: str) -> None:
    assert word in " ".join(judge([TRUTH], [msgspec.structs.replace(ROW, **changes)], TURNS))


def test_a_request_too_many_or_too_few_and_a_turn_that_was_another_one_are_told() -> None:
    assert "1 requests, but we say 0" in judge([TRUTH], [], [])[0]
    assert "1 requests, but we say 2" in judge([TRUTH], [ROW, msgspec.structs.replace(ROW, number=2)], TURNS)[0]
    assert "rang" in judge([TRUTH], [ROW], TURNS[:1])[0]


def test_a_repaired_row_may_be_a_second_off_and_no_more() -> None:
    late = msgspec.structs.replace(ROW, requested_at=after(2.2), repaired=True)
    assert judge([TRUTH], [late], TURNS) == []
    assert judge([TRUTH], [msgspec.structs.replace(late, repaired=False)], TURNS) != []
    assert judge([TRUTH], [msgspec.structs.replace(late, requested_at=after(2.8))], TURNS) != []


def test_a_call_that_is_missing_doubled_or_at_another_time_is_told() -> None:
    seen = CallSeen(CALLER, after(-1), after(30), after(20), False)
    assert judge_calls([TRUTH], [seen]) == []
    assert judge_calls([TRUTH], []) != []
    assert judge_calls([TRUTH], [seen, seen]) != []
    assert judge_calls([TRUTH], [msgspec.structs.replace(seen, ended_at=after(33))]) != []
    assert judge_calls([TRUTH], [msgspec.structs.replace(seen, connected_at=None)]) != []


def test_a_gap_touches_the_calls_of_its_time_only() -> None:
    assert near_a_gap(TRUTH, [Window(after(10), after(11))])
    assert not near_a_gap(TRUTH, [Window(after(40), after(41)), Window(after(-20), after(-10))])


TALK = msgspec.structs.replace(TRUTH, talked=[Talked("1001", after(20), (8.5, 11.5), (2.0, 4.0))])
TALKED = msgspec.structs.replace(TURNS[1], connected_at=after(20), talk_us=7_000_000, hold_us=3_000_000)


@pytest.mark.parametrize(
    ("talk", "hold", "words"),
    [(7.0, 3.0, []), (3.0, 3.0, ["talked"]), (9.9, 0.1, ["held"]), (9.0, 5.0, ["talked", "held"])],
)
def test_how_long_an_agent_talked_and_held_is_compared(talk: float, hold: float, words: list[str]) -> None:
    turn = msgspec.structs.replace(TALKED, talk_us=int(talk * 1e6), hold_us=int(hold * 1e6))
    assert [fault.split()[3] for fault in judge([TALK], [ROW], [TURNS[0], turn])] == words


def missed(*at: float) -> CallTruth:
    rings = [Rang("1001", after(begun), "ring_no_answer", None, after(begun + 6)) for begun in at]
    return msgspec.structs.replace(TRUTH, rang=rings)


def noted(what: str, at: float, why: str = "") -> Noted:
    return Noted("1001", after(at), what, why)


PAUSED = noted("pause", 17, "no_answer")


@pytest.mark.parametrize(
    ("rings", "notes", "faults"),
    [
        ([0, 10], [PAUSED], 0),
        ([0, 10], [PAUSED, noted("ready", 17.4)], 0),
        ([0, 10], [], 1),
        ([0], [PAUSED], 1),
        ([0, 10], [noted("ready", 8)], 0),
        ([0, 10], [noted("ready", 8), PAUSED], 1),
    ],
)
def test_a_pause_for_missed_calls_is_due_after_so_many_since_the_last_ready(
    rings: list[float], notes: list[Noted], faults: int
) -> None:
    assert len(judge_pauses([missed(*rings)], notes, [], 2)) == faults
    near = [Window(after(5), after(15))]
    assert judge_pauses([missed(*rings)], notes, near, 2) == []

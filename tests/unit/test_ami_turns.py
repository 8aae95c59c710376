"""Agents' turns: who was rung, who answered, how long they talked and held (metrics, section 4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge import calls, facts, turns
from ami_bridge.calls import Source, State
from ami_bridge.facts import Fact

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CALL = "n-1.0"
QUEUE: dict[str, Any] = {"call_id": CALL, "uniqueid": CALL, "queue": "hotline"}


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


STARTED = facts.ChannelStarted(
    at=START,
    call_id=CALL,
    uniqueid=CALL,
    channel="PJSIP/citizens-1",
    context="citizens",
    exten="12345",
    caller_number="13800138000",
    caller_name="",
)


def rung(seconds: float, agent: str) -> Fact:
    return facts.AgentCalled(at=at(seconds), agent=agent, leg=f"leg-{agent}", **QUEUE)


def missed(seconds: float, agent: str, ring_ms: int) -> Fact:
    return facts.RingNoAnswer(at=at(seconds), agent=agent, ring_us=ring_ms * 1000, **QUEUE)


def connected(seconds: float, agent: str) -> Fact:
    return facts.AgentConnected(at=at(seconds), agent=agent, leg=f"leg-{agent}", **QUEUE)


def completed(seconds: float, agent: str, reason: str = "agent") -> Fact:
    return facts.AgentCompleted(at=at(seconds), agent=agent, reason=reason, **QUEUE)


def held(seconds: float, agent: str) -> Fact:
    return facts.Held(at=at(seconds), call_id=CALL, uniqueid=f"leg-{agent}")


def unheld(seconds: float, agent: str) -> Fact:
    return facts.Unheld(at=at(seconds), call_id=CALL, uniqueid=f"leg-{agent}")


JOINED = facts.CallerJoined(at=at(0.5), **QUEUE)
WITHDRAWN = facts.CallerAbandoned(at=at(9), **QUEUE)
ENDED = facts.ChannelEnded(at=at(60), call_id=CALL, uniqueid=CALL, cause=16)
SENT = facts.Transferred(at=at(20), call_id=CALL, uniqueid=CALL, kind="blind")

Row = tuple[str, str, float, float, float, str]
STORIES: dict[str, tuple[list[Fact], list[Row]]] = {
    "nobody was rung": ([JOINED, WITHDRAWN, ENDED], []),
    "answered": (
        [JOINED, rung(1, "1001"), connected(4, "1001"), completed(30, "1001")],
        [("1001", "answered", 3, 26, 0, "agent")],
    ),
    "held twice": (
        [
            JOINED,
            rung(1, "1001"),
            connected(4, "1001"),
            held(10, "1001"),
            unheld(15, "1001"),
            held(20, "1001"),
            unheld(21, "1001"),
            completed(30, "1001"),
        ],
        [("1001", "answered", 3, 20, 6, "agent")],
    ),
    "on hold when the caller went": (
        [JOINED, rung(1, "1001"), connected(4, "1001"), held(50, "1001"), ENDED],
        [("1001", "answered", 3, 46, 10, "")],
    ),
    "missed, then another answers": (
        [JOINED, rung(1, "1001"), missed(16, "1001", 15000), rung(17, "1002"), connected(20, "1002"), completed(30, "1002")],
        [("1001", "ring_no_answer", 15, 0, 0, ""), ("1002", "answered", 3, 10, 0, "agent")],
    ),
    "missed twice by the same agent": (
        [JOINED, rung(1, "1001"), missed(16, "1001", 15000), rung(17, "1001"), missed(32, "1001", 15000), ENDED],
        [("1001", "ring_no_answer", 15, 0, 0, ""), ("1001", "ring_no_answer", 15, 0, 0, "")],
    ),
    "all rung, one is fastest": (
        [JOINED, rung(1, "1001"), rung(1.1, "1002"), connected(4, "1002"), completed(10, "1002", "caller")],
        [("1001", "other_answered", 3, 0, 0, ""), ("1002", "answered", 2.9, 6, 0, "caller")],
    ),
    "the caller leaves while the telephone rings": (
        [JOINED, rung(1, "1001"), WITHDRAWN, ENDED],
        [("1001", "caller_left", 8, 0, 0, "")],
    ),
    "sent on": (
        [JOINED, rung(1, "1001"), connected(4, "1001"), SENT, completed(20.01, "1001", "transfer")],
        [("1001", "answered", 3, 16, 0, "transfer")],
    ),
}


def told(found: Iterable[Fact]) -> list[Row]:
    state = State()
    for fact in (STARTED, *found):
        calls.apply(state, fact)
    return [
        (one.agent, one.result, one.ring_us / 1e6, one.talk_us / 1e6, one.hold_us / 1e6, one.ended_by)
        for one in turns.of_call(state.calls[CALL])
    ]


@pytest.mark.parametrize("name", STORIES)
def test_each_story_has_its_turns(name: str) -> None:
    story, expected = STORIES[name]
    assert told(story) == [
        (agent, result, *(pytest.approx(seconds) for seconds in lengths), by) for agent, result, *lengths, by in expected
    ]


@pytest.mark.parametrize("name", STORIES)
@given(st.data())
@settings(max_examples=40)
def test_no_order_and_no_repetition_changes_a_turn(name: str, data: st.DataObject) -> None:
    story = STORIES[name][0]
    order = data.draw(st.permutations(story + data.draw(st.lists(st.sampled_from(story)))))
    assert told(order) == told(story)


def test_the_second_witness_of_a_turn_adds_none() -> None:
    state = State()
    for fact in (STARTED, JOINED, rung(1.4, "1001"), connected(4.7, "1001")):
        calls.apply(state, fact)
    before = turns.of_call(state.calls[CALL])
    calls.apply(state, rung(1, "1001"), Source.QUEUE_LOG)
    calls.apply(state, connected(4, "1001"), Source.QUEUE_LOG)
    assert turns.of_call(state.calls[CALL]) == before


def test_wrap_up_is_given_after_a_conversation_that_ended() -> None:
    state = State()
    for fact in (STARTED, JOINED, rung(1, "1001"), connected(4, "1001")):
        calls.apply(state, fact)
    assert turns.of_call(state.calls[CALL], wrapup_us=7)[0].wrapup_us == 0
    calls.apply(state, completed(9, "1001"))
    assert turns.of_call(state.calls[CALL], wrapup_us=7)[0].wrapup_us == 7

"""What the dialplan of call control tells the figures: hold by an order is hold, an agent parted by one is a transfer, once."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ami_bridge import cel, facts, requests, turns
from ami_bridge.calls import Source, State, apply
from ami_bridge.requests import Rules

BEGAN = dt.datetime(2026, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
CALL, LEG, SECOND = "node1-1700000000.1", "node1-1700000000.2", "node1-1700000000.3"


def at(seconds: float) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=seconds)


def event(name: str, seconds: float, **more: str) -> facts.Fact:
    headers = {"userevent": name, "linkedid": CALL, "uniqueid": CALL, "timestamp": f"{at(seconds).timestamp():.6f}", **more}
    fact = facts.from_event("UserEvent", headers, BEGAN)
    assert fact is not None
    return fact


def answered(state: State) -> None:
    """A citizen and the first agent talk from second 2 on."""
    whole: dict[str, Any] = {"call_id": CALL, "uniqueid": CALL}
    apply(
        state,
        facts.ChannelStarted(
            at=at(0), channel="PJSIP/citizens-1", context="citizens", exten="12345", caller_name="", caller_number="1", **whole
        ),
    )
    apply(state, facts.CallerJoined(at=at(1), queue="hotline", channel="PJSIP/citizens-1", **whole))
    apply(state, facts.AgentCalled(at=at(1.5), queue="hotline", agent="1001", leg=LEG, **whole))
    apply(state, facts.AgentConnected(at=at(2), queue="hotline", agent="1001", leg=LEG, **whole))


def test_hold_by_an_order_is_the_agents_time_of_hold() -> None:
    state = State()
    answered(state)
    apply(state, event("AgentHold", 3, leg=LEG, state="on"))
    apply(state, event("AgentHold", 3.5, leg=LEG, state="on"))
    apply(state, event("AgentHold", 5, leg=LEG, state="off"))
    apply(state, facts.ChannelEnded(at=at(10), call_id=CALL, uniqueid=CALL, cause=16))
    (turn,) = turns.of_call(state.calls[CALL])
    assert (turn.hold_us, turn.talk_us) == (2_000_000, 6_000_000)


def test_a_call_that_an_order_sent_on_is_a_transfer_whoever_tells_of_it_and_once() -> None:
    log = ",".join(
        f'"{value}"'
        for value in (
            f"{at(4.01).timestamp():.6f}",
            "USER_DEFINED",
            "SentOn",
            CALL,
            CALL,
            "PJSIP/citizens-1",
            "sent",
            "a",
            "1",
            "",
            "",
            "",
            "",
        )
    )
    line = cel.parse(f'{log},"{{""extra"":""1002""}}"'.encode())
    assert line is not None
    (witness,) = [fact for fact in cel.evidence(line) if isinstance(fact, facts.Transferred)]
    assert (witness.target, witness.kind) == ("1002", "blind")
    for told in ([(event("SentOn", 4, target="1002"), Source.AMI)], [(witness, Source.CEL)]):
        for both in (told, [*told, (witness, Source.CEL)]):
            state = State()
            answered(state)
            for fact, source in both:
                apply(state, fact, source)
            whole: dict[str, Any] = {"call_id": CALL, "uniqueid": CALL}
            apply(state, facts.CallerJoined(at=at(5), queue="hotline", channel="PJSIP/citizens-1", **whole))
            apply(state, facts.AgentConnected(at=at(7), queue="hotline", agent="1002", leg=SECOND, **whole))
            apply(state, facts.AgentCompleted(at=at(9), queue="hotline", agent="1002", reason="caller", **whole))
            apply(state, facts.ChannelEnded(at=at(9), call_id=CALL, uniqueid=CALL, cause=16))
            call = state.calls[CALL]
            assert [(one.kind, one.outcome) for one in requests.of_call(call, Rules())] == [
                ("caller", "answered"),
                ("transfer", "answered"),
            ]
            assert [(turn.agent, turn.ended_by) for turn in turns.of_call(call)] == [("1001", "transfer"), ("1002", "caller")]

"""Who has whom, from the evidence alone, at every moment of a recorded call in which an agent holds the citizen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from ami_bridge import calls, codec, facts, hands
from ami_bridge.calls import Source, State
from ami_bridge.fact import Fact

TRACE = Path(__file__).parent.parent / "traces" / "stories" / "on_hold.ami"
RECEIVED = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def story() -> Iterator[Fact]:
    for frame in codec.Decoder(facts.WANTED).feed(TRACE.read_bytes()):
        if fact := facts.from_event(frame.name, frame.headers, RECEIVED):
            yield fact


def test_an_agent_has_the_citizen_from_the_connection_to_the_end_and_holds_between_the_two() -> None:
    state, told = State(), list(story())
    seen: list[list[str]] = []
    leg = next(fact.leg for fact in told if isinstance(fact, facts.AgentConnected))
    for fact in told:
        calls.apply(state, fact)
        now = [type(one).__name__ for one in hands.in_hand(state.open(), {leg})]
        if not seen or seen[-1] != now:
            seen.append(now)
    talks, holds = ["AgentConnected"], ["AgentConnected", "Held"]
    assert seen == [[], talks, holds, talks, []]
    assert hands.in_hand(state.open(), set()) == []


def test_nobody_has_a_citizen_whose_agents_channel_is_gone() -> None:
    state = State()
    for fact in story():
        calls.apply(state, fact)
        assert hands.in_hand(state.open(), set()) == []


def test_the_event_log_knows_the_channel_and_the_queue_log_who_it_is() -> None:
    state = State()
    at, call, leg = RECEIVED, "node1-1.0", "node1-1.1"
    begin = facts.CallerJoined(at=at, call_id=call, uniqueid=call, queue="hotline", channel="PJSIP/citizens-1")
    cel = facts.AgentConnected(at=at, call_id=call, uniqueid=leg, queue="", agent="1001")
    log = facts.AgentConnected(at=at, call_id=call, uniqueid=call, queue="hotline", agent="1007", leg=leg)
    for fact, source in ((begin, Source.AMI), (cel, Source.CEL), (log, Source.QUEUE_LOG)):
        calls.apply(state, fact, source)
    (found,) = hands.in_hand(state.open(), {leg})
    assert isinstance(found, facts.AgentConnected)
    assert (found.agent, found.leg) == ("1007", leg)

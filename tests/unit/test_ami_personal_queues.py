"""A queue in which one agent alone is rung (``hotline.1001``) is a part of its queue for whoever counts."""

from __future__ import annotations

import datetime as dt

import pytest

from ami_bridge import calls, cel, facts, member_facts, queue_log, requests
from ami_bridge.calls import Source, State
from ami_bridge.fact import Fact
from ami_bridge.requests import Rules

BEGAN = 1_700_000_000
CHANNEL = {"uniqueid": "n-1.1", "linkedid": "n-1.1", "queue": "hotline.1001", "membername": "1001", "reason": "caller"}


@pytest.mark.parametrize(
    "name",
    [
        "QueueCallerJoin",
        "QueueCallerLeave",
        "QueueCallerAbandon",
        "AgentCalled",
        "AgentRingNoAnswer",
        "AgentConnect",
        "AgentComplete",
    ],
)
def test_every_event_of_a_personal_queue_tells_of_its_queue(name: str) -> None:
    assert getattr(event(name, 0), "queue") == "hotline"  # noqa: B009  not every fact has one


def test_the_lists_and_the_logs_tell_of_its_queue_too() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    waiting = member_facts.LISTED["QueueEntry"]({"uniqueid": "n-1.1", "queue": "hotline.1001", "wait": "3"}, now)
    assert isinstance(waiting, member_facts.WaitingSeen) and waiting.queue == "hotline"
    line = queue_log.parse(b"1700000000.5|n-1.1|hotline.1001|NONE|ENTERQUEUE||138|1")
    assert line is not None and line.queue == "hotline"
    entered = cel.parse(b'1700000000.5,APP_START,,n-1.1,n-1.1,PJSIP/citizens-1,agents,s,138,,Queue,"hotline.1001,c,,,20",,')
    assert entered is not None
    assert [getattr(fact, "queue", None) for fact in cel.evidence(entered)] == ["hotline"]


def event(name: str, seconds: float, **more: str) -> Fact:
    fact = facts.from_event(
        name, CHANNEL | {"timestamp": f"{BEGAN + seconds:.6f}"} | more, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    assert fact is not None
    return fact


def exit_of(seconds: float, status: str) -> Fact:
    return event("UserEvent", seconds, userevent="QueueExit", queue="hotline", status=status)


def began() -> Fact:
    return facts.ChannelStarted(
        at=facts.timestamp(f"{BEGAN}.0"),
        call_id="n-1.1",
        uniqueid="n-1.1",
        channel="PJSIP/citizens-1",
        context="citizens",
        exten="12345",
        caller_number="138",
        caller_name="",
    )


ANSWERED_AT_ONCE = [
    event("QueueCallerJoin", 1),
    event("AgentCalled", 1),
    event("QueueCallerLeave", 4),
    event("AgentConnect", 4),
    event("AgentComplete", 9),
    exit_of(9, "CONTINUE"),
]
RANG_IN_VAIN = [
    event("QueueCallerJoin", 1),
    event("AgentCalled", 1),
    event("AgentRingNoAnswer", 21),
    event("QueueCallerAbandon", 21),
    event("QueueCallerLeave", 21),
    exit_of(21, "TIMEOUT"),
]
THEN_ANOTHER = [
    event("QueueCallerJoin", 21.1, queue="hotline"),
    event("QueueCallerLeave", 30, queue="hotline"),
    event("AgentConnect", 30, queue="hotline", membername="1002"),
    event("AgentComplete", 50, queue="hotline", membername="1002"),
]
REFUSED = [exit_of(1, "JOINEMPTY")]
THEN_AFTER_REFUSAL = [
    event("QueueCallerJoin", 1.1, queue="hotline"),
    event("QueueCallerLeave", 3, queue="hotline"),
    event("AgentConnect", 3, queue="hotline", membername="1002"),
]


@pytest.mark.parametrize(
    ("story", "agent", "wait", "hops"),
    [
        (ANSWERED_AT_ONCE, "1001", 3, 0),
        (RANG_IN_VAIN + THEN_ANOTHER, "1002", 29, 1),
        (REFUSED + THEN_AFTER_REFUSAL, "1002", 2, 1),
    ],
    ids=["the same agent answers", "rang in vain, then another", "refused at once, then another"],
)
def test_the_same_agent_first_and_then_the_queue_is_one_request(story: list[Fact], agent: str, wait: float, hops: int) -> None:
    state = State()
    for fact in [began(), *story]:
        calls.apply(state, fact, Source.AMI)
    (request,) = requests.of_call(state.calls["n-1.1"], Rules())
    assert (request.queue, request.first_queue, request.outcome, request.agent) == ("hotline", "hotline", "answered", agent)
    assert (request.wait_us() / 1e6, request.hops, request.repaired) == (wait, hops, False)

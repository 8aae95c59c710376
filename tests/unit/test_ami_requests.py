"""Requests for an agent: each story has its outcome, whatever the order in which it is told (metrics, sections 1, 2 and 7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ami_bridge import calls, facts, requests
from ami_bridge.calls import CallLost, Origin, PathSeen, Source, State
from ami_bridge.facts import Fact
from ami_bridge.figures import metrics, tally
from ami_bridge.lines import OUTCOMES, Request
from ami_bridge.requests import Rules

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CALL, LEG = "n-1.0", "n-1.1"
RULES = Rules()


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def started(seconds: float = 0, call: str = CALL) -> Fact:
    return facts.ChannelStarted(
        at=at(seconds),
        call_id=call,
        uniqueid=call,
        channel="PJSIP/citizens-1",
        context="citizens",
        exten="12345",
        caller_number="13800138000",
        caller_name="",
    )


def joined(seconds: float, queue: str = "hotline", call: str = CALL) -> Fact:
    return facts.CallerJoined(at=at(seconds), call_id=call, uniqueid=call, queue=queue)


def left(seconds: float, queue: str = "hotline", call: str = CALL) -> Fact:
    return facts.CallerLeft(at=at(seconds), call_id=call, uniqueid=call, queue=queue)


def withdrawn(seconds: float, queue: str = "hotline", held: int = 0) -> Fact:
    return facts.CallerAbandoned(at=at(seconds), call_id=CALL, uniqueid=CALL, queue=queue, held_seconds=held)


def exited(seconds: float, status: str, queue: str = "hotline", call: str = CALL) -> Fact:
    return facts.QueueExited(at=at(seconds), call_id=call, uniqueid=call, queue=queue, status=status)


def variable(seconds: float, status: str) -> Fact:
    return facts.QueueExited(at=at(seconds), call_id=CALL, uniqueid=CALL, queue="", status=status, by_variable=True)


def connected(seconds: float, agent: str = "1001", queue: str = "hotline", call: str = CALL, held: int = 0) -> Fact:
    return facts.AgentConnected(at=at(seconds), call_id=call, uniqueid=call, queue=queue, agent=agent, leg=LEG, held_seconds=held)


def completed(seconds: float, reason: str = "caller", agent: str = "1001") -> Fact:
    return facts.AgentCompleted(at=at(seconds), call_id=CALL, uniqueid=CALL, queue="hotline", agent=agent, reason=reason)


def rung(seconds: float, agent: str = "1001", leg: str = LEG) -> Fact:
    return facts.AgentCalled(at=at(seconds), call_id=CALL, uniqueid=CALL, queue="hotline", agent=agent, leg=leg)


def picked_up(seconds: float, leg: str = LEG) -> Fact:
    return facts.ChannelAnswered(at=at(seconds), call_id=CALL, uniqueid=leg)


def transferred(seconds: float, kind: str = "blind", other: str = "") -> Fact:
    return facts.Transferred(at=at(seconds), call_id=CALL, uniqueid=CALL, kind=kind, other_call=other)


def stepped(seconds: float, *steps: str) -> Fact:
    return facts.StepsTaken(at=at(seconds), call_id=CALL, uniqueid=CALL, steps=steps)


def pressed(seconds: float, digit: str = "1") -> Fact:
    return facts.KeyPressed(at=at(seconds), call_id=CALL, uniqueid=CALL, digit=digit)


def asked(seconds: float) -> Fact:
    return facts.HangupAsked(at=at(seconds), call_id=CALL, uniqueid=CALL)


def ended(seconds: float, call: str = CALL) -> Fact:
    return facts.ChannelEnded(at=at(seconds), call_id=call, uniqueid=call, cause=16)


def told(found: Iterable[Fact], origin: Origin = Origin.TRUNK) -> list[tuple[str, str, str, float, int]]:
    """Kind, outcome, queue, seconds of waiting and hops of each request."""
    state = State(origin=origin)
    for fact in found:
        calls.apply(state, fact)
    lines = requests.of_call(state.calls[CALL], RULES, "n")
    return [(one.kind, one.outcome, one.queue, one.wait_us() / 1e6, one.hops) for one in lines]


Story = tuple[list[Fact], list[tuple[str, str, str, float, int]]]
STORIES: dict[str, Story] = {
    "a hang-up in the menu": ([started(), asked(3), ended(3)], []),
    "answered": (
        [started(), joined(1), rung(1), picked_up(4), left(4), connected(4), completed(9), ended(9)],
        [("caller", "answered", "hotline", 3, 0)],
    ),
    "waiting": ([started(), joined(1)], [("caller", "waiting", "hotline", 0, 0)]),
    "left the queue a moment ago": ([started(), joined(1), left(4)], [("caller", "waiting", "hotline", 0, 0)]),
    "a short abandon": (
        [started(), joined(1), asked(5.9), withdrawn(5.9), left(5.9), ended(5.91)],
        [("caller", "short_abandoned", "hotline", 4.9, 0)],
    ),
    "an abandon after exactly five seconds is no short one": (
        [started(), joined(1), withdrawn(6), left(6), ended(6)],
        [("caller", "abandoned", "hotline", 5, 0)],
    ),
    "a hang-up told before the abandon": (
        [started(), joined(1), asked(8), ended(8), withdrawn(8.01), left(8.01)],
        [("caller", "abandoned", "hotline", 7, 0)],
    ),
    "a hang-up while the agent heard the announcement": (
        [started(), joined(1), rung(1), picked_up(3), left(3), asked(9), ended(9)],
        [("caller", "abandoned", "hotline", 8, 0)],
    ),
    "a hang-up that the queue noticed when the agent's telephone had rung out": (
        [started(), joined(1), rung(1), asked(3), withdrawn(7), left(7), ended(7.01)],
        [("caller", "short_abandoned", "hotline", 2, 0)],
    ),
    "a time-out, then a message": (
        [started(), joined(1), withdrawn(11), left(11), exited(11, "TIMEOUT"), stepped(40, "message:saved"), ended(41)],
        [("caller", "timed_out", "hotline", 10, 0)],
    ),
    "a time-out in another dialplan, then a message": (
        [started(), joined(1), withdrawn(11), left(11), asked(40), ended(41)],
        [("caller", "timed_out", "hotline", 10, 0)],
    ),
    "a key in another dialplan": (
        [started(), joined(1), left(11), asked(40), ended(41)],
        [("caller", "key_exit", "hotline", 10, 0)],
    ),
    "nobody logged in": (
        [started(), exited(2, "JOINEMPTY"), ended(6)],
        [("caller", "no_agents", "hotline", 0, 0)],
    ),
    "the last agent left": (
        [started(), joined(1), withdrawn(5), left(5), exited(5, "LEAVEEMPTY"), ended(6)],
        [("caller", "no_agents", "hotline", 4, 0)],
    ),
    "a full queue": ([started(), exited(2, "FULL"), ended(6)], [("caller", "queue_full", "hotline", 0, 0)]),
    "refused in one queue, answered in the other": (
        [started(), exited(1, "JOINEMPTY", queue="english"), joined(1.5), left(9), connected(9), ended(12)],
        [("caller", "answered", "hotline", 8, 1)],
    ),
    "refused in both": (
        [started(), exited(1, "JOINEMPTY", queue="english"), exited(1.01, "FULL"), ended(12)],
        [("caller", "queue_full", "hotline", 0.01, 1)],
    ),
    "overflow after a time-out, then answered": (
        [
            started(),
            joined(1, "english"),
            withdrawn(21, "english"),
            left(21, "english"),
            exited(21, "TIMEOUT", "english"),
            stepped(21.1, "english-queue:timeout"),
            joined(21.2),
            left(30),
            connected(30),
            ended(40),
        ],
        [("caller", "answered", "hotline", 29, 1)],
    ),
    "a time-out, then back in the menu the caller asks again": (
        [
            started(),
            joined(1),
            left(11),
            exited(11, "TIMEOUT"),
            stepped(14, "main:1"),
            joined(15),
            left(16),
            connected(16),
            ended(20),
        ],
        [("caller", "timed_out", "hotline", 10, 0), ("caller", "answered", "hotline", 1, 0)],
    ),
    "the same in another dialplan, where the key was heard": (
        [started(), joined(1), left(11), variable(11, "TIMEOUT"), pressed(14), joined(15), left(16), connected(16), ended(20)],
        [("caller", "timed_out", "hotline", 10, 0), ("caller", "answered", "hotline", 1, 0)],
    ),
    "a key, then self-service": (
        [started(), joined(1), left(7), exited(7, "KEY"), stepped(9, "mailbox:1"), ended(20)],
        [("caller", "key_exit", "hotline", 6, 0)],
    ),
    "a key, then a call-back": (
        [started(), joined(1), left(7), exited(7, "KEY"), stepped(9, "disposition:callback_requested"), ended(20)],
        [("caller", "callback", "hotline", 6, 0)],
    ),
    "a time-out, then a call-back": (
        [started(), joined(1), left(7), exited(7, "TIMEOUT"), stepped(9, "disposition:callback_requested"), ended(20)],
        [("caller", "callback", "hotline", 6, 0)],
    ),
    "a key, then waiting again": (
        [started(), joined(1), left(7), exited(7, "KEY"), stepped(8, "back:1"), joined(9), asked(30), ended(30)],
        [("caller", "key_exit", "hotline", 6, 0), ("caller", "abandoned", "hotline", 21, 0)],
    ),
    "an unheard-of status": (
        [started(), joined(1), left(5), exited(5, "MOON"), ended(6)],
        [("caller", "system_fault", "hotline", 4, 0)],
    ),
    "answered, blind transfer to another queue and back": (
        [
            started(),
            joined(1),
            left(3),
            connected(3),
            transferred(9),
            completed(9, "transfer"),
            joined(9.1, "english"),
            left(14, "english"),
            connected(14, "1009", "english"),
            transferred(20),
            joined(20.1),
            asked(26),
            ended(26),
        ],
        [
            ("caller", "answered", "hotline", 2, 0),
            ("transfer", "answered", "english", 4.9, 0),
            ("transfer", "abandoned", "hotline", 5.9, 0),
        ],
    ),
    "answered, survey, then asks for an agent again": (
        [
            started(),
            joined(1),
            left(3),
            connected(3),
            completed(9, "agent"),
            exited(9, "CONTINUE"),
            stepped(12, "survey:5", "again:1"),
            joined(13),
            left(15),
            connected(15, "1002"),
            ended(30),
        ],
        [("caller", "answered", "hotline", 2, 0), ("caller", "answered", "hotline", 2, 0)],
    ),
    "Asterisk died while the caller waited": (
        [started(), joined(1), CallLost(at=at(9), call_id=CALL)],
        [("caller", "system_fault", "hotline", 8, 0)],
    ),
    "the beginning was missed": (
        [started(), connected(20, held=12), ended(30)],
        [("caller", "answered", "hotline", 12, 0)],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_each_story_has_its_requests(name: str) -> None:
    story, expected = STORIES[name]
    found = told(story)
    assert [(*line[:3], line[4]) for line in found] == [(*line[:3], line[4]) for line in expected]
    assert [line[3] for line in found] == pytest.approx([line[3] for line in expected])


@pytest.mark.parametrize("name", STORIES)
@given(st.data())
@settings(max_examples=60)
def test_no_order_and_no_repetition_changes_an_outcome(name: str, data: st.DataObject) -> None:
    first, *rest = STORIES[name][0]
    order = data.draw(st.permutations(rest + data.draw(st.lists(st.sampled_from([first, *rest])))))
    assert told([first, *order]) == told([first, *rest])


def test_a_consultation_in_a_queue_becomes_a_transfer_request_of_the_citizens_call() -> None:
    """The agent waits in the other queue, then hands the citizen over: before and after that agent answered."""
    other = "n-1.7"
    consulting = [started(), joined(1), left(3), connected(3), joined(10, "english", other)]
    before = [*consulting, transferred(12, "attended", other), connected(15, "1009", "english", other), ended(30)]
    assert told(before)[1:] == [("transfer", "answered", "english", 5.0, 0)]
    after = [*consulting, connected(15, "1009", "english", other), transferred(18, "attended", other), ended(30)]
    assert told(after)[1:] == [("transfer", "answered", "english", 5.0, 0)]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_caller_who_holds_and_resumes_without_end_is_answered_all_the_same(backwards: bool) -> None:
    """What is kept of a call is limited; of a long story the details go, never what decides the outcome."""
    moments = [joined(1), left(16), connected(16), completed(60)]
    for number in range(1500):
        kinds = (facts.Held, facts.Unheld)
        moments += [kind(at=at(2 + (number + part / 2) / 150), call_id=CALL, uniqueid=CALL) for part, kind in enumerate(kinds)]
    moments.sort(key=lambda fact: fact.at, reverse=backwards)
    state = State()
    for fact in (started(), *moments, ended(60)):
        calls.apply(state, fact)
    (line,) = requests.of_call(state.calls[CALL], RULES)
    assert (line.outcome, line.wait_us(), line.agent) == ("answered", 15_000_000, "1001")
    assert calls.record(state.calls[CALL]).disposition == "answered"
    assert len(state.calls[CALL].told) <= 2000


def test_an_agent_who_waits_in_a_queue_for_a_colleague_is_no_request() -> None:
    state = State()
    calls.apply(state, joined(1, call="n-1.7"))
    assert requests.of_call(state.calls["n-1.7"], RULES) == ()
    assert not state.calls["n-1.7"].is_inbound


def test_in_a_stream_of_another_dialplan_whoever_joins_a_queue_is_a_caller() -> None:
    assert told([joined(1), left(3), connected(3)], Origin.ANY) == [("caller", "answered", "hotline", 2.0, 0)]


@pytest.mark.parametrize("channel", ["PJSIP/citizens-1", ""])
def test_a_call_first_heard_of_in_a_queue_is_known_when_its_beginning_is_told(channel: str) -> None:
    """In a gap, the log that knows the beginning is read after AMI's first events."""
    state = State()
    join = facts.CallerJoined(at=at(1), call_id=CALL, uniqueid=CALL, queue="hotline", channel=channel, caller_number="138")
    calls.apply(state, join)
    assert state.calls[CALL].is_inbound == bool(channel)
    for fact in (left(3), connected(3), ended(9)):
        calls.apply(state, fact)
    calls.apply(state, started(0), Source.CEL)
    record = calls.record(state.calls[CALL])
    assert (record.started_at, record.caller_number, record.dialled, record.source) == (at(0), "13800138000", "12345", "cel")
    (line,) = requests.of_call(state.calls[CALL], RULES)
    assert (line.outcome, line.repaired, line.caller) == ("answered", False, "13800138000")


def line_of(*evidence: tuple[Fact, Source]) -> Request:
    state = State()
    for fact, source in evidence:
        calls.apply(state, fact, source)
    (line,) = requests.of_call(state.calls[CALL], RULES)
    return line


def test_what_only_the_logs_saw_is_repaired_with_its_source_and_precision() -> None:
    ami, cel, log = Source.AMI, Source.CEL, Source.QUEUE_LOG
    line = line_of((started(), ami), (joined(1), ami), (connected(3.2), cel), (ended(9), ami))
    assert (line.outcome, line.repaired, line.source, line.precision_us) == ("answered", True, "cel", 1)
    line = line_of((started(), ami), (joined(1), log), (connected(3), log), (ended(9), ami))
    assert (line.repaired, line.source, line.precision_us) == (True, "queue_log", 1_000_000)


def test_an_end_that_the_queue_did_not_tell_is_marked() -> None:
    ami = Source.AMI
    line = line_of((started(), ami), (joined(1), ami), (asked(9), ami), (ended(9), ami))
    assert (line.outcome, line.repaired, line.precision_us) == ("abandoned", True, 1_000_000)
    line = line_of((started(), ami), (joined(1), ami), (left(4), ami), (exited(30, "CONTINUE"), ami))
    assert (line.outcome, line.repaired) == ("answered", True)


def test_a_conversation_whose_beginning_was_missed_is_reckoned_back_from_its_end() -> None:
    end = facts.AgentCompleted(
        at=at(50), call_id=CALL, uniqueid=CALL, queue="hotline", agent="1001", reason="caller", held_seconds=12, talked_seconds=30
    )
    ami = Source.AMI
    line = line_of((started(), ami), (joined(8), ami), (end, ami), (exited(50.1, "CONTINUE"), ami), (ended(51), ami))
    assert (line.outcome, line.agent, line.repaired, line.wait_us()) == ("answered", "1001", True, 12_000_000)
    line = line_of((started(), ami), (end, ami), (ended(51), ami))
    assert (line.outcome, line.agent, line.requested_at, line.wait_us()) == ("answered", "1001", at(8), 12_000_000)


def test_the_second_witness_of_what_ami_saw_changes_nothing() -> None:
    seen = [(started(), Source.AMI), (joined(1.6), Source.AMI), (left(9.7), Source.AMI), (connected(9.7), Source.AMI)]
    logs = [(joined(1), Source.QUEUE_LOG), (connected(9), Source.QUEUE_LOG), (joined(1.59), Source.CEL)]
    assert line_of(*seen, *logs) == line_of(*seen)


def test_a_log_that_alone_saw_the_first_of_two_waits_close_to_each_other_is_not_taken_for_the_second() -> None:
    """An agent who sends the caller into the queue again after a second; a gap swallowed the beginning."""
    state = State()
    for fact in (started(), transferred(2.1), completed(2.1, "transfer"), joined(2.2), left(3), connected(3, "1002"), ended(9)):
        calls.apply(state, fact)
    for fact in (joined(0.9), connected(1.2), joined(2.2)):
        calls.apply(state, fact, Source.CEL)
    found = requests.of_call(state.calls[CALL], RULES)
    assert [(one.kind, one.outcome, one.queue, one.repaired) for one in found] == [
        ("caller", "answered", "hotline", True),
        ("transfer", "answered", "hotline", False),
    ]


def test_a_clock_set_back_while_a_caller_waits_does_not_change_the_wait() -> None:
    state = State()
    for fact in (started(), joined(1)):
        calls.apply(state, fact)
    calls.step_clock(state, dt.timedelta(hours=-1))
    for fact in (left(11 - 3600), connected(11 - 3600), ended(20 - 3600), started(21 - 3600, "n-2.0")):
        calls.apply(state, fact)
    (line,) = requests.of_call(state.calls[CALL], RULES)
    assert (line.outcome, line.wait_us()) == ("answered", 10_000_000)
    assert state.calls["n-2.0"].started.at == at(21 - 3600)


def test_a_path_known_from_the_log_alone_tells_of_the_call_back_too() -> None:
    path = PathSeen(at=at(20), call_id=CALL, path="main:1,queue:1,disposition:callback_requested")
    assert told([started(), joined(1), left(7), exited(7, "KEY"), path, ended(20)])[0][1] == "callback"


class Queues(RuleBasedStateMachine):
    """Any calls do anything at any time, told in any order: every figure is conserved, and every line says where it belongs."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.now = 0.0

    def tell(self, fact: Fact) -> None:
        calls.apply(self.state, fact)

    @rule(seconds=st.floats(0.001, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data(), number=st.integers(0, 3))
    def something_is_told(self, data: st.DataObject, number: int) -> None:
        call, when = f"n-{number}.0", max(0.0, self.now - data.draw(st.floats(0, 2)))
        queue = data.draw(st.sampled_from(["hotline", "english"]))
        status = data.draw(st.sampled_from(["TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "KEY", "CONTINUE", "MOON"]))
        choices = [
            started(when, call),
            joined(when, queue, call),
            left(when, queue, call),
            connected(when, queue=queue, call=call),
            exited(when, status, queue, call),
            ended(when, call),
            CallLost(at=at(when), call_id=call),
            facts.StepsTaken(at=at(when), call_id=call, uniqueid=call, steps=("main:1",)),
            facts.Transferred(at=at(when), call_id=call, uniqueid=call, kind="blind"),
        ]
        self.tell(data.draw(st.sampled_from(choices)))

    @invariant()
    def every_request_is_counted_once(self) -> None:
        lines = [line for call in self.state.calls.values() for line in requests.of_call(call, RULES)]
        found = metrics.of_requests(lines)
        counts = found.counts()
        callers = [line for line in lines if line.kind == "caller"]
        assert counts["total"] == len(callers) == sum(counts[outcome] for outcome in OUTCOMES)
        figures = metrics.figures(found, metrics.Calls(), metrics.Rules())
        for name in metrics.RATES:
            said = [metrics.why(one, metrics.Rules(), is_first_of_call=True, call_is_answered=True)[name] for one in lines]
            assert figures[name].n == said.count("counted")
            assert figures[name].d == said.count("counted") + said.count("counted_in_denominator")
        for line in lines:
            assert line.wait_us() >= 0
            assert (line.ended_at is None) == (line.outcome == "waiting")
            assert (line.agent is None) or line.outcome == "answered"


def test_conservation_holds_after_every_event() -> None:
    run_state_machine_as_test(Queues, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


def test_tallies_of_parts_add_up_to_the_tally_of_the_whole() -> None:
    one, two = tally.of([("answered", 15_000_000, False)]), tally.of([("answered", 15_000_001, True), ("waiting", 0, False)])
    both = one + two
    assert both == tally.of([("answered", 15_000_000, False), ("answered", 15_000_001, True), ("waiting", 0, False)])
    assert (both.outcomes["answered"].within(15), both.repaired) == (1, 1)
    assert tally.unpack(tally.pack(both)) == both

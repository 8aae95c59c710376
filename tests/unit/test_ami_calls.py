"""Facts to call records: what opens a call, what closes it, what does not count."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import calls, dispositions
from ami_bridge.calls import CallLost, CallRecord, Source, State
from ami_bridge.dispositions import DISPOSITIONS, Ending
from ami_bridge.facts import (
    AgentCompleted,
    AgentConnected,
    Booted,
    CallerAbandoned,
    CallerJoined,
    CallerLeft,
    ChannelAnswered,
    ChannelEnded,
    ChannelStarted,
    Fact,
    HangupAsked,
    QueueExited,
    StepTaken,
)

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CALL, AGENT_LEG = "n-1.0", "n-1.1"


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def started(
    seconds: float = 0, *, call: str = CALL, channel: str = "PJSIP/citizens-1", context: str = "citizens"
) -> ChannelStarted:
    return ChannelStarted(
        at=at(seconds),
        call_id=call,
        uniqueid=call,
        channel=channel,
        context=context,
        exten="12345",
        caller_number="13800138000",
        caller_name="",
    )


def joined(seconds: float, queue: str = "hotline") -> CallerJoined:
    return CallerJoined(at=at(seconds), call_id=CALL, uniqueid=CALL, queue=queue)


def exited(seconds: float, status: str, queue: str = "hotline") -> QueueExited:
    return QueueExited(at=at(seconds), call_id=CALL, uniqueid=CALL, queue=queue, status=status)


def connected(seconds: float) -> AgentConnected:
    return AgentConnected(at=at(seconds), call_id=CALL, uniqueid=CALL, queue="hotline", agent="1001")


def ended(seconds: float, call: str = CALL, uniqueid: str | None = None) -> ChannelEnded:
    return ChannelEnded(at=at(seconds), call_id=call, uniqueid=uniqueid or call, cause=16)


def asked(seconds: float, uniqueid: str = CALL) -> HangupAsked:
    return HangupAsked(at=at(seconds), call_id=CALL, uniqueid=uniqueid)


def told(*facts: Fact) -> CallRecord:
    state = State()
    for fact in facts:
        calls.apply(state, fact)
    return calls.record(state.calls[CALL])


SCRIPTS: dict[str, tuple[list[Fact], str, str]] = {
    "a hang-up in the menu": ([started(), asked(3), ended(3)], "ivr_hangup", "caller"),
    "answered, the caller hangs up": ([started(), joined(1), connected(2), asked(9), ended(9)], "answered", "caller"),
    "a hang-up while waiting": ([started(), joined(1), asked(5), ended(5)], "abandoned", "caller"),
    "a time-out": ([started(), joined(1), exited(5, "TIMEOUT"), ended(6)], "timed_out", "system"),
    "nobody logged in": ([started(), exited(5, "JOINEMPTY"), ended(6)], "no_agents", "system"),
    "the last agent left": ([started(), joined(1), exited(5, "LEAVEEMPTY"), ended(6)], "no_agents", "system"),
    "a full queue": ([started(), exited(5, "FULL"), ended(6)], "queue_full", "system"),
    "an unheard-of status": ([started(), joined(1), exited(5, "MOON"), ended(6)], "system_fault", "system"),
    "a time-out, then waiting again": (
        [started(), joined(1), exited(5, "TIMEOUT"), joined(6), asked(7), ended(7)],
        "abandoned",
        "caller",
    ),
    "a lost call": ([started(), joined(1), connected(2), CallLost(at=at(9), call_id=CALL)], "system_fault", "system"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_call_ends_as_its_facts_say(name: str) -> None:
    script, disposition, by = SCRIPTS[name]
    record = told(*script)
    assert (record.disposition, record.hung_up_by) == (disposition, by)


@pytest.mark.parametrize("name", SCRIPTS)
@given(st.data())
def test_no_order_and_no_repetition_changes_the_record(name: str, data: st.DataObject) -> None:
    first, *rest = SCRIPTS[name][0]
    order = data.draw(st.permutations(rest + data.draw(st.lists(st.sampled_from([first, *rest])))))
    assert told(first, *order) == told(first, *rest)


def test_an_agent_who_hangs_up_ended_the_call_whatever_follows() -> None:
    completed = AgentCompleted(at=at(8), call_id=CALL, uniqueid=CALL, queue="hotline", agent="1001", reason="agent")
    record = told(started(), joined(1), connected(2), completed, exited(8, "CONTINUE"), asked(9), ended(9))
    assert (record.disposition, record.hung_up_by) == ("answered", "agent")


def test_a_message_beats_the_reason_for_which_it_was_left() -> None:
    step = StepTaken(at=at(8), call_id=CALL, uniqueid=CALL, step="message:saved")
    assert told(started(), joined(1), exited(5, "TIMEOUT"), step, ended(9)).disposition == "message_left"


def test_leaving_and_abandoning_events_of_the_queue_decide_nothing() -> None:
    left = CallerLeft(at=at(2), call_id=CALL, uniqueid=CALL, queue="hotline")
    abandoned = CallerAbandoned(at=at(2), call_id=CALL, uniqueid=CALL, queue="hotline")
    script: list[Fact] = [started(), joined(1), left, abandoned, connected(2), ended(9)]
    assert told(*script).disposition == "answered"


def test_the_queue_is_the_one_the_caller_was_last_sent_to_and_a_refusal_is_no_waiting() -> None:
    record = told(started(), exited(2, "FULL", queue="other"), ended(3))
    assert (record.queue, record.queued_at) == ("other", None)
    record = told(started(), joined(1), exited(2, "TIMEOUT"), joined(3, queue="other"))
    assert (record.queue, record.queued_at) == ("other", at(1))


def test_another_channels_answer_or_end_is_not_the_callers() -> None:
    answer = ChannelAnswered(at=at(1), call_id=CALL, uniqueid=AGENT_LEG)
    record = told(started(), answer, asked(2, uniqueid=AGENT_LEG), ended(2, uniqueid=AGENT_LEG))
    assert (record.answered_at, record.ended_at) == (None, None)


@pytest.mark.parametrize(
    "fact",
    [
        started(channel="PJSIP/1001-1"),
        started(channel="PJSIP/units-1"),
        started(context="seats"),
        joined(1),
        ended(1),
        Booted(at=START, call_id="", uptime=1),
    ],
)
def test_only_a_citizens_channel_opens_a_call(fact: Fact) -> None:
    state, changed = calls.apply(State(), fact)
    assert (state.calls, changed) == ({}, [])


def test_a_record_is_given_out_once_for_each_change() -> None:
    state = State()
    assert len(calls.apply(state, started())[1]) == 1
    assert len(calls.apply(state, started())[1]) == 0
    assert len(calls.apply(state, joined(1))[1]) == 1
    assert len(calls.apply(state, joined(1))[1]) == 0


def test_a_call_that_ended_is_kept_for_late_facts_and_forgotten_a_minute_later() -> None:
    state = State()
    for fact in (started(), joined(1), ended(2)):
        calls.apply(state, fact)
    (changed,) = calls.apply(state, exited(1.5, "TIMEOUT"))[1]
    assert changed.disposition == "timed_out"
    for fact in (started(100, call="n-2.0"), ended(101, call="n-2.0")):
        calls.apply(state, fact)
    assert set(state.calls) == {"n-2.0"}


def test_memory_does_not_grow_with_calls_or_with_steps() -> None:
    state = State()
    for number in range(500):
        calls.apply(state, started(number, call=f"n-{number}.0"))
        calls.apply(state, ended(number + 0.5, call=f"n-{number}.0"))
    assert len(state.calls) < 70
    assert len(state.ended) < 70
    for number in range(1000):
        calls.apply(state, StepTaken(at=at(600), call_id="n-499.0", uniqueid="n-499.0", step=f"main:{number}"))
    assert len(state.calls["n-499.0"].steps) == 200


def test_ami_beats_the_event_log_and_a_record_says_when_it_rests_on_the_log() -> None:
    state = State()
    calls.apply(state, started(0))
    calls.apply(state, ended(5.002), Source.CEL)
    record = calls.record(state.calls[CALL])
    assert (record.source, record.repaired, record.ended_at) == ("cel", True, at(5.002))
    calls.apply(state, ended(5.003))
    record = calls.record(state.calls[CALL])
    assert (record.source, record.repaired, record.ended_at) == ("ami", False, at(5.003))


def test_a_lost_call_whose_end_is_found_later_is_no_longer_lost() -> None:
    lost = told(started(), StepTaken(at=at(4), call_id=CALL, uniqueid=CALL, step="main:2"), CallLost(at=at(99), call_id=CALL))
    assert (lost.ended_at, lost.disposition, lost.repaired) == (at(99), "system_fault", True)
    found = told(started(), CallLost(at=at(99), call_id=CALL), ended(6))
    assert (found.ended_at, found.disposition) == (at(6), "ivr_hangup")


def test_an_end_before_the_start_is_put_at_the_start() -> None:
    assert told(started(5), ended(4)).ended_at == at(5)


@given(
    st.builds(
        Ending,
        connected=st.booleans(),
        lost=st.booleans(),
        message_saved=st.booleans(),
        status=st.sampled_from(["", "MOON", *dispositions.QUEUE_EXITS]),
        joined=st.booleans(),
        caller_asked=st.booleans(),
        completed_by=st.sampled_from(["", "agent", "caller", "transfer"]),
    )
)
def test_every_ending_has_one_disposition_and_one_who_hung_up(ending: Ending) -> None:
    assert dispositions.disposition(ending) in DISPOSITIONS
    assert dispositions.hung_up_by(ending) in {"caller", "agent", "system"}

"""Facts to call records: what opens a call, what closes it, what does not count."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import calls, dispositions
from ami_bridge.calls import CallLost, CallRecord, PathSeen, Source, State
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
    StepsTaken,
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


def stepped(seconds: float, *steps: str, call: str = CALL) -> StepsTaken:
    return StepsTaken(at=at(seconds), call_id=call, uniqueid=call, steps=steps)


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
    "answered, and a message after it": (
        [started(), joined(1), exited(5, "CONTINUE"), stepped(6, "message:saved"), ended(7)],
        "answered",
        "system",
    ),
    "a key while waiting, then a call-back": (
        [started(), joined(1), exited(5, "KEY"), stepped(6, "disposition:callback_requested"), ended(7)],
        "callback_requested",
        "system",
    ),
    "a key while waiting, then gone": ([started(), joined(1), exited(5, "KEY"), asked(6), ended(6)], "abandoned", "caller"),
    "a result, then a wait in vain": (
        [started(), stepped(1, "ticket:found", "disposition:result_query"), joined(2), asked(5), ended(5)],
        "abandoned",
        "caller",
    ),
    "a wait in vain, then a result": (
        [started(), joined(1), exited(5, "TIMEOUT"), stepped(6, "disposition:result_query"), ended(7)],
        "timed_out",
        "system",
    ),
    "a wait in vain, then another hotline": (
        [started(), joined(1), exited(5, "TIMEOUT"), stepped(6, "transfer:ANSWER"), ended(7)],
        "transferred",
        "system",
    ),
    "another hotline that does not answer": ([started(), stepped(2, "transfer:BUSY"), ended(3)], "ivr_hangup", "system"),
    "the document on the line": (
        [started(), stepped(1, "disposition:knowledge_query"), stepped(2, "fax:sent"), asked(3), ended(3)],
        "fax_sent",
        "caller",
    ),
    "two queries": (
        [started(), stepped(1, "disposition:result_query"), stepped(2, "disposition:knowledge_query"), asked(3), ended(3)],
        "result_query",
        "caller",
    ),
    "wrong keys after a query": (
        [started(), stepped(1, "disposition:self_service"), stepped(2, "disposition:wrong_key"), ended(3)],
        "self_service",
        "system",
    ),
    "wrong keys only": ([started(), stepped(1, "main:invalid", "disposition:wrong_key"), ended(3)], "wrong_key", "system"),
    "out of hours, no message": (
        [started(), stepped(1, "disposition:out_of_hours"), asked(3), ended(3)],
        "out_of_hours",
        "caller",
    ),
    "a code that no flow may give": (
        [started(), stepped(1, "disposition:answered", "disposition:malicious"), asked(3), ended(3)],
        "ivr_hangup",
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
    step = stepped(8, "message:saved")
    assert told(started(), joined(1), exited(5, "TIMEOUT"), step, ended(9)).disposition == "message_left"


def test_steps_keep_their_order_and_times_and_marks_are_no_part_of_the_menu_path() -> None:
    record = told(
        started(),
        stepped(3, "tag:storm", "main:9", "disposition:self_service"),
        stepped(1, "flow:12345@0a1b2c3d", "main:2", "main:2", "about:0"),
        stepped(2, "tag:capacity", "message:saved"),
    )
    assert record.menu_path == "main:2,main:2,about:0,message:saved,main:9"
    assert (record.flow, record.tags) == ("12345@0a1b2c3d", ("capacity", "storm"))
    assert [(one.at, one.step) for one in record.steps][:4] == [
        (at(1), "flow:12345@0a1b2c3d"),
        (at(1), "main:2"),
        (at(1), "main:2"),
        (at(1), "about:0"),
    ]
    assert len(record.steps) == 9


def test_the_channels_own_path_fills_in_what_was_not_told_and_times_stay_with_their_steps() -> None:
    seen = PathSeen(at=at(9), call_id=CALL, path="flow:12345@0a1b2c3d,main:1,tag:storm,main:1,disposition:self_service")
    record = told(started(), stepped(2, "main:1"), seen, ended(9))
    assert (record.menu_path, record.flow, record.tags) == ("main:1,main:1", "12345@0a1b2c3d", ("storm",))
    assert record.disposition == "self_service"
    assert [one.at for one in record.steps] == [None, at(2), None, None, None]


def test_a_path_that_was_cut_gives_way_to_the_steps_told() -> None:
    seen = PathSeen(at=at(9), call_id=CALL, path="main:2,about:0")
    assert told(started(), stepped(2, "main:2", "about:0", "main:1"), seen).menu_path == "main:2,about:0,main:1"


def test_marks_are_kept_however_many_steps_there_were() -> None:
    steps = [stepped(number, "main:2") for number in range(1, 300)]
    record = told(started(), *steps, stepped(300, "disposition:result_query", "tag:storm"), ended(301))
    assert (record.disposition, record.tags, len(record.steps)) == ("result_query", ("storm",), 200)


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
        ended(1),
        Booted(at=START, call_id="", uptime=1),
    ],
)
def test_only_a_citizens_channel_opens_a_call(fact: Fact) -> None:
    state = State()
    assert calls.apply(state, fact) is None
    assert state.calls == {}


def test_a_call_is_given_out_once_for_each_change() -> None:
    state = State()
    assert calls.apply(state, started()) is state.calls[CALL]
    assert calls.apply(state, started()) is None
    assert calls.apply(state, joined(1)) is state.calls[CALL]
    assert calls.apply(state, joined(1)) is None


def test_a_call_that_ended_is_kept_for_late_facts_and_forgotten_a_minute_later() -> None:
    state = State()
    for fact in (started(), joined(1), ended(2)):
        calls.apply(state, fact)
    changed = calls.apply(state, exited(1.5, "TIMEOUT"))
    assert changed and calls.record(changed).disposition == "timed_out"
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
        calls.apply(state, stepped(600 + number, f"main:{number}", f"tag:x{number}", call="n-499.0"))
    assert len(state.calls["n-499.0"].walked) == 200
    assert len(state.calls["n-499.0"].marks) == 50


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
    lost = told(started(), stepped(4, "main:2"), CallLost(at=at(99), call_id=CALL))
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
        codes=st.frozensets(st.sampled_from(sorted(dispositions.BY_FLOW | {"message_left"}))),
        status=st.sampled_from(["", "MOON", "KEY", "KEY1", *dispositions.QUEUE_EXITS]),
        joined=st.booleans(),
        caller_asked=st.booleans(),
        completed_by=st.sampled_from(["", "agent", "caller", "transfer"]),
    )
)
def test_every_ending_has_one_disposition_and_one_who_hung_up(ending: Ending) -> None:
    assert dispositions.disposition(ending) in DISPOSITIONS
    assert dispositions.hung_up_by(ending) in {"caller", "agent", "system"}

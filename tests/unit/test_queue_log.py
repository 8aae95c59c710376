"""Lines of the queue log: what each is evidence of, and that none, however hostile, raises (metrics, section 6)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ami_bridge import facts, queue_log
from ami_bridge.facts import Fact

AT = dt.datetime(2026, 11, 21, 18, 28, 22, tzinfo=dt.UTC)
EPOCH = int(AT.timestamp())
KNOWN = sorted([*queue_log.EVENTS, "QUEUESTART", "ADDMEMBER", "PAUSE", "DID", "CONFIGRELOAD"])


def told(rest: str, call_id: str = "") -> list[Fact]:
    line = queue_log.parse(f"{EPOCH}|n-1.0|hotline|{rest}".encode())
    assert line is not None
    return queue_log.evidence(line, call_id)


def test_a_line_is_taken_apart() -> None:
    line = queue_log.parse(b"1795285835|node1-1795285829.0|hotline|NONE|ENTERQUEUE||13807440000|1\n")
    assert line is not None
    assert (line.at, line.precision_us) == (dt.datetime(2026, 11, 21, 18, 30, 35, tzinfo=dt.UTC), 1_000_000)
    assert (line.uniqueid, line.queue, line.agent, line.event) == ("node1-1795285829.0", "hotline", "", "ENTERQUEUE")
    assert (line.datum(1), line.number(2), line.number(-1), line.datum(9)) == ("13807440000", 1, 1, "")


@pytest.mark.parametrize(
    ("text", "precision_us"),
    [
        (f"{EPOCH}", 1_000_000),
        (f"{EPOCH}.000000", 1),
        ("2026-11-22 02:28:22", 1_000_000),
        ("2026-11-22 02:28:22.000", 1_000),
        ("2026-11-21T18:28:22.000000+00:00", 1),
    ],
)
def test_a_time_is_known_as_exactly_as_it_is_written(text: str, precision_us: int) -> None:
    line = queue_log.parse(f"{text}|n-1.0|q|NONE|ABANDON|1|1|3".encode())
    assert line is not None
    assert line.at == AT
    assert line.precision_us == precision_us


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"|||||",
        b"nonsense",
        b"-1|a|b|c|ABANDON|1",
        b"1e9|a|b|c|ABANDON",
        b"\xff|\xff|\xff|\xff|\xff",
        b"1|a|b|c|",
        b"9" * 99,
        "１２３|a|b|c|ABANDON".encode(),
        b"99999999999999|a|b|c|ABANDON|1",
        b"0001-01-03 00:00:00|a|b|c|ABANDON|1|1|999999999",
        b"9999-12-31 00:00:00|a|b|c|ABANDON|1",
        b"1|" + b"x" * 20_000 + b"|q|a|ABANDON",
    ],
)
def test_what_is_no_line_is_none(raw: bytes) -> None:
    assert queue_log.parse(raw) is None


@given(st.one_of(st.binary(), st.text(alphabet="0123456789|.-ABN:T \n\r\0", max_size=80).map(str.encode)))
@example(b"2026-13-45 99:99:99|a|b|c|CONNECT")
def test_no_bytes_raise(raw: bytes) -> None:
    if (line := queue_log.parse(raw)) is not None:
        queue_log.evidence(line)


@given(st.sampled_from(KNOWN), st.lists(st.text(max_size=12), max_size=7))
def test_no_data_behind_an_event_raise(event: str, data: list[str]) -> None:
    line = queue_log.parse("|".join([str(EPOCH), "n-1.0", "hotline", "1001", event, *data]).encode())
    assert line is not None
    for fact in queue_log.evidence(line):
        assert fact.call_id == "n-1.0"
        assert fact.at <= AT


def test_entering_tells_of_the_caller_and_of_the_wait() -> None:
    channel, join = told("NONE|ENTERQUEUE||13800138000|1")
    assert isinstance(channel, facts.ChannelStarted) and channel.caller_number == "13800138000"
    assert join == facts.CallerJoined(at=AT, call_id="n-1.0", uniqueid="n-1.0", queue="hotline", caller_number="13800138000")


def test_a_connection_tells_when_the_agent_was_rung() -> None:
    rang, connected = told("1001|CONNECT|12|n-1.7|4")
    assert isinstance(rang, facts.AgentCalled) and rang.at == AT - dt.timedelta(seconds=4)
    assert isinstance(connected, facts.AgentConnected)
    assert (connected.agent, connected.leg, connected.held_seconds, connected.at) == ("1001", "n-1.7", 12, AT)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("1001|COMPLETECALLER|1|13|1", "caller"),
        ("1001|COMPLETEAGENT|1|13|1", "agent"),
        ("1001|BLINDTRANSFER|8002|queues|3|24|1", "transfer"),
        ("1001|ATTENDEDTRANSFER|BRIDGE|e3f2|3|24|1", "transfer"),
        ("1001|ATTENDEDTRANSFER|LINK|PJSIP/a|PJSIP/b|3|24|1", "transfer"),
        ("1001|TRANSFER|8002|queues|3|24|1", "transfer"),
    ],
)
def test_a_conversation_ends_as_the_line_says(rest: str, reason: str) -> None:
    completed, *transfers = told(rest)
    assert isinstance(completed, facts.AgentCompleted) and completed.reason == reason
    assert bool(transfers) is (reason == "transfer")


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("NONE|EXITWITHTIMEOUT|1|1|60", "TIMEOUT"),
        ("NONE|EXITEMPTY|1|1|7", "LEAVEEMPTY"),
        ("NONE|EXITWITHKEY|2|1|1|4", "KEY2"),
        ("NONE|WITHDRAW|1|1|4|because", "WITHDRAW"),
        ("NONE|JOINEMPTY", "JOINEMPTY"),
        ("NONE|FULL|", "FULL"),
    ],
)
def test_an_exit_has_the_status_that_queue_returns(rest: str, status: str) -> None:
    (exited,) = told(rest)
    assert isinstance(exited, facts.QueueExited) and (exited.status, exited.queue) == (status, "hotline")


def test_an_abandon_in_this_log_is_a_hang_up() -> None:
    assert [type(fact) for fact in told("NONE|ABANDON|1|1|8")] == [facts.CallerAbandoned, facts.HangupAsked]


def test_a_missed_ring_and_one_that_the_caller_cut_short() -> None:
    called, missed = told("1003|RINGNOANSWER|3000")
    assert called.at == AT - dt.timedelta(seconds=3)
    assert isinstance(missed, facts.RingNoAnswer) and missed.ring_us == 3_000_000
    assert [type(fact) for fact in told("1003|RINGCANCELED|1701")] == [facts.AgentCalled]


@pytest.mark.parametrize("rest", ["1001|ADDMEMBER|", "1001|PAUSE|lunch", "NONE|DID|12345", "NONE|MADEUP|1"])
def test_other_events_say_nothing_of_requests(rest: str) -> None:
    assert told(rest) == []


def test_who_knows_under_which_call_a_channel_runs_says_so() -> None:
    assert {fact.call_id for fact in told("NONE|ENTERQUEUE||1001|1", call_id="n-9.0")} == {"n-9.0"}
    line = queue_log.parse(f"{EPOCH}|NONE|NONE|NONE|QUEUESTART|".encode())
    assert line is not None and queue_log.evidence(line) == []

"""SIPp's log lines into calls; injection files; display names; which report belongs to which call."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.phones import call_log
from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens, quoted
from hotline.phones.errors import PlanError, SippError
from hotline.phones.plan import Report
from hotline.phones.seats import Seat, Seats
from hotline.phones.sipp import injection
from hotline.settings import Settings

AT = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


def _line(event: str, seconds: float, detail: str = "", call_id: str = "1-9@127.0.0.2") -> str:
    at = AT.timestamp() + seconds
    whole = int(at)
    return f"{event};1;{call_id};13800000001;{whole}.000000;{round((at - whole) * 1e6)}.000000;{detail}"


def _calls(*lines: str) -> list[Call]:
    calls: dict[str, Call] = {}
    for text in lines:
        line = call_log.parse(text)
        assert line is not None
        call_log.apply(calls, line)
    return list(calls.values())


def _report(port: int, seconds: float | None) -> Report:
    first = (AT + dt.timedelta(seconds=seconds)).isoformat() if seconds is not None else None
    return Report(
        port=port,
        ordinal=1,
        mode="drop",
        peer="127.0.0.1:10000",
        first_packet_at=first,
        first_audible_at=first,
        last_packet_at=None,
        packets=None,
        lost=None,
        gaps=None,
        pauses=None,
        max_gap_ms=None,
        p99_gap_ms=None,
        gap_list=[],
        digits_heard="",
        digits_sent="",
        first_digit_at=None,
        packets_sent=0,
        recording=None,
    )


def test_a_call_is_told_from_its_lines() -> None:
    (call,) = _calls(
        _line("invited", 0, "23000"), _line("answered", 0.25, "127.0.0.1:10000"), _line("ended", 9, "self"), _line("closed", 9.1)
    )
    assert (call.port, call.setup_ms, call.ended_by, call.closed) == (23000, 250.0, "self", True)
    assert call.ended_at == AT + dt.timedelta(seconds=9)


def test_both_tags_of_a_call_are_told() -> None:
    (call,) = _calls(_line("invited", 0, "23000"), _line("answered", 0.25, ""), _line("tagged", 0.25, "77c1 as-8f"))
    assert call.tags == ("77c1", "as-8f")


def test_a_line_about_an_unknown_call_changes_nothing() -> None:
    assert _calls(_line("ended", 1, "self"), _line("closed", 1)) == []


@pytest.mark.parametrize(
    "text", ["", "Resolving remote host '127.0.0.1'... Done.", "tered;1;2;3;4;5;6", "ended;1;2;3;x;5;6", "ended;1;2"]
)
def test_other_lines_of_sipp_are_not_ours(text: str) -> None:
    assert call_log.parse(text) is None


def test_what_a_directed_telephone_did_is_kept_in_its_order() -> None:
    (call,) = _calls(
        _line("invited", 0, "6000"),
        _line("called", 0, "13800001111"),
        _line("answered", 1),
        _line("held", 2),
        _line("resumed", 3),
        _line("referred", 4, "<sip:1002@127.0.0.1:5060>"),
        _line("pressed", 5, "1"),
    )
    assert call.caller == "13800001111"
    assert [done.event for done in call.done] == ["held", "resumed", "referred", "pressed"]
    assert call.done[2].detail == "<sip:1002@127.0.0.1:5060>"
    assert call.done[3].at == AT + dt.timedelta(seconds=5)


@given(st.text(max_size=80))
def test_no_line_is_too_strange(text: str) -> None:
    assert call_log.parse(text) is None or ";" in text


def test_reports_find_their_calls_by_port_and_time() -> None:
    calls = _calls(
        *[
            text
            for n, begin in enumerate((0.0, 20.0, 40.0))
            for text in (
                _line("invited", begin, "23000", f"call{n}"),
                _line("answered", begin + 1, "", f"call{n}"),
                _line("ended", begin + 10, "other", f"call{n}"),
            )
        ]
    )
    reports = [_report(23000, 41.5), _report(23000, 1.2), _report(23002, 1.2), _report(23000, None)]
    call_log.attach(calls, reports)
    assert [call.sound for call in calls] == [reports[1], None, reports[0]]
    assert calls[0].prompt_ms == pytest.approx(1200)


def test_an_injection_file_has_a_line_a_call() -> None:
    assert injection([("138", 23000, 0), ("139", 23002, 5)]) == "SEQUENTIAL\n138;23000;0\n139;23002;5\n"


@pytest.mark.parametrize("value", ["a;b", "a\nb", "a\rb", "#1"])
def test_a_value_that_would_break_the_file_is_refused(value: str) -> None:
    with pytest.raises(SippError, match="cannot carry"):
        injection([(value, 1)])


def test_a_display_name_is_quoted_for_sip() -> None:
    assert [quoted(name) for name in ("", "张三", 'a"b\\c', "one\r\ntwo")] == ["", '"张三" ', '"a\\"b\\\\c" ', '"one two" ']


@pytest.mark.parametrize(
    ("count", "rate", "number", "stay"),
    [(0, 1, "1", 1), (4001, 1, "1", 1), (1, 0, "1", 1), (1, 201, "1", 1), (1, 1, "1;2", 1), (1, 1, "1", -1)],
)
def test_what_cannot_be_dialled_is_refused(count: int, rate: float, number: str, stay: float) -> None:
    with pytest.raises(PlanError):
        Citizens(Settings(), [Citizen(number=number, stay_seconds=stay)] * count, rate=rate)


@pytest.mark.parametrize("users", [[], ["1001", "1001"], ["1001", "1999"]])
def test_seats_that_cannot_register_are_refused(users: list[str]) -> None:
    with pytest.raises(PlanError):
        Seats(Settings(), {"1001": "secret"}, [Seat(user=user) for user in users])

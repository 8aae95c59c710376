"""What the standby script decides, without a telephone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi import standby
from hotline.clock import SHANGHAI
from hotline.settings import Calendar, Hours, Messages, Settings
from hotline.standby_config import StandbyConfig, standby_config
from ivr_flows import library
from ivr_flows.errors import FlowError
from ivr_flows.turns import Give, Instruction, Moment, Note, Play

NOON = Moment(dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI), True, "working_day")
NIGHT = Moment(NOON.at, False, "night")
AGENTS = Give("agents", {"HOTLINE_QUEUE": "main"})


def told(stage: str, result: str = "", moment: Moment = NOON) -> list[Instruction]:
    """What the standby script does, without the name of the flow and the steps."""
    return [step for step in standby.instructions(stage, result, moment) if not isinstance(step, Note)]


def message(reason: str) -> Give:
    """Asked for a message."""
    return Give("message", {"HOTLINE_KIND": "message", "HOTLINE_REASON": reason})


def test_on_standby_a_call_goes_to_the_agents_after_a_greeting() -> None:
    assert told("inbound") == [Play(("standby-greeting",)), AGENTS]
    assert standby.instructions("inbound", "", NOON)[0] == Note(f"flow:{library.standby().identity}")


def test_on_standby_out_of_hours_a_call_is_asked_for_a_message() -> None:
    assert told("inbound", moment=NIGHT) == [Play(("standby-greeting", "out-of-hours")), message("out_of_hours")]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("TIMEOUT", "timed_out"),
        ("FULL", "queue_full"),
        ("JOINEMPTY", "no_agents"),
        ("LEAVEEMPTY", "no_agents"),
        ("JOINUNAVAIL", "no_agents"),
        ("LEAVEUNAVAIL", "no_agents"),
        ("WITHDRAW", "fault"),
        ("", "fault"),
        ("timeout\n", "fault"),
        ("error", "fault"),
        ("next", "fault"),
    ],
)
def test_on_standby_a_caller_whom_the_queue_gave_back_is_asked_for_a_message(status: str, reason: str) -> None:
    assert told("after-queue", status) == [Play(("agents-busy",)), message(reason)]


def test_on_standby_a_caller_whose_agent_has_hung_up_hears_goodbye() -> None:
    assert told("after-queue", "CONTINUE") == [Play(("goodbye",)), Give("hangup")]


@pytest.mark.parametrize("key", "12")
def test_on_standby_a_waiting_caller_who_presses_a_key_leaves_a_message(key: str) -> None:
    assert told("after-queue", f"KEY{key}") == [message("chosen")]


@pytest.mark.parametrize("result", ["saved", "empty", "failed", ""])
def test_on_standby_a_call_ends_after_a_message(result: str) -> None:
    assert told("after-message", result) == [Play(("goodbye",)), Give("hangup")]


@pytest.mark.parametrize("result", ["ANSWER", "BUSY", "sent", "failed", ""])
def test_on_standby_a_call_that_comes_back_from_elsewhere_goes_to_the_agents(result: str) -> None:
    assert told("after-other", result) == [AGENTS]


def test_a_stage_that_is_not_known_is_refused() -> None:
    with pytest.raises(FlowError):
        standby.instructions("nowhere", "", NOON)


@given(st.sampled_from(["inbound", "after-queue", "after-message", "after-other"]), st.text(max_size=12), st.booleans())
def test_whatever_has_happened_standby_needs_no_key_and_gives_the_call_to_somebody(
    stage: str, result: str, staffed: bool
) -> None:
    found = told(stage, result, Moment(NOON.at, staffed, "night"))
    assert isinstance(found[-1], Give)
    assert all(isinstance(step, Play) for step in found[:-1])


def test_the_file_for_standby_holds_node_hours_calendar_folder_and_limits_and_reads_back() -> None:
    hours = Hours(sunday=[], closed_dates=[dt.date(2026, 10, 1)])
    calendar = Calendar(holidays=frozenset({dt.date(2099, 10, 1)}), night=[])
    settings = Settings(hours=hours, calendar=calendar, messages=Messages(longest_seconds=60))
    written = msgspec.json.encode(standby_config(settings, Path("/var/a b/messages-inbox")))
    expected = StandbyConfig("node1", hours, "/var/a b/messages-inbox", calendar, settings.messages)
    assert msgspec.json.decode(written, type=StandbyConfig) == expected

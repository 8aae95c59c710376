"""What the standby script decides, without a telephone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from agi import standby
from hotline.settings import Calendar, Hours, Messages, Settings
from hotline.standby_config import StandbyConfig, standby_config
from ivr_flows.engine import Next, Note, Reason, Say
from ivr_flows.errors import FlowError


def test_on_standby_a_call_goes_to_the_agents_after_a_greeting() -> None:
    found = standby.instructions("inbound", "", staffed=True)
    assert found == (Note("standby:inbound"), Say("standby-greeting"), Next("agents"))


def test_on_standby_out_of_hours_a_call_is_asked_for_a_message() -> None:
    assert standby.instructions("inbound", "", staffed=False)[-3:] == (
        Say("out-of-hours"),
        Reason("out_of_hours"),
        Next("message"),
    )


def test_on_standby_the_queue_ends_as_it_always_does() -> None:
    found = standby.instructions("after-queue", "TIMEOUT", staffed=True)
    assert found == (Say("agents-busy"), Reason("timed_out"), Next("message"))
    assert standby.instructions("after-queue", "CONTINUE", staffed=True) == (Next("goodbye"),)


def test_a_stage_that_is_not_known_is_refused() -> None:
    with pytest.raises(FlowError):
        standby.instructions("nowhere", "", staffed=True)


def test_the_file_for_standby_holds_node_hours_calendar_folder_and_limits_and_reads_back() -> None:
    hours = Hours(sunday=[], closed_dates=[dt.date(2026, 10, 1)])
    calendar = Calendar(holidays=frozenset({dt.date(2099, 10, 1)}), night=[])
    settings = Settings(hours=hours, calendar=calendar, messages=Messages(longest_seconds=60))
    written = msgspec.json.encode(standby_config(settings, Path("/var/a b/messages-inbox")))
    expected = StandbyConfig("node1", hours, "/var/a b/messages-inbox", calendar, settings.messages)
    assert msgspec.json.decode(written, type=StandbyConfig) == expected

"""What the standby script decides, without a telephone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from agi import standby
from hotline.settings import Calendar, Hours, Settings
from hotline.standby_config import StandbyConfig, standby_config
from ivr_flows.engine import Next, Note, Reason, Say
from ivr_flows.errors import FlowError

SECOND = standby.SAMPLES_PER_SECOND


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


@pytest.mark.parametrize(
    ("samples", "ended_by", "spoken"),
    [
        (3 * SECOND, "dtmf", 3 * SECOND),
        (3 * SECOND, "timeout", 2 * SECOND),
        (SECOND + 138, "timeout", 138),
        (0, "timeout", 0),
        (120 * SECOND, "timeout", 120 * SECOND),
        (0, "dtmf", 0),
    ],
)
def test_the_second_of_silence_that_ends_a_recording_is_not_counted(samples: int, ended_by: str, spoken: int) -> None:
    assert standby.spoken_samples(samples, ended_by) == spoken


@pytest.mark.parametrize(
    ("spoken", "attempt", "outcome"),
    [(SECOND, 1, "saved"), (SECOND - 1, 1, "again"), (0, 1, "again"), (SECOND - 1, 2, "short"), (SECOND, 2, "saved")],
)
def test_under_a_second_there_is_one_more_try(spoken: int, attempt: int, outcome: str) -> None:
    assert standby.verdict(spoken, attempt) == outcome


def test_a_reason_that_is_not_known_is_a_fault() -> None:
    assert [standby.reason_of(value) for value in ("timed_out", "", "${SHELL(x)}")] == ["timed_out", "fault", "fault"]


def test_the_file_for_standby_holds_node_hours_calendar_and_folder_and_reads_back() -> None:
    hours = Hours(sunday=[], closed_dates=[dt.date(2026, 10, 1)])
    settings = Settings(hours=hours, calendar=Calendar(holidays=frozenset({dt.date(2099, 10, 1)}), night=[]))
    written = msgspec.json.encode(standby_config(settings, Path("/var/a b/messages-inbox")))
    expected = StandbyConfig("node1", settings.hours, "/var/a b/messages-inbox", settings.calendar)
    assert msgspec.json.decode(written, type=StandbyConfig) == expected

"""Out of hours and with no agent: the citizen leaves a message, on disk before anything else, in the database afterwards."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hotline.phones.call_log import Call
from hotline.phones.citizens import SPEECH, Citizen, Citizens
from tests import trial
from tests.e2e.test_menu import records
from tests.sounds import likeness, samples
from tests.trial import Trial, wait_until

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack whose agents never serve."""
    with trial.running(tmp_path_factory.mktemp("night"), {"hours": {key: [] for key in _DAYS}}) as running:
        yield running


async def _one(stack: Trial, citizen: Citizen) -> Call:
    async with Citizens(stack.settings, [citizen]) as group:
        return (await group.results(120))[0]


def _message(stack: Trial, number: str) -> dict[str, Any]:
    query = "SELECT m.*, file, length_ms FROM messages m JOIN recordings USING (recording_id) WHERE caller_number = $1"
    wait_until(lambda: stack.fetch(query, number), what=f"the message of {number}\n{stack.logs()}")
    (row,) = stack.fetch(query, number)
    return row


def test_out_of_hours_a_message_is_recorded_with_number_and_time(night: Trial, tmp_path: Path) -> None:
    """CH-39, IVR-10, IVR-11: key 1 tells that it is closed and leads to a message; pound ends it."""
    citizen = Citizen(number="13800006001", keys="1", stay_seconds=30, mode="record", recording=tmp_path / "heard")
    call = asyncio.run(_one(night, citizen))
    (row,) = records(night, "13800006001", 1)
    assert row["disposition"] == "message_left"
    message = _message(night, "13800006001")
    assert (message["kind"], message["reason"]) == ("message", "out_of_hours")
    assert call.answered_at and call.answered_at < message["left_at"] < row["ended_at"]
    file = night.var / "recordings" / message["file"]
    with wave.open(str(file)) as opened:
        assert opened.getnframes() / 8000 > 5
    (left,) = samples(file)
    assert likeness(left, SPEECH / "lamp.wav") > 0.8
    (heard,) = samples(tmp_path / "heard.wav")
    assert likeness(heard, night.var / "asterisk" / "sounds" / "zh" / "message-guide.wav") > 0.8


def test_with_no_agent_logged_in_the_caller_is_asked_for_a_message(stack: Trial) -> None:
    """Nobody is registered: no endless waiting, no lost call."""
    asyncio.run(_one(stack, Citizen(number="13800006002", keys="1", stay_seconds=32)))
    (row,) = records(stack, "13800006002", 1)
    assert row["disposition"] == "message_left"
    assert _message(stack, "13800006002")["reason"] == "no_agents"

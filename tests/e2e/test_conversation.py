"""A citizen dials 12345, presses 1, an agent answers, they talk, one hangs up: the record, the recording, the log."""

from __future__ import annotations

import asyncio
import datetime as dt
import wave
from pathlib import Path
from typing import Any

import pytest

from hotline.phones.call_log import Call
from hotline.phones.citizens import SPEECH, Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests.sounds import beginning, likeness, samples
from tests.trial import Trial, wait_until

CALLER, AGENT = SPEECH / "lamp.wav", SPEECH / "pension.wav"


async def _converse(stack: Trial, citizen: Citizen, seat: Seat) -> tuple[Call, Call]:
    async with Seats(stack.settings, stack.credentials.agents, [seat]) as seats:
        async with Citizens(stack.settings, [citizen]) as citizens:
            calls = await citizens.results(90)
        await seats.until(lambda: all(call.ended_at for call in seats.calls), 10)
    assert len(calls) == len(seats.calls) == 1, f"{calls}\n{seats.calls}\n{stack.logs()}"
    return calls[0], seats.calls[0]


def _record(stack: Trial, number: str) -> dict[str, Any]:
    """The finished record of the only call from this number."""
    query = "SELECT * FROM calls WHERE caller_number = $1"
    wait_until(lambda: [r for r in stack.fetch(query, number) if r["ended_at"]], what=f"the record of {number}")
    rows = stack.fetch(query, number)
    assert len(rows) == 1
    return rows[0]


def _recording(stack: Trial, call_id: str) -> dict[str, Any]:
    query = "SELECT * FROM recordings WHERE call_id = $1"
    wait_until(lambda: stack.fetch(query, call_id), what=f"the recording of {call_id}\n{stack.logs()}")
    rows = stack.fetch(query, call_id)
    assert len(rows) == 1
    return rows[0]


def _near(stored: dt.datetime, seen: dt.datetime | None, what: str) -> None:
    """Within 100 ms of what SIPp logged."""
    assert seen is not None, what
    assert abs((stored - seen).total_seconds()) < 0.1, f"{what}: stored {stored}, SIPp saw {seen}"


def _within_a_loop(milliseconds: int, speech: Path) -> int:
    """The same moment in the round of a repeated speech that is nearest to 0; a round is whole packets."""
    loop = -(-len(samples(speech)[0]) // 160) * 20
    return (milliseconds + loop // 2) % loop - loop // 2


@pytest.fixture(scope="module")
def conversation(stack: Trial, tmp_path_factory: pytest.TempPathFactory) -> tuple[Call, Call, Path]:
    """One call that the citizen ends; what each side heard is kept.

    The sequence numbers begin in the upper half: after music or a prompt (which count from 0) Asterisk's transcoder takes such
    packets for late ones, and a recording of what it *sends* to the caller would not have the agent's voice.
    """
    heard = tmp_path_factory.mktemp("heard")
    citizen = Citizen(
        number="13800001001", stay_seconds=18, speech=CALLER, mode="record", recording=heard / "citizen", first_sequence=50000
    )
    seat = Seat(user="1001", speech=AGENT, mode="record", recording=heard / "agent", first_sequence=60000)
    return *asyncio.run(_converse(stack, citizen, seat)), heard


def test_the_record_has_the_times_that_sipp_saw(stack: Trial, conversation: tuple[Call, Call, Path]) -> None:
    """Source: AMI timestamps; IVR-12."""
    citizen, seat, _ = conversation
    record = _record(stack, "13800001001")
    _near(record["started_at"], citizen.invited_at, "the call's start")
    _near(record["answered_at"], citizen.answered_at, "the system's answer")
    _near(record["connected_at"], seat.answered_at, "the agent's answer")
    _near(record["ended_at"], citizen.ended_at, "the end")
    assert record["started_at"].microsecond or record["ended_at"].microsecond
    assert record["agent"] == "1001"
    assert record["queue"] == stack.settings.queue.name
    assert record["dialled"] == "12345"
    assert record["disposition"] == "answered"
    assert record["hung_up_by"] == "caller"
    assert record["menu_path"].endswith(",on-duty:open,main:1,agent:open,news:not_found")
    assert not record["repaired"]


def test_the_recording_holds_the_conversation_caller_left_agent_right(
    stack: Trial, conversation: tuple[Call, Call, Path]
) -> None:
    """IVR-13: both voices are there, the sides are not swapped, the length is that of the talk."""
    record = _record(stack, "13800001001")
    recording = _recording(stack, record["call_id"])
    file = stack.var / "recordings" / recording["file"]
    with wave.open(str(file)) as opened:
        assert (opened.getnchannels(), opened.getframerate(), opened.getsampwidth()) == (2, 8000, 2)
        seconds = opened.getnframes() / 8000
    talked = (record["ended_at"] - record["connected_at"]).total_seconds()
    assert abs(seconds - talked) < 0.3, f"recorded {seconds} s of {talked} s"
    assert abs(recording["length_ms"] / 1000 - seconds) < 0.01
    left, right = samples(file)
    assert likeness(left, CALLER) > 0.8
    assert likeness(right, AGENT) > 0.8
    assert likeness(left, AGENT) < 0.7
    assert likeness(right, CALLER) < 0.7
    assert not list((stack.var / "recordings" / "spool").glob(f"*{record['call_id']}*"))


def test_both_sides_of_the_recording_run_in_step(stack: Trial, conversation: tuple[Call, Call, Path]) -> None:
    """IVR-13: within 100 ms, question and answer are as far from each other as the agent heard them.

    The agent's telephone speaks from the first packet that it hears, which is where its own recording begins.
    """
    *_, heard = conversation
    recording = _recording(stack, _record(stack, "13800001001")["call_id"])
    left, right = samples(stack.var / "recordings" / recording["file"])
    (agent_heard,) = samples(heard / "agent.wav")
    agent_began = _within_a_loop(beginning(right, AGENT), AGENT)
    apart = _within_a_loop(beginning(left, CALLER) - agent_began - beginning(agent_heard, CALLER), CALLER)
    assert abs(agent_began) < 300, "the agent speaks from the beginning of the conversation on"
    assert abs(apart) <= 100


def test_both_sides_hear_each_other(conversation: tuple[Call, Call, Path]) -> None:
    """What arrived at the telephones themselves, not at Asterisk."""
    *_, heard = conversation
    (agent_heard,) = samples(heard / "agent.wav")
    (citizen_heard,) = samples(heard / "citizen.wav")
    assert likeness(agent_heard, CALLER) > 0.8
    assert likeness(citizen_heard, AGENT) > 0.8


def test_the_citizen_hears_the_welcome_at_once(conversation: tuple[Call, Call, Path]) -> None:
    """A voice within 2 seconds; the goal of 500 ms at load is measured in the benchmark."""
    citizen, _, _ = conversation
    assert citizen.prompt_ms is not None
    assert citizen.prompt_ms < 2000


def test_when_the_agent_hangs_up_the_citizen_hears_goodbye(stack: Trial, tmp_path: Path) -> None:
    """The caller stays on the line until the goodbye has been said."""
    citizen = Citizen(number="13800001002", stay_seconds=0, mode="record", recording=tmp_path / "citizen", speech=None)
    seat = Seat(user="1002", talk_seconds=3, speech=None)
    call, leg = asyncio.run(_converse(stack, citizen, seat))
    record = _record(stack, "13800001002")
    assert (record["disposition"], record["hung_up_by"]) == ("answered", "agent")
    assert call.ended_by == "other"
    assert call.ended_at and leg.ended_at and call.ended_at - leg.ended_at > dt.timedelta(seconds=1)
    (heard,) = samples(tmp_path / "citizen.wav")
    assert likeness(heard, stack.var / "asterisk" / "sounds" / "zh" / "goodbye.wav") > 0.8


def test_nothing_is_complained_of(stack: Trial, conversation: tuple[Call, Call, Path]) -> None:
    """No warning and no error in Asterisk's log after real calls."""
    assert conversation
    assert stack.asterisk_complaints() == []


def test_asterisk_is_ready_in_under_three_seconds(stack: Trial) -> None:
    """An explicit module list, no autoload."""
    line = next(line for line in stack.said if "asterisk" in line and "ready" in line)
    assert float(line.split("(")[1].split(" s)")[0]) < 3.0, line

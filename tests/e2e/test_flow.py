"""Flows in use: changed under callers' feet, without a menu, with marks, ratings and call-backs that are true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline import paths
from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.plan import Press
from hotline.phones.seats import Seat, Seats
from tests import trial
from tests.e2e.test_menu import records
from tests.sounds import likeness, samples
from tests.trial import Trial, wait_until

OURS = paths.TREE / "ivr_flows" / "flows" / "12345.toml"
SILENT = [Seat(user="1001", behaviour="silent")]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack where one caller in the queue is many, and announcements come often."""
    queue = {"wrapup_seconds": 0, "wait_seconds": 25, "overload_waiting": 1, "announce_seconds": 5}
    with trial.running(tmp_path_factory.mktemp("busy"), {"queue": queue, "calendar": {"night": []}}) as running:
        yield running


async def _calls(stack: Trial, citizens: list[Citizen], seats: list[Seat], rate: float = 1.0) -> list[Call]:
    async with Seats(stack.settings, stack.credentials.agents, seats), Citizens(stack.settings, citizens, rate=rate) as group:
        return await group.results(180)


def _pressed(*keys: tuple[float, str]) -> tuple[Press, ...]:
    return tuple(Press(round(at * 1000), key) for at, key in keys)


def _in_queue(stack: Trial) -> int:
    return stack.asterisk("queue show hotline").count("PJSIP/citizens-")


def test_a_new_version_is_for_new_calls_only(busy: Trial, tmp_path: Path) -> None:
    """A caller who waits goes on with the version of its beginning, even if agi dies meanwhile; the next one has the new menu."""
    changed = tmp_path / "12345.toml"
    changed.write_text(OURS.read_text().replace('prompt = ["menu"]', 'prompt = ["agents-busy"]'))

    async def run() -> None:
        old = Citizen(number="13800040001", pressed=_pressed((0.5, "1"), (10, "2")), stay_seconds=28, speech=None)
        new = Citizen(number="13800040002", keys="", stay_seconds=9, speech=None, mode="record", recording=tmp_path / "new")
        async with Seats(busy.settings, busy.credentials.agents, SILENT), Citizens(busy.settings, [old]) as waiting:
            await asyncio.to_thread(wait_until, lambda: _in_queue(busy) == 1, what="the first caller waits")
            await asyncio.to_thread(_load, busy, changed)
            await asyncio.to_thread(busy.kill, "agi")
            async with Citizens(busy.settings, [new]) as later:
                await later.results(60)
            await waiting.results(90)

    asyncio.run(run())
    (old_row,), (new_row,) = records(busy, "13800040001", 1), records(busy, "13800040002", 1)
    assert old_row["flow"] != new_row["flow"]
    assert "queue:2,message:" in old_row["menu_path"], old_row["menu_path"]
    (heard,) = samples(tmp_path / "new.wav")
    assert likeness(heard, busy.var / "asterisk" / "sounds" / "zh" / "agents-busy.wav") > 0.8


def _load(stack: Trial, file: Path) -> None:
    """Put a flow into use; wait until agi has it."""
    before = (stack.var / "log" / "agi.log").read_text().count("flow loaded")
    done = stack.command("ivr_flows", "load", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    # agi looks when a call begins, at most once a second: a call tells it
    asyncio.run(_calls(stack, [Citizen(number="13800049999", keys="", stay_seconds=6.5, speech=None)], SILENT))
    wait_until(lambda: (stack.var / "log" / "agi.log").read_text().count("flow loaded") > before, what="agi has the new flow")


def test_a_flow_with_a_fault_is_refused_and_the_one_in_use_stays(busy: Trial, tmp_path: Path) -> None:
    """Refused by the command; and written into the folder by hand, refused by agi with an alarm."""
    broken = OURS.read_text().replace('2 = "self-service"', '2 = "nowhere"', 1)
    file = tmp_path / "12345.toml"
    file.write_text(broken)
    done = busy.command("ivr_flows", "load", str(file))
    assert done.returncode == 1 and "nowhere" in done.stdout + done.stderr
    city = busy.var / "flows" / "12345.toml"
    before = city.read_text() if city.exists() else None
    city.parent.mkdir(parents=True, exist_ok=True)
    city.write_text(broken)
    try:
        seats = [Seat(user="1002", talk_seconds=1, speech=None)]
        citizens = [Citizen(number="13800041001", keys="1", stay_seconds=30, speech=None)]
        asyncio.run(_calls(busy, citizens, seats))
        (row,) = records(busy, "13800041001", 1)
        assert row["disposition"] == "answered" and row["agent"] == "1002"
        alarms = [
            line for line in (busy.var / "log" / "agi.log").read_text().splitlines() if "ALARM: the flow is refused" in line
        ]
        assert alarms and "nowhere" in alarms[-1]
    finally:
        city.unlink() if before is None else city.write_text(before)


def test_a_waiting_caller_hears_the_keys_and_a_full_house_is_marked(busy: Trial, tmp_path: Path) -> None:
    """IVR-19: who begins to wait behind others while nobody is free gets the tag, and hears which keys there are."""
    first = Citizen(number="13800042001", keys="1", stay_seconds=28, speech=None, first_key_ms=500)
    second = Citizen(
        number="13800042002", keys="1", stay_seconds=19, speech=None, first_key_ms=500, mode="record", recording=tmp_path / "w"
    )

    async def run() -> None:
        async with Seats(busy.settings, busy.credentials.agents, SILENT), Citizens(busy.settings, [first]) as waiting:
            await asyncio.to_thread(wait_until, lambda: _in_queue(busy) == 1, what="the first caller waits")
            async with Citizens(busy.settings, [second]) as later:
                await later.results(60)
            await waiting.results(90)

    asyncio.run(run())
    (one,), (two,) = records(busy, "13800042001", 1), records(busy, "13800042002", 1)
    assert one["tags"] == []
    assert two["tags"] == ["capacity"]
    (heard,) = samples(tmp_path / "w.wav")
    assert likeness(heard, busy.var / "asterisk" / "sounds" / "zh" / "queue-keys.wav") > 0.8


def test_a_rating_belongs_to_the_agent_and_none_is_not_rated(busy: Trial) -> None:
    """IVR-20: who presses 4 is dissatisfied with this agent, who says nothing and who hangs up first has not rated."""
    seats = [Seat(user=str(1010 + n), talk_seconds=1.5 if n < 2 else 0, speech=None) for n in range(3)]
    citizens = [
        Citizen(number="13800043001", pressed=_pressed((0.5, "1"), (14, "4")), stay_seconds=26, speech=None),
        Citizen(number="13800043002", keys="1", stay_seconds=40, speech=None, first_key_ms=500),
        Citizen(number="13800043003", keys="1", stay_seconds=12, speech=None, first_key_ms=500),
    ]
    asyncio.run(_calls(busy, citizens, seats))
    query = """SELECT caller_number, r.agent, c.agent AS talked, rating FROM call_ratings r JOIN calls c USING (node, call_id)
               WHERE caller_number LIKE '13800043%' ORDER BY caller_number"""
    records(busy, "13800043", 3)
    wait_until(lambda: [row["rating"] for row in busy.fetch(query)][:1] == ["dissatisfied"], what="the rating is stored")
    kept = "SELECT 1 FROM survey_ratings JOIN calls USING (node, call_id) WHERE caller_number LIKE '13800043%'"
    wait_until(lambda: len(busy.fetch(kept)) == 2, what="both answers are stored")
    rows = busy.fetch(query)
    assert [row["rating"] for row in rows] == ["dissatisfied", "not_rated", "not_rated"]
    assert all(row["agent"] == row["talked"] and row["agent"] for row in rows)


def test_a_caller_goes_to_and_fro_within_one_call(busy: Trial) -> None:
    """IVR-03: an agent, the menu, self-service, an agent again: one record, one recording of both conversations."""
    keys = _pressed((0.5, "1"), (24, "0"), (26.5, "2"), (29, "9"))
    seats = [Seat(user=str(1020 + n), talk_seconds=1.5) for n in range(2)]
    asyncio.run(_calls(busy, [Citizen(number="13800047001", pressed=keys, stay_seconds=42)], seats))
    (row,) = records(busy, "13800047001", 1)
    path = row["menu_path"].split(",")
    assert [step for step in path if step.startswith(("queue:", "more:", "main:", "self-service:"))] == [
        "main:1",
        "queue:answered",
        "more:0",
        "main:2",
        "self-service:9",
        "queue:answered",
    ]
    query = "SELECT length_ms FROM recordings WHERE call_id = $1 AND kind = 'conversation'"
    wait_until(lambda: busy.fetch(query, row["call_id"]), seconds=60, what="the recording")
    (recording,) = busy.fetch(query, row["call_id"])
    assert recording["length_ms"] > 2500, "both conversations"


def test_an_outbound_call_can_be_rated_too(busy: Trial) -> None:
    """IVR-20: the system calls, the other party is sent to the survey; its silence is stored as not rated, outbound."""

    async def run() -> None:
        async with Seats(busy.settings, None, [Seat(user="13800044001", speech=None)]):
            order = busy.folder / "call"
            order.write_text("Channel: PJSIP/13800044001@units\nContext: survey\nExtension: s\nPriority: 1\n")
            order.rename(busy.var / "asterisk" / "spool" / "outgoing" / "call")
            query = "SELECT rating FROM survey_ratings WHERE direction = 'outbound'"
            await asyncio.to_thread(wait_until, lambda: busy.fetch(query), seconds=60, what="the rating is stored")

    asyncio.run(run())
    assert [row["rating"] for row in busy.fetch("SELECT rating FROM survey_ratings WHERE direction = 'outbound'")] == [
        "not_rated"
    ]


def test_a_call_back_keeps_the_callers_place(busy: Trial) -> None:
    """The list is in the order in which people began to wait, not in which they asked."""
    citizens = [
        Citizen(number="13800045001", pressed=_pressed((0.5, "1"), (20, "1"), (33, "1")), stay_seconds=45, speech=None),
        Citizen(number="13800045002", pressed=_pressed((0.5, "1"), (11, "1"), (24, "1")), stay_seconds=45, speech=None),
    ]
    asyncio.run(_calls(busy, citizens, SILENT, rate=0.5))
    rows = records(busy, "13800045", 2)
    assert [row["disposition"] for row in rows] == ["callback_requested"] * 2, [row["menu_path"] for row in rows]
    query = "SELECT number, asked_at, waiting_since FROM callback_requests WHERE number LIKE '13800045%' ORDER BY waiting_since"
    wait_until(lambda: len(busy.fetch(query)) == 2, what="both requests are in the list")
    kept = busy.fetch(query)
    assert [row["number"] for row in kept] == ["13800045001", "13800045002"]
    assert kept[0]["asked_at"] > kept[1]["asked_at"]
    for row, asked in zip(rows, kept, strict=True):
        assert abs((row["queued_at"] - asked["waiting_since"]).total_seconds()) < 8, "the announcement lies between"


def test_without_a_menu_everybody_has_an_agent_at_once(tmp_path: Path) -> None:
    """GB/T 33358: ``flow = "direct"``; no key is pressed, none is needed."""
    with trial.running(tmp_path / "direct", {"ivr": {"flow": "direct"}, "queue": {"wrapup_seconds": 0}}) as stack:
        citizens = [Citizen(number="13800046001", keys="", stay_seconds=40, speech=None)]
        asyncio.run(_calls(stack, citizens, [Seat(user="1003", talk_seconds=1, speech=None)]))
        (row,) = records(stack, "13800046001", 1)
        assert row["disposition"] == "answered" and row["agent"] == "1003"
        assert row["flow"].startswith("direct@")
        assert "main" not in json.dumps(row["steps"])

"""kill -9 in the middle of calls: no call dropped or refused, and every call has its record afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests import trial
from tests.e2e.test_menu import records
from tests.sounds import likeness, samples
from tests.trial import Trial, wait_until

AGENTS = [f"{number}" for number in range(1001, 1031)]
CALLS = 50
TOLERANCE_SECONDS = 4.0
"""An INVITE or a BYE that a busy machine drops is sent again after 0.5, 1.5 and 3.5 s; test_conversation.py looks closer."""


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own, because it is hurt."""
    with trial.running(tmp_path_factory.mktemp("victim"), {"queue": {"wrapup_seconds": 0}}) as running:
        yield running


async def _fifty_calls(stack: Trial, prefix: str, *, when: int, do: list[str]) -> tuple[list[Call], list[Call]]:
    """50 calls to 30 agents; when ``when`` agents talk and others are in the menu and the queue, ``do`` are killed."""
    seats = [Seat(user=agent, talk_seconds=6, speech=None, mode="drop") for agent in AGENTS]
    citizens = [Citizen(number=f"{prefix}{n:02d}", stay_seconds=75, speech=None, mode="drop") for n in range(CALLS)]
    async with Seats(stack.settings, stack.credentials.agents, seats) as answering:
        async with Citizens(stack.settings, citizens, rate=5) as group:
            assert await group.until(lambda: sum(c.answered_at is not None for c in answering.calls) >= when, 60)
            for part in do:
                stack.kill(part)
            calls = await group.results(150)
        return calls, answering.calls


@pytest.mark.parametrize(
    ("part", "prefix"),
    [("agi", "138000051"), ("ami_bridge", "138000052"), ("postgres", "138000053"), ("recordings", "138000054")],
)
def test_kill_9_in_the_middle_of_50_calls_loses_none(victim: Trial, part: str, prefix: str) -> None:
    """Every call is answered by the system, ends by its own, and has one record; conversations have their recording."""
    before = victim.pid(part)
    calls, _ = asyncio.run(_fifty_calls(victim, prefix, when=10, do=[part]))
    assert [call for call in calls if call.answered_at is None] == []
    assert {call.ended_by for call in calls} == {"other"}, "each was answered by an agent, who hung up"
    rows = records(victim, prefix, CALLS)
    assert [row["disposition"] for row in rows] == ["answered"] * CALLS, [
        (r["disposition"], r["source"], r["menu_path"]) for r in rows
    ]
    for call, row in zip(sorted(calls, key=lambda one: one.party), rows, strict=True):
        assert call.ended_at is not None
        assert row["caller_number"] == call.party
        assert abs((row["started_at"] - call.invited_at).total_seconds()) < TOLERANCE_SECONDS
        assert abs((row["ended_at"] - call.ended_at).total_seconds()) < TOLERANCE_SECONDS
    query = "SELECT count(*) AS stored FROM recordings JOIN calls USING (node, call_id) WHERE caller_number LIKE $1"
    wait_until(lambda: victim.fetch(query, f"{prefix}%")[0]["stored"] == CALLS, seconds=60, what="50 recordings")
    assert victim.pid(part) != before


def test_a_frozen_menu_is_noticed_and_the_caller_moves_to_the_standby_path(victim: Trial, tmp_path: Path) -> None:
    """SIGSTOP of agi: a voice within 2 s all the same; within seconds the queue."""

    async def call() -> Call:
        async with Seats(victim.settings, victim.credentials.agents, [Seat(user="1001", talk_seconds=2, speech=None)]):
            os.kill(victim.pid("agi"), signal.SIGSTOP)
            citizen = Citizen(number="13800005500", stay_seconds=60, speech=None, mode="record", recording=tmp_path / "heard")
            async with Citizens(victim.settings, [citizen]) as group:
                return (await group.results(90))[0]

    done = asyncio.run(call())
    assert done.ended_by == "other"
    assert done.prompt_ms is not None and done.prompt_ms < 2000
    (row,) = records(victim, "13800005500", 1)
    _went_through_standby(row)
    (heard,) = samples(tmp_path / "heard.wav")
    assert likeness(heard, victim.var / "asterisk" / "sounds" / "zh" / "standby-greeting.wav") > 0.8


def _went_through_standby(row: dict[str, Any]) -> None:
    """From the first moment to the goodbye after the agent."""
    assert row["flow"].startswith("standby@")
    assert (row["disposition"], row["menu_path"]) == ("answered", "agents-on-duty:open,after-queue:CONTINUE")


@contextlib.contextmanager
def _nobody_restarts(stack: Trial) -> Iterator[None]:
    """The supervisor holds its breath, so that what is killed stays dead."""
    assert stack.process
    os.kill(stack.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.process.pid, signal.SIGCONT)


def test_without_fastagi_and_database_callers_reach_an_agent_and_are_recorded(victim: Trial) -> None:
    """The standby path needs neither; records and recordings are there when the database is back."""

    async def call() -> list[Call]:
        seats = Seats(victim.settings, victim.credentials.agents, [Seat(user="1001", talk_seconds=3, speech=None)])
        citizens = Citizens(victim.settings, [Citizen(number="13800005600", stay_seconds=60, speech=None)])
        async with seats, citizens as group:
            return await group.results(90)

    with _nobody_restarts(victim):
        for part in ("agi", "postgres"):
            victim.kill(part)
        (done,) = asyncio.run(call())
    assert done.ended_by == "other"
    assert done.prompt_ms is not None and done.prompt_ms < 2000
    (row,) = records(victim, "13800005600", 1)
    _went_through_standby(row)
    query = "SELECT count(*) AS stored FROM recordings WHERE call_id = $1"
    wait_until(lambda: victim.fetch(query, row["call_id"])[0]["stored"] == 1, what="its recording")


def test_a_supervisor_that_is_killed_leaves_the_calls_alone_and_the_next_one_takes_over(victim: Trial) -> None:
    """Asterisk outlives it with its call; `up` again finds it and starts the rest."""

    async def call() -> list[Call]:
        seats = Seats(victim.settings, victim.credentials.agents, [Seat(user="1001", speech=None)])
        citizens = Citizens(victim.settings, [Citizen(number="13800005700", stay_seconds=25, speech=None)])
        async with seats, citizens as group:
            assert await seats.until(lambda: bool(seats.calls and seats.calls[0].answered_at), 40)
            assert victim.process
            victim.process.kill()
            victim.process.communicate()
            await asyncio.to_thread(victim.start)
            return await group.results(90)

    asterisk = victim.pid("asterisk")
    (done,) = asyncio.run(call())
    assert victim.pid("asterisk") == asterisk
    assert done.ended_by == "self", "the citizen hung up in peace"
    (row,) = records(victim, "13800005700", 1)
    assert (row["disposition"], row["hung_up_by"]) == ("answered", "caller")


def _bytes_recorded(stack: Trial) -> int:
    """What lies in the spool now of agents: before, a caller waited."""
    return sum(file.stat().st_size for file in (stack.var / "recordings" / "spool").glob("*.agent.*.raw"))


def test_when_asterisk_itself_is_killed_its_calls_are_closed_as_system_fault(victim: Trial) -> None:
    """What was recorded so far is kept; new calls work within seconds."""

    async def broken() -> None:
        seats = Seats(victim.settings, victim.credentials.agents, [Seat(user="1001")])
        citizens = Citizens(victim.settings, [Citizen(number="13800005800", stay_seconds=14)])
        async with seats, citizens as group:
            assert await seats.until(lambda: bool(seats.calls and seats.calls[0].answered_at), 40)
            await asyncio.to_thread(wait_until, lambda: _bytes_recorded(victim) > 50_000, what="some seconds are on disk")
            victim.kill("asterisk")
            await group.until(lambda: False, 1)

    with contextlib.suppress(Exception):
        asyncio.run(broken())
    (row,) = records(victim, "13800005800", 1)
    assert row["disposition"] == "system_fault"
    assert row["connected_at"] and row["ended_at"] > row["connected_at"]
    query = "SELECT length_ms FROM recordings WHERE call_id = $1"
    wait_until(lambda: victim.fetch(query, row["call_id"]), what="what was recorded before the fault")
    assert victim.fetch(query, row["call_id"])[0]["length_ms"] > 2000
    wait_until(lambda: "booted" in victim.asterisk("core waitfullybooted"), what="Asterisk is back")

    async def again() -> list[Call]:
        seats = Seats(victim.settings, victim.credentials.agents, [Seat(user="1001", talk_seconds=2, speech=None)])
        citizens = Citizens(victim.settings, [Citizen(number="13800005900", stay_seconds=60, speech=None)])
        async with seats, citizens as group:
            return await group.results(90)

    (done,) = asyncio.run(again())
    assert done.ended_by == "other"

"""A three-way call is one recording: citizen left, agent and unit right, each at the time when they spoke (TWC-15, IVR-13)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hotline import clock
from hotline.phones import hearing
from hotline.phones.talk import Talk
from tests.sounds import samples
from tests.trial import Trial, wait_until
from tests.voices import connect, floor

UNIT, CITIZEN = "83120001", "13900009301"
Times = list[tuple[Talk, dt.datetime, dt.datetime]]
TOLERANCE = dt.timedelta(milliseconds=400)
"""Tones are found in windows of 160 ms, and a telephone turns silent 20 ms after the order; the rest is the test machine's."""


@contextlib.asynccontextmanager
async def manager(stack: Trial) -> AsyncIterator[Any]:
    """Sends actions to Asterisk as the bridge does, and waits until each is answered."""
    reader, writer = await asyncio.open_connection(stack.settings.ami.host, stack.settings.ami.port)

    async def act(**headers: str) -> None:
        writer.write("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")
        async with asyncio.timeout(10):
            while not (line := await reader.readline()).startswith(b"Response:"):
                assert line, "Asterisk has closed the connection"
        assert b"Success" in line, headers

    user = stack.credentials.ami
    await act(Action="Login", Username=user.user, Secret=user.secret)
    try:
        yield act
    finally:
        writer.close()
        await writer.wait_closed()


def channels(stack: Trial, *contexts: str) -> dict[str, tuple[str, str]]:
    """The channels that stand in these contexts: context to name and unique id."""
    lines = [line.split("!") for line in stack.asterisk("core show channels concise").splitlines() if "!" in line]
    return {line[1]: (line[0], line[-1]) for line in lines if line[1] in contexts}


async def silent(talk: Talk, times: Times) -> None:
    """This telephone says nothing for a second."""
    talk.mute()
    begin = clock.now()
    await asyncio.sleep(1.0)
    talk.play(talk.tone)
    times.append((talk, begin, clock.now()))


async def conference(stack: Trial) -> tuple[dict[str, tuple[Talk, dt.datetime, dt.datetime]], Times]:
    """Citizen and agent talk, the unit is dialled and told, all three talk; each is silent for a second in turn.

    Returns who spoke from when until when, and the times in which they were silent.
    """
    silences: Times = []
    async with floor(stack) as f, manager(stack) as act:
        seat, unit, citizen = await f.seat("1001"), await f.unit(UNIT), await f.citizen(CITIZEN)
        agent, caller = await connect(citizen, seat), citizen.talk
        spoke = clock.now()
        await silent(caller, silences)
        found = channels(stack, "agents", "seats", "citizens", "record")
        (name, unique), (other, _) = found["agents"], next(found[where] for where in found if where != "agents")
        dialling = f"71*{UNIT}*{unique.rpartition('-')[2]}"
        to = {"Context": "threeway-caller", "Exten": f"71*{UNIT}", "Priority": "1"}
        also = {"ExtraContext": "threeway-dial", "ExtraExten": dialling, "ExtraPriority": "1"}
        await act(Action="Redirect", Channel=name, ExtraChannel=other, **to, **also)
        called = await unit.rings()
        await called.until_hears({agent.tone})
        joined = clock.now()
        await silent(agent, silences)
        await silent(caller, silences)
        await act(Action="Redirect", Channel=name, Context="threeway-join", Exten="71", Priority="1")
        await caller.until_hears({agent.tone, called.tone})
        for talk in (called, caller, agent):
            await silent(talk, silences)
        await called.hang_up()
        left = clock.now()
        await silent(caller, silences)
        await agent.hang_up()
        over = clock.now()
        await caller.hang_up()
        await asyncio.to_thread(wait_until, lambda: "0 active channels" in stack.asterisk("core show channels"), what="the end")
    return {"caller": (caller, spoke, over), "agent": (agent, spoke, over), "unit": (called, joined, left)}, silences


def tones(sound: list[int], began: dt.datetime) -> list[tuple[dt.datetime, frozenset[int]]]:
    """The middle of each window of the recording, and the tones in it."""
    found = []
    for at in range(0, len(sound) - 1280, 640):
        found.append((began + dt.timedelta(seconds=(at + 640) / 8000), hearing.present(sound[at : at + 1280])))
    return found


@pytest.mark.parametrize("part", ["caller", "agent", "unit"])
def test_everybody_is_in_the_one_recording_at_the_time_of_speaking(stack: Trial, three: Any, part: str) -> None:
    """Through every phase: two talk, the citizen waits with music, three talk, two talk again."""
    spoken, silences, (file, began) = three
    talk, first, last = spoken[part]
    channel = samples(file)[0 if part == "caller" else 1]
    for at, heard in tones(list(channel), began):
        inside = first + TOLERANCE < at < last - TOLERANCE
        outside = at < first - 5 * TOLERANCE or at > last + TOLERANCE
        near = any(who is talk and begin - TOLERANCE < at < end + TOLERANCE for who, begin, end in silences)
        hushed = any(who is talk and begin + TOLERANCE < at < end - TOLERANCE for who, begin, end in silences)
        if hushed or outside:
            assert talk.tone not in heard, (part, at, heard)
        elif inside and not near:
            assert talk.tone in heard, (part, at, heard)
        assert heard <= {spoken[who][0].tone for who in (["caller"] if part == "caller" else ["agent", "unit"])}, (at, heard)


@pytest.fixture(scope="module")
def three(stack: Trial) -> tuple[Any, Times, tuple[Path, dt.datetime]]:
    """The call, and its only recording: file and beginning."""
    spoken, silences = asyncio.run(conference(stack))
    query = """SELECT file, r.started_at FROM recordings r JOIN calls c USING (node, call_id) WHERE caller_number = $1"""
    wait_until(lambda: stack.fetch(query, CITIZEN), what=f"the recording\n{stack.logs()}")
    (row,) = stack.fetch(query, CITIZEN)
    return spoken, silences, (stack.var / "recordings" / row["file"], row["started_at"])

"""Asterisk's CPU for a bridged call, with and without its two recorders, by turns in one run.

Citizens are put through to units, both telephones speak all the time. Without recorders Asterisk bridges as it does anywhere;
with them each telephone has its own MixMonitor on what it says, as the dialplan of the hotline does it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from bench import cpu
from bench.figure import Figure, say
from bench.stack import check_unchanged, groups, running
from hotline import clock
from hotline.phones import hearing, sound
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests.trial import Trial

CALLS = int(os.environ.get("BENCH_CALLS", "30"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
RATE, SETTLE_SECONDS, WINDOW_SECONDS = 10.0, 3.0, 15.0
LIMIT = 1.15
WAYS = {"plain": "20001", "recorded": "20002"}
_DIALPLAN = """
[citizens]
exten => 20001,1,Dial(PJSIP/8312${CALLERID(num):-4}@units,20)
exten => 20002,1,MixMonitor(,r(bench.${UNIQUEID}.caller.raw))
 same => n,Dial(PJSIP/8312${CALLERID(num):-4}@units,20,U(bench-recorded))

[bench-recorded]
exten => s,1,MixMonitor(,r(bench.${UNIQUEID}.unit.raw))
 same => n,Return()
"""


def measure() -> list[Figure]:
    """Milliseconds of Asterisk's CPU for a second of a call, each way; raises ``RuntimeError`` when calls are missing."""
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    with running() as stack, tempfile.TemporaryDirectory(prefix="hotline-recording-") as folder:
        with (stack.var / "asterisk" / "etc" / "extensions.conf").open("a") as extensions:
            extensions.write(_DIALPLAN)
        stack.asterisk("dialplan reload")
        for turn in range(ROUNDS):
            for way, number in WAYS.items():
                costs[way].append(asyncio.run(_round(stack, Path(folder), number, turn)))
                say(f"recording_cpu round {turn + 1}/{ROUNDS} {way}: {costs[way][-1]:.2f} ms for a second of a call")
    cost = {way: statistics.median(values) for way, values in costs.items()}
    unit = "ms of Asterisk's CPU for a second of a call"
    return [Figure(name="recording_cpu", ours=cost["recorded"], peer=cost["plain"], unit=unit, limit=LIMIT)]


async def _round(stack: Trial, folder: Path, number: str, turn: int) -> float:
    """All calls are bridged, then Asterisk's CPU in a window."""
    dialled = msgspec.structs.replace(stack.settings.trunks, hotline_number=number)
    chosen = msgspec.structs.replace(stack.settings, trunks=dialled)
    speech = folder / "tone.wav"
    speech.write_bytes(sound.write_wav(sound.linear(hearing.tone(hearing.TONES[0]))))
    places = range(turn * CALLS, (turn + 1) * CALLS)
    seats = [Seat(user=f"8312{place:04d}", speech=speech, mode="drop") for place in places]
    callers = [Citizen(number=f"1390000{place:04d}", stay_seconds=0, speech=speech, mode="drop") for place in places]
    async with Seats(chosen, None, seats) as units, Citizens(chosen, callers, rate=RATE) as group:
        await units.until(lambda: sum(bool(call.answered_at) for call in units.calls) >= CALLS, CALLS / RATE + 30)
        await asyncio.sleep(SETTLE_SECONDS)
        parts = groups(stack)
        say(f"recording_cpu: bridges: {_technologies(stack)}")
        before, begin = cpu.seconds(parts)["asterisk"], clock.monotonic()
        await asyncio.sleep(WINDOW_SECONDS)
        used, seconds = cpu.seconds(parts)["asterisk"] - before, clock.monotonic() - begin
        recorded = len(list((stack.var / "recordings").rglob("bench.*.raw")))
        if number == WAYS["recorded"] and recorded < 2 * CALLS * (turn + 1):
            raise RuntimeError("not every telephone is recorded")
        for call in units.calls:
            units.hang_up(call)
        await group.results(60)
    check_unchanged(stack, parts)
    return 1000 * used / seconds / CALLS


def _technologies(stack: Trial) -> str:
    """How Asterisk bridges now, and how many calls so."""
    words = [line.split() for line in stack.asterisk("bridge show all").splitlines()[1:]]
    return ", ".join(f"{count} {name}" for name, count in Counter(line[3] for line in words if len(line) > 3).items())

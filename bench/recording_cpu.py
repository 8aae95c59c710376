"""Asterisk's CPU for a bridged call, with and without its two recorders, by turns in one run.

Citizens are put through to units, both telephones speak all the time. The ways differ in nothing but this:

- ``passed``: nobody has keys in the call, Asterisk passes packets on unseen (``native_rtp``). No call of the hotline is so: its
  agents have keys (``*40`` and others), for which Asterisk has to look at every packet.
- ``bridged``: the called telephone has a key, as an agent has. This is what recording is compared with.
- ``hooked``: no key, but both channels have an audiohook that works in the channel's own thread and keeps nothing
  (``TALK_DETECT``): what every recorder of Asterisk begins with, without its thread and file. It is there, or packets would be
  passed on unseen.
- ``recorded``: each telephone has its own MixMonitor on what it says, as the dialplan of the hotline does it.
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
RATE, SETTLE_SECONDS, WINDOW_SECONDS = 10.0, 3.0, 10.0
LIMIT = 1.15
_UNIT = "ms of Asterisk's CPU for a second of a call"


class Way(msgspec.Struct, frozen=True):
    """What the dialplan does with the caller's channel and the called one, and how Asterisk then bridges them."""

    number: str
    bridge: str
    caller: tuple[str, ...] = ()
    called: tuple[str, ...] = ()


_KEY = "Set(DYNAMIC_FEATURES=code-begin)"
_HOOK = "Set(TALK_DETECT(set)=2500,256)"
WAYS = {
    "passed": Way("20001", "native_rtp"),
    "bridged": Way("20002", "simple_bridge", (), (_KEY,)),
    "hooked": Way("20003", "simple_bridge", (_HOOK,), (_HOOK,)),
    "recorded": Way(
        "20004",
        "simple_bridge",
        ("MixMonitor(,r(bench.${UNIQUEID}.caller.raw))",),
        (_KEY, "MixMonitor(,r(bench.${UNIQUEID}.unit.raw))"),
    ),
}


def measure() -> list[Figure]:
    """Milliseconds of Asterisk's CPU for a second of a call, by ways; raises ``RuntimeError`` when one is not as it should be."""
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    with running() as stack, tempfile.TemporaryDirectory(prefix="hotline-recording-") as folder:
        with (stack.var / "asterisk" / "etc" / "extensions.conf").open("a") as extensions:
            extensions.write(_dialplan())
        stack.asterisk("dialplan reload")
        stack.asterisk("module load func_talkdetect.so")
        for turn in range(ROUNDS):
            for name, way in WAYS.items():
                costs[name].append(asyncio.run(_round(stack, Path(folder), way, turn)))
                say(f"recording_cpu round {turn + 1}/{ROUNDS} {name}: {costs[name][-1]:.2f} {_UNIT}")
    cost = {way: statistics.median(values) for way, values in costs.items()}
    return [
        Figure(name="recording_cpu", ours=cost["recorded"], peer=cost["bridged"], unit=_UNIT, limit=LIMIT),
        Figure(name="recording_cpu_hooked", ours=cost["hooked"], peer=cost["bridged"], unit=_UNIT),
        Figure(name="recording_cpu_passed", ours=cost["passed"], peer=cost["bridged"], unit=_UNIT),
    ]


def _dialplan() -> str:
    """Each way's number, and what its called channel does when it has answered."""
    lines = ["", "[citizens]"]
    for name, way in WAYS.items():
        dial = f"Dial(PJSIP/8312${{CALLERID(num):-4}}@units,20,U(bench-{name}))"
        lines += [f"exten => {way.number},{place},{step}" for place, step in enumerate((*way.caller, dial), 1)]
    for name, way in WAYS.items():
        lines += [f"[bench-{name}]"]
        lines += [f"exten => s,{place},{step}" for place, step in enumerate((*way.called, "Return()"), 1)]
    return "\n".join([*lines, ""])


async def _round(stack: Trial, folder: Path, way: Way, turn: int) -> float:
    """All calls are bridged, then Asterisk's CPU in a window."""
    dialled = msgspec.structs.replace(stack.settings.trunks, hotline_number=way.number)
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
        _check(stack, way)
        before, begin = cpu.seconds(parts)["asterisk"], clock.monotonic()
        await asyncio.sleep(WINDOW_SECONDS)
        used, seconds = cpu.seconds(parts)["asterisk"] - before, clock.monotonic() - begin
        for call in units.calls:
            units.hang_up(call)
        await group.results(60)
    check_unchanged(stack, parts)
    return 1000 * used / seconds / CALLS


def _check(stack: Trial, way: Way) -> None:
    """Raise ``RuntimeError`` unless all calls are bridged as this way wants, and as many telephones recorded."""
    words = [line.split() for line in stack.asterisk("bridge show all").splitlines()[1:]]
    bridges = Counter(line[-2] for line in words if len(line) > 2)
    if bridges != {way.bridge: CALLS}:
        raise RuntimeError(f"bridges: {dict(bridges)}, not {CALLS} {way.bridge}")
    recorders = stack.asterisk("core show threads").count("mixmonitor_thread")
    if recorders != CALLS * sum("MixMonitor" in step for step in (*way.caller, *way.called)):
        raise RuntimeError(f"{recorders} recorders for {CALLS} calls")

"""CPU of a call in the menu, at 20 calls a second: ours, the same menu in plain dialplan, and a pyst2 process per call.

Every call: the welcome, the menu, key 2, the menu of self-service, key 2, the question for a ticket's number, and the caller
hangs up at the same second: a question at each of three levels.
Ours counts Asterisk and all processes of the stack, with their idle work; the peers count Asterisk and its (reaped) children
only, because what the bridge hears of their calls is not theirs. The three ways take turns, a few rounds each; medians.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import statistics
import sys
from pathlib import Path

import msgspec

from bench import cpu
from bench.figure import Figure, say
from bench.stack import ALONE, check_unchanged, groups, running
from hotline import clock
from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from tests.trial import Trial

RATE = 20.0
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
STAY_SECONDS = 9.5
SETTLE_SECONDS, WINDOW_SECONDS = 11.0, 12.0
"""Calls are counted once the first ones have begun to end."""
KEYS, KEY_MS, APART_MS = "22", 4800, 1500
"""Half a second into the menu: the welcome takes 4.3 s."""

WAYS = {"ours": "12345", "plain": "20001", "pyst2": "20002"}
PLAIN_LIMIT, PYST2_LIMIT = 1.25, 1 / 3

_DIALPLAN = """
[citizens]
exten => 20001,1,Goto(bench-plain,s,1)
exten => 20002,1,Goto(bench-pyst2,s,1)

[bench-plain]
exten => s,1,Answer()
 same => n,Background(welcome)
 same => n(menu),Background(menu)
 same => n,WaitExten(5)
exten => 1,1,Playback(to-agent)
 same => n,Hangup()
exten => 2,1,Goto(bench-plain-self,s,1)
exten => i,1,Playback(invalid)
 same => n,Goto(s,menu)
exten => t,1,Playback(no-input)
 same => n,Goto(s,menu)

[bench-plain-self]
exten => s,1,Background(self-service-menu)
 same => n,WaitExten(5)
exten => 2,1,Read(TICKET,enter-ticket,20,,1,5)
 same => n,Hangup()
exten => i,1,Playback(invalid)
 same => n,Goto(s,1)
exten => t,1,Playback(no-input)
 same => n,Goto(s,1)

[bench-pyst2]
exten => s,1,Answer()
 same => n,Background(welcome)
 same => n,AGI(bench-pyst2-menu)
 same => n,Hangup()
"""


def measure() -> list[Figure]:
    """Run all; raises ``RuntimeError`` when a call of ours or of the plain dialplan ended early.

    Some of pyst2's may, when two cores cannot start 20 processes a second: its cost is then told too low.
    """
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    shares: dict[str, list[float]] = {}
    with running() as stack:
        _add_peers(stack)
        for turn in range(ROUNDS):
            for way, number in WAYS.items():
                used = asyncio.run(_round(stack, number))
                counted = used if way == "ours" else {"asterisk": used["asterisk"]}
                costs[way].append(1000 * sum(counted.values()))
                if way == "ours":
                    for name, seconds in used.items():
                        shares.setdefault(name, []).append(1000 * seconds)
                parts = ", ".join(f"{name} {1000 * seconds:.2f}" for name, seconds in used.items())
                say(f"ivr_cpu round {turn + 1}/{ROUNDS} {way}: {costs[way][-1]:.2f} ms a call ({parts})")
    return _figures({way: statistics.median(c) for way, c in costs.items()}, shares)


def _figures(cost: dict[str, float], shares: dict[str, list[float]]) -> list[Figure]:
    unit = "ms CPU/call"
    split = ", ".join(f"{name} {statistics.median(values):.2f}" for name, values in shares.items())
    return [
        Figure(name="ivr_cpu_plain", ours=cost["ours"], peer=cost["plain"], unit=unit, limit=PLAIN_LIMIT, note=split),
        Figure(name="ivr_cpu_pyst2", ours=cost["ours"], peer=cost["pyst2"], unit=unit, limit=PYST2_LIMIT),
    ]


async def _round(stack: Trial, number: str) -> dict[str, float]:
    """CPU seconds of each part per call, while as many calls begin as end."""
    dialled = msgspec.structs.replace(stack.settings.trunks, hotline_number=number)
    chosen = msgspec.structs.replace(stack.settings, trunks=dialled)
    count = int(RATE * (SETTLE_SECONDS + WINDOW_SECONDS))
    async with Citizens(chosen, _citizens(count), rate=RATE) as group:
        await group.until(lambda: len(group.calls) >= RATE * SETTLE_SECONDS, SETTLE_SECONDS * 2)
        parts, begun = groups(stack), len(group.calls)
        before = cpu.seconds(parts, alone=ALONE)
        await group.until(lambda: len(group.calls) >= count, WINDOW_SECONDS * 2)
        used, begun = cpu.difference(before, cpu.seconds(parts, alone=ALONE)), len(group.calls) - begun
        calls = await group.results(STAY_SECONDS + 60)
        refused = group.sipp.refusals()
    check_unchanged(stack, parts)
    early = _left_early(calls)
    if early:
        say(f"ivr_cpu {number}: {early} of {count} calls ended early; refusals: {sorted(set(refused.values()))}")
        if number != WAYS["pyst2"]:
            raise RuntimeError("a call that is not a whole call says nothing about its cost")
    return {name: seconds / begun for name, seconds in used.items()}


def _citizens(count: int) -> list[Citizen]:
    run = int(clock.monotonic() * 10) % 100_000
    pressing = Citizen(
        number="", keys=KEYS, apart_ms=APART_MS, stay_seconds=STAY_SECONDS, speech=None, mode="drop", first_key_ms=KEY_MS
    )
    return [msgspec.structs.replace(pressing, number=f"13{run:05d}{place:04d}") for place in range(count)]


def _left_early(calls: list[Call]) -> int:
    """How many callers did not stay to the end, or heard nothing, or could not press their key."""
    return sum(
        call.answered_at is None or call.ended_by != "self" or call.sound is None or call.sound.digits_sent != KEYS
        for call in calls
    )


def _add_peers(stack: Trial) -> None:
    """The peers' numbers and script, in this stack only."""
    folder = stack.var / "asterisk"
    (agi,) = folder.rglob("standby")
    script = agi.with_name("bench-pyst2-menu")
    menu = Path(__file__).with_name("pyst2_menu.py")
    script.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(menu))}\n")
    script.chmod(0o700)
    with (folder / "etc" / "extensions.conf").open("a") as extensions:
        extensions.write(_DIALPLAN)
    stack.asterisk("dialplan reload")
    if "bench-plain" not in stack.asterisk("dialplan show 20001@citizens"):
        raise RuntimeError(f"the peers were not added to the dialplan\n{stack.logs()}")

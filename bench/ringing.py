"""From a free agent to a telephone that rings for the caller who waits, and from a caller to the telephone of a free agent.

Calls that are routed, beside calls that a bare ``Queue()`` takes: at the same time, on the same Asterisk, with telephones alike.

Ten agents each. Callers come a little faster than they are served, so that somebody waits whenever an agent hangs up; SIPp's log
says when the telephone was put down and when it rang next. Then single callers find every agent free.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

from bench.figure import Figure, say
from bench.stack import running
from hotline.phones.directed import DirectedCallers, DirectedSeats, Line
from tests.trial import Trial, wait_until

LARGEST_RATIO = 1.1
CALLS, RATE, TALK_SECONDS, SINGLE = 320, 8.5, 0.4, 60
KINDS = {"routed": ("20011", "138"), "bare": ("20012", "139")}
"""What is dialled, and how the callers' numbers begin."""
SEATS = {"routed": range(1001, 1011), "bare": range(1011, 1021)}
_SETTINGS: dict[str, dict[str, object]] = {
    "agents": {"last": 1020},
    "queue": {"wrapup_seconds": 0, "announce_seconds": 600, "overload_waiting": 1000},
    "queues.routed": {"sub_centre": "routed", "wrapup_seconds": 0},
    "queues.bare": {"sub_centre": "bare", "wrapup_seconds": 0},
}
_STEPS = {
    "routed": ("1,Answer()", "2,Set(HOTLINE_QUEUE=routed)", "3,Goto(agents,s,1)"),
    "bare": ("1,Answer()", "2,Queue(bare,c,,,600)", "3,Hangup()"),
}


def measure() -> list[Figure]:
    """Medians of both kinds, in milliseconds."""
    with running(_SETTINGS) as stack:
        _prepare(stack)
        freed, arrived = asyncio.run(_run(stack))
    say(f"ringing: {len(freed['routed'])} and {len(freed['bare'])} calls that waited, {len(arrived['routed'])} found all free")
    return [
        Figure(
            name="ringing_when_free",
            ours=statistics.median(freed["routed"]),
            peer=statistics.median(freed["bare"]),
            limit=LARGEST_RATIO,
            unit="ms, median",
            note=f"{len(freed['routed'])} and {len(freed['bare'])} calls",
        ),
        Figure(
            name="ringing_on_arrival",
            ours=statistics.median(arrived["routed"]),
            peer=statistics.median(arrived["bare"]),
            limit=LARGEST_RATIO,
            unit="ms, median",
            note="from the answer of the system; ours asks the policy and PostgreSQL first",
        ),
    ]


def _prepare(stack: Trial) -> None:
    for kind, (dialled, _) in KINDS.items():
        for step in _STEPS[kind]:
            stack.asterisk(f"dialplan add extension {dialled},{step} into citizens")
        for agent in SEATS[kind]:
            stack.fetch("UPDATE agents SET sub_centre = $2 WHERE agent = $1", str(agent), kind)
    stack.asterisk("dialplan add extension s,1,Goto(hangup,s,1) into flow replace")
    query = "SELECT count(*) FROM queue_members WHERE queue IN ('routed', 'bare') AND interface NOT LIKE '%browser'"
    wait_until(lambda: stack.fetch(query)[0]["count"] == 20, what="the agents are in their queues")


async def _run(stack: Trial) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds by kind: from a telephone that was put down, and from a caller who was answered."""
    rang: list[Line] = []
    citizens: list[Line] = []
    secrets = {str(user): stack.credentials.agents[str(user)] for users in SEATS.values() for user in users}
    async with asyncio.TaskGroup() as tasks:

        def rings(line: Line) -> None:
            rang.append(line)
            tasks.create_task(_talks(line))

        async with DirectedSeats(stack.settings, secrets, rings):
            await _dial(stack, CALLS, RATE, citizens.append)
            first = len(rang)
            freed = _freed(rang[:first])
            await _dial(stack, SINGLE, 1.0, citizens.append)
    return freed, _arrived(citizens[2 * CALLS :], rang[first:])


async def _dial(stack: Trial, calls: int, rate: float, made: Callable[[Line], None]) -> None:
    """Both kinds at once, until all calls are over."""

    async def kind(dialled: str, prefix: str) -> None:
        rows = [(f"{prefix}{calls:04}{place:04}", "") for place in range(calls)]
        async with DirectedCallers(stack.settings, rows, dialled, made, rate=rate) as callers:
            await callers.finished(within=calls / rate + 120)

    async with asyncio.TaskGroup() as both:
        for dialled, prefix in KINDS.values():
            both.create_task(kind(dialled, prefix))


async def _talks(line: Line) -> None:
    line.tell("answer")
    await line.until(lambda call: call.answered_at or call.ended_at)
    await asyncio.sleep(TALK_SECONDS)
    line.tell("hangup")


def _freed(rang: list[Line]) -> dict[str, list[float]]:
    """From each end of a call at a telephone to its next ringing. The first third is left out: nobody may have waited yet."""
    by_agent: defaultdict[str, list[Line]] = defaultdict(list)
    for line in rang[len(rang) // 3 :]:
        by_agent[line.call.party].append(line)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for agent, lines in by_agent.items():
        kind = next(kind for kind, users in SEATS.items() if int(agent) in users)
        lines.sort(key=lambda line: line.call.invited_at)
        for before, after in pairwise(lines):
            if before.call.ended_at:
                found[kind].append((after.call.invited_at - before.call.ended_at).total_seconds() * 1000)
    return found


def _arrived(citizens: list[Line], rang: list[Line]) -> dict[str, list[float]]:
    """From the answer to a caller to the first telephone that rings for it."""
    rings: dict[str, Line] = {}
    for line in sorted(rang, key=lambda line: line.call.invited_at):
        rings.setdefault(line.call.caller, line)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for citizen in citizens:
        own, answered = citizen.call.party, citizen.call.answered_at
        if own in rings and answered:
            kind = next(kind for kind, (_, prefix) in KINDS.items() if own.startswith(prefix))
            found[kind].append((rings[own].call.invited_at - answered).total_seconds() * 1000)
    return found

"""From a click at a desk to the action on the line: 60 agents at their desks while 20 calls a second come in.

Every desk pauses, is ready again, holds the call that it has and takes it back, over HTTP, as the page does. An order is answered
when Asterisk has done it, so its duration is what the agent waits. What cannot be done at that moment (no call to hold)
is refused, and does not count. ``BENCH_CLICKS_SECONDS`` sets how long the calls come.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from typing import Any

import aiohttp
import msgspec

from bench.figure import Figure, say
from bench.load import percentile
from bench.stack import check_unchanged, groups, running
from hotline import clock
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests.trial import Trial

DESKS, RATE = 60, 20.0
SECONDS = float(os.environ.get("BENCH_CLICKS_SECONDS", "40"))
LIMIT_MS = 200.0
_BETWEEN_SECONDS = 2.5
"""Between two clicks at one desk, on the average."""
_TALK_SECONDS = 1.5
_SETTINGS: dict[str, dict[str, object]] = {
    "agents": {"last": 1000 + DESKS},
    "queue": {"wrapup_seconds": 0, "announce_seconds": 600, "overload_waiting": 1000},
}
_NUMBER = "20031"
_ORDERS: dict[str, tuple[tuple[str, Any], ...]] = {
    "pause": (("pause", {"reason": "break"}), ("ready", None)),
    "hold": (("call/hold", None), ("call/resume", None)),
}


def measure() -> list[Figure]:
    """Run it once; raises ``RuntimeError`` when a part died meanwhile."""
    with running(_SETTINGS) as stack:
        parts = groups(stack)
        for step in ("1,Answer()", "2,Set(HOTLINE_QUEUE=hotline)", "3,Goto(agents,s,1)"):
            stack.asterisk(f"dialplan add extension {_NUMBER},{step} into citizens")
        stack.asterisk("dialplan add extension s,1,Goto(hangup,s,1) into flow replace")
        took, refused = asyncio.run(_click(stack))
        check_unchanged(stack, parts)
        answered = stack.fetch("SELECT count(*) FROM requests WHERE outcome = 'answered'")[0]["count"]
    clicks = [one for times in took.values() for one in times]
    shares = ", ".join(f"{name} {len(times)}: p95 {percentile(times, 0.95):.0f} ms" for name, times in took.items())
    say(f"clicks: {shares}; refused {dict(refused)}; {answered} calls answered")
    note = f"{len(clicks)} clicks, {answered} calls; median {percentile(clicks, 0.5):.0f} ms, longest {max(clicks):.0f} ms"
    return [Figure(name="click_to_line_p95", ours=percentile(clicks, 0.95), unit="ms", limit=LIMIT_MS, note=note)]


async def _click(stack: Trial) -> tuple[dict[str, list[float]], Counter[str]]:
    """Milliseconds of each order that was carried out, and why others were not."""
    count = int(RATE * SECONDS)
    citizen = Citizen(number="", keys="", stay_seconds=30, speech=None, mode="drop")
    citizens = [msgspec.structs.replace(citizen, number=f"1391{place:07d}") for place in range(count)]
    users = stack.settings.agents.numbers()
    seats = [Seat(user=user, talk_seconds=_TALK_SECONDS, ring_seconds=0.2, speech=None, mode="drop") for user in users]
    took: dict[str, list[float]] = {}
    refused: Counter[str] = Counter()
    async with contextlib.AsyncExitStack() as opened:
        await opened.enter_async_context(Seats(stack.settings, stack.credentials.agents, seats))
        desks = [await opened.enter_async_context(await _logged_in(stack, user)) for user in users]
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        dialled = msgspec.structs.replace(stack.settings.trunks, hotline_number=_NUMBER)
        chosen = msgspec.structs.replace(stack.settings, trunks=dialled)
        async with Citizens(chosen, citizens, rate=RATE) as group:
            clicking = [tasks.create_task(_desk(desk, number, took, refused)) for number, desk in enumerate(desks)]
            await asyncio.sleep(SECONDS)
            for task in clicking:
                task.cancel()
            await group.results(60)
    return took, refused


async def _desk(client: aiohttp.ClientSession, number: int, took: dict[str, list[float]], refused: Counter[str]) -> None:
    chance = random.Random(number)
    while True:
        for path, body in _ORDERS["pause" if chance.random() < 0.5 else "hold"]:
            await asyncio.sleep(chance.uniform(0.2, 2 * _BETWEEN_SECONDS) if path in ("pause", "call/hold") else 0.3)
            began = clock.monotonic()
            async with client.post(f"/api/agents/me/{path}", json=body) as answer:
                said = await answer.json()
            if answer.status == 200:
                took.setdefault(path, []).append((clock.monotonic() - began) * 1000)
            else:
                refused[said["error"]["code"]] += 1
                break


async def _logged_in(stack: Trial, user: str) -> aiohttp.ClientSession:
    web = stack.settings.web
    client = aiohttp.ClientSession(base_url=f"http://{web.host}:{web.port}", cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with client.post("/api/login", json={"username": user, "password": stack.credentials.web[user]}) as answer:
        answer.raise_for_status()
    return client

"""From Asterisk's own timestamp to the figure on a WebSocket client, at 20 calls a second on the whole stack.

Short calls go straight into the queue (a number of the benchmark's own: what is measured is the way of the events), talk to an
agent for a second and hang up. A client of ``/api/live/ws`` notes when it sees the number of
requests and of answered ones grow; afterwards the timestamps are read from the table of requests. The n-th smallest timestamp was
on the screen when the count reached n. Other clients watch meanwhile. ``BENCH_LIVE_SECONDS`` sets how long the calls come.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import datetime as dt
import os
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

RATE = 20.0
SECONDS = float(os.environ.get("BENCH_LIVE_SECONDS", "40"))
LIMIT_MS = 150.0
WATCHERS = 5
_SETTLE_SECONDS = 60.0
_SETTINGS: dict[str, dict[str, object]] = {
    "agents": {"first": 1001, "last": 1120},
    "queue": {"wrapup_seconds": 0, "announce_seconds": 600},
}
_NUMBER = "20003"
_DIALPLAN = f"""
[citizens]
exten => {_NUMBER},1,Answer()
 same => n,Queue(hotline,c,,,600)
 same => n,UserEvent(QueueExit,Queue: hotline,Status: ${{QUEUESTATUS}},Uniqueid: ${{UNIQUEID}})
 same => n,Hangup()
"""


class _Counts(msgspec.Struct):
    raw: dict[str, int]


class _Set(msgspec.Struct):
    requests: dict[str, _Counts] = {}


class _Message(msgspec.Struct):
    set: _Set


class Screen(msgspec.Struct):
    """What a client saw: when each count was reached."""

    total: list[tuple[int, dt.datetime]] = []
    answered: list[tuple[int, dt.datetime]] = []
    messages: int = 0
    size: int = 0

    def see(self, message: bytes) -> None:
        """Take a message."""
        now = clock.now()
        self.messages += 1
        self.size += len(message)
        counts = _DECODER.decode(message).set.requests.get("today/whole")
        if counts:
            self.total.append((counts.raw["total"], now))
            self.answered.append((counts.raw["answered"], now))


_DECODER = msgspec.json.Decoder(_Message)


def measure() -> list[Figure]:
    """Run it once; raises ``RuntimeError`` when a part died meanwhile."""
    with running(_SETTINGS) as stack:
        parts = groups(stack)
        _add_number(stack)
        screen = asyncio.run(_watch_calls(stack))
        check_unchanged(stack, parts)
        begun = [row["at"] for row in stack.fetch(f"{_ROWS} ORDER BY requested_at")]
        answered = [row["at"] for row in stack.fetch(f"{_ANSWERED} ORDER BY ended_at")]
    if len(answered) < RATE * SECONDS * 0.95:
        raise RuntimeError(f"only {len(answered)} calls were answered")
    waits = late(begun, screen.total) + late(answered, screen.answered)
    say(
        f"live_latency: {len(begun)} requests, {len(answered)} answered; {screen.messages} messages of "
        f"{screen.size / max(1, screen.messages) / 1024:.0f} KiB to each of {WATCHERS + 1} clients; "
        f"median {percentile(waits, 0.5):.0f} ms, p99 {percentile(waits, 0.99):.0f} ms, longest {max(waits):.0f} ms"
    )
    note = f"{len(waits)} changes at {RATE:g} calls a second; median {percentile(waits, 0.5):.0f} ms, longest {max(waits):.0f} ms"
    return [Figure(name="live_latency_p99", ours=percentile(waits, 0.99), unit="ms", limit=LIMIT_MS, note=note)]


_ROWS = "SELECT requested_at AS at FROM requests WHERE NOT void AND kind = 'caller'"
_ANSWERED = "SELECT ended_at AS at FROM requests WHERE NOT void AND kind = 'caller' AND outcome = 'answered'"


def late(stamps: list[dt.datetime], seen: list[tuple[int, dt.datetime]]) -> list[float]:
    """Milliseconds from each timestamp until the count that includes it was on the screen."""
    counts = [count for count, _ in seen]
    places = [bisect.bisect_left(counts, number) for number in range(1, len(stamps) + 1)]
    if places and places[-1] == len(seen):
        raise RuntimeError(f"the screen said {counts[-1] if counts else 0}, the table {len(stamps)}")
    return [(seen[place][1] - at).total_seconds() * 1000 for place, at in zip(places, stamps, strict=True)]


def _add_number(stack: Trial) -> None:
    with (stack.var / "asterisk" / "etc" / "extensions.conf").open("a") as extensions:
        extensions.write(_DIALPLAN)
    stack.asterisk("dialplan reload")


async def _watch_calls(stack: Trial) -> Screen:
    screen = Screen()
    count = int(RATE * SECONDS)
    citizen = Citizen(number="", keys="", stay_seconds=30, speech=None, mode="drop")
    citizens = [msgspec.structs.replace(citizen, number=f"1390{place:07d}") for place in range(count)]
    seats = [
        Seat(user=user, talk_seconds=1, ring_seconds=0.2, speech=None, mode="drop") for user in stack.settings.agents.numbers()
    ]
    async with contextlib.AsyncExitStack() as opened:
        client = await opened.enter_async_context(await _logged_in(stack))
        await opened.enter_async_context(Seats(stack.settings, stack.credentials.agents, seats))
        tasks = await opened.enter_async_context(asyncio.TaskGroup())
        sockets = [await opened.enter_async_context(_socket(client)) for _ in range(WATCHERS + 1)]
        watching = [tasks.create_task(_watch(sockets[0], screen)), *(tasks.create_task(_ignore(one)) for one in sockets[1:])]
        dialled = msgspec.structs.replace(stack.settings.trunks, hotline_number=_NUMBER)
        async with Citizens(msgspec.structs.replace(stack.settings, trunks=dialled), citizens, rate=RATE) as group:
            await group.results(SECONDS + _SETTLE_SECONDS)
        await asyncio.sleep(2)  # the last figures
        for task in watching:
            task.cancel()
    return screen


async def _logged_in(stack: Trial) -> aiohttp.ClientSession:
    web = stack.settings.web
    client = aiohttp.ClientSession(base_url=f"http://{web.host}:{web.port}", cookie_jar=aiohttp.CookieJar(unsafe=True))
    body = {"username": "admin", "password": stack.credentials.web["admin"]}
    async with client.post("/api/login", json=body) as answer:
        answer.raise_for_status()
    return client


def _socket(client: aiohttp.ClientSession) -> Any:
    return client.ws_connect("/api/live/ws", max_msg_size=1 << 24)


async def _watch(socket: aiohttp.ClientWebSocketResponse, screen: Screen) -> None:
    async for message in socket:
        screen.see(message.data.encode())


async def _ignore(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass

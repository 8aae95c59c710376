"""Live figures over real connections from a real database: what is committed is seen, by every client the same (metrics, 7.3)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest

from ami_bridge.figures.live import Live
from ami_bridge.figures.live_rows import RequestRow, Row
from desks import live as desks_live
from hotline import clock
from tests.desks_peer import Desks, eventually, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

Document = dict[str, dict[str, Any]]


class Watcher:
    """A client of the WebSocket that merges what comes, in its own few lines."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.known: Document = {}
        self.seq = -1
        self.messages = 0

    async def until(self, holds: Callable[[Document], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not (self.known and holds(self.known)):
                await self.take()

    async def take(self) -> None:
        message = await self.socket.receive_json()
        if message["since"] is None:
            self.known = {}
        else:
            assert message["since"] == self.seq
        for section, values in message["set"].items():
            self.known.setdefault(section, {}).update(values)
        for section, keys in message["gone"].items():
            for key in keys:
                self.known.get(section, {}).pop(key, None)
        self.known = {section: values for section, values in self.known.items() if values}
        self.seq = message["seq"]
        self.messages += 1


@asynccontextmanager
async def watching(client: aiohttp.ClientSession, query: str = "", **more: Any) -> AsyncIterator[Watcher]:
    async with client.ws_connect(f"/api/live/ws{query}", max_msg_size=1 << 24, **more) as socket:
        yield Watcher(socket)


def counted(outcome: str, n: int, window: str = "5min", view: str = "whole", side: str = "raw") -> Callable[[Document], bool]:
    """So many requests of an outcome."""
    key = f"{window}/{view}"
    return lambda known: key in known.get("requests", {}) and bool(known["requests"][key][side][outcome] == n)


def test_what_a_bridge_commits_is_on_the_screen_at_once_and_the_same_on_every_screen(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.call(1)
        await desks.request(1)
        async with desks.client() as client, watching(client) as early:
            await early.until(counted("waiting", 1))
            assert early.known["now"]["whole"]["waiting"] == 1
            for number in range(2, 20):
                await desks.request(number, "answered", wait=number)
            async with watching(client) as late:
                await desks.request(1, "answered")
                for watcher in (early, late):
                    await watcher.until(counted("answered", 19))
                figure = early.known["figures"]["today/whole/answer_timely_connected"]
                assert figure == {side: {"n": 15, "d": 19, "value": 15 / 19, "goal": 0.8} for side in ("raw", "net")}
                assert early.known["now"]["whole"] == {
                    "waiting": 0,
                    "transfers": 0,
                    "longest_since": None,
                    "longest_seconds": None,
                }
                await same(early, late, client)

    with_desks(empty_database, work)


async def same(one: Watcher, other: Watcher, client: aiohttp.ClientSession) -> None:
    """Both have what a fresh snapshot says, once they are as far as it."""
    async with client.get("/api/live") as answer:
        fresh = await answer.json()
    while one.seq < fresh["seq"]:
        await one.take()
    while other.seq < one.seq:
        await other.take()
    while one.seq < other.seq:
        await one.take()
    assert one.seq == other.seq
    assert one.known == other.known
    if one.seq == fresh["seq"]:
        assert one.known == fresh["set"]


def test_a_client_that_does_not_read_gets_less_often_more_and_nothing_is_kept_for_it(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client() as client, watching(client) as quick:
            reader, writer = await raw_socket(client, desks)
            await quick.until(lambda known: known["source"]["database"]["state"] == "live")
            seen = quick.messages
            for number in range(120):
                await desks.request(number, "answered", wait=number / 7)
            await quick.until(counted("answered", 120))
            assert desks.parts.feed.watchers == 2
            assert quick.messages > seen
            writer.transport.abort()
            del reader

            async def alone() -> bool:
                await desks.request(1, "answered", wait=1, hops=1)
                return desks.parts.feed.watchers == 1

            await eventually(alone)

    with_desks(empty_database, work)


async def raw_socket(client: aiohttp.ClientSession, desks: Desks) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket that is opened and never read."""
    (cookie,) = client.cookie_jar
    host, port = desks.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        f"GET /api/live/ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Cookie: {cookie.key}={cookie.value}\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    return reader, writer


def test_windows_and_views_can_be_chosen(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.request(1, "answered")
        async with desks.client("1001") as client, watching(client, "?windows=today,5min&views=queue:hotline") as watcher:
            await watcher.until(counted("answered", 1, view="queue:hotline"))
            keys = {key.rpartition("/")[0] for key in watcher.known["figures"]}
            assert keys == {"today/queue:hotline", "5min/queue:hotline"}
            assert set(watcher.known["windows"]) == {"today", "5min"}
            async with client.get("/api/live?windows=year") as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_choice")

    with_desks(empty_database, work)


def test_the_figures_outlive_the_database_with_their_age_and_go_on_when_it_is_back(
    tmp_path: Path, new_postgres: type[Postgres], migrate: Callable[[str], None]
) -> None:
    server = new_postgres(tmp_path / "pg")
    server.start()
    migrate(server.owner)

    async def work(desks: Desks) -> None:
        await desks.status()
        await desks.request(1, "answered")
        async with desks.client() as client, watching(client) as watcher:
            await watcher.until(counted("answered", 1))
            as_of = watcher.known["nodes"]["n1"]["as_of"]
            await asyncio.to_thread(server.kill)
            await watcher.until(lambda known: known["source"]["database"]["state"] == "away")
            assert counted("answered", 1)(watcher.known)
            assert watcher.known["nodes"]["n1"]["as_of"] == as_of
            async with client.get("/api/live") as answer:
                assert answer.status == 200
            async with client.get("/api/gaps?from=2026-01-01&to=2026-01-02", headers={"Accept-Language": "en"}) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (503, "unavailable")
            await asyncio.to_thread(server.start)
            desks.writer = await asyncpg.connect(server.dsn)
            await desks.request(2, "answered")
            await watcher.until(counted("answered", 2), seconds=20)
            await watcher.until(lambda known: known["source"]["database"]["state"] == "live")
            desks.writer.terminate()

    try:
        with_desks(server, work)
    finally:
        server.stop()


def test_a_database_that_is_older_than_the_figures_is_read_again_from_scratch(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.request(1, "answered")
        await desks.request(2, "answered")
        async with desks.client() as client, watching(client) as watcher:
            await watcher.until(counted("answered", 2))
            async with desks.writer.transaction():
                await desks.writer.execute("UPDATE requests SET void = true WHERE call_id = 'c2'")
                await desks.writer.execute("UPDATE bridge_positions SET version = 1")
            await watcher.until(counted("answered", 1))
            desks.versions["n1"] = 1
            await desks.request(3, "answered")
            await watcher.until(counted("answered", 2))

    with_desks(empty_database, work)


def test_an_exclusion_in_force_is_live_on_the_net_side_alone(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.request(1, "abandoned", wait=60, ago=100)
        await desks.request(2, "answered")
        since = clock.now() - dt.timedelta(seconds=200)
        until = clock.now() - dt.timedelta(seconds=50)
        async with desks.client("leader") as leader, desks.client("office") as office, watching(office) as watcher:
            await watcher.until(counted("abandoned", 1, side="net"))
            body = {"from": since.isoformat(), "to": until.isoformat(), "reason": "sudden_event", "note": "storm"}
            async with leader.post("/api/exclusions", json=body) as answer:
                key = (await answer.json())["exclusion_id"]
            async with office.post(f"/api/exclusions/{key}/confirm") as answer:
                assert await answer.json() == {"requests": 1}
            await watcher.until(counted("abandoned", 0, side="net"))
            assert counted("abandoned", 1)(watcher.known)
            rate = watcher.known["figures"]["5min/whole/connection_rate"]
            assert (rate["raw"]["value"], rate["net"]["value"]) == (0.5, 1.0)
            async with office.post(f"/api/exclusions/{key}/withdraw") as answer:
                assert await answer.json() == {"requests": 1}
            await watcher.until(counted("abandoned", 1, side="net"))
            desks.versions["n1"] = await desks.writer.fetchval("SELECT version FROM bridge_positions")

    with_desks(empty_database, work)


def test_an_exclusion_of_a_month_is_not_read_by_the_live_figures_and_an_old_wait_is_followed_to_its_end(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month holds a million requests; live are those of a day, and whoever waits since before."""
    taken: set[str] = set()

    def apply(live: Live, rows: list[Row]) -> None:
        taken.update(row.call_id for row in rows if isinstance(row, RequestRow))
        live.state.apply(rows)

    async def work(desks: Desks) -> None:
        old, day = 20 * 86400.0, 86400.0
        await desks.request(1, "abandoned", wait=60, ago=100)
        await desks.request(2, "abandoned", wait=60, ago=old)
        begin = (clock.now() - dt.timedelta(days=30)).isoformat()
        async with desks.client("leader") as leader, desks.client("office") as office, watching(office) as watcher:
            await watcher.until(counted("abandoned", 1, side="net"))
            await desks.request(3, ago=3 * day)
            await watcher.until(lambda known: known["now"]["whole"]["waiting"] == 1)
            taken.clear()
            async with leader.post("/api/exclusions", json={"from": begin, "reason": "sudden_event"}) as answer:
                key = (await answer.json())["exclusion_id"]
            async with office.post(f"/api/exclusions/{key}/confirm") as answer:
                assert await answer.json() == {"requests": 3}
            await watcher.until(counted("abandoned", 0, side="net"))
            desks.versions["n1"] = await desks.writer.fetchval("SELECT version FROM bridge_positions")
            await desks.request(3, "abandoned", wait=3 * day, ago=3 * day)
            await watcher.until(lambda known: known["now"]["whole"]["waiting"] == 0)
            assert taken == {"c1", "c3"}

    monkeypatch.setattr(Live, "apply", apply)
    with_desks(empty_database, work)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_gets_no_connection(empty_database: Postgres, origin: str) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect("/api/live/ws", headers={"Origin": origin})
            assert refused.value.status == 403
            async with watching(client, headers={"Origin": desks.url}) as watcher:
                await watcher.take()

    with_desks(empty_database, work)


def test_nobody_without_a_login_sees_a_figure(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as stranger:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stranger.ws_connect("/api/live/ws")
            assert refused.value.status == 401

    with_desks(empty_database, work)


def test_who_logs_out_stops_seeing(empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks_live, "_LOGIN_SECONDS", 0.2)

    async def work(desks: Desks) -> None:
        await desks.status()
        async with desks.client() as client, watching(client) as watcher:
            await watcher.take()
            async with client.post("/api/logout") as answer:
                assert answer.status == 200
            async with asyncio.timeout(10):
                while (message := await watcher.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    json.loads(message.data)
            assert watcher.socket.close_code == 4401

    with_desks(empty_database, work)

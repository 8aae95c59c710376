"""The web application on a free port over a real database, in this process, and rows committed as a bridge commits them."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
from aiohttp import web

from acd import parts as acd
from desks.application import application
from desks.desk import Parts, live_rules
from desks.desk_feed import DeskFeed
from desks.feed import Feed
from desks.health import Health
from desks.login import Sessions
from hotline import clock, database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

PASSWORDS = {"admin": "a", "leader": "l", "office": "o", "1001": "s"}


class Desks:
    """The application on a free port, its feed, and a connection that commits what a bridge would."""

    def __init__(self, url: str, parts: Parts, writer: asyncpg.Connection) -> None:
        self.url, self.parts, self.writer = url, parts, writer
        self.versions: dict[str, int] = {}
        self.began: dict[tuple[int, float], dt.datetime] = {}

    @asynccontextmanager
    async def client(self, user: str = "admin") -> AsyncIterator[aiohttp.ClientSession]:
        """A browser that is logged in; cookies of an address need to be allowed."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(base_url=self.url, cookie_jar=jar) as session:
            async with session.post("/api/login", json={"username": user, "password": PASSWORDS[user]}) as answer:
                assert answer.status == 200
            yield session

    async def token(self, role: str, username: str = "somebody", *, unit: str = "", organisation: str = "government") -> str:
        """A session of somebody in this role; with a unit, or of the operator, of somebody who has an account."""
        token = f"{role}-{username}"
        if unit or organisation != "government":
            await self.writer.execute(
                "INSERT INTO accounts (username, password_hash, roles, unit, organisation, made_by)"
                " VALUES ($1, '', ARRAY[$2], $3, $4, 'test') ON CONFLICT (username) DO NOTHING",
                username,
                role,
                unit,
                organisation,
            )
        await self.writer.execute(
            "INSERT INTO web_sessions (token_hash, username, role, expires_at) VALUES ($1, $2, $3, now() + interval '1 hour')"
            " ON CONFLICT DO NOTHING",
            hashlib.sha256(token.encode()).digest(),
            username,
            role,
        )
        return token

    async def request(self, call: int, outcome: str = "waiting", *, ago: float = 10, wait: float = 3, **changes: Any) -> None:
        """One more version of a request, committed as the bridge does: row, version, notification. Its beginning stays."""
        start = self.began.setdefault((call, ago), (clock.now() - dt.timedelta(seconds=ago)).replace(microsecond=0))
        row: dict[str, Any] = {"node": "n1", "call_id": f"c{call}", "number": 1, "kind": "caller", "caller": f"1380000{call:04d}"}
        row |= {"queue": "hotline", "first_queue": "hotline", "skill": "mandarin", "requested_at": start, "source": "ami"}
        row |= {"outcome": outcome, "ended_at": None if outcome == "waiting" else start + dt.timedelta(seconds=wait)}
        row |= {"wait_us": 0 if outcome == "waiting" else round(wait * 1e6)}
        await self.commit("requests", row | changes)

    async def call(self, number: int, *, ago: float = 12, **changes: Any) -> None:
        """One more version of a call."""
        start = (clock.now() - dt.timedelta(seconds=ago)).replace(microsecond=0)
        row = {
            "node": "n1",
            "call_id": f"c{number}",
            "caller_number": f"1380000{number:04d}",
            "started_at": start,
            "source": "ami",
        }
        await self.commit("calls", row | changes)

    async def commit(self, table: str, row: dict[str, Any]) -> None:
        """A row with the next version of its node; its quarter-hour is to be rolled up anew."""
        node = row["node"]
        version = self.versions[node] = self.versions.get(node, 0) + 1
        values = row | {"version": version}
        names, places = ", ".join(values), ", ".join(f"${n + 1}" for n in range(len(values)))
        key = {"requests": "requested_at, node, call_id, number", "calls": "node, call_id", "agent_states": "node, agent"}[table]
        fresh = ", ".join(f"{name} = excluded.{name}" for name in values)
        statement = f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {fresh}"
        async with self.writer.transaction():
            await self.writer.execute(
                "INSERT INTO bridge_positions (node, segment, version) VALUES ($1, 1, $2)"
                " ON CONFLICT (node) DO UPDATE SET version = $2",
                node,
                version,
            )
            await self.writer.execute(statement, *values.values())
            await self.writer.execute(
                "INSERT INTO dirty_quarters VALUES (date_bin('15 minutes', $1, 'epoch'), $2, $3)"
                " ON CONFLICT (quarter, node) DO UPDATE SET version = $3",
                row.get("requested_at", row.get("started_at", clock.now())),
                node,
                version,
            )
            await self.writer.execute("SELECT pg_notify('figures', $1)", f"{node} {version}")

    async def status(self, node: str = "n1", *, ago: float = 0, connected: bool = True) -> None:
        """What a bridge says of itself every second."""
        await self.writer.execute(
            "INSERT INTO bridge_status (node, at, connected, event_lag_ms, journal_segment, journal_bytes, backlog, calls_open,"
            " events, unwanted, undecodable, oversized, conservation_violations, gaps_open, rss_bytes, version)"
            " VALUES ($1, $2, $3, 7, 3, 4096, 0, 1, 100, 50, 0, 0, 0, 0, 50000000, 1)"
            " ON CONFLICT (node) DO UPDATE SET at = $2, connected = $3",
            node,
            clock.now() - dt.timedelta(seconds=ago),
            connected,
        )


@asynccontextmanager
async def serving(server: Postgres) -> AsyncIterator[Desks]:
    """Everything but the health of other parts."""
    settings = Settings()
    writer = await asyncpg.connect(server.dsn)
    async with await database.pool(server.dsn, name="desks", largest=8, connect_seconds=2) as pool, asyncio.TaskGroup() as tasks:
        feed = Feed(pool, live_rules(settings))
        desk_feed = DeskFeed(acd.Parts(settings, pool, settings.asterisk.node))
        parts = Parts(settings, pool, Health({}), Sessions(pool, PASSWORDS), feed, desk_feed)
        runner = web.AppRunner(application(parts), access_log=None, shutdown_timeout=2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        feeding = [tasks.create_task(work) for work in (feed.run(), desk_feed.run(), parts.sessions.run())]
        try:
            yield Desks(f"http://{host}:{port}", parts, writer)
        finally:
            feed.close()
            desk_feed.close()
            await runner.cleanup()
            for task in feeding:
                task.cancel()
            writer.terminate()


def with_desks(server: Postgres, work: Callable[[Desks], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving(server) as desks:
            await work(desks)

    asyncio.run(run())


async def as_(desks: Desks, role: str, username: str = "", unit: str = "", *, url: str = "") -> aiohttp.ClientSession:
    """Somebody in this role, who reads English; named after role and unit unless given. ``url``: another server's."""
    token = await desks.token(role, username or f"{role}{unit}".lower(), unit=unit)
    return bearer(desks, token, url=url)


def bearer(desks: Desks, token: str, *, url: str = "") -> aiohttp.ClientSession:
    """Whoever this session is of, who reads English."""
    return aiohttp.ClientSession(url or desks.url, headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"})


async def said(client: aiohttp.ClientSession, order: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    """``METHOD path`` answered with this status: its document, or its text. ``headers``: ``If_Match`` for ``If-Match``."""
    method, _, path = order.partition(" ")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, path, json=body, headers=names) as answer:
        found = await answer.json() if answer.content_type == "application/json" else await answer.text()
        assert answer.status == status, (order, answer.status, found)
        return found


async def refused(client: aiohttp.ClientSession, order: str, body: Any, status: int) -> str:
    """``METHOD path`` refused with this status and a sentence: the code."""
    error = (await said(client, order, body, status))["error"]
    assert error["message"], order
    return str(error["code"])


async def raw_status(desks: Desks, order: bytes, headers: bytes, body: bytes = b"") -> int:
    """The status of ``METHOD path`` with headers that no client would send."""
    host, _, port = desks.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n\r\n%s" % (order, host.encode(), headers, body))
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    deadline = clock.monotonic() + seconds
    while not await holds():
        assert clock.monotonic() < deadline
        await asyncio.sleep(0.02)

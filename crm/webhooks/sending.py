"""Tells receivers what is in the outbox, at least once, in order for each ticket; a slow or dead receiver delays no other.

A sender takes a delivery for a while, sends it, and writes down what became of it. If it is killed in between, the delivery is
taken again when that while is over: a receiver knows what it had by the delivery's id. Any number of senders may run.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import structlog

from acd.parts import Parts
from crm.webhooks import address
from crm.webhooks.pauses import pause_seconds
from crm.webhooks.signature import HEADER, signature
from hotline import clock, database, sql
from hotline.settings import Webhooks

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "webhooks.sql")
_AT_ONCE = 4
"""To one receiver."""
_LOOK_SECONDS, _SPARE_SECONDS, _CLEAN_SECONDS = 0.5, 20.0, 3600.0
_MOST_READ = 4096
_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError, ssl.CertificateError)


async def run(parts: Parts) -> None:
    """For ever."""
    async with Sender(parts).open() as sender, asyncio.TaskGroup() as tasks:
        cleaned = clock.monotonic()
        while True:
            taken = await sender.take()
            for row in taken:
                tasks.create_task(sender.deliver(row))
            if clock.monotonic() - cleaned > _CLEAN_SECONDS:
                cleaned = clock.monotonic()
                await sender.clean()
            if not taken:
                await sender.wait()


class Sender:
    """Takes deliveries and sends them."""

    def __init__(self, parts: Parts) -> None:
        self._pool, self._chosen = parts.pool, parts.settings.webhooks
        self._is_away = False
        self._woken = asyncio.Event()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Sender]:
        """With connections that go to allowed addresses alone."""
        async with _client(self._chosen, encrypted=True) as secure, _client(self._chosen, encrypted=False) as plain:
            self._clients = {True: secure, False: plain}
            yield self

    async def take(self) -> list[asyncpg.Record]:
        """What is to be sent now; nothing while the database is away."""
        lease = self._chosen.timeout_seconds + _SPARE_SECONDS
        try:
            found: list[asyncpg.Record] = await self._pool.fetch(_QUERIES["take"], _AT_ONCE, lease, self._chosen.give_up_hours)
        except database.TROUBLE as error:
            self._warn(error)
            return []
        self._is_away = False
        return found

    async def deliver(self, row: asyncpg.Record) -> None:
        """Send one, and write down what became of it. If that cannot be written, it is sent again: at least once."""
        status, problem = await self._send(row)
        try:
            if not problem:
                await self._pool.execute(_QUERIES["delivered"], row["delivery_id"], status)
            else:
                pause = pause_seconds(self._chosen.retry_seconds, row["tries"], random.random())  # noqa: S311
                await self._pool.execute(_QUERIES["failed"], row["delivery_id"], status, problem, pause)
        except database.TROUBLE as error:
            self._warn(error)
        self._woken.set()  # the next one of this ticket may be sent

    async def clean(self) -> None:
        """Forget what was delivered long ago."""
        with contextlib.suppress(*database.TROUBLE):
            await self._pool.execute(_QUERIES["clean"])
        database.stop_if_cancelled()

    async def wait(self) -> None:
        """Until something was settled, or for a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _send(self, row: asyncpg.Record) -> tuple[int | None, str]:
        """The status that was answered, if any, and what was wrong; of the answer only its beginning is read."""
        delivery, body = str(row["delivery_id"]), row["body"].encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "hotline-12345",
            "Hotline-Event": row["event"],
            "Hotline-Delivery": delivery,
            HEADER: signature(row["secret"], int(clock.now().timestamp()), delivery, body),
        }
        client = self._clients[row["url"].startswith("https:")]
        try:
            async with client.post(row["url"], data=body, headers=headers, allow_redirects=False) as answer:
                await answer.content.read(_MOST_READ)
                return answer.status, "" if 200 <= answer.status < 300 else f"answered {answer.status}"
        except _ERRORS as error:
            return None, (str(error) or type(error).__name__).replace("\x00", "")[:300]

    def _warn(self, error: BaseException) -> None:
        database.stop_if_cancelled()
        if not self._is_away:
            _log.warning("webhooks wait for the database", error=str(error) or type(error).__name__)
        self._is_away = True


def _client(chosen: Webhooks, *, encrypted: bool) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(socket_factory=_guarded(chosen, encrypted=encrypted), use_dns_cache=False, limit=100)
    timeout = aiohttp.ClientTimeout(total=chosen.timeout_seconds)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


def _guarded(chosen: Webhooks, *, encrypted: bool) -> Callable[[Any], socket.socket]:
    """Makes sockets for addresses that are allowed: asked for each connection, whatever the name pointed to before."""

    def make(found: Any) -> socket.socket:
        family, kind, protocol, _, where = found
        if not address.is_allowed(str(where[0]), chosen.networks, encrypted=encrypted):
            raise OSError(f"{where[0]} is not an address that webhooks may go to")
        return socket.socket(family, kind, protocol)

    return make

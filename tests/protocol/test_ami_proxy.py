"""The proxy that breaks the bridge's connection on demand: it passes on every byte, and does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ami_bridge import codec
from hotline.waiting import within
from tests.faults import AmiProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GREETING = b"Asterisk Call Manager/9.0.0\r\n"
EVENT = b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[AmiProxy, Callable[[], Awaitable[Streams]], asyncio.Queue[Streams]]]:
    """A proxy in front of a server: it, a way to connect through it, and what arrives at the server."""
    arrived: asyncio.Queue[Streams] = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: arrived.put_nowait((reader, writer)), "127.0.0.1", 0)
    async with AmiProxy(server.sockets[0].getsockname()[:2]) as proxy:
        yield proxy, lambda: asyncio.open_connection("127.0.0.1", proxy.port), arrived
    server.close()


def test_bytes_pass_in_both_directions_until_it_cuts() -> None:
    async def run() -> None:
        async with proxied() as (proxy, connect, arrived):
            reader, writer = await connect()
            far_reader, far_writer = await arrived.get()
            far_writer.write(GREETING + EVENT)
            assert await reader.readexactly(len(GREETING + EVENT)) == GREETING + EVENT
            writer.write(b"Action: Ping\r\n\r\n")
            assert await far_reader.readuntil(b"\r\n\r\n") == b"Action: Ping\r\n\r\n"
            proxy.cut()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
            far_writer.close()

    asyncio.run(within(run(), 20))


def test_frozen_it_holds_everything_back_and_thawed_it_gives_all_of_it() -> None:
    async def run() -> None:
        async with proxied() as (proxy, connect, arrived):
            reader, writer = await connect()
            _, far_writer = await arrived.get()
            proxy.freeze()
            far_writer.write(EVENT)
            with pytest.raises(TimeoutError):
                await within(reader.readexactly(1), 0.2)
            proxy.thaw()
            assert await reader.readexactly(len(EVENT)) == EVENT
            writer.close()
            far_writer.close()

    asyncio.run(within(run(), 20))


def test_in_a_storm_what_is_added_stands_between_events_and_nothing_is_lost() -> None:
    async def run() -> None:
        async with proxied() as (proxy, connect, arrived):
            reader, writer = await connect()
            _, far_writer = await arrived.get()
            proxy.stormy = 10_000
            decoder = codec.Decoder()
            frames: list[codec.Frame] = []
            for _ in range(50):
                far_writer.write(EVENT[:20])
                await far_writer.drain()
                await asyncio.sleep(0)
                far_writer.write(EVENT[20:])
            while sum(frame.name == "FullyBooted" for frame in frames) < 50 or len(frames) < 500:
                frames += decoder.feed(await reader.read(65536))
            assert {frame.name for frame in frames} == {"FullyBooted", "Newstate"}
            assert decoder.counts.undecodable == 0
            writer.close()
            far_writer.close()

    asyncio.run(within(run(), 20))

"""The bridge as a process, with 1000 calls in progress (CAP-30), and then in a storm of 10,000 events a second for 30 seconds.

A loopback AMI peer says what a real Asterisk said (``bench/peak_day.py``), filtered as a real one filters for the bridge; journal
and PostgreSQL are real. All of the storm's calls must be in the database in the end.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from ami_bridge import codec, facts
from bench import cpu
from bench.figure import Figure, say
from bench.peak_day import Day, Kind
from hotline import clock, database
from tests.ami_peer import peer, until
from tests.conftest import Postgres, run
from tests.db.test_ami_bridge import World

IN_PROGRESS, LIMIT_MIB = 1000, 150.0
RATE = 10_000
STORM_SECONDS = float(os.environ.get("BENCH_STORM_SECONDS", "30"))
_TALKING = Kind("answered", 100.0, "answered", "answered", mean_talk=1e7)
_STEP_SECONDS = 0.1
_DAY_SECONDS, _HOUR_US = 86_400, 3_600_000_000


def measure() -> list[Figure]:
    """Run it once."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        server = Postgres(Path(folder) / "pg")
        server.start()
        try:
            run(_migrate(server))
            return run(_measure(Path(folder), server))
        finally:
            server.stop()


async def _migrate(server: Postgres) -> None:
    connection = await asyncpg.connect(server.owner)
    await database.migrate(connection)
    await connection.close()


async def _measure(folder: Path, server: Postgres) -> list[Figure]:
    async with peer() as other:
        world = World(folder, server, other)
        world.start()
        assert world.bridge
        try:
            await world.repaired(1)
            return await _figures(world, world.bridge.pid)
        finally:
            await world.stop()


async def _figures(world: World, pid: int) -> list[Figure]:
    idle = _resident(pid)
    for part in _wanted(_talking()):
        await _say(world, b"".join(part))
    await until(lambda: world.alive()["calls_open"] >= IN_PROGRESS, seconds=60)
    await until(lambda: world.alive()["store_backlog"] == 0, seconds=60)
    talking = _resident(pid)
    say(f"bridge_memory: idle {idle:.1f} MiB, {world.alive()['calls_open']} calls in progress {talking:.1f} MiB")
    storm = Day(int(RATE * STORM_SECONDS / 14), seed=2, midnight=_today() - 2 * _DAY_SECONDS)
    most, said, late = await _storm(world, pid, storm)
    await until(lambda: world.alive()["store_backlog"] == 0, seconds=300)
    most = max(most, _resident(pid))
    stored = Counter(row["disposition"] for row in (await world.rows()).values())
    lost = (Counter({None: IN_PROGRESS}) + storm.truth.dispositions - stored).total()
    note = f"{said} events of {storm.truth.dispositions.total()} calls more; the last of them {late:.1f} s late"
    return [
        Figure(
            name="bridge_memory", ours=talking, unit="MiB resident", limit=LIMIT_MIB, note=f"{IN_PROGRESS} calls; idle {idle:.0f}"
        ),
        Figure(name="bridge_memory_storm", ours=most, unit="MiB resident", limit=LIMIT_MIB, note=note),
        Figure(name="bridge_storm_lost", ours=lost, unit="calls", limit=0, note="not stored, or as something else"),
    ]


def _talking() -> Iterator[bytes]:
    """Calls that arrive within an hour of the stream and are all connected at its end."""
    day = Day(IN_PROGRESS, first_hour=9, hours=1, midnight=_today() - _DAY_SECONDS, kinds=(_TALKING,))
    for chunk in day.chunks():
        if chunk.at_us > 10 * _HOUR_US + 30_000_000:
            return
        yield chunk.data


def _wanted(stream: Iterator[bytes], events: int = int(RATE * _STEP_SECONDS)) -> Iterator[list[bytes]]:
    """What Asterisk's filter lets through, so many events at a time."""
    decoder = codec.Decoder(facts.WANTED)
    held: list[bytes] = []
    for data in stream:
        held += [frame.raw for frame in decoder.feed(data) if frame.kind == "event"]
        while len(held) >= events:
            yield held[:events]
            del held[:events]
    yield held


async def _storm(world: World, pid: int, day: Day) -> tuple[float, int, float]:
    """The most memory, how many events were said, and by how many seconds the last one was late."""
    began, most, said = clock.monotonic(), 0.0, 0
    for part in _wanted(chunk.data for chunk in day.chunks()):
        await _say(world, b"".join(part))
        said += len(part)
        most = max(most, _resident(pid))
        await asyncio.sleep(max(0.0, began + said / RATE - clock.monotonic()))
    late = clock.monotonic() - began - said / RATE
    say(f"bridge_memory: {said} events said, {late:.1f} s late, at most {most:.1f} MiB; backlog {world.alive()['store_backlog']}")
    return most, said, late


async def _say(world: World, data: bytes) -> None:
    world.peer.say(data)
    await world.peer.connections[-1].drain()


def _today() -> int:
    now = int(clock.now().timestamp())
    return now - now % _DAY_SECONDS


def _resident(pid: int) -> float:
    return cpu.memory(pid, alone=True).rss

"""What desks ask of the tickets of five years: 5 million with 50 million lines of history, each action once with our indexes and
once without (DROP INDEX in a transaction that is taken back).

By default a tenth is loaded (``BENCH_TICKETS``: any number), all of it with ``BENCH_ALL=1`` (35 GB of a temporary folder). The
200,000 newest are open in both. The cluster is one of its own with the options that we ship, on the same cores.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
import msgspec

from acd.parts import Parts
from acd.permissions import Person
from bench import ticket_life
from bench.figure import Figure, say
from bench.load import percentile
from crm.callers import pop
from crm.clocks.sweep import Sweeper
from crm.knowledge import search, ticket_search
from crm.profiles import store
from crm.tickets import intake, lists
from hotline import clock, database
from hotline.settings import Settings
from tests.conftest import Postgres

ALL = 5_000_000
TICKETS = ALL if os.environ.get("BENCH_ALL") == "1" else int(os.environ.get("BENCH_TICKETS", str(ALL // 10)))
AGENT, CLERK, OFFICE = Person("1003", "agent", "1003"), Person("chengban", "unit_clerk", unit="B040"), Person("office", "office")
_ASKED = (
    "路灯",
    "小区 物业",
    "夜间施工噪声",
    "市民请求协调处理",
    "下水道 堵塞",
    "幸福小区电梯",
    "供暖 温度",
    "李家村 违章建筑",
    "拖欠工资",
    "停车位 收费",
)
_KNOWN = (
    *("社保卡", "房产证 手续", "供暖 温度", "自来水", "停车位收费", "公交站牌"),
    *("物业服务投诉", "学校收费"),
)
QUESTIONS, OPENED, A_SECOND = 300, 400, 20
_BYTES_A_TICKET = 7_000
_SIZE = "SELECT pg_database_size(current_database())"
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
WHERE NOT i.indisprimary AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
  AND (c.relname LIKE 'ticket%' OR c.relname LIKE 'caller%' OR c.relname LIKE 'knowledge%' OR c.relname IN ('calls', 'requests'))
"""


def measure() -> list[Figure]:
    """Load, ask, sweep."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    try:
        free = shutil.disk_usage(folder).free
        if free < TICKETS * _BYTES_A_TICKET:
            raise RuntimeError(
                f"{folder}: {free >> 30} GiB free, {TICKETS * _BYTES_A_TICKET >> 30} GiB needed for {TICKETS} tickets"
            )
        server = Postgres(folder / "postgres")
        server.start()
        try:
            return asyncio.run(_measure(server))
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(server: Postgres) -> list[Figure]:
    settings = Settings()
    owner = await asyncpg.connect(server.owner)
    pool = await database.pool(server.dsn, name="bench", largest=8)
    try:
        await database.migrate(owner)
        began = clock.monotonic()
        persons = await ticket_life.load(owner, TICKETS, await store.ensure(owner, store.current(settings)))
        say(f"tickets: {TICKETS} loaded in {clock.monotonic() - began:.0f} s, {await owner.fetchval(_SIZE) >> 20} MiB")
        parts = Parts(settings, pool, "node1")
        ours = await _answers(parts, persons, QUESTIONS)
        opened, swept = await _opened(parts), await _swept(parts)
        peers = await _without_indexes(owner, settings, persons)
    finally:
        await pool.close()
        await owner.close()
    return [*_figures(ours, peers), opened, swept]


async def _pop(parts: Parts, index: int, persons: int) -> object:
    return await pop.pop(parts, AGENT, str(13_000_000_000 + index * 7919 % persons))


async def _search(parts: Parts, index: int, _: int) -> object:
    async with parts.pool.acquire() as connection, connection.transaction():
        return await ticket_search.search_tickets(connection, OFFICE, _ASKED[index % len(_ASKED)])


async def _unit(parts: Parts, index: int, _: int) -> object:
    unit = f"B{index * 37 % ticket_life.UNITS + 1:03}"
    return await lists.of_unit(parts, msgspec.structs.replace(CLERK, unit=unit), unit)


async def _knowledge(parts: Parts, index: int, _: int) -> object:
    async with parts.pool.acquire() as connection, connection.transaction():
        return await search.search(connection, AGENT, _KNOWN[index % len(_KNOWN)])


_ASK: dict[str, tuple[int, float, Callable[[Parts, int, int], Awaitable[object]]]] = {
    "ticket_screen_pop": (99, 20.0, _pop),
    "ticket_search": (95, 150.0, _search),
    "unit_work_list": (95, 50.0, _unit),
    "knowledge_search": (99, 30.0, _knowledge),
}
"""Name -> which percentile, its limit in ms, and the question."""


async def _answers(parts: Parts, persons: int, questions: int) -> dict[str, list[float]]:
    """How long each question took, in ms, the first ones left out."""
    found = {}
    for name, (_, _, ask) in _ASK.items():
        times = []
        for index in range(questions + questions // 10):
            began = clock.monotonic()
            await ask(parts, index, persons)
            times.append((clock.monotonic() - began) * 1000)
        found[name] = times[questions // 10 :]
        say(f"tickets: {name} p50 {percentile(found[name], 0.5):.1f} ms, largest {max(found[name]):.1f} ms")
    return found


def _figures(ours: dict[str, list[float]], peers: dict[str, list[float]]) -> list[Figure]:
    found = []
    for name, (percent, limit, _) in _ASK.items():
        note = f"p{percent} of {len(ours[name])}, {TICKETS} tickets; p50 {percentile(ours[name], 0.5):.1f} ms"
        found.append(Figure(name=name, ours=percentile(ours[name], percent / 100), limit=limit, unit="ms", note=note))
        both = percentile(ours[name], 0.5), percentile(peers[name], 0.5)
        found.append(Figure(name=f"{name}_indexes", ours=both[0], peer=both[1], unit="ms", note="peer: without our indexes; p50"))
    return found


async def _opened(parts: Parts) -> Figure:
    """Opened and accepted at a steady rate, whatever the ones before take."""
    times: list[float] = []

    async def one(index: int) -> None:
        await asyncio.sleep(index / A_SECOND)
        opening = intake.Opening(
            channel="web",
            content=f"{_ASKED[index % len(_ASKED)]}，市民请求尽快处理，第 {index} 件",
            nature="help",
            caller_name="市民",
            caller_phone=str(13_900_000_000 + index),
            accept=True,
        )
        began = clock.monotonic()
        await intake.open_ticket(parts, AGENT, opening)
        times.append((clock.monotonic() - began) * 1000)

    async with asyncio.TaskGroup() as tasks:
        for index in range(OPENED):
            tasks.create_task(one(index))
    note = f"p99 of {OPENED} at {A_SECOND} a second; p50 {percentile(times, 0.5):.1f} ms"
    return Figure(name="ticket_opened", ours=percentile(times, 0.99), limit=50.0, unit="ms", note=note)


async def _swept(parts: Parts) -> Figure:
    """What fell due in three hours in which nobody looked is fired at once, among everything that runs."""
    sweeper, now = Sweeper(parts.pool, parts.settings.calendar), clock.now()
    began = clock.monotonic()
    backlog = await sweeper.sweep(now)
    first = clock.monotonic() - began
    running = await parts.pool.fetchval("SELECT count(*) FROM ticket_clocks WHERE stopped_at IS NULL")
    began = clock.monotonic()
    fired = await sweeper.sweep(now + dt.timedelta(hours=3))
    took = clock.monotonic() - began
    note = f"{fired} steps among {running} clocks of {ticket_life.OPEN} open tickets; the {backlog} before it: {first:.1f} s"
    return Figure(name="deadline_sweep", ours=took, limit=2.0, unit="s", note=note)


class _OnePool:
    """A pool of the one connection whose transaction has no indexes."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._connection


async def _without_indexes(owner: asyncpg.Connection, settings: Settings, persons: int) -> dict[str, list[float]]:
    """The same questions with every index dropped that is no key, in a transaction that is taken back."""
    transaction = owner.transaction()
    await transaction.start()
    try:
        for row in await owner.fetch(_INDEXES):
            await owner.execute(f"DROP INDEX {row['name']}")
        return await _answers(Parts(settings, cast(asyncpg.Pool, _OnePool(owner)), "node1"), persons, 10)
    finally:
        await transaction.rollback()

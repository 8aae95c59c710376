"""The book of supervisions over a real database: steps told twice or late, telephones not answered, those lost sight of."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from acd import supervision_book, supervision_orders, supervision_steps
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from acd.supervision import Wish
from acd.supervision_book import Supervision
from hotline import clock, database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

CHIEF = Person("chen", "supervisor")
QUEUE = Wish(target="queue", whom="hotline", reason="抽查")
CHANNEL = "n-1795318125.7"


def keeping(server: Postgres, work: Callable[[Parts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="trial", largest=6) as pool:
            await work(Parts(Settings(), pool, "n"))

    asyncio.run(run())


async def let_in(parts: Parts) -> uuid.UUID:
    """A telephone that has dialled for it."""
    told = await supervision_orders.let_in(parts, CHIEF, QUEUE, "1011", CHANNEL)
    return uuid.UUID(told["HOTLINE_SPY_ID"])


async def tell(parts: Parts, what: str, at: dt.datetime, detail: str = "", channel: str = CHANNEL) -> None:
    step = Step(node="n", call_id=channel, uniqueid=channel, number=1, at=at, step=f"supervise:{what}", detail=detail)
    async with parts.pool.acquire() as connection, connection.transaction():
        await supervision_steps.hear(connection, parts, step)


async def lines(pool: asyncpg.Pool) -> list[str]:
    return [row["action"] for row in await pool.fetch("SELECT action FROM audit_log ORDER BY entry_id")]


async def bridge_says(pool: asyncpg.Pool, action: str, state: str) -> None:
    """The node's bridge settles the next command of this kind."""
    settle = (
        'UPDATE commands SET state = $2, answer = \'{"message": "told"}\', sent_at = now(), settled_at = now() '
        "WHERE action = $1 AND state = 'waiting'"
    )
    for _ in range(500):
        if await pool.execute(settle, action, state) != "UPDATE 0":
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"nobody asked for {action}")


def test_steps_told_twice_and_late_are_in_the_book_once(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        made, began = await let_in(parts), clock.now()
        times = [began + dt.timedelta(seconds=n) for n in range(5)]
        for _ in range(2):
            await tell(parts, "started", times[0])
            await tell(parts, "mode", times[0], "id=x;mode=monitor")
            await tell(parts, "hears", times[1], "call=n-1.1;leg=n-1.2")
            await tell(parts, "ended", times[4], "id=x;cause=16")
            await tell(parts, "mode", times[2], "id=x;mode=whisper")
        known = await supervision_book.get(parts, made)
        assert (known.started_at, known.ended_at, known.ended) == (times[0], times[4], "hung_up")
        events = await parts.pool.fetch("SELECT at, mode, call_id FROM supervision_events ORDER BY at, mode")
        found = [(row["at"], row["mode"] or row["call_id"]) for row in events]
        assert found == [(times[0], "monitor"), (times[1], "n-1.1"), (times[2], "whisper")]
        told = [f"supervision.{what}" for what in ("ordered", "started", "mode", "ended", "mode")]
        assert await lines(parts.pool) == told

    keeping(empty_database, work)


def test_a_telephone_listens_once_unless_asterisk_has_lost_it(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        first = await let_in(parts)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bridge_says(parts.pool, "Setvar", "done"))
            with pytest.raises(RefusedError, match="already_supervising"):
                await supervision_orders.let_in(parts, CHIEF, QUEUE, "1011", "n-1.8")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bridge_says(parts.pool, "Setvar", "refused"))
            await supervision_orders.let_in(parts, CHIEF, QUEUE, "1011", "n-1.8")
        assert (await supervision_book.get(parts, first)).ended == "lost"
        now = clock.now()
        await tell(parts, "started", now)
        await tell(parts, "ended", now)
        assert (await supervision_book.get(parts, first)).ended == "hung_up", "its telephone knows better, and may say so late"

    keeping(empty_database, work)


def test_a_telephone_that_is_not_answered_is_an_end_in_the_book(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bridge_says(parts.pool, "Originate", "refused"))
            with pytest.raises(RefusedError, match="asterisk_refused"):
                await supervision_orders.begin(parts, CHIEF, QUEUE, "1011")
        now = clock.now()
        found: list[Supervision] = await supervision_book.listed(parts, now - dt.timedelta(minutes=1), now)
        assert [(one.ended, one.seat, one.reason) for one in found] == [("not_answered", "1011", "抽查")]
        assert await supervision_book.listed(parts, now - dt.timedelta(minutes=1), now, open_only=True) == []
        assert await lines(parts.pool) == ["supervision.ordered", "supervision.ended"]

    keeping(empty_database, work)


def test_a_telephone_that_nobody_let_in_leaves_a_line(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        await tell(parts, "started", clock.now(), "id=?", channel="n-1.9")
        await tell(parts, "hears", clock.now(), "call=n-1.1;leg=n-1.2", channel="n-1.9")
        assert await lines(parts.pool) == ["supervision.unknown"]

    keeping(empty_database, work)


def test_what_happened_cannot_be_taken_out_of_the_book(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        for table in ("supervisions", "supervision_events"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await parts.pool.execute(f"DELETE FROM {table}")

    keeping(empty_database, work)

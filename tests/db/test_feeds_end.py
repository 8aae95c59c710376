"""What follows the database can be told to end at any moment of its beginning, and gives its connection back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from acd.parts import Parts
from desks.desk_feed import DeskFeed
from hotline import database
from hotline.settings import Settings
from hotline.waiting import within

if TYPE_CHECKING:
    from tests.conftest import Postgres


def test_a_desks_feed_that_ends_while_it_begins_to_listen_keeps_no_connection(empty_database: Postgres) -> None:
    async def ends_after(turns: int) -> None:
        pool = await database.pool(empty_database.dsn, name="test", largest=2)
        await pool.fetchval("SELECT 1")
        task = asyncio.get_running_loop().create_task(DeskFeed(Parts(Settings(), pool, "n")).run())
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await within(pool.close(), 10)

    async def work() -> None:
        for turns in range(30):
            await ends_after(turns)

    asyncio.run(work())

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
    async def work() -> None:
        pool = await database.pool(empty_database.dsn, name="test", largest=1)
        await pool.fetchval("SELECT 1")
        (holder,) = pool._holders
        task = asyncio.get_running_loop().create_task(DeskFeed(Parts(Settings(), pool, "n")).run())
        while not holder._con._listeners:  # noqa: ASYNC110 - until it hears the first of its channels
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await within(pool.close(), 10)

    asyncio.run(work())

"""What the FastAGI server's main process does beside the calls. A failure ends the process, which is started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from agi import fax_sender, outbox_drain, wait_estimate
from agi.lookup import CONNECT_SECONDS
from hotline import calendar, clock, database
from hotline.settings import Settings

_DAY_SECONDS = 86400.0
log = structlog.get_logger("agi")


@asynccontextmanager
async def running(settings: Settings, dsn: str) -> AsyncIterator[None]:
    """All of it, inside the block."""
    pool = await database.pool(dsn, name="agi", largest=2, connect_seconds=CONNECT_SECONDS)
    try:
        async with asyncio.TaskGroup() as group:
            work = (
                watch_the_calendar(settings),
                outbox_drain.run(pool, settings.asterisk.node),
                wait_estimate.run(pool),
                fax_sender.run(pool, settings),
            )
            tasks = [group.create_task(one) for one in work]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        pool.terminate()


async def watch_the_calendar(settings: Settings) -> None:
    """Once a day: are the holidays of the time to come known?"""
    while True:
        year = calendar.unknown_year(settings, clock.shanghai_now())
        if year is not None:
            log.warning("ALARM: nobody has told the public holidays; weekdays decide", year=year)
        await asyncio.sleep(_DAY_SECONDS)

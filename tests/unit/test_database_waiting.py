"""Who waits for a database ends when told to, whatever a dying connection makes of that."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from agi import rounds
from hotline import database


async def _dies() -> None:
    """What asyncpg does: the task's cancellation meets a connection that is going, and an error of its own comes of it."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise asyncpg.InterfaceError("connection is closed") from None


async def _asks_whether_it_is_away() -> None:
    while True:
        try:
            await _dies()
        except database.AWAY as error:
            if not database.is_away(error):
                raise


async def _works_in_rounds() -> None:
    await rounds.forever(_dies, "these")


@pytest.mark.parametrize("work", [_asks_whether_it_is_away, _works_in_rounds])
def test_a_cancellation_that_a_connection_swallowed_ends_the_task_all_the_same(work: object) -> None:
    async def script() -> None:
        assert callable(work)
        task = asyncio.get_running_loop().create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task

    asyncio.run(script())


def test_a_database_that_is_away_is_waited_for_by_a_task_that_nobody_ends() -> None:
    async def script() -> bool:
        return database.is_away(asyncpg.InterfaceError("connection is closed"))

    assert asyncio.run(script())
    assert database.is_away(OSError())

"""Waiting that ends: with the result, with the time, or with a cancellation that is never lost."""

from __future__ import annotations

import asyncio

import pytest

from hotline.waiting import within


def test_what_comes_in_time_is_given() -> None:
    async def work() -> int:
        return await within(asyncio.sleep(0, 7), 5)

    assert asyncio.run(work()) == 7


def test_what_does_not_come_ends_with_the_time() -> None:
    async def work() -> None:
        with pytest.raises(TimeoutError):
            await within(asyncio.Event().wait(), 0.01)

    asyncio.run(work())


@pytest.mark.parametrize("rounds", range(6))
def test_a_cancellation_in_the_moment_of_the_result_is_not_lost(rounds: int) -> None:
    async def work() -> None:
        event = asyncio.Event()
        task = asyncio.get_running_loop().create_task(within(event.wait(), 5))
        for _ in range(3):
            await asyncio.sleep(0)
        event.set()
        for _ in range(rounds):
            await asyncio.sleep(0)
        if task.cancel():  # not over yet
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())

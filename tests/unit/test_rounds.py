"""Work in rounds: what is away is said once, what is a fault of ours ends it, and who is told to end does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from hotline import rounds


class Work:
    """Does what it is told to, round by round, and ends the test's patience after the last one."""

    def __init__(self, ends: Sequence[BaseException | None]) -> None:
        self.ends, self.done, self.over = list(ends), 0, asyncio.Event()

    async def __call__(self) -> None:
        if not self.ends:
            self.over.set()
            return
        self.done += 1
        end = self.ends.pop(0)
        if end is not None:
            raise end


def test_a_database_that_is_away_is_said_once_until_it_is_back() -> None:
    async def run() -> Work:
        work = Work([None, OSError("gone"), OSError("gone"), None, ConnectionResetError()])
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(rounds.forever(work, "it waits", every=0))
            await work.over.wait()
            task.cancel()
        return work

    with capture_logs() as said:
        assert asyncio.run(run()).done == 5
    assert [(line["event"], line["error"]) for line in said] == [("it waits", "gone"), ("it waits", "ConnectionResetError")]


def test_until_done_ends_with_the_first_round_that_is_done() -> None:
    async def run() -> Work:
        work = Work([OSError("gone"), OSError("gone"), None, None])
        await rounds.until_done(work, "it waits", again=0)
        return work

    with capture_logs() as said:
        assert asyncio.run(run()).done == 3
    assert len(said) == 1


def test_a_fault_of_ours_is_not_waited_out() -> None:
    async def run() -> None:
        await rounds.forever(Work([KeyError("ours")]), "it waits", every=0)

    with pytest.raises(KeyError):
        asyncio.run(run())

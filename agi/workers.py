"""Several processes on one port: children that share it (``SO_REUSEPORT``), looked after by the main process.

A child that dies is started again; its calls in the menu go to standby, those in the queue or with an agent notice nothing. A
child's standard input is a pipe from the main process: when that ends, however the main process went, the child drains and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process

import structlog

from agi.server import open_listener
from hotline import paths
from hotline.waiting import within

RESTART_SECONDS = 1.0

log = structlog.get_logger("agi")


async def supervise(count: int, host: str, port: int, stop: asyncio.Event, drain_seconds: float) -> None:
    """Run ``count`` children until ``stop``; raises ``CannotListen`` when the port belongs to somebody else."""
    open_listener(host, port, shared=False).close()
    log.info("listening", host=host, port=port, processes=count)
    async with asyncio.TaskGroup() as group:
        for number in range(1, count + 1):
            group.create_task(_keep_running(number, stop, drain_seconds))


def stop_with_the_main_process(stop: asyncio.Event) -> None:
    """In a child: set ``stop`` when standard input ends."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(sys.stdin.fileno())
        stop.set()

    loop.add_reader(sys.stdin.fileno(), ended)


async def _keep_running(number: int, stop: asyncio.Event, drain_seconds: float) -> None:
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "agi", "--worker", stdin=PIPE, cwd=paths.TREE)
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_end_at(stop, child, drain_seconds))
            code = await child.wait()
            ending.cancel()
        if not stop.is_set():
            log.error("a worker died and is started again", worker=number, exit_code=code)
            with contextlib.suppress(TimeoutError):
                await within(stop.wait(), RESTART_SECONDS)


async def _end_at(stop: asyncio.Event, child: Process, drain_seconds: float) -> None:
    """Ask the child to end at ``stop``; one that does not keep its time, or is left over by a fault, is killed."""
    try:
        await stop.wait()
        child.terminate()
        await asyncio.sleep(drain_seconds + 5)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()

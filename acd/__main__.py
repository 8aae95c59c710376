"""``python -m acd``: who answers (agents, routing, three-way calls, supervision) on this node, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from acd import heartbeat, membership, steps
from acd.areas import AREAS, LOOPS
from acd.parts import Parts
from hotline import credentials, database, log, settings
from hotline.errors import HotlineError


async def serve() -> None:
    """Wire settings, pool and parts, and run until told to stop."""
    chosen = settings.load()
    async with await database.pool(credentials.load().database, name="acd", largest=16) as pool:
        parts = Parts(chosen, pool, chosen.asterisk.node)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_all(parts))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _all(parts: Parts) -> None:
    async with asyncio.TaskGroup() as tasks:
        members = membership.State()
        tasks.create_task(heartbeat.run(lambda: {"members_in_place": members.in_place}))
        tasks.create_task(membership.run(parts, members))
        for run in LOOPS:
            tasks.create_task(run(parts))
        tasks.create_task(steps.run(parts, AREAS))


def main() -> int:
    """Exit status 2 when the set-up is wrong."""
    log.configure("acd")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except HotlineError as error:
        sys.stderr.write(f"acd: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m crm``: what happens to tickets without a person, until SIGTERM; ``draw`` and ``table`` print their life."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from acd import heartbeat
from acd.parts import Parts
from crm.loops import LOOPS
from crm.profiles import store
from crm.tickets import commands
from hotline import credentials, database, log, settings
from hotline.errors import HotlineError


async def serve() -> None:
    """Wire settings, pool and loops, and run until told to stop."""
    chosen = settings.load()
    store.current(chosen)
    async with await database.pool(credentials.load().database, name="crm", largest=6) as pool:
        parts = Parts(chosen, pool, chosen.asterisk.node)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_all(parts))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _all(parts: Parts) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(heartbeat.run(dict, "crm"))
        for name, run in LOOPS.items():
            tasks.create_task(run(parts), name=name)


def main(arguments: list[str]) -> int:
    """Exit status 2 when the set-up is wrong."""
    if arguments:
        return commands.printed(arguments)
    log.configure("crm")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except HotlineError as error:
        sys.stderr.write(f"crm: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""``python -m recordings``: the worker of this node, until SIGTERM or SIGINT; with a command, see ``recordings.commands``."""

from __future__ import annotations

import asyncio
import signal
import sys

from hotline import command_line, credentials, database, log, paths, settings
from hotline.errors import HotlineError
from recordings import commands, worker
from recordings.store import Store


async def serve() -> None:
    """Wire settings, pool and worker, and run until told to stop."""
    node = settings.load().asterisk.node
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    dsn = credentials.load().database
    with worker.lock(paths.var()):
        async with await database.pool(dsn, name="recordings", largest=2) as pool, asyncio.TaskGroup() as group:
            group.create_task(worker.Worker(paths.var(), node, Store(pool)).run(stop))


def main() -> int:
    """Exit status 2 when the worker's set-up is wrong."""
    chosen = commands.parser().parse_args()
    log.configure("recordings")
    if "run" in chosen:
        return command_line.run(chosen)
    try:
        asyncio.run(serve())
    except HotlineError as error:
        sys.stderr.write(f"recordings: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

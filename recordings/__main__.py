"""``python -m recordings``: the worker of this node, until SIGTERM or SIGINT; with a command, see ``recordings.commands``."""

from __future__ import annotations

import asyncio
import signal
import sys

from hotline import command_line, credentials, database, log, paths, settings
from hotline.errors import HotlineError
from recordings import commands, worker
from recordings.pipeline.processing import Processor
from recordings.pipeline.queue import Line
from recordings.store import Store
from recordings.transcription import starting


async def serve() -> None:
    """Wire settings, pool and worker, and run until told to stop."""
    chosen = settings.load()
    node, dsn = chosen.asterisk.node, credentials.load().database
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with worker.lock(paths.var()):
        async with await database.pool(dsn, name="recordings") as pool, asyncio.TaskGroup() as group:
            intake = worker.Worker(paths.var(), node, Store(pool))
            processor = Processor(paths.var(), pool, chosen, lambda: not stop.is_set())
            processor.prepare()
            line = Line(dsn, node, processor, workers=chosen.recordings.workers)
            intake.beside = lambda: line.backlog
            group.create_task(intake.run(stop))
            group.create_task(line.look(stop, pool))
            group.create_task(processor.sweep())
            if chosen.recordings.workers:
                group.create_task(line.run(stop))
            if chosen.recordings.workers or chosen.transcription.engine != "none":
                group.create_task(starting.run(chosen, dsn, pool, stop))


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

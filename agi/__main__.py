"""``python -m agi``: the FastAGI server of one node; ``--worker`` is one of several processes on the same port."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
import uvloop

from agi import background, lookup, pace, workers
from agi.answers import SystemAnswers, opened
from agi.server import Server
from agi.wiring import Sessions
from hotline import credentials, log, settings
from hotline.errors import HotlineError, expected
from hotline.settings import Settings


async def serve(chosen: Settings, stop: asyncio.Event, *, shared: bool) -> None:
    """Answer Asterisk until ``stop``, then let the calls in progress finish, for as long as the settings allow."""
    dsn = credentials.load().database
    async with lookup.opened(dsn, chosen.calendar) as lookups, opened(dsn) as pools, asyncio.TaskGroup() as group:
        answers = SystemAnswers.of(chosen, lookups, pools, group.create_task)
        server = Server(Sessions(chosen).make, answers, group)
        port = await server.listen(chosen.agi.host, chosen.agi.port, shared=shared)
        structlog.get_logger("agi").info("listening", host=chosen.agi.host, port=port)
        watches = [group.create_task(server.sweep()), group.create_task(pace.watch())]
        await stop.wait()
        left = await server.drain(chosen.agi.drain_seconds)
        for watch in watches:
            watch.cancel()
    structlog.get_logger("agi").info("stopped", calls_sent_to_standby=left)


async def run(chosen: Settings, *, worker: bool) -> None:
    """One process, or the main process of several. SIGTERM and SIGINT stop it, and a worker also the end of its input."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if worker:
        workers.stop_with_the_main_process(stop)
        await serve(chosen, stop, shared=True)
        return
    async with background.running(chosen, credentials.load().database):
        if chosen.agi.processes == 1:
            await serve(chosen, stop, shared=False)
        else:
            await workers.supervise(chosen.agi.processes, chosen.agi.host, chosen.agi.port, stop, chosen.agi.drain_seconds)


if __name__ == "__main__":
    log.configure("agi")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings.load(), worker="--worker" in sys.argv[1:]))
    except (HotlineError, BaseExceptionGroup) as error:
        sys.exit(f"agi: {expected(error)}")

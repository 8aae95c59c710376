"""``python -m desks``: the web application, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from aiohttp import web

from desks.application import application
from desks.health import Health, checks
from hotline import credentials, database, log, settings
from hotline.errors import HotlineError


async def serve() -> None:
    """Wire settings, pool and routes, and serve until told to stop."""
    chosen = settings.load()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with await database.pool(credentials.load().database, name="desks") as pool:
        runner = web.AppRunner(application(Health(checks(chosen, pool))), access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, chosen.web.host, chosen.web.port).start()
            structlog.get_logger().info("listening", host=chosen.web.host, port=chosen.web.port)
            await stop.wait()
        finally:
            await runner.cleanup()


def main() -> int:
    """Exit status 2 when the set-up is wrong or the port is taken."""
    log.configure("desks")
    try:
        asyncio.run(serve())
    except (HotlineError, OSError) as error:
        sys.stderr.write(f"desks: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

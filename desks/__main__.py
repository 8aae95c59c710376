"""``python -m desks``: the web application, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from aiohttp import web

from ami_bridge.figures import alarm_rules, alarms
from crm.knowledge import care
from desks.application import application, wired
from hotline import credentials, database, log, settings
from hotline.errors import HotlineError


async def serve() -> None:
    """Wire settings, pool, feed and routes, and serve until told to stop."""
    chosen, secrets = settings.load(), credentials.load()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    limits = alarm_rules.Rules(chosen.figures.lag_alarm_seconds, chosen.figures.calls_for_alarm)
    async with await database.pool(secrets.database, name="desks", largest=16) as pool:
        parts = wired(chosen, pool, secrets.web)
        runner = web.AppRunner(application(parts), access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, chosen.web.host, chosen.web.port).start()
            structlog.get_logger().info("listening", host=chosen.web.host, port=chosen.web.port)
            async with asyncio.TaskGroup() as tasks:
                watching = alarms.watch(pool, parts.feed.readings, limits)
                works = (parts.feed.run(), parts.desk_feed.run(), parts.sessions.run(), watching, care.keep_words(pool))
                working = [tasks.create_task(work) for work in works]
                await stop.wait()
                for task in working:
                    task.cancel()
        finally:
            parts.feed.close()
            parts.desk_feed.close()
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

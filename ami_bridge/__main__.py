"""``python -m ami_bridge``: the bridge of this node (``run``); ``record``, ``replay`` and ``compare`` of raw AMI streams."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

import uvloop

from ami_bridge import command_line
from ami_bridge.bridge import Bridge
from ami_bridge.record import record
from hotline import credentials, log, paths, settings
from hotline.errors import HotlineError


async def _until_stopped(work: Coroutine[object, object, None]) -> None:
    """Run until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)


def main() -> int:
    """Read the command line, wire, run."""
    parser = argparse.ArgumentParser(prog="ami_bridge", description="The link to this node's Asterisk.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="serve this node (the default)")
    commands.add_parser("record", help="write the raw AMI stream to a file").add_argument("file", type=Path)
    command_line.add(commands)
    arguments = parser.parse_args()
    log.configure("ami_bridge")
    if "work" in arguments:
        return command_line.run(arguments)
    try:
        chosen, secrets = settings.load(), credentials.load()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if arguments.command == "record":
                arguments.file.open("ab").close()  # a file that cannot be written is said before anything else
                runner.run(_until_stopped(record(arguments.file, chosen.ami, secrets.ami_reader)))
            else:
                runner.run(_until_stopped(Bridge(chosen, secrets, paths.var()).run()))
    except (HotlineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

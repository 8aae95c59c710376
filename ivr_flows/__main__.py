"""``python -m ivr_flows``: check, draw, try and load the flows that callers walk; list the prompts that they hear."""

from __future__ import annotations

import argparse
import sys

from hotline import command_line, log, messages
from ivr_flows import catalogue, commands


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit status. An expected error is readable lines on standard error and status 1."""
    if arguments[:1] == ["prompts"]:
        return catalogue.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m ivr_flows", description=messages.text("flow.about"))
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add(subparsers)
    subparsers.add_parser("prompts", help=messages.text("prompts.about"))
    chosen = parser.parse_args(arguments)
    log.configure("ivr_flows")
    return command_line.run(chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m hotline.phones``: the commands ``call`` and ``agents`` alone."""

from __future__ import annotations

import argparse
import sys

from hotline import command_line
from hotline.phones import commands


def main() -> int:
    """Run one command; an expected error is one line on standard error and status 1."""
    parser = argparse.ArgumentParser(prog="hotline.phones")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_call(subparsers)
    commands.add_agents(subparsers)
    chosen = parser.parse_args()
    return command_line.run(chosen)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m ivr_flows``: check, draw, try and load the flows that callers walk; list the prompts that they hear."""

from __future__ import annotations

import argparse
import sys

from hotline import log, messages
from hotline.errors import HotlineError
from ivr_flows import catalogue, commands

_INTERRUPTED = 130


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
    try:
        status: int = chosen.run(chosen)
    except HotlineError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(messages.text("system_error", reason=error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

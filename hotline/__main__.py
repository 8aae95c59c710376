"""``python -m hotline``: the command line (interfaces, section 3)."""

from __future__ import annotations

import argparse
import sys

from hotline import commands, documents, log, messages
from hotline.directory import commands as directory
from hotline.errors import HotlineError
from hotline.phones import commands as phones

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status. An expected error is one readable line on standard error and status 1."""
    parser = argparse.ArgumentParser(prog="hotline", description="12345 市民服务热线 / 12345 citizen hotline")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add(subparsers)
    documents.add(subparsers)
    directory.add(subparsers)
    phones.add_call(subparsers)
    phones.add_agents(subparsers)
    chosen = parser.parse_args(arguments)
    log.configure("hotline")
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
    sys.exit(main())

"""``python -m hotline``: the command line (interfaces, section 3)."""

from __future__ import annotations

import argparse
import sys

from hotline import command_line, commands, documents, log, model_commands
from hotline.accounts import commands as accounts
from hotline.audit import commands as audit
from hotline.directory import commands as directory
from hotline.directory import sheet_commands
from hotline.phones import commands as phones


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit status. An expected error is one readable line on standard error and status 1."""
    parser = argparse.ArgumentParser(prog="hotline", description="12345 市民服务热线 / 12345 citizen hotline")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add(subparsers)
    documents.add(subparsers)
    directory.add(subparsers)
    accounts.add(subparsers)
    audit.add(subparsers)
    sheet_commands.add(subparsers)
    model_commands.add(subparsers)
    phones.add_call(subparsers)
    phones.add_agents(subparsers)
    chosen = parser.parse_args(arguments)
    log.configure("hotline")
    return command_line.run(chosen)


if __name__ == "__main__":
    sys.exit(main())

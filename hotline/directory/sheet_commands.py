"""The commands ``hotline taxonomy`` and ``hotline places``: what they print, and their exit status."""

from __future__ import annotations

import argparse
import datetime as dt
import functools
from pathlib import Path

from hotline import messages
from hotline.directory import commands, files, sheet_store, sheets

_WORDS = {
    "taxonomy": ("taxonomy.help", "taxonomy.import", "taxonomy.export"),
    "places": ("places.help", "places.import", "places.export"),
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register both commands."""
    for kind, (what, takes, writes) in _WORDS.items():
        below = subparsers.add_parser(kind, help=messages.text(what)).add_subparsers(required=True)
        parser = below.add_parser("import", help=messages.text(takes))
        parser.add_argument("file", type=Path, metavar="FILE")
        if kind == "taxonomy":
            parser.add_argument("--from", dest="valid_from", type=dt.date.fromisoformat, help=messages.text("taxonomy.from"))
        parser.set_defaults(run=functools.partial(_import, kind), valid_from=None)
        parser = below.add_parser("export", help=messages.text(writes))
        parser.add_argument("file", type=Path, metavar="FILE", nargs="?")
        parser.set_defaults(run=functools.partial(_export, kind))


def _import(kind: str, arguments: argparse.Namespace) -> int:
    entries = files.read_sheet(kind, arguments.file)
    change = commands.in_database(
        lambda connection: sheet_store.put(
            connection, kind, entries, actor=commands.actor(), file=arguments.file.name, valid_from=arguments.valid_from
        )
    )
    print(messages.text("directory.imported", added=change.added, changed=change.changed, removed=change.removed))
    return 0


def _export(kind: str, arguments: argparse.Namespace) -> int:
    entries = commands.in_database(lambda connection: sheet_store.get(connection, kind, actor=commands.actor()))
    text = sheets.written(kind, entries)
    if arguments.file is None:
        print(text, end="")
        return 0
    arguments.file.write_text(text, encoding="utf-8")
    print(messages.text("directory.exported", count=len(entries), file=arguments.file))
    return 0

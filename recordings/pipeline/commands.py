"""``recordings status``, ``failed`` and ``retry``: what waits, what was given up, and trying that again (SEC-15)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hotline import messages, sql
from recordings.database import ask

QUERIES = sql.load(Path(__file__).parent / "sql" / "pipeline.sql")
_MOST = 1000


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the three."""
    for name, key, run in (
        ("status", "recordings.status", _status),
        ("failed", "recordings.failed", _failed),
        ("retry", "recordings.retry", _retry),
    ):
        parser = subparsers.add_parser(name, help=messages.text(key))
        parser.add_argument("--json", action="store_true", help=messages.text("recordings.json"))
        parser.set_defaults(run=run)
    parser.add_argument("recordings", nargs="*", type=int, metavar="NUMBER", help=messages.text("recordings.numbers"))


def _status(arguments: argparse.Namespace) -> int:
    """Jobs by kind and state; what lies on the disk of each node as a WAV file."""
    jobs, waiting = ask(lambda c: _both(c, "counts", "backlog"))
    if arguments.json:
        return _json({"jobs": jobs, "waiting": waiting})
    for row in waiting:
        print(messages.text("recordings.waiting", **row))
    for row in jobs:
        print(f"{row['entrypoint']}\t{row['status']}\t{row['jobs']}")
    if not (jobs or waiting):
        print(messages.text("recordings.nothing"))
    return 0


def _failed(arguments: argparse.Namespace) -> int:
    """Status 1 when there is any."""
    (found,) = ask(lambda c: _both(c, "failed", arguments=(_MOST,)))
    if arguments.json:
        _json(found)
    else:
        for row in found:
            print(messages.text("recordings.failed_one", **{**row, "why": _line(row["why"])}))
        if not found:
            print(messages.text("recordings.none_failed"))
    return 1 if found else 0


def _retry(arguments: argparse.Namespace) -> int:
    """All that failed, or those named; status 1 when none of those named can be tried again."""
    count = ask(lambda c: c.fetchval(QUERIES["retry"], arguments.recordings or None))
    if arguments.json:
        _json({"retried": count})
    else:
        print(messages.text("recordings.retried", count=count))
    return 1 if arguments.recordings and not count else 0


async def _both(connection: Any, *names: str, arguments: tuple[object, ...] = ()) -> list[list[dict[str, Any]]]:
    return [[dict(row) for row in await connection.fetch(QUERIES[name], *arguments)] for name in names]


def _json(found: Mapping[str, Any] | list[dict[str, Any]]) -> int:
    print(msgspec.json.encode(found).decode())
    return 0


def _line(why: str | None) -> str:
    """A reason as one printable line: it may quote what a file holds."""
    return "".join(letter if letter.isprintable() else " " for letter in why or "")[:500]

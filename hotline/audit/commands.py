"""The commands ``hotline audit verify`` and ``hotline audit head``; exit status 1 when something is wrong."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import msgspec

from hotline import credentials, database, messages
from hotline.audit import store
from hotline.audit.chain import Finding, Head
from hotline.clock import SHANGHAI
from hotline.errors import AuditError

T = TypeVar("T")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``audit``."""
    actions = subparsers.add_parser("audit", help=messages.text("audit.help")).add_subparsers(required=True, metavar="ACTION")
    parser = actions.add_parser("verify", help=messages.text("audit.verify"))
    parser.add_argument("--from", dest="begin", type=_moment, metavar="TIME", help=messages.text("audit.from"))
    parser.add_argument("--to", dest="end", type=_moment, metavar="TIME", help=messages.text("audit.to"))
    parser.add_argument("--head", type=_head, metavar="NUMBER:SEAL", help=messages.text("audit.known_head"))
    parser.add_argument("--json", action="store_true", help=messages.text("audit.json"))
    parser.set_defaults(run=_verify)
    parser = actions.add_parser("head", help=messages.text("audit.head"))
    parser.add_argument("--json", action="store_true", help=messages.text("audit.json"))
    parser.set_defaults(run=_show_head)


def _verify(arguments: argparse.Namespace) -> int:
    found = _in_database(lambda connection: store.verify(connection, arguments.begin, arguments.end, arguments.head))
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return 1 if found.findings else 0
    for one in found.findings:
        print(_sentence(one))
    values = {"lines": found.lines, "waiting": found.waiting, "number": found.head.number, "seal": found.head.seal}
    if found.findings:
        print(messages.text("audit.bad", count=len(found.findings), **values))
        return 1
    print(messages.text("audit.good", **values))
    return 0


def _sentence(one: Finding) -> str:
    match one.wrong:
        case "changed":
            return messages.text("audit.changed", entry=one.entry_id, number=one.number)
        case "removed":
            return messages.text("audit.removed", entry=one.entry_id)
        case "inserted":
            return messages.text("audit.inserted", entry=one.entry_id)
        case "backdated":
            return messages.text("audit.backdated", entry=one.entry_id, number=one.number)
        case "seal_removed":
            return messages.text("audit.seal_removed", number=one.number)
        case _:
            return messages.text("audit.other_head", number=one.number)


def _show_head(arguments: argparse.Namespace) -> int:
    found = _in_database(store.head)
    print(msgspec.json.encode(found).decode() if arguments.json else f"{found.number}:{found.seal}")
    return 0


def _in_database(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            connection = await asyncpg.connect(credentials.load().database, timeout=5, server_settings={"timezone": "UTC"})
            try:
                return await work(connection)
            finally:
                await connection.close()
        except (*database.AWAY, asyncpg.PostgresError) as error:
            raise AuditError(messages.text("audit.away", reason=f"{type(error).__name__}: {error}")) from error

    return asyncio.run(run())


def _moment(text: str) -> dt.datetime:
    """A time, or the beginning of a day, on Shanghai's clock unless it says its zone."""
    at = dt.datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _head(text: str) -> Head:
    match = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text)
    if match is None:
        raise ValueError(text)
    return Head(int(match[1]), match[2])

"""``recordings verify``, ``rebuild``, ``keys``, ``rewrap``: whether what is stored is sound, and what seals it (SEC-15)."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import asyncpg
import msgspec

from hotline import clock, credentials, database, messages, settings
from hotline.audit import shell
from hotline.clock import SHANGHAI
from recordings.errors import DatabaseAwayError, DiskFullError
from recordings.storage import opening, rebuild, rewrap, verify
from recordings.storage.errors import StorageAwayError
from recordings.storage.keys import Keyring
from recordings.storage.opening import Storages
from recordings.storage.rebuild import Rebuilt
from recordings.storage.rewrap import Rewrapped
from recordings.storage.verify import Finding, Report, Wrong

T = TypeVar("T")
R = TypeVar("R", Report, Rebuilt)
_EVERY_SECONDS = 5.0
_WRONG: Mapping[Wrong, str] = {
    "missing": "recordings.wrong_missing",
    "damaged": "recordings.wrong_damaged",
    "wrong_key": "recordings.wrong_wrong_key",
    "lost_key": "recordings.wrong_lost_key",
    "bad_name": "recordings.wrong_bad_name",
    "no_envelope": "recordings.wrong_no_envelope",
    "bad_envelope": "recordings.wrong_bad_envelope",
    "other_manifest": "recordings.wrong_other_manifest",
    "no_row": "recordings.wrong_no_row",
    "not_deleted": "recordings.wrong_not_deleted",
}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the four."""
    parser = subparsers.add_parser("verify", help=messages.text("recordings.verify"))
    parser.add_argument("--since", type=_moment, metavar="TIME", help=messages.text("recordings.since"))
    parser.set_defaults(run=_verify)
    _with_json(parser)
    parser = subparsers.add_parser("rebuild", help=messages.text("recordings.rebuild"))
    parser.set_defaults(run=_rebuild)
    _with_json(parser)
    parser = subparsers.add_parser("rewrap", help=messages.text("recordings.rewrap"))
    parser.set_defaults(run=_rewrap)
    _with_json(parser)
    actions = subparsers.add_parser("keys", help=messages.text("recordings.keys")).add_subparsers(required=True, metavar="ACTION")
    parser = actions.add_parser("list", help=messages.text("recordings.keys_list"))
    parser.set_defaults(run=_list)
    _with_json(parser)
    actions.add_parser("add", help=messages.text("recordings.keys_add")).set_defaults(run=_add)
    parser = actions.add_parser("remove", help=messages.text("recordings.keys_remove"))
    parser.add_argument("key", metavar="KEY")
    parser.set_defaults(run=_remove)


def _with_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=messages.text("recordings.json"))


class Progress:
    """A line on standard error every few seconds: how far it is, and when it will be done if it goes on so."""

    def __init__(self) -> None:
        self._began = self._shown = clock.monotonic()

    def show(self, done: int, of: int, share: float) -> None:
        """``share``: of the work, above 0."""
        now = clock.monotonic()
        if now - self._shown < _EVERY_SECONDS:
            return
        self._shown, left = now, (now - self._began) * (1 / max(share, 1e-6) - 1)
        ends = clock.now() + dt.timedelta(seconds=min(left, 10**8))
        values = {"done": done, "of": of, "percent": int(share * 100), "ends": f"{ends.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"}
        print(messages.text("recordings.progress", **values), file=sys.stderr, flush=True)


def _verify(arguments: argparse.Namespace) -> int:
    """0: all is well, 1: something is wrong, 2: the storage is away and nothing can be said."""
    progress, chosen = Progress(), settings.load()

    async def work(pool: asyncpg.Pool, keyring: Keyring) -> Report:
        return await verify.verify(
            pool,
            Storages(chosen),
            keyring,
            chosen.asterisk.node,
            by=shell.actor(),
            since=arguments.since,
            shown=lambda at: progress.show(at.recordings, at.of, at.bytes / max(at.of_bytes, 1)),
        )

    def closing(found: Report) -> str:
        values = {"recordings": found.recordings, "megabytes": f"{found.bytes / 1e6:.1f}", "count": len(found.findings)}
        return messages.text("recordings.not_sound" if found.findings else "recordings.sound", **values)

    return _reported(work, closing, as_json=arguments.json)


def _rebuild(arguments: argparse.Namespace) -> int:
    """0: every object has a row now, 1: some have none, 2: the storage is away; what was done is done."""
    chosen = settings.load()

    async def work(pool: asyncpg.Pool, keyring: Keyring) -> Rebuilt:
        return await rebuild.rebuild(pool, Storages(chosen), keyring, chosen, by=shell.actor())

    def closing(found: Rebuilt) -> str:
        values = {"recordings": found.recordings, "restored": found.restored, "count": len(found.findings)}
        return messages.text("recordings.rebuilt", **values)

    return _reported(work, closing, as_json=arguments.json)


def _reported(work: Callable[[asyncpg.Pool, Keyring], Awaitable[R]], closing: Callable[[R], str], *, as_json: bool) -> int:
    """Do it and say what was found: 1 when that is anything, 2 when the storage is away."""
    try:
        found = _with_keys(work)
    except StorageAwayError as error:
        print(error, file=sys.stderr)
        return 2
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        for one in found.findings:
            print(_sentence(one))
        print(closing(found))
    return 1 if found.findings else 0


def _sentence(one: Finding) -> str:
    wrong = messages.text(_WRONG[one.wrong], object=_line(one.object), recording=one.recording_id or "-")
    return f"{wrong}: {_line(one.why)}" if one.why else wrong


def _rewrap(arguments: argparse.Namespace) -> int:
    """Status 1 when a recording kept its old key."""
    progress, chosen = Progress(), settings.load()

    async def work(pool: asyncpg.Pool, keyring: Keyring) -> Rewrapped:
        return await rewrap.rewrap(
            pool,
            Storages(chosen),
            keyring,
            chosen.asterisk.node,
            by=shell.actor(),
            shown=lambda done, of: progress.show(done, max(of, done), done / max(of, done)),
        )

    try:
        found = _with_keys(work)
    except (StorageAwayError, DiskFullError) as error:
        print(f"{error}\n{messages.text('recordings.rewrap_again')}", file=sys.stderr)
        return 2
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        for one in found.failures:
            print(
                messages.text(
                    "recordings.not_rewrapped", recording=one.recording_id, object=_line(one.object), why=_line(one.why)
                )
            )
        values = {"count": found.recordings, "name": found.key_id, "failures": len(found.failures)}
        print(messages.text("recordings.rewrapped", **values))
    return 1 if found.failures else 0


def _list(arguments: argparse.Namespace) -> int:
    """Status 1 when a key is lost."""
    found = _with_keys(rewrap.listed)
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    else:
        for one in found:
            state = "recordings.key_lost" if not one.here else "recordings.key_current" if one.current else "recordings.key_old"
            print(messages.text(state, name=one.key_id, count=one.recordings))
    return 0 if all(one.here for one in found) else 1


def _add(_: argparse.Namespace) -> int:
    async def work(pool: asyncpg.Pool, keyring: Keyring) -> str:
        return await rewrap.add(pool, keyring, by=shell.actor())

    print(messages.text("recordings.key_added", name=_with_keys(work)))
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    async def work(pool: asyncpg.Pool, keyring: Keyring) -> None:
        await rewrap.remove(pool, keyring, arguments.key, by=shell.actor())

    _with_keys(work)
    print(messages.text("recordings.key_removed", name=arguments.key))
    return 0


def _with_keys(work: Callable[[asyncpg.Pool, Keyring], Awaitable[T]]) -> T:
    """Raises ``DatabaseAwayError``, ``StorageError``."""

    async def run() -> T:
        try:
            async with await database.pool(credentials.load().database, name="recordings-command", largest=2) as pool:
                return await work(pool, await opening.keyring(pool))
        except database.AWAY as error:
            if not database.is_away(error):
                raise
            raise DatabaseAwayError(f"{type(error).__name__}: {error}") from error

    return asyncio.run(run())


def _moment(text: str) -> dt.datetime:
    """A time, or the beginning of a day, on Shanghai's clock unless it says its zone."""
    at = dt.datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _line(text: str) -> str:
    """One printable line: it may quote what somebody put into the storage."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:500]

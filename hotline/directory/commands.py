"""The commands ``hotline directory`` and ``hotline announcements``: what they print, and their exit status."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from hotline import clock, credentials, messages, paths, sounds
from hotline.clock import SHANGHAI
from hotline.directory import files, kinds, store, toml

T = TypeVar("T")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register both commands."""
    directory = subparsers.add_parser("directory", help=messages.text("directory.help")).add_subparsers(required=True)
    parser = directory.add_parser("import", help=messages.text("directory.import"))
    parser.add_argument("kind", choices=kinds.KINDS)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.set_defaults(run=_import)
    parser = directory.add_parser("export", help=messages.text("directory.export"))
    parser.add_argument("kind", choices=kinds.KINDS)
    parser.add_argument("file", type=Path, metavar="FILE", nargs="?")
    parser.set_defaults(run=_export)
    parser = directory.add_parser("show", help=messages.text("directory.show"))
    parser.add_argument("kind", choices=kinds.KINDS)
    parser.set_defaults(run=_show)
    _add_announcements(subparsers)


def _add_announcements(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    announcements = subparsers.add_parser("announcements", help=messages.text("announcements.help")).add_subparsers(required=True)
    parser = announcements.add_parser("add", help=messages.text("announcements.add"))
    parser.add_argument("prompts", metavar="PROMPT", nargs="+")
    parser.add_argument("--reason", required=True, help=messages.text("announcements.reason"))
    parser.add_argument("--minutes", type=int, default=120, help=messages.text("announcements.minutes"))
    parser.add_argument("--person", default="", help=messages.text("announcements.person"))
    parser.set_defaults(run=_announce)
    parser = announcements.add_parser("stop", help=messages.text("announcements.stop"))
    parser.add_argument("prompts", metavar="PROMPT", nargs="*")
    parser.set_defaults(run=_stop)


def _import(arguments: argparse.Namespace) -> int:
    entries = files.read(arguments.kind, arguments.file)
    for name in _silent(entries):
        print(messages.text("directory.no_sound", name=name))
    change = in_database(
        lambda connection: store.put(connection, arguments.kind, entries, actor=actor(), file=arguments.file.name)
    )
    if arguments.kind == "agents":
        credentials.ensure_pins(entry.agent for entry in entries)
    print(messages.text("directory.imported", added=change.added, changed=change.changed, removed=change.removed))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    entries = in_database(lambda connection: store.get(connection, arguments.kind, actor=actor()))
    text = toml.written(kinds.table_of(arguments.kind), entries)
    if arguments.file is None:
        print(text, end="")
        return 0
    descriptor = os.open(arguments.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    print(messages.text("directory.exported", count=len(entries), file=arguments.file))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    """One line an entry, its most telling fields first; the texts themselves are left to ``export``."""
    for entry in in_database(lambda connection: store.get(connection, arguments.kind, actor=actor())):
        names = [name for name in entry.__struct_fields__ if name not in ("text", "query_code", "competence")]
        print("\t".join(_shown(getattr(entry, name)) for name in names))
    return 0


def _announce(arguments: argparse.Namespace) -> int:
    now = clock.now().replace(microsecond=0)
    row = {
        "prompts": arguments.prompts,
        "starts_at": now,
        "ends_at": now + dt.timedelta(minutes=max(arguments.minutes, 0)),
        "reason": arguments.reason,
        "person": arguments.person or _person(),
    }
    (entry,) = kinds.checked("announcements", {"announcements": [row]}, "", "announcements add")
    for name in _silent([entry]):
        print(messages.text("directory.no_sound", name=name))
    in_database(lambda connection: store.announce(connection, entry, actor=actor()))
    print(messages.text("announcements.added", until=_shown(entry.ends_at)))
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    ended = in_database(lambda connection: store.stop(connection, ",".join(arguments.prompts), actor=actor()))
    print(messages.text("announcements.stopped", count=len(ended)))
    return 0


def _silent(entries: list[Any]) -> list[str]:
    """The prompts without a recording, ours or the city's; a caller hears a tone instead."""
    places = [folder / language for folder in (sounds.OURS, paths.var() / "prompts") for language in sounds.LANGUAGES]
    return [name for name in kinds.sounds_named(entries) if not any((place / f"{name}.wav").is_file() for place in places)]


def in_database(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """What ``work`` does with one connection; raises ``DirectoryError``."""

    async def run() -> T:
        async with store.connected(credentials.load().database) as connection:
            return await work(connection)

    return asyncio.run(run())


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def actor() -> str:
    """Who is at the command line, for the audit log."""
    return f"shell:{_person()}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "✓" if value else ""
        case dt.datetime():
            return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        case list():
            return ",".join(one.number if isinstance(one, kinds.UnitNumber) else str(one) for one in value)
        case dict():
            return " ".join(value)
        case _:
            return str(value)

"""The commands that look back: ``replay`` and ``compare``. Their errors are one readable line and exit status 2."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from ami_bridge.errors import UsageError
from ami_bridge.recorded import compare, compare_tables, replay, replay_tables
from ami_bridge.recorded.replay import Asked
from hotline import clock, messages, paths, settings
from hotline.errors import HotlineError

_FAILED, _INTERRUPTED = 2, 130


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parsers of both."""
    parser = commands.add_parser("replay", help=messages.text("replay.about"), description=messages.text("replay.about"))
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=messages.text("replay.files"))
    parser.add_argument("--queue-log", action="append", default=[], type=Path, metavar="FILE", help=messages.text("replay.log"))
    parser.add_argument("--at", metavar="ISO", help=messages.text("replay.at"))
    parser.add_argument("--queue", default="", metavar="Q", help=messages.text("replay.queue"))
    parser.add_argument("--exclusions", type=Path, metavar="FILE", help=messages.text("replay.exclusions"))
    parser.add_argument("--json", action="store_true", help=messages.text("replay.json"))
    parser.set_defaults(work=_replay)
    parser = commands.add_parser("compare", help=messages.text("compare.about"), description=messages.text("compare.about"))
    parser.add_argument("--stream", action="append", default=[], type=Path, metavar="FILE", help=messages.text("compare.stream"))
    parser.add_argument("--queue-log", action="append", default=[], type=Path, metavar="FILE", help=messages.text("compare.log"))
    parser.add_argument("--json", action="store_true", help=messages.text("replay.json"))
    parser.set_defaults(work=_compare)


def run(chosen: argparse.Namespace) -> int:
    """Run the chosen command."""
    try:
        chosen.work(chosen)
    except (HotlineError, OSError) as error:
        print(error, file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def moment(text: str | None) -> dt.datetime | None:
    """A time as a person writes it, in Shanghai's zone unless it says another; raises ``UsageError``."""
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(messages.text("replay.bad_time", text=text)) from error
    return (at if at.tzinfo else at.replace(tzinfo=clock.SHANGHAI)).astimezone(dt.UTC)


def _replay(arguments: argparse.Namespace) -> None:
    if not arguments.files and not arguments.queue_log:
        raise UsageError(messages.text("replay.nothing"))
    asked = Asked(paths=tuple(arguments.files), queue_logs=tuple(arguments.queue_log), at=moment(arguments.at))
    excluded = replay.exclusions_in(arguments.exclusions) if arguments.exclusions else []
    with bar() as progress:
        shown = replay.document(asked, settings.load(), queue=arguments.queue, exclusions=excluded, progress=progress)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
    else:
        replay_tables.show(shown, _console())


def _compare(arguments: argparse.Namespace) -> None:
    """With a recording alone nobody is asked; a queue log alone is compared with what the running Asterisk says, if it does."""
    chosen, recordings, logs = settings.load(), arguments.stream, arguments.queue_log
    if not recordings and not logs:
        recordings = [paths.var() / "journal" / chosen.asterisk.node]
        logs = [log for log in [paths.var() / "asterisk" / "log" / "queue_log"] if log.exists()]
    with bar() as progress:
        result = compare.compare(recordings, logs, chosen, ask=not arguments.stream, progress=progress)
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
    else:
        compare_tables.show(result, _console())


def _console() -> Console:
    """Names in brackets are names."""
    return Console(markup=False, highlight=False)


@contextlib.contextmanager
def bar() -> Iterator[Callable[[int, int], None]]:
    """How far the reading is, on standard error when that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(messages.text("replay.reading"), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)

"""The commands that look back: ``replay`` and ``compare``. Their errors are one readable line and exit status 2."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, TaskID

from ami_bridge import metrics, replay, replay_document, replay_tables
from ami_bridge.errors import UsageError
from ami_bridge.replay import Asked, Replayed
from hotline import clock, messages, settings
from hotline.errors import HotlineError
from hotline.settings import Settings

_FAILED, _INTERRUPTED = 2, 130


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The parsers of both."""
    parser = commands.add_parser("replay", help=messages.text("replay.about"), description=messages.text("replay.about"))
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=messages.text("replay.files"))
    parser.add_argument("--queue-log", action="append", default=[], type=Path, metavar="FILE", help=messages.text("replay.log"))
    parser.add_argument("--at", metavar="ISO", help=messages.text("replay.at"))
    parser.add_argument("--queue", default="", metavar="Q", help=messages.text("replay.queue"))
    parser.add_argument("--json", action="store_true", help=messages.text("replay.json"))
    parser.set_defaults(work=_replay)


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


def rules(chosen: Settings) -> metrics.Rules:
    """What the rates count by."""
    figures = chosen.figures
    return metrics.Rules(
        answer_seconds=figures.answer_seconds,
        second_answer_seconds=figures.second_answer_seconds,
        answer_goal=figures.answer_goal,
        connection_goal=figures.connection_goal,
    )


def look_back(asked: Asked, chosen: Settings) -> Replayed:
    """Replay, with a bar on a terminal and the warnings on standard error."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task: TaskID = bar.add_task(messages.text("replay.reading"), total=None)
        return replay.replay(asked, chosen, lambda done, total: bar.update(task, completed=done, total=total))


def _replay(arguments: argparse.Namespace) -> None:
    if not arguments.files and not arguments.queue_log:
        raise UsageError(messages.text("replay.nothing"))
    chosen = settings.load()
    asked = Asked(paths=tuple(arguments.files), queue_logs=tuple(arguments.queue_log), at=moment(arguments.at))
    found = look_back(asked, chosen)
    warned = replay.warnings(found.notes)
    shown = {
        "events": found.notes.events - found.notes.repeated,
        "gaps": found.gaps,
        "warnings": warned,
        **replay_document.document(found.rows, rules(chosen), arguments.queue),
    }
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(shown) + b"\n")
        return
    for one in warned:
        print(" / ".join(one.values()), file=sys.stderr)
    replay_tables.show(shown, Console())

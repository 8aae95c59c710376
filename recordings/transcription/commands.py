"""``recordings transcripts``: what waits to be transcribed, how fast it goes, and when it will be done."""

from __future__ import annotations

import argparse

import msgspec

from hotline import messages, settings
from hotline.clock import SHANGHAI
from recordings.database import ask
from recordings.transcription import progress


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``transcripts``."""
    parser = subparsers.add_parser("transcripts", help=messages.text("transcripts.help"))
    parser.add_argument("--json", action="store_true", help=messages.text("recordings.json"))
    parser.set_defaults(run=_transcripts)


def _transcripts(arguments: argparse.Namespace) -> int:
    processes = progress.workers(settings.load().transcription)
    found = ask(lambda connection: progress.look(connection, processes))
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return 0
    ends_at = found.ends_at and found.ends_at.astimezone(SHANGHAI).isoformat(timespec="minutes")
    print(messages.text("transcripts.waiting", recordings=found.recordings, hours=f"{found.hours:.1f}", ends_at=ends_at or "-"))
    print(messages.text("transcripts.speed", speed=found.speed or "-", workers=found.workers))
    print(messages.text("transcripts.done", recordings=found.done_last_day, hours=f"{found.hours_last_day:.1f}"))
    if found.lacking_model:
        print(messages.text("transcripts.no_model", recordings=found.lacking_model))
    if found.failed:
        print(messages.text("transcripts.failed", recordings=found.failed))
    return 0

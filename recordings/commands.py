"""The commands of ``python -m recordings``; without one, it is the worker. Each part adds its own in ``PARTS``."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from hotline import messages
from recordings.pipeline import commands as pipeline
from recordings.playback import commands as playback
from recordings.storage import commands as storage
from recordings.transcription import commands as transcription

PARTS: tuple[Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None], ...] = (
    pipeline.add,
    storage.add,
    playback.add,
    transcription.add,
)
"""What registers the commands of a part: a parser for each, whose default ``run`` returns the exit status."""


def parser() -> argparse.ArgumentParser:
    """Of the whole command line."""
    whole = argparse.ArgumentParser(prog="recordings", description=messages.text("recordings.help"))
    subparsers = whole.add_subparsers(metavar="COMMAND")
    for add in PARTS:
        add(subparsers)
    return whole

"""``recordings watermark FILE``: who took this file away. It says the play's number, which the log knows (SEC-12, QUA-02)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from hotline import messages
from recordings import ffmpeg
from recordings.playback.watermark import Reader

_FORMS = {b"RIFF": "wav", b"OggS": "ogg"}


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register it."""
    parser = subparsers.add_parser("watermark", help=messages.text("recordings.watermark"))
    parser.add_argument("file", type=Path, metavar="FILE", help=messages.text("recordings.watermark_file"))
    parser.add_argument("--json", action="store_true", help=messages.text("recordings.json"))
    parser.set_defaults(run=_watermark)


def _watermark(arguments: argparse.Namespace) -> int:
    """Status 1 when there is no mark, or too little of one."""
    found = number(arguments.file)
    if arguments.json:
        print(msgspec.json.encode({"play": found}).decode())
    elif found is None:
        print(messages.text("recordings.no_watermark"))
    else:
        print(messages.text("recordings.watermark_is", play=found))
    return 1 if found is None else 0


def number(file: Path) -> int | None:
    """The play's number in a WAV, MP3 or Ogg file. Raises ``ConversionError`` when it is none of them, ``OSError``."""
    whole = file.resolve()
    with whole.open("rb") as opened:
        form = _FORMS.get(opened.read(4), "mp3")
    return read(ffmpeg.pcm(whole, form=form))


def read(pieces: Iterable[bytes]) -> int | None:
    """The number in 16-bit samples, both sides mixed."""
    reader, rest = Reader(), b""
    for piece in pieces:
        rest += piece
        whole = len(rest) - len(rest) % 2
        reader.feed(np.frombuffer(rest[:whole], dtype="<i2"))
        rest = rest[whole:]
    return reader.number()

"""``python -m recordings.transcription.child ENGINE FOLDER NAME NICE PARENT``: a model loaded; one side is heard after another.

Standard input: frames, each 4 bytes of length and so many bytes of PCM; one of length 0 ends a side. Standard output: a line of
JSON each, ``Message``; after every frame that it is done with, ``taken``. It ends with its input, or with its parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from recordings.transcription import text
from recordings.transcription.transcript import Message, Transcriber

LENGTH = struct.Struct("<I")
_PR_SET_PDEATHSIG = 1


def load(engine: str, folder: Path, name: str) -> Transcriber:
    """The engine with its model; imported here, because each is large."""
    if engine == "whisper":
        from recordings.transcription.whisper_engine import Whisper  # noqa: PLC0415

        return Whisper(folder, name)
    from recordings.transcription.vosk_engine import Vosk  # noqa: PLC0415

    return Vosk(folder, name)


def serve(engine: Transcriber, source: BinaryIO, out: BinaryIO) -> None:
    """Until the input ends."""
    while True:
        side = _Side(source, out)
        first = side.frame()
        if first is None:
            return
        for words in engine.hear(side.pieces(first)):
            if heard := text.written(words):
                _say(out, Message(heard=heard))
        if side.is_cut:
            return
        _say(out, Message(ended=True))


class _Side:
    """The frames of one side; ``is_cut``: the input ended in the middle."""

    def __init__(self, source: BinaryIO, out: BinaryIO) -> None:
        self._source, self._out = source, out
        self.is_cut = False

    def frame(self) -> bytes | None:
        """The next one; empty at the end of the side, None at the end of the input."""
        head = self._source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(head)
        data = self._source.read(length)
        return data if len(data) == length else None

    def pieces(self, first: bytes) -> Iterator[bytes]:
        """Each is acknowledged when the engine asks for the next one."""
        piece: bytes | None = first
        while piece:
            yield piece
            _say(self._out, Message(taken=True))
            piece = self.frame()
        self.is_cut = piece is None


def _say(out: BinaryIO, message: Message) -> None:
    out.write(msgspec.json.encode(message) + b"\n")
    out.flush()


def _leave_with(parent: int) -> None:
    """A transcriber whose worker was killed hears nothing to its end."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)


def main() -> int:
    """Exit status 3: the model cannot be used; the reason is the last message."""
    engine, folder, name, nice, parent = sys.argv[1:6]
    _leave_with(int(parent))
    os.nice(int(nice))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    try:
        loaded = load(engine, Path(folder), name)
    except Exception as error:
        _say(out, Message(no_model=f"{type(error).__name__}: {error}"[:500]))
        return 3
    _say(out, Message(ready=True))
    with suppress(BrokenPipeError):
        serve(loaded, sys.stdin.buffer, out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

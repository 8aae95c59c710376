"""The worker's end of a transcriber's process (``child.py``): blocking, for one thread at a time, killed by any other."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress

import msgspec

from hotline import clock
from hotline.models import Model
from hotline.paths import TREE
from recordings.audio import RATE
from recordings.errors import NoModelError, TranscriberError
from recordings.transcription.child import LENGTH
from recordings.transcription.transcript import Message, Word

LOAD_SECONDS, HANG_SECONDS = 180.0, 300.0
"""How long a model may take to load, and a transcriber to say something of the sound that it was given."""
NICE = 10
"""Calls come first."""
LARGEST_PIECE = 1 << 16
_LARGEST_LINE = 1 << 24
_ALONE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


class Process:
    """One process with a model. Start it from a thread that lives as long as it is to live: it ends with that thread."""

    def __init__(
        self, model: Model, *, hang_seconds: float = HANG_SECONDS, load_seconds: float = LOAD_SECONDS, nice: int = NICE
    ) -> None:
        self.model = model
        self.used_at = clock.monotonic()
        self._hang_seconds, self._load_seconds = hang_seconds, load_seconds
        self._rest = b""
        command = [sys.executable, "-m", "recordings.transcription.child", model.engine, str(model.folder), model.name]
        self._process = subprocess.Popen(
            [*command, str(nice), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=TREE,
            env={**os.environ, **_ALONE},
            bufsize=0,
        )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def wait_until_loaded(self) -> None:
        """Raises ``NoModelError``: it cannot load its model, or died of it."""
        try:
            message = self._message(self._load_seconds)
        except TranscriberError as error:
            self.kill()
            raise NoModelError(f"{self.model.folder}: loading the model failed: {error}") from error
        if not message.ready:
            self.kill()
            raise NoModelError(f"{self.model.folder}: {message.no_model or 'no answer'}")

    def hear(self, pieces: Iterable[bytes], progress: Callable[[float], None]) -> tuple[list[tuple[Word, ...]], float]:
        """The utterances of one side, and its seconds; ``progress`` is told how many were heard, now and then.

        ``pieces``: 16-bit PCM at 8 kHz. Raises ``TranscriberError``, whatever ``pieces`` raises; the process is of no use then.
        """
        utterances: list[tuple[Word, ...]] = []
        seconds = 0.0
        with closing(_small(pieces)) as small:
            for piece in small:
                self._send(piece)
                utterances += self._until_taken()
                seconds += len(piece) / (2 * RATE)
                progress(seconds)
        if seconds:
            self._send(b"")
            while not (message := self._message(self._hang_seconds)).ended:
                utterances += [message.heard] if message.heard else []
        self.used_at = clock.monotonic()
        return utterances, seconds

    def kill(self) -> None:
        """At once, and from any thread; it leaves nothing."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill it, and give back what it held."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()

    def _until_taken(self) -> Iterator[tuple[Word, ...]]:
        while not (message := self._message(self._hang_seconds)).taken:
            if message.heard:
                yield message.heard

    def _send(self, piece: bytes) -> None:
        assert self._process.stdin
        data = LENGTH.pack(len(piece)) + piece
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except (BrokenPipeError, ValueError) as error:
            raise self._gone() from error

    def _message(self, seconds: float) -> Message:
        """The next one; raises ``TranscriberError`` when none comes."""
        assert self._process.stdout
        deadline = clock.monotonic() + seconds
        while b"\n" not in self._rest:
            poll = select.poll()
            poll.register(self._process.stdout, select.POLLIN)
            if not poll.poll(max(0.0, deadline - clock.monotonic()) * 1000):
                raise TranscriberError(f"the transcriber said nothing for {seconds:g} s")
            data = self._process.stdout.read(1 << 16)
            if not data or len(self._rest) > _LARGEST_LINE:
                raise self._gone()
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return msgspec.json.decode(line, type=Message)
        except msgspec.MsgspecError as error:
            raise TranscriberError(f"the transcriber said something that nobody understands: {error}") from error

    def _gone(self) -> TranscriberError:
        self.kill()
        return TranscriberError(f"the transcriber ended with status {self._process.returncode}")


def _small(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """In pieces that fit into a pipe; the source is closed with it."""
    try:
        for piece in pieces:
            for start in range(0, len(piece), LARGEST_PIECE):
                yield piece[start : start + LARGEST_PIECE]
    finally:
        if hasattr(pieces, "close"):
            pieces.close()

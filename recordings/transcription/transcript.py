"""What an engine hears, and the port that every engine implements. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from recordings.manifest import Milliseconds, Track


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One word; ``confidence`` from 0 to 1."""

    from_ms: Milliseconds
    to_ms: Milliseconds
    confidence: float
    text: str


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one side said without a pause: simplified characters, digits as digits."""

    track: Track
    from_ms: Milliseconds
    to_ms: Milliseconds
    text: str
    confidence: float
    words: tuple[Word, ...] = ()


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """All turns of a recording in order of time. ``confidence``: the mean of all words by their length, or 0."""

    engine: str
    model: str
    turns: tuple[Turn, ...]
    confidence: float


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a transcriber's process tells, one of these at a time. ``ready``: the model is loaded; ``no_model``: why it cannot be;
    ``heard``: an utterance; ``taken``: a piece is done with; ``ended``: so is the side.
    """

    ready: bool = False
    no_model: str = ""
    heard: tuple[Word, ...] = ()
    taken: bool = False
    ended: bool = False


class Transcriber(Protocol):
    """An engine with its model loaded; one recording at a time. It runs in a process of its own."""

    @property
    def engine(self) -> str:
        """Its name: ``vosk``, ``whisper``."""

    @property
    def model(self) -> str:
        """The name of its model."""

    def hear(self, pieces: Iterator[bytes]) -> Iterator[tuple[Word, ...]]:
        """The words of one side, an utterance at a time. ``pieces``: 16-bit PCM at 8 kHz, one channel, of any length each."""

"""The WAV file that was taken in: opened, read once in slices, and what is heard in it. Blocking; memory does not grow with it.

A file whose beginning was lost (a torn header, zeros where a power cut left them) is mended: behind the place of the header
everything is sound, as the row says. What is no sound at all is refused, and stays where it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from recordings import audio
from recordings.audio import Shape
from recordings.errors import LostFileError, StoppedError, UnusableError
from recordings.manifest import Level, Manifest, Segment, Speech
from recordings.pipeline import check, hearing, speech
from recordings.playback.waveform import Peaks

_HEADER = 44
_TORN = (b"RIFF", bytes(4))
Wanted = Callable[[], bool]


class Heard(msgspec.Struct, frozen=True):
    """The manifest with all that is heard, the picture, and what the file is."""

    manifest: Manifest
    peaks: bytes
    shape: Shape
    is_whole: bool
    """Its header is in order, so that others can read it too."""


def hear(path: Path, manifest: Manifest, *, channels: int, level: float, is_wanted: Wanted = lambda: True) -> Heard:
    """Read the file of a recording; ``manifest`` is what is known without the sound, ``level`` the wanted loudness in dBFS.

    Raises ``LostFileError``, ``UnusableError``s, ``StoppedError`` when it is not wanted any more, ``OSError``.
    """
    with opened(path) as file:
        shape, is_whole = _shape(file, channels)
        digest = hashlib.sha256()
        tracks = [hearing.Track(shape.rate) for _ in range(shape.channels)]
        picture, stretches = Peaks(shape.frames, shape.channels), _Stretches(manifest.segments, shape)
        file.seek(0)
        digest.update(file.read(shape.offset))
        for piece in _slices(file, shape):
            if not is_wanted():
                raise StoppedError("the worker was told to end")
            for one in (digest.update, picture.feed, stretches.feed):
                one(piece)
            for track, voice in zip(tracks, hearing.voices(piece, shape), strict=True):
                track.feed(voice)
        for rest in iter(lambda: file.read(audio.HEAD), b""):
            digest.update(rest)
    is_damaged = not is_whole or digest.hexdigest() != manifest.wav_sha256 or shape.length_ms != manifest.length_ms
    heard = _described(msgspec.structs.replace(manifest, segments=stretches.hashed()), tracks, level, is_damaged=is_damaged)
    return Heard(heard, picture.packed(), shape, is_whole)


def mend(source: Path, target: Path, shape: Shape) -> None:
    """A whole WAV file of one without a header; raises ``OSError``."""
    target.unlink(missing_ok=True)
    with opened(source) as file, target.open("xb") as out:
        out.write(audio.wav_header(shape))
        file.seek(shape.offset)
        for piece in _slices(file, shape):
            out.write(piece)


def opened(path: Path) -> BinaryIO:
    """A regular file, never through a link; raises ``LostFileError``."""
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except FileNotFoundError:
        raise LostFileError(f"{path.name}: the recording that was taken in is not there any more") from None


def _shape(file: BinaryIO, channels: int) -> tuple[Shape, bool]:
    head, size = file.read(audio.HEAD), os.fstat(file.fileno()).st_size
    try:
        shape = audio.wav_shape(head, size)
        if shape.channels == channels:
            return shape, True
    except UnusableError:
        if head[:4] not in _TORN or size <= _HEADER:
            raise
    frames = (size - _HEADER) // (channels * audio.SAMPLE)
    return Shape(offset=_HEADER, frames=frames, channels=channels, rate=audio.RATE), False


def _slices(file: BinaryIO, shape: Shape) -> Iterator[bytes]:
    """All sound from where the file stands, in slices of whole frames; fewer when the file became shorter."""
    width = shape.channels * audio.SAMPLE
    rest, most = shape.size, hearing.SLICE_MS * shape.rate // 1000 * width
    while rest and (piece := file.read(min(most, rest))):
        rest -= len(piece)
        yield piece[: len(piece) - len(piece) % width]


class _Stretches:
    """SHA-256 of each segment's samples: they follow each other, and the last one goes to the end."""

    def __init__(self, segments: Sequence[Segment], shape: Shape) -> None:
        width = shape.channels * audio.SAMPLE
        self._segments = segments
        self._ends = [segment.to_ms * shape.rate // 1000 * width for segment in segments[:-1]]
        self._hashes = [hashlib.sha256() for _ in segments]
        self._at = self._now = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        while piece and self._hashes:
            is_last = self._now >= len(self._ends)
            room = len(piece) if is_last else max(self._ends[self._now] - self._at, 0)
            self._hashes[self._now].update(piece[:room])
            self._at += min(room, len(piece))
            piece = piece[room:]
            self._now += bool(piece) and not is_last

    def hashed(self) -> tuple[Segment, ...]:
        """The segments with their hashes."""
        pairs = zip(self._segments, self._hashes, strict=True)
        return tuple(msgspec.structs.replace(segment, sha256=one.hexdigest()) for segment, one in pairs)


def _described(manifest: Manifest, tracks: Sequence[hearing.Track], level: float, *, is_damaged: bool) -> Manifest:
    levels, spoken, spoken_ms = [], [], []
    for name, track in zip(manifest.tracks, tracks, strict=True):
        found = speech.spans(track.levels, track.tones)
        loud = speech.loudness(track.levels, found)
        levels.append(Level(track=name, loudness=loud, gain=speech.gain(loud, track.peak, level)))
        spoken.append(Speech(track=name, spans=speech.milliseconds(found, manifest.length_ms)))
        spoken_ms.append(speech.spoken_ms(found))
    quality = check.quality([track.peak for track in tracks], spoken_ms, tracks[0].tones, is_damaged=is_damaged)
    return msgspec.structs.replace(manifest, levels=tuple(levels), speech=tuple(spoken), quality=quality)

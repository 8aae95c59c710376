"""What is in the bytes: raw conversations, WAV messages with or without a finished header, and the header we write. Pure."""

from __future__ import annotations

import operator
import struct
from array import array
from collections.abc import Iterable

import msgspec

from recordings.errors import EmptyAudioError, NotWavError, TooLongError, TooShortError

RATE = 8000
"""Frames a second of telephone audio."""
SAMPLE = 2
"""Bytes a sample: 16-bit signed little-endian."""
HEAD = 65536
"""How many first bytes of a WAV file ``wav_shape`` needs to see, at most."""
SHORTEST_MESSAGE_MS = 2000
"""What is shorter is not a message (IVR-10); agi/takes.py tells the caller so."""
SHORTEST_MESSAGE_BYTES = 44 + SHORTEST_MESSAGE_MS * RATE // 1000 * SAMPLE
"""The size of the file that Asterisk writes for it."""
_LARGEST = 2**32 - 1 - 36
_PCM = 1


class Shape(msgspec.Struct, frozen=True):
    """Where the audio lies in a file and what it is: ``offset`` in bytes, whole ``frames`` of ``channels`` samples.

    ``mended``: the file's own header did not say so, or the last sample was torn.
    """

    offset: int
    frames: int
    channels: int
    rate: int
    mended: bool = False

    @property
    def size(self) -> int:
        """Bytes of audio."""
        return self.frames * self.channels * SAMPLE

    @property
    def length_ms(self) -> int:
        """Length in milliseconds, rounded down."""
        return self.frames * 1000 // self.rate


def whole(size: int) -> int:
    """How many of ``size`` bytes of a raw file are whole samples: a recorder that was killed leaves a torn one."""
    return size - size % SAMPLE


def milliseconds(size: int) -> int:
    """How long ``size`` bytes of raw audio last, rounded down."""
    return size // SAMPLE * 1000 // RATE


def at(milliseconds: int) -> int:
    """Where in raw audio a moment is, in bytes; below 0 before its beginning."""
    return milliseconds * RATE // 1000 * SAMPLE


def conversation_shape(caller: int, agent: int) -> Shape:
    """Two voices beside each other, as long as the longer one; each is given in bytes of whole samples.

    Raises ``EmptyAudioError``, ``TooLongError``.
    """
    return _checked(offset=0, available=2 * max(caller, agent), channels=2, rate=RATE)


def interleaved(left: bytes, right: bytes) -> bytes:
    """Stereo of two pieces of equal length in whole samples."""
    stereo = array("h", bytes(2 * len(left)))
    stereo[0::2], stereo[1::2] = array("h", left), array("h", right)
    return stereo.tobytes()


def mixed(one: bytes, other: bytes) -> bytes:
    """Two voices at once, of equal length in whole samples; what is too loud for both is cut at the loudest there is."""
    first, second = array("h", one), array("h", other)
    try:
        return array("h", map(operator.add, first, second)).tobytes()
    except OverflowError:
        return array("h", (max(-32768, min(32767, a + b)) for a, b in zip(first, second, strict=True))).tobytes()


def hushed(sound: bytes, begin: int, stretches: Iterable[tuple[int, int]]) -> bytes:
    """Raw audio from ``begin`` bytes after a recording's beginning on, silent in these stretches (from, to; milliseconds)."""
    quiet = None
    for first_ms, last_ms in stretches:
        first, last = max(at(first_ms) - begin, 0), min(at(last_ms) - begin, len(sound))
        if first < last:
            quiet = bytearray(sound) if quiet is None else quiet
            quiet[first:last] = bytes(last - first)
    return sound if quiet is None else bytes(quiet)


def wav_shape(head: bytes, size: int) -> Shape:
    """A message: ``head`` is the file's first bytes (``HEAD`` or all), ``size`` its whole length.

    A recorder that was killed leaves a data size of zero, or one that the file does not hold: then everything after the
    header is audio. Raises ``NotWavError``, ``EmptyAudioError``, ``TooLongError``.
    """
    if size == 0:
        raise EmptyAudioError("the file is empty")
    channels, rate = 0, 0
    for name, start, declared in _chunks(head):
        if name == b"fmt ":
            channels, rate = _format(head[start : start + 16])
        elif name == b"data":
            if not channels:
                break
            there = size - start
            whole_header = 0 < declared <= there
            return _checked(start, declared if whole_header else there, channels, rate, mended=not whole_header)
    raise NotWavError("this is not a WAV file of 16-bit PCM, or its header is torn")


def message_shape(head: bytes, size: int) -> Shape:
    """``wav_shape`` of a message that is worth keeping; raises ``TooShortError`` too."""
    shape = wav_shape(head, size)
    if shape.length_ms < SHORTEST_MESSAGE_MS:
        raise TooShortError(f"the message is {shape.length_ms} ms long")
    return shape


def wav_header(shape: Shape) -> bytes:
    """The 44 bytes before ``shape.size`` bytes of audio."""
    width = shape.channels * SAMPLE
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, shape.channels, shape.rate, shape.rate * width, width, SAMPLE * 8)
    return struct.pack("<4sI4s", b"RIFF", 36 + shape.size, b"WAVE") + form + struct.pack("<4sI", b"data", shape.size)


def _checked(offset: int, available: int, channels: int, rate: int, *, mended: bool = False) -> Shape:
    frames = max(available, 0) // (channels * SAMPLE)
    torn = frames * channels * SAMPLE != available
    shape = Shape(offset=offset, frames=frames, channels=channels, rate=rate, mended=mended or torn)
    if shape.frames == 0:
        raise EmptyAudioError("the file holds no audio")
    if shape.size > _LARGEST:
        raise TooLongError(f"{shape.size} bytes of audio do not fit into a WAV file")
    return shape


def _chunks(head: bytes) -> list[tuple[bytes, int, int]]:
    """The RIFF chunks up to ``data``, each as (name, where its content starts, declared size)."""
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return []
    found: list[tuple[bytes, int, int]] = []
    at = 12
    while at + 8 <= len(head):
        name, declared = struct.unpack_from("<4sI", head, at)
        found.append((name, at + 8, declared))
        if name == b"data":
            break
        at += 8 + declared + declared % 2
    return found


def _format(content: bytes) -> tuple[int, int]:
    """Channels and rate of a ``fmt`` chunk, or (0, 0) when it is not 16-bit PCM at a sensible rate."""
    if len(content) < 16:
        return 0, 0
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content)
    fits = kind == _PCM and bits == SAMPLE * 8 and channels in (1, 2) and RATE <= rate <= 48000
    return (channels, rate) if fits else (0, 0)

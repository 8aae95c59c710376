"""Sound cut into windows with speech in them, at pauses: for engines that hear half a minute at a time. Pure.

What is silent is left out: an engine that is given silence makes words up.
"""

from __future__ import annotations

import array
import math
import operator
import sys
from collections import deque
from collections.abc import Iterator

import msgspec

from recordings.audio import RATE

FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000 * 2
"""Bytes."""
LONGEST_MS, SHORTEST_MS = 28_000, 15_000
"""A window ends at a long pause, after so long at any pause, and at the latest after the longest."""
_LONG_PAUSE, _PAUSE, _LEAD, _TAIL = (ms // FRAME_MS for ms in (1600, 300, 240, 240))
_QUIET = 90.0
"""Root mean square below which nobody speaks, whatever else is heard (-51 dBFS)."""
_OVER_NOISE = 2.5
_NOISE_FRAMES = 250
_FEWEST = 5
"""Frames of speech that make a window: less is a click."""


class Window(msgspec.Struct, frozen=True):
    """``sound``: 16-bit PCM that begins at ``from_ms``; somebody seems to speak in it."""

    from_ms: int
    sound: bytes


def cut(pieces: Iterator[bytes]) -> Iterator[Window]:
    """The windows of a stream of 16-bit PCM at 8 kHz, in order, in the memory of one window."""
    cutter = _Cutter()
    for number, frame in enumerate(_frames(pieces)):
        yield from cutter.take(number, frame)
    yield from cutter.end()


def loudness(frame: bytes) -> float:
    """Root mean square of 16-bit samples, 0 to 32768."""
    samples = array.array("h", frame)
    if sys.byteorder == "big":
        samples.byteswap()
    return math.sqrt(sum(map(operator.mul, samples, samples)) / len(samples)) if samples else 0.0


class _Cutter:
    """Collects frames from shortly before somebody speaks; ``_quiet``: so many frames ago somebody last did."""

    def __init__(self) -> None:
        self._lead: deque[bytes] = deque(maxlen=_LEAD)
        self._noise: deque[float] = deque(maxlen=_NOISE_FRAMES)
        self._open: list[bytes] = []
        self._first, self._quiet, self._spoken = 0, 0, 0

    def take(self, number: int, frame: bytes) -> Iterator[Window]:
        speaks = self._speaks(loudness(frame))
        if not self._open and not speaks:
            self._lead.append(frame)
            return
        if not self._open:
            self._first = number - len(self._lead)
            self._open = [*self._lead]
            self._lead.clear()
        self._open.append(frame)
        self._quiet = 0 if speaks else self._quiet + 1
        self._spoken += speaks
        length = len(self._open) * FRAME_MS
        if self._quiet >= _LONG_PAUSE or length >= LONGEST_MS or (length >= SHORTEST_MS and self._quiet >= _PAUSE):
            yield from self.end()

    def end(self) -> Iterator[Window]:
        spare = max(self._quiet - _TAIL, 0)
        kept, over = self._open[: len(self._open) - spare], self._open[len(self._open) - spare :]
        if self._spoken >= _FEWEST:
            yield Window(self._first * FRAME_MS, b"".join(kept))
        self._open, self._quiet, self._spoken = [], 0, 0
        self._lead.extend(over)

    def _speaks(self, loud: float) -> bool:
        """Clearly louder than the quiet of the last seconds."""
        self._noise.append(loud)
        floor = min(self._noise)
        return loud > max(_QUIET, min(floor, 400.0) * _OVER_NOISE)


def _frames(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) - len(data) % FRAME
        for start in range(0, whole, FRAME):
            yield data[start : start + FRAME]
        rest = data[whole:]
    if len(rest) > 1:
        yield rest[: len(rest) - len(rest) % 2]

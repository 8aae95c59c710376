"""The picture of a recording: the loudest of each 800th part of a track, and that drawn with its segments, gaps and masks. Pure.

``recordings.peaks`` holds 800 bytes for each track, the left one first: 0 is silence, 255 the loudest there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from recordings.audio import SAMPLE
from recordings.manifest import Gap, Segment
from recordings.playback.silence import Stretch

POINTS = 800
"""Bytes of a track."""
_WIDTH, _HEIGHT, _STRIP = 1600, 120, 14
_COLOURS = {
    "conversation": "#4c78a8",
    "message": "#4c78a8",
    "held": "#bab0ac",
    "parked": "#bab0ac",
    "waiting": "#bab0ac",
    "consult": "#eeca3b",
    "three_way": "#54a24b",
    "conference": "#54a24b",
    "barge": "#b279a2",
    "whisper": "#b279a2",
}


class Peaks:
    """Collects the peaks of ``frames`` frames of ``channels`` interleaved 16-bit samples, as they stream by."""

    def __init__(self, frames: int, channels: int) -> None:
        self._frames, self._channels = max(frames, 1), channels
        self._found = np.zeros((channels, POINTS), dtype=np.int32)
        self._at, self._rest = 0, b""

    def feed(self, piece: bytes) -> None:
        """The next bytes; what is beyond the announced length belongs to the last point."""
        piece = self._rest + piece
        whole = len(piece) - len(piece) % (self._channels * SAMPLE)
        self._rest = piece[whole:]
        sound = np.abs(np.frombuffer(piece[:whole], dtype="<i2").astype(np.int32)).reshape(-1, self._channels)
        if not len(sound):
            return
        places = np.minimum((self._at + np.arange(len(sound), dtype=np.int64)) * POINTS // self._frames, POINTS - 1)
        begins = np.flatnonzero(np.diff(places, prepend=-1))
        loudest = np.maximum.reduceat(sound, begins, axis=0)
        for channel in range(self._channels):
            np.maximum.at(self._found[channel], places[begins], loudest[:, channel])
        self._at += len(sound)

    def packed(self) -> bytes:
        """For ``recordings.peaks``."""
        return np.minimum(-(-self._found * 255 // 32768), 255).astype(np.uint8).tobytes()


def tracks(packed: bytes) -> list[list[int]]:
    """The points of each track."""
    return [list(packed[at : at + POINTS]) for at in range(0, len(packed) - POINTS + 1, POINTS)]


def silenced(points: Sequence[int], masks: Iterable[Stretch], length_ms: int) -> list[int]:
    """Without what is masked: a picture shows no more than may be heard."""
    found = list(points)
    for begin, end in masks:
        first, last = begin * len(found) // max(length_ms, 1), -(-end * len(found) // max(length_ms, 1))
        found[first:last] = [0] * len(found[first:last])
    return found


def svg(
    points: Sequence[Sequence[int]], length_ms: int, *, segments: Iterable[Segment], gaps: Iterable[Gap], masks: Iterable[Stretch]
) -> str:
    """A picture: a strip of segments above, a row for each track, gaps hatched in red and masks in black across all rows."""
    height = _STRIP + _HEIGHT * len(points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" role="img">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for one in segments:
        look = ("segment", _COLOURS.get(one.kind, "#9d755d"), 1)
        parts.append(_box(look, one.kind, (one.from_ms, one.to_ms), length_ms, _STRIP))
    for row, track in enumerate(points):
        parts.append(f'<path class="track" fill="#4c78a8" d="{_outline(track, _STRIP + row * _HEIGHT)}"/>')
    for gap in gaps:
        parts.append(_box(("gap", "#e45756", 0.35), gap.why, (gap.from_ms, gap.to_ms), length_ms, height))
    parts += (_box(("mask", "#222222", 0.8), "masked", mask, length_ms, height) for mask in masks)
    return "".join((*parts, "</svg>"))


def _box(look: tuple[str, str, float], title: str, stretch: Stretch, length_ms: int, height: int) -> str:
    """``look``: class, colour, opacity."""
    left, right = (min(at, length_ms) * _WIDTH / max(length_ms, 1) for at in stretch)
    what, colour, opacity = look
    shape = f'x="{left:.1f}" y="0" width="{max(right - left, 1):.1f}" height="{height}" fill="{colour}" fill-opacity="{opacity}"'
    return f'<rect class="{what}" {shape}><title>{escape(title)} {stretch[0]}-{stretch[1]} ms</title></rect>'


def _outline(track: Sequence[int], top: int) -> str:
    """Loudness to both sides of the row's middle; a line where it is silent."""
    middle, step = top + _HEIGHT / 2, _WIDTH / max(len(track), 1)
    sizes = [max(one * (_HEIGHT - 4) / 510, 0.5) for one in track]
    above = [f"{n * step:.0f} {middle - size:.1f}" for n, size in enumerate(sizes)]
    below = [f"{n * step:.0f} {middle + size:.1f}" for n, size in enumerate(sizes)]
    return f"M{'L'.join(above + below[::-1])}Z" if track else ""

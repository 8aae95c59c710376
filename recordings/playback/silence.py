"""Stretches that somebody may not hear: joined, cut, and made silent in 16-bit PCM, to the sample (SEC-12). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from recordings.audio import RATE, SAMPLE

Stretch = tuple[int, int]
"""(from, to) in milliseconds."""


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """In order, those that touch as one; empty ones left out."""
    found: list[Stretch] = []
    for begin, end in sorted(one for one in stretches if one[0] < one[1]):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((begin, end))
    return tuple(found)


class Silencer:
    """Makes stretches of a stream of PCM silent. ``channels`` samples belong to a frame; the stream begins at ``from_ms``."""

    def __init__(self, stretches: Iterable[Stretch], channels: int, from_ms: int = 0) -> None:
        self._width = channels * SAMPLE
        first = from_ms * RATE // 1000
        self._spans = [
            (max(0, _down(begin) - first) * self._width, (_up(end) - first) * self._width) for begin, end in joined(stretches)
        ]
        self._at = 0

    def feed(self, piece: bytes) -> bytes:
        """The next piece, of any length."""
        here, self._at = self._at, self._at + len(piece)
        sound: bytearray | None = None
        for begin, end in self._spans:
            first, last = max(begin, here) - here, min(end, self._at) - here
            if first < last:
                sound = bytearray(piece) if sound is None else sound
                sound[first:last] = bytes(last - first)
        return piece if sound is None else bytes(sound)


def _down(milliseconds: int) -> int:
    return milliseconds * RATE // 1000


def _up(milliseconds: int) -> int:
    return -(-milliseconds * RATE // 1000)

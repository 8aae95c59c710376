"""Is this speech in that recording? Cross-correlation of loudness envelopes, robust against A-law and small shifts of time."""

from __future__ import annotations

import array
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

_WINDOW = 160  # 20 ms at 8 kHz
_PIECE_SECONDS = 3.0


def samples(file: Path) -> list[array.array[int]]:
    """The channels of a 16-bit WAV."""
    with wave.open(str(file)) as opened:
        both = array.array("h", opened.readframes(opened.getnframes()))
        if sys.byteorder == "big":
            both.byteswap()
        count = opened.getnchannels()
    return [both[channel::count] for channel in range(count)]


def likeness(heard: Sequence[int], speech: Path | Sequence[int]) -> float:
    """The best correlation (up to 1.0) of the loudest 3 s of ``speech`` with any place of ``heard``."""
    return _best(heard, speech)[0]


def beginning(heard: Sequence[int], speech: Path) -> int:
    """Where in ``heard`` the ``speech`` begins, in milliseconds, to 20 ms; before 0 when only a later part of it is heard."""
    return _best(heard, speech)[1] * _WINDOW // 8


def _best(heard: Sequence[int], speech: Path | Sequence[int]) -> tuple[float, int]:
    """The best correlation, and how many windows after the beginning of ``heard`` the speech begins then."""
    spoken = samples(speech)[0] if isinstance(speech, Path) else speech
    wanted, place = _envelope(spoken), _envelope(heard)
    length = min(int(_PIECE_SECONDS * 8000 / _WINDOW), len(wanted))
    begin = max(range(len(wanted) - length + 1), key=lambda at: sum(wanted[at : at + length]))
    piece = wanted[begin : begin + length]
    if len(place) < length:
        return 0.0, 0
    score, at = max((_correlation(piece, place[at : at + length]), at) for at in range(len(place) - length + 1))
    return score, at - begin


def _envelope(sound: Sequence[int]) -> list[float]:
    """Mean loudness of each 20 ms."""
    return [sum(map(abs, sound[at : at + _WINDOW])) / _WINDOW for at in range(0, len(sound) - _WINDOW + 1, _WINDOW)]


def _correlation(one: Sequence[float], other: Sequence[float]) -> float:
    mean_one, mean_other = sum(one) / len(one), sum(other) / len(other)
    a, b = [x - mean_one for x in one], [x - mean_other for x in other]
    size = (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0.0

"""Which telephones' tones there are in what was heard, and whether it was music on hold. Pure: arrival times are arguments.

Theory of operation. Telephones that are steered each say a tone of ``TONES``: far from each other, from keys (ITU-T Q.23), from
the tones of exchanges (425, 440, 450 Hz) and from the notes of the music on hold (ivr_flows/music.py: C, D, E, F, G, A, B and
their second and third partials), which is all but empty there. A window is 160 ms of sound, one every 80 ms. A tone is present
in a window when it is loud enough, as loud as the loudest to a third, and narrow: 30 Hz beside it there is much less. It was
heard when three windows on end (320 ms) have it; speech never does that to one of these frequencies.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from operator import mul

from hotline import g711
from hotline.phones import sound
from hotline.phones.rtp import FRAME

TONES = (1010, 1400, 1690, 1860, 2220, 2450, 2730, 2910, 1270, 1810, 1910, 2270, 2500, 2790, 2850, 2970, 3030, 3090, 1440, 2020)
"""What telephones say, in the order in which they are given out."""

BEEP, ANNOUNCEMENT, FAX_CALLING, FAX_ANSWERING = 2550, 1730, 1100, 2100
"""What machines say: after the greeting, while it waits for keys, and a fax machine that calls or is called (ITU-T T.30)."""

PEAK = 3000
"""Of a tone's samples: -21 dBFS; eight of them together are not yet clipped."""

_ALL = (*TONES, BEEP, ANNOUNCEMENT, FAX_CALLING, FAX_ANSWERING)
_FRAMES, _HOP = 8, 4
_SAMPLES = _FRAMES * FRAME
_LOUD = 1200.0
_BESIDE_HERTZ = 30
_WEAKER, _NARROW = 0.35, 0.35
_STEADY = 3
_NOW_NS = 400_000_000
"""Longer than this without a packet: nothing is heard now."""

_BROKEN_NS = 300_000_000
_NOTES = tuple(440.0 * math.exp2(half_tones / 12) for half_tones in (-9, -7, -5, -4, -2, 0, 2, 3, 5, 7, 10, 12, 15))
_MUSICAL = 0.6
_MUSIC_WINDOWS = 8
_WINDOW = [0.5 - 0.5 * math.cos(2 * math.pi * place / _SAMPLES) for place in range(_SAMPLES)]
_WINDOW_POWER = sum(value * value for value in _WINDOW)


def tone(frequency: int) -> list[bytes]:
    """A-law frames of a steady tone that loop without a seam; raises ``ValueError`` for no multiple of 10 Hz below 4000."""
    if frequency % 10 or not 0 < frequency < sound.RATE // 2:
        raise ValueError(f"{frequency} Hz: a tone is a multiple of 10 Hz below {sound.RATE // 2}")
    step = 2 * math.pi * frequency / sound.RATE
    return sound.frames(array("h", (round(PEAK * math.sin(step * n)) for n in range(sound.RATE // 10))).tobytes())


def strength(samples: Sequence[float], frequency: float) -> float:
    """The peak of a tone of this frequency in 1280 samples (Goertzel's sum, with a Hann window)."""
    real, imaginary = _waves(frequency)
    return 4 / _SAMPLES * math.hypot(sum(map(mul, samples, real)), sum(map(mul, samples, imaginary)))


def present(samples: Sequence[float]) -> frozenset[int]:
    """The tones that are there in 1280 samples."""
    strengths = {frequency: strength(samples, frequency) for frequency in _ALL}
    least = max(_LOUD, _WEAKER * max(strengths.values()))
    return frozenset(
        frequency for frequency, found in strengths.items() if found >= least and _is_narrow(samples, frequency, found)
    )


def is_music(samples: Sequence[float]) -> bool:
    """Whether 1280 samples are notes of the music on hold and little else."""
    power = sum(map(mul, (windowed := list(map(mul, samples, _WINDOW))), windowed)) / _WINDOW_POWER
    if power < 2500:
        return False
    notes = sum(strength(samples, note) ** 2 / 2 for note in _NOTES)
    return notes > _MUSICAL * power and not present(samples)


def _is_narrow(samples: Sequence[float], frequency: int, found: float) -> bool:
    return max(strength(samples, frequency - _BESIDE_HERTZ), strength(samples, frequency + _BESIDE_HERTZ)) < _NARROW * found


@cache
def _waves(frequency: float) -> tuple[list[float], list[float]]:
    angle = 2 * math.pi * frequency / sound.RATE
    return (
        [weight * math.cos(angle * n) for n, weight in enumerate(_WINDOW)],
        [weight * math.sin(angle * n) for n, weight in enumerate(_WINDOW)],
    )


class Hearing:
    """What one telephone heard in one call: frames of 20 ms with the time when each came, examined only when asked."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._times: list[int] = []
        self._tones: dict[int, frozenset[int]] = {}

    def take(self, frame: bytes, at_ns: int) -> None:
        """One frame of A-law, in order of arrival."""
        self._times.append(at_ns)
        self._frames.append(frame)

    @property
    def frames(self) -> list[bytes]:
        """All that was heard, without the gaps in which nothing came."""
        return self._frames

    def now(self, at_ns: int) -> frozenset[int]:
        """The tones heard at this moment: steady until now. Nothing when nothing arrives."""
        last = self._last_window()
        if last < _STEADY - 1 or at_ns - self._times[-1] > _NOW_NS:
            return frozenset()
        return self._steady(last)

    def between(self, first_ns: int, last_ns: int) -> frozenset[int]:
        """All tones heard between two moments, however briefly (from 320 ms on)."""
        places = [place for place in range(self._last_window() + 1) if self._lies_within(place, first_ns, last_ns)]
        heard = [self._steady(place) for place in places[_STEADY - 1 :]]
        return frozenset().union(*heard)

    def is_silent_of(self, tones: Iterable[int], at_ns: int) -> bool:
        """Whether none of these tones was in any of the last windows."""
        last = self._last_window()
        if last < 0 or at_ns - self._times[-1] > _NOW_NS:
            return True
        latest = range(max(0, last - _STEADY + 1), last + 1)
        return not any(self._present(place) & frozenset(tones) for place in latest)

    def is_music(self, at_ns: int) -> bool:
        """Whether music on hold has been heard for the last 0.7 s: most windows are notes and little else."""
        last = self._last_window()
        if last < _MUSIC_WINDOWS or at_ns - self._times[-1] > _NOW_NS:
            return False
        return sum(is_music(self._samples(place)) for place in range(last - _MUSIC_WINDOWS + 1, last + 1)) > _MUSIC_WINDOWS // 2

    def is_audible(self, at_ns: int) -> bool:
        """Whether anything at all could be heard in the last 0.4 s."""
        return any(
            at_ns - at <= _NOW_NS and sound.audible(frame)
            for at, frame in zip(self._times[-25:], self._frames[-25:], strict=True)
        )

    def _last_window(self) -> int:
        """The number of the last whole window; -1 when there is none."""
        return (len(self._frames) - _FRAMES) // _HOP

    def _lies_within(self, place: int, first_ns: int, last_ns: int) -> bool:
        times = self._times
        return times[place * _HOP] >= first_ns and times[place * _HOP + _FRAMES - 1] <= last_ns

    def _steady(self, last: int) -> frozenset[int]:
        """The tones that this window and those before it have in common."""
        found = self._present(last)
        for place in range(last - _STEADY + 1, last):
            found &= self._present(place) if found else found
        return found

    def _present(self, place: int) -> frozenset[int]:
        """The tones of one window; a window with a hole in time has none."""
        if place not in self._tones:
            frames = slice(place * _HOP, place * _HOP + _FRAMES)
            is_quiet = not any(map(sound.audible, self._frames[frames]))
            is_broken = any(after - before > _BROKEN_NS for before, after in pairwise(self._times[frames]))
            self._tones[place] = frozenset() if is_quiet or is_broken else present(self._samples(place))
        return self._tones[place]

    def _samples(self, place: int) -> Sequence[float]:
        samples = array("h")
        samples.frombytes(g711.decode(b"".join(self._frames[place * _HOP : place * _HOP + _FRAMES])))
        return samples

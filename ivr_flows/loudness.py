"""How loud a sound is heard: ITU-R BS.1770-4, at 8 kHz and of one channel, in LUFS. Pure; samples are floats, full scale 1.0.

The K-weighting is made for 8 kHz from the two analogue filters that the standard's coefficients for 48 kHz come from. Blocks of
0.4 s, every 0.1 s, are gated as in the standard: first at -70 LUFS, then at 10 LU below the mean of those left. The standard
has no measure for a sound shorter than one block; here such a sound is one block of its own length (the value that it would
have if it were played again and again).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import NamedTuple

RATE = 8000
SILENCE = -70.0
"""What silence, and all that is under the absolute gate, measures."""

_BLOCK, _STEP = RATE * 4 // 10, RATE // 10
_RELATIVE_GATE = 10.0
_OFFSET = -0.691


class _Biquad(NamedTuple):
    """b0 + b1 z^-1 + b2 z^-2 over 1 + a1 z^-1 + a2 z^-2."""

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float


def _shelf(rate: float) -> _Biquad:
    """The head: +4 dB above 1.7 kHz."""
    gain, quality = 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (gain / 20)
    middle = high**0.4996667741545416
    a0 = 1 + k / quality + k * k
    return _Biquad(
        (high + middle * k / quality + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - middle * k / quality + k * k) / a0,
        2 * (k * k - 1) / a0,
        (1 - k / quality + k * k) / a0,
    )


def _high_pass(rate: float) -> _Biquad:
    """The ear: nothing below 38 Hz."""
    quality = 0.5003270373238773
    k = math.tan(math.pi * 38.13547087602444 / rate)
    a0 = 1 + k / quality + k * k
    return _Biquad(1.0, -2.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / quality + k * k) / a0)


def weighting(rate: float) -> tuple[_Biquad, _Biquad]:
    """The two filters of the K-weighting for a rate."""
    return _shelf(rate), _high_pass(rate)


_WEIGHTING = weighting(RATE)


def integrated(samples: Sequence[float]) -> float:
    """The loudness of a whole sound in LUFS; ``SILENCE`` when nothing of it is above the absolute gate."""
    sums = [0.0, *accumulate(map(mul, weighted := _weighted(samples), weighted))]
    length = min(_BLOCK, len(samples))
    if not length:
        return SILENCE
    blocks = [(sums[at + length] - sums[at]) / length for at in range(0, len(samples) - length + 1, _STEP)]
    heard = [power for power in blocks if _lufs(power) > SILENCE]
    if not heard:
        return SILENCE
    gate = _lufs(math.fsum(heard) / len(heard)) - _RELATIVE_GATE
    kept = [power for power in heard if _lufs(power) > gate]
    return _lufs(math.fsum(kept) / len(kept))


def _lufs(power: float) -> float:
    return _OFFSET + 10 * math.log10(power) if power > 1e-12 else SILENCE - 1


def _weighted(samples: Sequence[float]) -> list[float]:
    sound = list(samples)
    for b0, b1, b2, a1, a2 in _WEIGHTING:
        held = later = 0.0
        for at, sample in enumerate(sound):
            out = b0 * sample + held
            held = b1 * sample - a1 * out + later
            later = b2 * sample - a2 * out
            sound[at] = out
    return sound

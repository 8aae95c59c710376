"""Synthesised speech made fit for a telephone line: resampled, trimmed, levelled. Pure; samples are floats, full scale 1.0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

RATE = 8000
"""Samples a second on a telephone line."""

SPEECH_LEVEL = 10 ** (-17 / 20)
"""Root mean square of the voiced parts of every prompt: -17 dBFS."""

PEAK = 10 ** (-3 / 20)
"""No sample is above -3 dBFS."""

_KNEE = 10 ** (-6 / 20)
_CUTOFF = 3600.0
_CROSSINGS = 16
_FRAME = RATE // 100
_QUIET = 10 ** (-46 / 20)
_STRAY_FRAMES = 12


def shape(samples: Sequence[float], rate: int, *, lead: float, tail: float) -> list[float]:
    """Speech at ``rate`` turned into a prompt of 8 kHz: ``lead`` seconds before the first sound, ``tail`` after the last."""
    return trim(level(resample(samples, rate)), lead=lead, tail=tail)


def resample(samples: Sequence[float], rate: int) -> list[float]:
    """The same sound at 8 kHz, low-passed at 3.6 kHz by a windowed sinc of 16 crossings a side."""
    step = math.gcd(rate, RATE)
    up, down = RATE // step, rate // step
    half = math.ceil(_CROSSINGS * rate / (2 * _CUTOFF))
    kernels = [_kernel(phase / up, rate, half) for phase in range(up)]
    padded = [0.0] * half + list(samples) + [0.0] * (half + 1)
    output = []
    for number in range(len(samples) * up // down):
        whole, phase = divmod(number * down, up)
        output.append(sum(map(mul, kernels[phase], padded[whole : whole + 2 * half + 1])))
    return output


def _kernel(fraction: float, rate: int, half: int) -> list[float]:
    """Weights of the input samples around a point ``fraction`` of a sample after the middle one; they add up to 1."""
    weights = []
    for offset in range(-half, half + 1):
        distance = offset - fraction
        angle = math.pi * distance * 2 * _CUTOFF / rate
        sinc = math.sin(angle) / angle if angle else 1.0
        weights.append(sinc * (0.5 + 0.5 * math.cos(math.pi * distance / (half + 1))))
    total = sum(weights)
    return [weight / total for weight in weights]


def speech_level(samples: Sequence[float]) -> float:
    """Root mean square of the frames of 10 ms that are within 25 dB of the loudest one; 0.0 for silence."""
    powers = [_power(samples[at : at + _FRAME]) for at in range(0, len(samples), _FRAME)]
    loudest = max(powers, default=0.0)
    voiced = [power for power in powers if power > loudest * 10**-2.5]
    return math.sqrt(sum(voiced) / len(voiced)) if voiced else 0.0


def level(samples: Sequence[float]) -> list[float]:
    """The same speech at ``SPEECH_LEVEL``, its peaks bent below ``PEAK``; silence stays silence."""
    scaled = list(samples)
    for _ in range(3):  # bending peaks takes a little level away: come near in a few turns
        measured = speech_level(scaled)
        if not measured:
            return scaled
        scaled = [_bent(sample * SPEECH_LEVEL / measured) for sample in scaled]
    return scaled


def trim(samples: Sequence[float], *, lead: float, tail: float) -> list[float]:
    """From ``lead`` seconds before the first frame that can be heard to ``tail`` after the last, padded with silence."""
    heard = _heard(samples)
    if not heard:
        return []
    before, after = round(lead * RATE), round(tail * RATE)
    begin, end = heard[0] - before, heard[-1] + _FRAME + after
    kept = [0.0] * max(0, -begin) + list(samples[max(0, begin) : end])
    kept += [0.0] * (end - begin - len(kept))
    return _faded(kept, min(before, after, RATE // 100))


def _heard(samples: Sequence[float]) -> list[int]:
    """Where frames begin that can be heard, without the short stray noise that a synthesiser may leave after the last word."""
    heard = [at for at in range(0, len(samples), _FRAME) if _power(samples[at : at + _FRAME]) > _QUIET**2]
    island = 1
    while island < len(heard) and heard[-island] - heard[-island - 1] == _FRAME:
        island += 1
    return heard[:-island] if island <= _STRAY_FRAMES and island < len(heard) else heard


def beep() -> list[float]:
    """A tone of 1 kHz, 0.3 s, with soft edges: speak now."""
    tone = [0.25 * math.sin(2 * math.pi * 1000 * n / RATE) for n in range(RATE * 3 // 10)]
    return _faded(tone, RATE // 100)


def _faded(samples: list[float], length: int) -> list[float]:
    """Both ends brought to silence over ``length`` samples, so that nothing clicks."""
    for n in range(min(length, len(samples) // 2)):
        samples[n] *= n / length
        samples[-1 - n] *= n / length
    return samples


def _bent(sample: float) -> float:
    size = abs(sample)
    if size <= _KNEE:
        return sample
    room = PEAK - _KNEE
    return math.copysign(_KNEE + room * math.tanh((size - _KNEE) / room), sample)


def _power(frame: Sequence[float]) -> float:
    return sum(map(mul, frame, frame)) / len(frame) if frame else 0.0

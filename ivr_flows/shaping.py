"""Synthesised speech made fit for a telephone line: resampled, trimmed, levelled. Pure; samples are floats, full scale 1.0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

from ivr_flows import loudness

RATE = 8000
"""Samples a second on a telephone line."""

LOUDNESS = -23.0
"""LUFS of every prompt (``loudness.integrated``)."""

TOLERANCE = 1.0
"""LU that a prompt may be off; a joint of two prompts is then hardly heard."""

BAND = (300, 3400)
"""Hertz that a telephone line carries; what lies outside of it is taken away before the level is set."""

PEAK = 10 ** (-3 / 20)
"""No sample is above -3 dBFS."""

_KNEE = 10 ** (-6 / 20)
_CUTOFF = 3600.0
_CROSSINGS = 16
_EDGES = (250.0, 3450.0)  # half the amplitude here: the filter has 100 Hz from all to nothing
_TAPS = 257
_NOTHING = 1e-5
_FRAME = RATE // 100
_QUIET = 10 ** (-52 / 20)
_STRAY_FRAMES = 12


def shape(samples: Sequence[float], rate: int, *, lead: float, tail: float, stray: bool = True) -> list[float]:
    """Speech at ``rate`` turned into a prompt of 8 kHz: ``lead`` seconds before the first sound, ``tail`` after the last.

    ``stray``: the synthesiser may leave a noise after the last word.
    """
    return level(trim(level(band(resample(samples, rate))), lead=lead, tail=tail, stray=stray))


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


def band(samples: Sequence[float]) -> list[float]:
    """The same sound without what a telephone line does not carry, by a symmetric filter of 257 taps."""
    low, high = (2 * edge / RATE for edge in _EDGES)
    middle = _TAPS // 2
    taps = []
    for offset in range(-middle, middle + 1):
        ideal = (
            (math.sin(math.pi * high * offset) - math.sin(math.pi * low * offset)) / (math.pi * offset) if offset else high - low
        )
        taps.append(ideal * (0.54 + 0.46 * math.cos(math.pi * offset / middle)))
    padded = [0.0] * middle + list(samples) + [0.0] * middle
    return [sum(map(mul, taps, padded[at : at + _TAPS])) for at in range(len(samples))]


def level(samples: Sequence[float]) -> list[float]:
    """The same sound at ``LOUDNESS``, its peaks bent below ``PEAK``; silence stays silence."""
    highest = max(map(abs, samples), default=0.0)
    if highest < _NOTHING:
        return list(samples)
    scaled = [sample * _KNEE / highest for sample in samples]
    for _ in range(4):  # bending peaks takes a little level away: come near in a few turns
        gain = 10 ** ((LOUDNESS - loudness.integrated(scaled)) / 20)
        scaled = [_bent(sample * gain) for sample in scaled]
    return scaled


def trim(samples: Sequence[float], *, lead: float, tail: float, stray: bool = True) -> list[float]:
    """From ``lead`` seconds before the first frame that can be heard to ``tail`` after the last, padded with silence."""
    heard = _heard(samples)
    if stray:
        heard = _without_stray(heard)
    if not heard:
        return []
    before, after = round(lead * RATE), round(tail * RATE)
    begin, end = heard[0] - before, heard[-1] + _FRAME + after
    kept = [0.0] * max(0, -begin) + list(samples[max(0, begin) : end])
    kept += [0.0] * (end - begin - len(kept))
    return _faded(kept, min(before, after, RATE // 100))


def _heard(samples: Sequence[float]) -> list[int]:
    """Where frames begin that can be heard."""
    return [at for at in range(0, len(samples), _FRAME) if _power(samples[at : at + _FRAME]) > _QUIET**2]


def _without_stray(heard: list[int]) -> list[int]:
    """The frames without the short stray noise that a synthesiser may leave after the last word."""
    island = 1
    while island < len(heard) and heard[-island] - heard[-island - 1] == _FRAME:
        island += 1
    return heard[:-island] if island <= _STRAY_FRAMES and island < len(heard) else heard


def beep() -> list[float]:
    """A tone of 1 kHz, 0.3 s, with soft edges: speak now."""
    return level(_tone(1000, 0.3))


def missing() -> list[float]:
    """Two short tones of 440 Hz: a prompt is missing here. Unlike the beep, and unlike any tone of the network."""
    return level([*_tone(440, 0.15), *silence(0.1), *_tone(440, 0.15)])


def silence(seconds: float) -> list[float]:
    """Nothing, for so long."""
    return [0.0] * round(seconds * RATE)


def _tone(frequency: float, seconds: float) -> list[float]:
    return _faded([0.25 * math.sin(2 * math.pi * frequency * n / RATE) for n in range(round(RATE * seconds))], RATE // 100)


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

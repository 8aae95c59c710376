"""The tones of telephone keys: the two frequencies of each key and no others, at a loudness that a line carries."""

from __future__ import annotations

import math
import struct

import pytest

from hotline import g711
from hotline.phones.rtp import KEYS
from hotline.phones.tones import tone

# ITU-T Q.23, table 1.
HERTZ = {
    **{"1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "A": (697, 1633)},
    **{"4": (770, 1209), "5": (770, 1336), "6": (770, 1477), "B": (770, 1633)},
    **{"7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "C": (852, 1633)},
    **{"*": (941, 1209), "0": (941, 1336), "#": (941, 1477), "D": (941, 1633)},
}


def _peak(samples: tuple[int, ...], hertz: int) -> float:
    """The amplitude of one frequency."""
    turn = 2 * math.pi * hertz / 8000
    real = sum(value * math.cos(turn * n) for n, value in enumerate(samples))
    imaginary = sum(value * math.sin(turn * n) for n, value in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


def _dbfs(peak: float) -> float:
    return 20 * math.log10(max(peak, 1) / 32768)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_its_two_frequencies_and_no_other(key: str) -> None:
    linear = g711.decode(b"".join(tone(key, 200)))
    samples = struct.unpack(f"<{len(linear) // 2}h", linear)
    low, high = HERTZ[key]
    assert -14 < _dbfs(_peak(samples, low)) < -12
    assert -12 < _dbfs(_peak(samples, high)) < -10
    others = {hertz for pair in HERTZ.values() for hertz in pair} - {low, high}
    assert all(_dbfs(_peak(samples, hertz)) < -35 for hertz in others)


def test_a_key_lasts_as_long_as_it_is_pressed() -> None:
    assert [len(frame) for frame in tone("5", 100)] == [160] * 5
    assert len(tone("5", 1)) == 1


@pytest.mark.parametrize("key", ["", "E", "12", "a", " "])
def test_what_is_no_key_has_no_tone(key: str) -> None:
    with pytest.raises(ValueError, match="not a telephone key"):
        tone(key)

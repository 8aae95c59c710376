"""The loudness meter agrees with the standard's own figures and with another meter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr_flows import loudness, speech
from ivr_flows.render import read


def tone(frequency: float, seconds: float, decibels: float) -> list[float]:
    """A sine whose peak is so many dB below full scale."""
    size = 10 ** (decibels / 20)
    return [size * math.sin(2 * math.pi * frequency * n / 8000) for n in range(round(8000 * seconds))]


def test_a_sine_of_997_hertz_at_full_scale_is_at_minus_3_01_lufs() -> None:
    """ITU-R BS.1770-4, annex 1."""
    assert loudness.integrated(tone(997, 2, 0)) == pytest.approx(-3.01, abs=0.03)


@pytest.mark.parametrize(
    ("parts", "lufs"),
    [
        ([(20, -23)], -23.0),
        ([(20, -33)], -33.0),
        ([(10, -36), (60, -23), (10, -36)], -23.0),
        ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),
        ([(20, -26), (20.1, -20), (20, -26)], -23.0),
    ],
)
def test_the_test_signals_of_the_broadcasters_measure_what_they_must(parts: list[tuple[float, float]], lufs: float) -> None:
    """EBU Tech 3341, cases 1 to 5: two channels of 1 kHz are 3.01 dB louder than the one that a telephone has."""
    samples = [sample for seconds, decibels in parts for sample in tone(1000, seconds, decibels + 3.01)]
    assert loudness.integrated(samples) == pytest.approx(lufs, abs=0.1)


def test_the_filters_are_those_of_the_standard_at_its_rate() -> None:
    """ITU-R BS.1770-4, tables 1 and 2, for 48 kHz; ours come from the same two analogue filters."""
    shelf, high_pass = loudness.weighting(48_000)
    assert shelf == pytest.approx(
        (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585), abs=1e-9
    )
    assert high_pass == pytest.approx((1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621), abs=1e-9)


@pytest.mark.parametrize(
    ("frequency", "lufs"), [(300, -23.6), (500, -23.5), (1000, -23.0), (2000, -20.2), (3000, -19.5), (3400, -19.5)]
)
def test_tones_measure_what_the_filter_ebur128_of_ffmpeg_measures(frequency: int, lufs: float) -> None:
    """Its figures, rounded to 0.1, of version 5.1: it brings the sound to 48 kHz first."""
    assert loudness.integrated(tone(frequency, 2, -20)) == pytest.approx(lufs, abs=0.06)


@pytest.mark.parametrize("name", ["welcome", "menu", "self-service-menu", "survey", "date/day-21", "hotline/12315"])
@pytest.mark.parametrize("language", speech.LANGUAGES)
def test_prompts_measure_what_ffmpeg_measures(name: str, language: str) -> None:
    """-23.0 of each, measured when they were made."""
    samples, _ = read(speech.FOLDER / language / f"{name}.wav")
    assert loudness.integrated(samples) == pytest.approx(-23.0, abs=0.1)


def test_what_is_shorter_than_a_block_measures_as_if_it_were_played_again_and_again() -> None:
    short = tone(1000, 0.2, -20)
    assert loudness.integrated(short) == pytest.approx(loudness.integrated(short * 10), abs=0.1)


@pytest.mark.parametrize("samples", [[], [0.0], [0.0] * 8000, [1e-5] * 8000])
def test_silence_measures_as_silence(samples: list[float]) -> None:
    assert loudness.integrated(samples) == loudness.SILENCE


@settings(deadline=None, max_examples=30)
@given(decibels=st.floats(-40, 0), frequency=st.integers(300, 3400), seconds=st.floats(0.05, 1.5))
def test_twice_the_amplitude_is_six_decibels_more(decibels: float, frequency: int, seconds: float) -> None:
    louder, softer = (loudness.integrated(tone(frequency, seconds, level)) for level in (decibels, decibels - 6.0))
    assert louder - softer == pytest.approx(6.0, abs=0.01)

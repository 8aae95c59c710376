"""Speech is made fit for the line: rate, level, edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr_flows import loudness, shaping


def tone(frequency: float, rate: int, seconds: float, size: float = 0.2) -> list[float]:
    return [size * math.sin(2 * math.pi * frequency * n / rate) for n in range(round(rate * seconds))]


def size_of(samples: list[float]) -> float:
    return math.sqrt(sum(s * s for s in samples) / len(samples))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100])
@pytest.mark.parametrize("frequency", [300, 1000, 3200])
def test_a_tone_of_the_telephone_band_passes_unchanged(rate: int, frequency: int) -> None:
    heard = shaping.resample(tone(frequency, rate, 0.5), rate)
    assert len(heard) == pytest.approx(4000, abs=1)
    assert heard[1000:3000] == pytest.approx(tone(frequency, 8000, 0.5)[1000:3000], abs=0.004)


@pytest.mark.parametrize("frequency", [4600, 6000, 9000])
def test_a_tone_above_the_telephone_band_does_not_fold_into_it(frequency: int) -> None:
    assert size_of(shaping.resample(tone(frequency, 24000, 0.5), 24000)[1000:3000]) < 0.002


@pytest.mark.parametrize("frequency", [310, 1000, 3380])
def test_what_a_telephone_line_carries_passes_the_band_unchanged(frequency: int) -> None:
    heard = shaping.band(tone(frequency, 8000, 0.5))
    assert heard[1000:3000] == pytest.approx(tone(frequency, 8000, 0.5)[1000:3000], abs=0.004)


@pytest.mark.parametrize("frequency", [50, 100, 190, 3520, 3800])
def test_what_a_telephone_line_does_not_carry_is_taken_away(frequency: int) -> None:
    assert size_of(shaping.band(tone(frequency, 8000, 0.5))[1000:3000]) < 0.002


@settings(deadline=None, max_examples=30)
@given(size=st.floats(0.0001, 1.0), frequency=st.integers(300, 3400), seconds=st.floats(0.1, 1.0))
def test_sound_of_any_loudness_and_length_comes_out_at_one_loudness_below_the_peak(
    size: float, frequency: int, seconds: float
) -> None:
    levelled = shaping.level(tone(frequency, 8000, seconds, size))
    assert loudness.integrated(levelled) == pytest.approx(shaping.LOUDNESS, abs=0.1)
    assert max(map(abs, levelled)) <= shaping.PEAK


def test_a_single_loud_crack_does_not_clip() -> None:
    sound = tone(400, 8000, 0.5)
    sound[2000] = 1.0
    assert max(map(abs, shaping.level(sound))) <= shaping.PEAK


def test_pauses_within_speech_do_not_count_for_its_level() -> None:
    speech = tone(400, 8000, 1.0)
    alone, apart = shaping.level(speech), shaping.level([*speech, *[0.0] * 8000, *speech])
    assert max(apart) == pytest.approx(max(alone), rel=0.15)


def test_silence_stays_silence_and_nothing_is_left_of_it() -> None:
    assert shaping.level([0.0] * 800) == [0.0] * 800
    assert shaping.shape([0.0] * 2400, 24000, lead=0.1, tail=0.1) == []
    assert shaping.shape([], 24000, lead=0.1, tail=0.1) == []


@pytest.mark.parametrize("silence", [0.0, 0.05, 0.7])
def test_the_edges_are_as_long_as_asked_whatever_the_silence_around(silence: float) -> None:
    around = [0.0] * round(8000 * silence)
    trimmed = shaping.trim([*around, *tone(400, 8000, 0.4), *around], lead=0.1, tail=0.15)
    assert len(trimmed) / 8000 == pytest.approx(0.65, abs=0.011)
    assert trimmed[0] == trimmed[-1] == 0.0


def test_a_stray_noise_after_the_last_word_is_cut_off() -> None:
    sound = [*tone(400, 8000, 0.4), *[0.0] * 400, *tone(2500, 8000, 0.08, 0.05)]
    assert len(shaping.trim(sound, lead=0.0, tail=0.02)) / 8000 == pytest.approx(0.42, abs=0.011)


def test_a_short_last_consonant_is_kept_where_no_stray_noise_is_to_be_feared() -> None:
    sound = [*tone(400, 8000, 0.4), *[0.0] * 400, *tone(2500, 8000, 0.08, 0.05)]
    assert len(shaping.trim(sound, lead=0.0, tail=0.02, stray=False)) / 8000 == pytest.approx(0.55, abs=0.011)


def test_a_last_word_after_a_pause_is_kept() -> None:
    sound = [*tone(400, 8000, 0.4), *[0.0] * 1600, *tone(400, 8000, 0.3)]
    assert len(shaping.trim(sound, lead=0.0, tail=0.0)) / 8000 == pytest.approx(0.9, abs=0.011)

"""The music on hold: ours, quiet enough, and without a seam."""

from __future__ import annotations

import itertools
import math
import wave
from array import array

import pytest

from ivr_flows import loudness, music, shaping, speech


def committed() -> array[int]:
    with wave.open(str(speech.MUSIC), "rb") as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (8000, 1, 2)
        return array("h", audio.readframes(audio.getnframes()))


def test_the_committed_music_is_what_the_composer_plays() -> None:
    played = [round(sample * 32767) for sample in music.compose()]
    assert len(played) == len(committed())
    assert max(abs(ours - theirs) for ours, theirs in zip(played, committed(), strict=True)) <= 2


def test_the_music_is_softer_than_speech_and_does_not_clip() -> None:
    samples = committed()
    assert math.sqrt(sum(s * s for s in samples) / len(samples)) / 32768 == pytest.approx(music.LEVEL, rel=0.02)
    assert max(map(abs, samples)) < 0.75 * 32768
    assert loudness.integrated([sample / 32768 for sample in samples]) < shaping.LOUDNESS - 2


def test_the_loop_has_no_seam() -> None:
    samples = committed()
    steps = [abs(b - a) for a, b in itertools.pairwise(samples)]
    assert abs(samples[0] - samples[-1]) <= max(steps)


def test_every_bar_of_the_melody_has_four_beats() -> None:
    notes = music.melody()
    assert sum(beats for _, _, beats in notes) * music.BEAT == music.LENGTH
    assert all(len(bar.split(",")) == 3 for line in music.CHORDS.split("\n") for bar in line.split("|") if bar.strip())


def test_concert_pitch_is_440_hertz() -> None:
    assert [round(music.pitch(name), 2) for name in ("A4", "C4", "C6")] == [440.0, 261.63, 1046.5]

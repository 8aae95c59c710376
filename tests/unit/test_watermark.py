"""The mark in what is taken away: nobody hears it, and it is read again from real speech, also after MP3 (SEC-12, QUA-02)."""

from __future__ import annotations

import subprocess
import wave

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from hotline.paths import TREE
from recordings.playback import watermark

SPEECH = TREE / "hotline" / "phones" / "speech"
NUMBER = 3_141_592_653


def speech(*names: str) -> NDArray[np.int16]:
    sound = b""
    for name in names:
        with wave.open(str(SPEECH / f"{name}.wav")) as file:
            sound += file.readframes(file.getnframes())
    return np.frombuffer(sound, dtype="<i2")


def through(sound: NDArray[np.int16], *options: str) -> NDArray[np.int16]:
    """Encoded and decoded again."""
    raw = ("-f", "s16le", "-ar", "8000", "-ac", "1")
    program = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error")
    coded = subprocess.run((*program, *raw, "-i", "-", *options, "-"), input=sound.tobytes(), capture_output=True, check=True)
    plain = subprocess.run((*program, "-i", "-", *raw, "-"), input=coded.stdout, capture_output=True, check=True)
    return np.frombuffer(plain.stdout, dtype="<i2")


def test_the_mark_is_20_decibels_below_the_speech_and_silent_where_that_is() -> None:
    sound = np.concatenate([speech("lamp"), np.zeros(8000, dtype=np.int16)])
    noise = watermark.marked(sound, NUMBER).astype(float) - sound
    assert len(noise) == len(sound)
    assert 19 < 10 * np.log10((sound.astype(float) ** 2).sum() / (noise**2).sum()) < 22
    assert not noise[-7000:].any()


@pytest.mark.parametrize(
    "options",
    [
        ("-ar", "16000", "-c:a", "libmp3lame", "-b:a", "48k", "-f", "mp3"),
        ("-c:a", "libmp3lame", "-b:a", "24k", "-f", "mp3"),
        ("-c:a", "libopus", "-b:a", "16k", "-f", "ogg"),
    ],
)
def test_the_number_is_read_again_after_a_lossy_format(options: tuple[str, ...]) -> None:
    assert watermark.read([through(watermark.marked(speech("lamp", "pension"), NUMBER), *options)]) == NUMBER


def test_the_number_is_read_from_a_part_that_is_softer_and_from_two_sides_together() -> None:
    sound = watermark.marked(speech("lamp", "pension"), NUMBER)
    assert watermark.read([(sound[31_337:] // 3).astype(np.int16)]) == NUMBER
    assert watermark.read([watermark.marked(speech("pension"), 7), watermark.marked(speech("lamp"), 7)]) == 7


@pytest.mark.parametrize("number", [0, 1, 2**32 - 1])
def test_however_the_sound_comes_the_same_is_made_of_it(number: int) -> None:
    sound, marker = speech("lamp"), watermark.Marker(number)
    cuts = np.cumsum(np.random.default_rng(number).integers(0, 3000, 60))
    made = np.concatenate([*(marker.feed(piece) for piece in np.split(sound, cuts[cuts < len(sound)])), marker.end()])
    assert np.array_equal(made, watermark.marked(sound, number))
    reader = watermark.Reader()
    for piece in np.split(made, cuts[cuts < len(made)]):
        reader.feed(piece)
    assert reader.number() == number


def test_where_there_is_no_mark_none_is_read() -> None:
    dice = np.random.default_rng(5)
    assert watermark.read([speech("lamp", "pension")]) is None
    assert watermark.read([dice.integers(-9000, 9000, 100_000).astype(np.int16)]) is None
    assert watermark.read([np.zeros(100_000, dtype=np.int16)]) is None
    assert watermark.read([np.zeros(0, dtype=np.int16)]) is None
    assert watermark.read([watermark.marked(np.zeros(100_000, dtype=np.int16), 7)]) is None


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 511, 512, 513, 4097])
def test_a_short_sound_keeps_its_length(length: int) -> None:
    assert len(watermark.marked(speech("lamp")[:length], 1)) == length


def test_a_number_that_does_not_fit_is_refused() -> None:
    for number in (-1, 2**32):
        with pytest.raises(ValueError, match="32 bits"):
            watermark.Marker(number)

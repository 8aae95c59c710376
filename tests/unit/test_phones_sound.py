"""WAV files in and out, with errors that say what is wrong; and what can be heard."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import g711
from hotline.phones import sound
from hotline.phones.errors import SpeechError


def _wav(channels: int, width: int, rate: int, count: int = 800) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(channels * width * count))
    return buffer.getvalue()


@given(st.binary(min_size=320, max_size=2000).filter(lambda linear: len(linear) % 2 == 0))
def test_sound_survives_a_wav_file(linear: bytes) -> None:
    assert sound.read_wav(sound.write_wav(linear), "a.wav") == linear


@pytest.mark.parametrize("form", [(2, 2, 8000), (1, 1, 8000), (1, 2, 16000)])
def test_another_format_is_refused_with_what_it_is(form: tuple[int, int, int]) -> None:
    with pytest.raises(
        SpeechError, match=rf"a\.wav: {form[0]} channel\(s\), {form[1] * 8} bit, {form[2]} Hz; it must be 1 channel"
    ):
        sound.read_wav(_wav(*form), "a.wav")


@pytest.mark.parametrize("data", [b"", b"RIFF", b"hello, this is text", _wav(1, 2, 8000)[:30]])
def test_what_is_no_wav_file_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(SpeechError, match=r"a\.wav: not a WAV file"):
        sound.read_wav(data, "a.wav")


def test_a_file_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(SpeechError, match="shorter than 20 ms"):
        sound.read_wav(_wav(1, 2, 8000, 100), "a.wav")


def test_the_last_frame_is_filled_with_silence() -> None:
    frames = sound.frames(struct.pack("<200h", *[1000] * 200))
    assert [len(frame) for frame in frames] == [160, 160]
    assert frames[1] == b"\xfa" * 40 + bytes([g711.SILENCE]) * 120


def test_a_tone_is_audible_and_silence_and_a_click_are_not() -> None:
    tone = g711.encode(struct.pack("<160h", *[3000 if n % 8 < 4 else -3000 for n in range(160)]))
    click = tone[:3] + bytes([g711.SILENCE]) * 157
    assert [sound.audible(payload) for payload in (tone, click, bytes([g711.SILENCE]) * 160, b"\x55" * 160, b"")] == [
        True,
        False,
        False,
        False,
        False,
    ]

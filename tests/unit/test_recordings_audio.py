"""What is in a file's bytes: shapes, headers finished or not, lengths."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import audio
from recordings.errors import EmptyAudioError, NotWavError, TooLongError, TooShortError

SECOND = b"\x01\x00" * 8000


def wav(samples: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    """A file as the standard library writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=10**9))
def test_a_conversation_is_as_long_as_the_side_that_has_more(one: int, other: int) -> None:
    shape = audio.conversation_shape(2 * one, 2 * other)
    assert shape == audio.conversation_shape(2 * other, 2 * one)
    assert (shape.frames, shape.channels, shape.rate, shape.offset) == (max(one, other), 2, 8000, 0)
    assert shape.length_ms == shape.frames // 8


@pytest.mark.parametrize(("size", "kept"), [(0, 0), (1, 0), (2, 2), (3, 2), (321, 320)])
def test_half_a_sample_at_the_end_of_a_raw_file_is_cut(size: int, kept: int) -> None:
    assert audio.whole(size) == kept


def test_a_conversation_in_which_nobody_said_anything_is_empty() -> None:
    with pytest.raises(EmptyAudioError):
        audio.conversation_shape(0, 0)


def test_more_audio_than_a_wav_file_can_declare_is_refused() -> None:
    assert audio.conversation_shape(2**31 - 20, 0).size == 2**32 - 40
    with pytest.raises(TooLongError):
        audio.conversation_shape(0, 2**31)


SAMPLES = st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), max_size=30)


@given(SAMPLES)
def test_voices_at_once_are_added_and_never_turn_over(pairs: list[tuple[int, int]]) -> None:
    one, other = (struct.pack(f"={len(pairs)}h", *(pair[n] for pair in pairs)) for n in (0, 1))
    together = struct.unpack(f"={len(pairs)}h", audio.mixed(one, other))
    assert together == tuple(max(-32768, min(32767, a + b)) for a, b in pairs)
    assert audio.mixed(other, one) == audio.mixed(one, other)


@given(st.lists(st.tuples(st.binary(min_size=2, max_size=2), st.binary(min_size=2, max_size=2)), min_size=1, max_size=50))
def test_two_voices_are_laid_beside_each_other_and_read_back_by_the_standard_library(pairs: list[tuple[bytes, bytes]]) -> None:
    left, right = b"".join(pair[0] for pair in pairs), b"".join(pair[1] for pair in pairs)
    stereo = audio.interleaved(left, right)
    assert stereo == b"".join(one + other for one, other in pairs)
    shape = audio.conversation_shape(len(left), len(right))
    with wave.open(io.BytesIO(audio.wav_header(shape) + stereo), "rb") as reader:
        assert (reader.getnchannels(), reader.getframerate(), reader.getsampwidth()) == (2, 8000, 2)
        assert reader.readframes(shape.frames + 1) == stereo


@given(st.binary(min_size=2, max_size=400), st.sampled_from([8000, 16000]), st.sampled_from([1, 2]))
def test_a_finished_wav_file_has_the_shape_that_its_header_says(samples: bytes, rate: int, channels: int) -> None:
    whole = samples[: len(samples) // (2 * channels) * 2 * channels]
    if not whole:
        return
    content = wav(whole, rate=rate, channels=channels)
    shape = audio.wav_shape(content, len(content))
    assert (shape.offset, shape.size, shape.rate, shape.channels) == (44, len(whole), rate, channels)


@pytest.mark.parametrize("declared", [0, 1 << 20, 0xFFFFFFFF])
def test_an_unfinished_header_is_repaired_from_the_length_of_the_file(declared: int) -> None:
    content = bytearray(wav(SECOND))
    struct.pack_into("<I", content, 4, 0)
    struct.pack_into("<I", content, 40, declared)
    content += b"\x7f"  # a torn sample at the end
    shape = audio.wav_shape(bytes(content), len(content))
    assert (shape.size, shape.length_ms) == (len(SECOND), 1000)


def test_only_the_head_of_a_long_message_is_needed() -> None:
    content = wav(SECOND * 60)
    assert audio.wav_shape(content[: audio.HEAD], len(content)).length_ms == 60_000


def test_chunks_before_and_after_the_audio_are_not_audio() -> None:
    content = wav(SECOND)
    listed = struct.pack("<4sI", b"LIST", 5) + b"abcde\x00"
    longer = content[:36] + listed + content[36:] + listed
    shape = audio.wav_shape(longer, len(longer))
    assert (shape.offset, shape.size) == (44 + len(listed), len(SECOND))


@pytest.mark.parametrize(
    "content",
    [
        b"RIFF",
        b"not a wave file at all, though it is long enough to be one, is it not",
        wav(b"\x00" * 8000, width=1),
        wav(SECOND, rate=4000),
        wav(SECOND)[:12] + wav(SECOND)[36:],
        wav(SECOND)[:30],
        b"RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff" + b"\x00" * 30,
    ],
    ids=["torn", "text", "8 bit", "4 kHz", "no format", "torn format", "endless chunk"],
)
def test_what_is_not_16_bit_pcm_is_refused(content: bytes) -> None:
    with pytest.raises(NotWavError):
        audio.wav_shape(content, len(content))


@given(st.binary(max_size=300))
def test_no_bytes_at_all_break_the_reader(content: bytes) -> None:
    for head in (content, b"RIFF\x00\x00\x00\x00WAVE" + content, wav(b"")[:36] + content):
        try:
            shape = audio.wav_shape(head, len(head))
        except (NotWavError, EmptyAudioError):
            continue
        assert shape.offset + shape.size <= len(head)


def test_an_empty_message_and_one_under_half_a_second_are_told_apart() -> None:
    with pytest.raises(EmptyAudioError):
        audio.message_shape(b"", 0)
    with pytest.raises(EmptyAudioError):
        audio.message_shape(wav(b""), 44)
    short, long = wav(b"\x00\x00" * 15999), wav(b"\x00\x00" * 16000)
    with pytest.raises(TooShortError):
        audio.message_shape(short, len(short))
    assert audio.message_shape(long, len(long)).length_ms == 2000

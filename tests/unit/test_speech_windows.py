"""Windows of speech, cut at pauses, for an engine that hears half a minute at a time (CH-13)."""

from __future__ import annotations

import array
import math
from collections.abc import Iterator
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.transcription.windows import FRAME_MS, LONGEST_MS, Window, cut, loudness


@cache
def tone(seconds: float, loud: int = 6000) -> bytes:
    """As loud as speech, and as uneven: it rises and falls four times a second."""
    frames = range(int(seconds * 8000))
    wave = (int(loud * abs(math.sin(math.pi * at / 2000)) * math.sin(0.7 * at)) for at in frames)
    return array.array("h", wave).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * 8000))


def pieces(sound: bytes, size: int = 7001) -> Iterator[bytes]:
    yield from (sound[start : start + size] for start in range(0, len(sound), size))


def spans(windows: list[Window]) -> list[tuple[float, float]]:
    return [(one.from_ms / 1000, (one.from_ms + len(one.sound) / 16) / 1000) for one in windows]


def test_silence_has_no_windows_and_a_click_is_none() -> None:
    assert list(cut(pieces(silence(120)))) == []
    assert list(cut(pieces(silence(3) + tone(0.04) + silence(3)))) == []
    assert list(cut(iter([b"", b"\1"]))) == []


def test_a_window_begins_shortly_before_the_speech_and_ends_shortly_after_it() -> None:
    ((begin, end),) = spans(list(cut(pieces(silence(5) + tone(4) + silence(5)))))
    assert 4.7 <= begin <= 5.05 and 8.9 <= end <= 9.4


def test_a_long_pause_and_length_cut_and_no_sound_of_speech_is_lost() -> None:
    sound = tone(3) + silence(4) + tone(16) + silence(0.5) + tone(10)
    found = list(cut(pieces(sound)))
    assert [round(begin) for begin, _ in spans(found)] == [0, 7, 23]
    assert sum(end - begin for begin, end in spans(found)) >= 29
    assert max(len(one.sound) for one in cut(pieces(tone(70)))) <= LONGEST_MS * 16


def test_a_steady_hum_is_no_speech_but_who_speaks_above_it_is_heard() -> None:
    hum = array.array("h", (int(300 * math.sin(0.4 * at)) for at in range(8000 * 20))).tobytes()
    voice = array.array("h", tone(3))
    mixed = array.array("h", hum)
    for at, sample in enumerate(voice):
        mixed[8 * 8000 + at] = max(-32768, min(32767, mixed[8 * 8000 + at] + sample))
    found = spans(list(cut(pieces(mixed.tobytes()))))
    assert any(begin <= 8.1 and end >= 10.9 for begin, end in found)
    assert sum(end - begin for begin, end in found) < 6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=12), st.integers(1, 5000))
def test_windows_follow_each_other_and_are_parts_of_the_sound(parts: list[tuple[bool, int]], size: int) -> None:
    sound = b"".join((tone if speaks else silence)(length * 0.2) for speaks, length in parts)
    end = 0
    for one in cut(pieces(sound, size)):
        start = one.from_ms * 16
        assert one.from_ms % FRAME_MS == 0 and start >= end
        assert sound[start : start + len(one.sound)] == one.sound
        end = start + len(one.sound)


def test_loudness_is_the_root_of_the_mean_square() -> None:
    assert loudness(b"") == 0
    assert loudness(array.array("h", [3, -3, 3, -3]).tobytes()) == 3

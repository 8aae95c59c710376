"""A moment of a sound is found without what is before it, to the sample (QUA-02): pages of Ogg, and ffmpeg."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline import clock
from recordings import audio, ffmpeg
from recordings.audio import RATE, Shape
from recordings.playback import pages
from recordings.playback.playing import Making, Source, Wish
from tests.sealed_calls import speech

MINUTES = 6


@pytest.fixture(scope="module")
def opus(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Both sides speak all the time, never twice as loud as before."""
    folder = tmp_path_factory.mktemp("opus")
    frames = MINUTES * 60 * RATE
    loud = np.repeat(np.random.default_rng(1).uniform(0.2, 1, frames // 800), 800)
    left = (np.resize(speech("lamp"), frames) * loud).astype("<i2")
    sides = np.stack([left, np.roll(left, 3333)], axis=1)
    shape = Shape(offset=44, frames=frames, channels=2, rate=RATE)
    (folder / "x.wav").write_bytes(audio.wav_header(shape) + sides.tobytes())
    ffmpeg.encode(folder / "x.wav", folder / "x.opus", kilobits=16, gains=[0, 0])
    return (folder / "x.opus").read_bytes()


class Counted:
    """A stored sound; how many bytes of it were read."""

    def __init__(self, content: bytes) -> None:
        self.content, self.read = content, 0

    def source(self) -> Source:
        def read(start: int, count: int) -> bytes:
            self.read += count
            return self.content[start : start + count]

        return Source(form="opus", size=len(self.content), read=read, close=lambda: None, channels=2, length_ms=MINUTES * 60_000)

    def samples(self, from_ms: int, to_ms: int) -> np.ndarray:
        made = b"".join(Making(self.source(), Wish(format="wav", from_ms=from_ms, to_ms=to_ms)).pieces())
        return np.frombuffer(made[44:], "<i2").reshape(-1, 2)


def test_a_stretch_is_that_of_the_whole_to_the_sample_wherever_it_begins(opus: bytes) -> None:
    whole = Counted(opus).samples(0, 0)
    chance = random.Random(1)
    for from_ms in (1, 999, 1000, 1001, 2000, 3001, *(chance.randrange(3000, MINUTES * 60_000 - 2000) for _ in range(12))):
        found = Counted(opus).samples(from_ms, from_ms + 1500)
        wanted = whole[from_ms * 8 : from_ms * 8 + 12000].astype(int)
        assert found.shape == wanted.shape and np.abs(found - wanted).max() <= 2, from_ms
    last = MINUTES * 60_000 - 100
    assert np.abs(Counted(opus).samples(last, 0) - whole[last * 8 :].astype(int)).max() <= 2


def test_what_is_before_a_moment_is_neither_read_nor_decoded(opus: bytes) -> None:
    sound = Counted(opus)
    sound.samples((MINUTES - 1) * 60_000, (MINUTES - 1) * 60_000 + 500)
    assert sound.read < len(opus)

    def first(from_ms: int) -> float:
        took = []
        for _ in range(3):
            began = clock.monotonic()
            pieces = Making(Counted(opus).source(), Wish(format="wav", from_ms=from_ms)).pieces()
            next(pieces)
            next(pieces)
            took.append(clock.monotonic() - began)
            pieces.close()  # type: ignore[attr-defined]
        return min(took)

    assert first((MINUTES - 1) * 60_000) < 4 * first(0) + 0.05


def page(place: int, body: bytes, serial: bytes = b"abcd", flags: int = 0) -> bytes:
    segments = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = b"OggS\0" + bytes([flags]) + place.to_bytes(8, "little", signed=True) + serial + bytes(8)
    return head + bytes([len(segments)]) + segments + body


HEAD = page(0, b"OpusHead\x01\x02\x38\x01" + bytes(7)) + page(0, b"OpusTags" + bytes(8))
BODIES = st.tuples(
    st.integers(1, 3000), st.integers(0, 60000), st.booleans(), st.booleans(), st.sampled_from([b"OggS", b"OggS\0", b"x"])
)


def file_of(bodies: list[tuple[int, int, bool, bool, bytes]]) -> tuple[bytes, list[tuple[int, int]]]:
    """The file, and (place, end) of each page behind which another begins with a packet of its own."""
    content, place, good = HEAD, 0, list[tuple[int, int]]()
    ends: list[tuple[int, int]] = []
    for further, size, continues, is_whole, letters in bodies:
        is_continued = continues and bool(ends)
        if ends and not is_continued and ends[-1][0] > 0:
            good.append(ends[-1])
        place += further
        body = (letters * (size // len(letters) + 1))[:size]
        content += page(place if is_whole else -1, body, flags=int(is_continued))
        ends.append((place if is_whole else -1, len(content)))
    return content, good


@settings(max_examples=150, deadline=None)
@given(st.lists(BODIES, min_size=1, max_size=40), st.integers(0, 130_000))
def test_a_page_is_found_that_begins_with_a_packet_and_not_behind_the_place(
    bodies: list[tuple[int, int, bool, bool, bytes]], place: int
) -> None:
    content, good = file_of(bodies)
    found = pages.beginning(lambda start, count: content[start : start + count], len(content), place)
    fit = [one for one in good if one[0] <= place]
    if found is not None:
        assert (found.place, found.start) in fit and found.head == len(HEAD)
    if all(not is_continued and is_whole for _, _, is_continued, is_whole, _ in bodies):
        assert (found and (found.place, found.start)) == (fit[-1] if fit else None)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000), st.integers(0, 10**9), st.booleans())
def test_what_is_no_sound_leads_nowhere(content: bytes, place: int, has_head: bool) -> None:
    whole = HEAD * has_head + content
    found = pages.beginning(lambda start, count: whole[start : start + count], len(whole), place)
    assert found is None or 0 < found.head <= found.start < len(whole)

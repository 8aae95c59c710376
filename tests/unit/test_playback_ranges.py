"""One stretch of bytes of a sound (RFC 9110), and stretches of time that are made silent to the sample."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.playback.ranges import Span, UnsatisfiableError, covered, span
from recordings.playback.silence import Silencer, joined

STRETCHES = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=6)


@pytest.mark.parametrize(
    ("header", "size", "start", "count"),
    [
        ("bytes=0-", 1000, 0, 1000),
        ("bytes=0-0", 1000, 0, 1),
        ("bytes=999-", 1000, 999, 1),
        ("bytes=10-19", 1000, 10, 10),
        ("BYTES=10-5000", 1000, 10, 990),
        ("bytes=-100", 1000, 900, 100),
        ("bytes=-5000", 1000, 0, 1000),
        ("bytes= 5-6 ", 1000, 5, 2),
    ],
)
def test_one_range_is_cut_to_what_is_there(header: str, size: int, start: int, count: int) -> None:
    assert span(header, size) == Span(start, count, size)
    assert span(header, size).content_range == f"bytes {start}-{start + count - 1}/{size}"


def test_without_a_range_everything_is_sent() -> None:
    assert span(None, 7) == Span(0, 7, 7, whole=True)


@pytest.mark.parametrize(
    "header",
    ["bytes=1000-", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=", "bytes=0-1,5-6", "seconds=0-1", "bytes=a-b",
     "bytes=٣-", "", "x" * 999],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        span(header, 1000)


@given(st.text(max_size=60) | st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}"), st.integers(0, 10**12))
def test_any_header_is_refused_or_gives_bytes_that_are_there(header: str, size: int) -> None:
    try:
        found = span(header, size)
    except UnsatisfiableError:
        return
    assert found.start >= 0 and found.count > 0 and found.start + found.count <= size == found.size
    begin, end = covered(found.start, found.count, size, 60_000)
    assert 0 <= begin <= end <= 60_000


def test_of_a_whole_sound_all_milliseconds_are_heard_and_of_half_of_it_half() -> None:
    assert covered(0, 4000, 4000, 2000) == (0, 2000)
    assert covered(2000, 2000, 4000, 2000) == (1000, 2000)
    assert covered(0, 0, 0, 2000) == (0, 0)


@given(STRETCHES)
def test_joined_stretches_are_in_order_apart_and_cover_the_same(given_stretches: list[tuple[int, int]]) -> None:
    found = joined(given_stretches)
    assert all(begin < end for begin, end in found)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
    assert {ms for begin, end in found for ms in range(begin, end)} == {
        ms for begin, end in given_stretches for ms in range(begin, end)
    }


@given(STRETCHES, st.lists(st.integers(1, 9000), min_size=1, max_size=12), st.sampled_from((1, 2)), st.integers(0, 2000))
def test_exactly_what_is_masked_is_silent_however_the_sound_is_cut(
    stretches: list[tuple[int, int]], cuts: list[int], channels: int, from_ms: int
) -> None:
    silencer, heard = Silencer(stretches, channels, from_ms), b""
    for cut in cuts:
        heard += silencer.feed(b"\x01" * cut)
    width = 2 * channels * 8  # bytes of a millisecond at 8 kHz
    wanted = bytearray(b"\x01" * sum(cuts))
    for begin, end in stretches:
        for ms in range(begin, end):
            at = (ms - from_ms) * width
            if 0 <= at < len(wanted):
                wanted[at : at + width] = bytes(len(wanted[at : at + width]))
    assert heard == bytes(wanted)

"""The picture of a recording: peaks that do not depend on how the sound comes, and an SVG of what may be heard."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recordings.manifest import Gap, Segment
from recordings.playback import waveform
from recordings.playback.waveform import POINTS, Peaks

SVG = "{http://www.w3.org/2000/svg}"


def packed(sound: bytes, frames: int, channels: int, cuts: list[int]) -> bytes:
    peaks, at = Peaks(frames, channels), 0
    for cut in [*cuts, len(sound)]:
        peaks.feed(sound[at : at + cut])
        at += cut
    return peaks.packed()


@given(st.integers(1, 5000), st.sampled_from((1, 2)), st.lists(st.integers(0, 4000), max_size=6), st.integers(0, 2**32 - 1))
def test_peaks_are_the_loudest_of_each_part_however_the_sound_is_cut(
    frames: int, channels: int, cuts: list[int], seed: int
) -> None:
    sound = np.random.default_rng(seed).integers(-32768, 32768, (frames, channels)).astype("<i2")
    found = waveform.tracks(packed(sound.tobytes(), frames, channels, cuts))
    assert [len(track) for track in found] == [POINTS] * channels
    for channel, track in enumerate(found):
        wanted = [0] * POINTS
        for frame in range(frames):
            place = frame * POINTS // frames
            wanted[place] = max(wanted[place], -(-abs(int(sound[frame, channel])) * 255 // 32768))
        assert track == wanted


def test_silence_is_0_the_loudest_is_255_and_what_is_too_long_is_not_lost() -> None:
    assert set(packed(bytes(1600), 800, 1, [])) == {0}
    assert set(packed(b"\x00\x80" * 1600, 1600, 1, [100])) == {255}
    assert packed(bytes(1600) + b"\xff\x7f", 800, 1, [])[-1] == 255


def test_a_picture_has_a_row_for_each_track_and_shows_segments_gaps_and_masks() -> None:
    picture = waveform.svg(
        [[10] * POINTS, [20] * POINTS],
        60_000,
        segments=[Segment(kind="conversation", from_ms=0, to_ms=30_000), Segment(kind="three_way", from_ms=30_000, to_ms=60_000)],
        gaps=[Gap(from_ms=1000, to_ms=2000, why="paused")],
        masks=[(5000, 9000)],
    )
    drawn = ElementTree.fromstring(picture)
    kinds = [shape.get("class", "") for shape in drawn.iter() if shape.get("class")]
    assert sorted(kinds) == ["gap", "mask", "segment", "segment", "track", "track"]
    (mask,) = [shape for shape in drawn.iter(f"{SVG}rect") if shape.get("class") == "mask"]
    assert (float(mask.get("x", "")), float(mask.get("width", ""))) == (133.3, 106.7)


def test_a_picture_is_flat_where_the_sound_is_masked() -> None:
    found = waveform.silenced([9] * POINTS, [(1000, 2000), (7990, 9000)], 8000)
    assert [place for place, point in enumerate(found) if not point] == [*range(100, 200), 799]
    assert waveform.silenced([9] * POINTS, [], 0) == [9] * POINTS

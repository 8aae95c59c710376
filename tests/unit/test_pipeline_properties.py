"""What is heard in any track holds together: stretches in order, levels and gains within bounds, however it is cut (QUA-01)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.audio import Shape
from recordings.pipeline import check, hearing, speech
from recordings.pipeline.hearing import ANSWERING, CALLING, FRAME_MS, QUIETEST, Levels, Tones

RATE = 8000
FRAME = RATE * FRAME_MS // 1000
FLAGS = st.lists(st.booleans(), max_size=200).map(lambda flags: np.array(flags, dtype=np.bool_))
PIECES = st.lists(st.tuples(st.sampled_from([0.0, 0.001, 0.02, 0.3, 1.0]), st.integers(1, 60)), max_size=12)
"""(how loud, how many frames) one after another."""
KINDS = st.sampled_from([0, CALLING, ANSWERING])


def levels(pieces: list[tuple[float, int]]) -> Levels:
    found = [np.full(frames, max(20 * np.log10(loud), QUIETEST) if loud else QUIETEST) for loud, frames in pieces]
    return np.concatenate([*found, np.empty(0)]).astype(np.float32)


def tones(kinds: list[tuple[int, int]]) -> Tones:
    return np.concatenate([*(np.full(frames, kind) for kind, frames in kinds), np.empty(0)]).astype(np.uint8)


@given(FLAGS, st.integers(0, 20))
def test_runs_are_in_order_apart_and_leave_nothing_out(where: npt.NDArray[np.bool_], bridge: int) -> None:
    found = hearing.runs(where, bridge=bridge)
    covered = np.zeros(len(where), dtype=np.bool_)
    for begin, end in found:
        assert 0 <= begin < end <= len(where) and where[begin] and where[end - 1]
        covered[begin:end] = True
    assert (covered >= where).all()
    assert (found[1:, 0] - found[:-1, 1] > bridge).all()
    if bridge == 0:
        assert (covered == where).all()


@given(PIECES, st.lists(st.tuples(KINDS, st.integers(1, 60)), max_size=12))
def test_speech_is_in_order_long_enough_and_no_machines_tone(
    pieces: list[tuple[float, int]], kinds: list[tuple[int, int]]
) -> None:
    loud = levels(pieces)
    heard = np.resize(tones(kinds) if kinds else tones([(0, 1)]), len(loud))
    found = speech.spans(loud, heard)
    assert (found[:, 1] - found[:, 0] >= speech.SHORTEST_MS // FRAME_MS).all() and (found[1:, 0] > found[:-1, 1]).all()
    assert not any(heard[begin] for begin, _ in found) and not any(heard[end - 1] for _, end in found)
    assert all(loud[begin] > QUIETEST for begin, _ in found)
    length = max(len(loud) * FRAME_MS - 7, 0)
    times = speech.milliseconds(found, length)
    assert all(0 <= begin < end <= length for begin, end in times)
    assert all(one[1] < other[0] for one, other in pairwise(times))
    assert sum(end - begin for begin, end in times) <= speech.spoken_ms(found) <= len(loud) * FRAME_MS
    loudness = speech.loudness(loud, found)
    assert (loudness is None) == (speech.spoken_ms(found) < speech.ENOUGH_MS)
    assert loudness is None or QUIETEST <= loudness <= 0.1


@given(st.none() | st.floats(-90, 0), st.floats(QUIETEST, 0), st.floats(-40, -6))
def test_a_gain_never_cuts_a_sample_and_stays_within_its_bounds(loud: float | None, peak: float, wanted: float) -> None:
    found = speech.gain(loud, peak, wanted)
    assert speech.LOWEST_GAIN <= found <= speech.HIGHEST_GAIN
    assert found <= 0 or peak + found <= -0.9
    assert loud is not None or found == 0


@settings(max_examples=40, deadline=None)
@given(PIECES, st.lists(st.integers(1, 40), max_size=6), st.integers(0, FRAME - 1))
def test_a_track_is_heard_the_same_in_any_slices(pieces: list[tuple[float, int]], cuts: list[int], rest: int) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, sum(frames for _, frames in pieces) * FRAME + rest)
    loud = np.repeat([loud for loud, _ in pieces] + [0.1], [frames * FRAME for _, frames in pieces] + [rest])
    content = (noise * loud * 32767).astype("<i2").tobytes()
    shape = Shape(offset=44, frames=len(content) // 2, channels=1, rate=RATE)
    whole, sliced = hearing.Track(RATE), hearing.Track(RATE)
    for track, sizes in ((whole, []), (sliced, cuts)):
        at = 0
        for end in [*(2 * FRAME * end for end in np.cumsum(sizes)), len(content)]:
            if content[at:end]:
                (voice,) = hearing.voices(content[at:end], shape)
                track.feed(voice)
                at = min(end, len(content))
    assert np.allclose(whole.levels, sliced.levels, atol=1e-4) and (whole.tones == sliced.tones).all()
    assert whole.peak == sliced.peak and len(whole.levels) == -(-shape.frames // FRAME)
    assert (whole.levels >= QUIETEST).all() and (whole.levels <= 0.01).all()


@given(
    st.lists(st.floats(QUIETEST, 0), max_size=2),
    st.lists(st.integers(0, 10**6), max_size=2),
    st.lists(st.tuples(KINDS, st.integers(1, 200)), max_size=12),
    st.booleans(),
)
def test_whoever_speaks_is_never_set_aside_and_what_is_damaged_always_says_so(
    peaks: list[float], spoken: list[int], kinds: list[tuple[int, int]], is_damaged: bool
) -> None:
    """IVR-08, IVR-10: a fax machine's tone beside a citizen's words does not hide them."""
    heard = tones(kinds)
    found = check.quality(peaks, spoken, heard, is_damaged=is_damaged)
    assert (found == "damaged") == is_damaged
    if not is_damaged:
        assert (found == "empty") == (max(peaks, default=QUIETEST) <= QUIETEST)
        if found == "fax":
            assert check.is_fax(heard) and sum(spoken) < check.MOST_SPEECH_MS
        if found == "silent":
            assert sum(spoken) < speech.ENOUGH_MS
        if sum(spoken) >= check.MOST_SPEECH_MS:
            assert found in ("", "empty")
    assert not check.is_fax(np.zeros_like(heard))

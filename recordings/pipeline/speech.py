"""When somebody speaks, how loud, and by how much the track is made louder or softer for whoever listens (QUA-01). Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recordings.pipeline.hearing import FRAME_MS, QUIETEST, Levels, Tones, runs

PAUSE_MS = 300
"""A shorter one does not end a stretch of speech."""
SHORTEST_MS = 100
"""What is shorter is a click."""
_ABOVE_NOISE, _SOFTEST, _NOISIEST = 9.0, -50.0, -30.0
_ABSENT_MS = 2000
ENOUGH_MS = 500
"""Less speech than this is nobody speaking, and says nothing about a level."""
HIGHEST_GAIN, LOWEST_GAIN = 20.0, -15.0
_HEADROOM = -1.0
"""dBFS that the loudest sample may have after the gain."""


def spans(levels: Levels, tones: Tones) -> npt.NDArray[np.int64]:
    """(first, behind the last) frame of each stretch of speech: louder than the track's own noise, and no machine's tone."""
    heard = levels[_recorded(levels)]
    if not (heard > QUIETEST).any():
        return np.empty((0, 2), dtype=np.int64)
    noise = float(np.percentile(heard, 10))
    threshold = max(min(noise + _ABOVE_NOISE, _NOISIEST), _SOFTEST)
    found = runs((levels > threshold) & (tones == 0), bridge=PAUSE_MS // FRAME_MS - 1)
    return found[found[:, 1] - found[:, 0] >= SHORTEST_MS // FRAME_MS]


def _recorded(levels: Levels) -> npt.NDArray[np.bool_]:
    """Where the recorder ran: long stretches of nothing but zeros are not the noise of the line, short ones are."""
    there = np.ones(len(levels), dtype=np.bool_)
    for begin, end in runs(levels <= QUIETEST):
        there[begin:end] = end - begin < _ABSENT_MS // FRAME_MS
    return there


def milliseconds(found: npt.NDArray[np.int64], length_ms: int) -> tuple[tuple[int, int], ...]:
    """Frames as times within the recording."""
    times = np.minimum(found * FRAME_MS, length_ms)
    return tuple((int(begin), int(end)) for begin, end in times if begin < end)


def spoken_ms(found: npt.NDArray[np.int64]) -> int:
    """How long somebody speaks."""
    return int((found[:, 1] - found[:, 0]).sum()) * FRAME_MS


def loudness(levels: Levels, found: npt.NDArray[np.int64]) -> float | None:
    """dBFS of the speech alone, pauses left out; None when there is too little of it."""
    if spoken_ms(found) < ENOUGH_MS:
        return None
    speaks = np.zeros(len(levels) + 1, dtype=np.int8)
    np.add.at(speaks, found[:, 0], 1)
    np.add.at(speaks, found[:, 1], -1)
    loud = levels[np.cumsum(speaks)[:-1] > 0].astype(np.float64)
    return round(float(10 * np.log10(np.mean(10 ** (loud / 10)))), 1)


def gain(loud: float | None, peak: float, wanted: float) -> float:
    """dB from the loudness that is to the one that is wanted, as far as no sample is cut; 0 for a silent track."""
    if loud is None:
        return 0.0
    return round(min(max(wanted - loud, LOWEST_GAIN), HIGHEST_GAIN, max(_HEADROOM - peak, LOWEST_GAIN)), 1)

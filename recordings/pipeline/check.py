"""What a recording is worth: empty, silent, a fax machine, or whole (IVR-08, IVR-10, QUA-01). Pure.

Nothing is thrown away for it: what is not speech is set aside, so that nobody has to listen to it before the other messages.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recordings.manifest import Quality
from recordings.pipeline.hearing import ANSWERING, CALLING, FRAME_MS, QUIETEST, Tones, runs
from recordings.pipeline.speech import ENOUGH_MS

_BURST_MS = (300, 800)
_BURSTS = 2
_ANSWER_MS = 2000
MOST_SPEECH_MS = 3000
"""Somebody who speaks longer beside a fax machine's tone is heard."""


def quality(peaks: Sequence[float], spoken_ms: Sequence[int], tones: Tones, *, is_damaged: bool) -> Quality:
    """Of all tracks: the loudest sample (dBFS) and the milliseconds of speech of each; ``tones`` of the caller's.

    ``empty``: nothing was recorded but zeros; ``silent``: a line on which nobody speaks.
    """
    if is_damaged:
        return "damaged"
    if max(peaks, default=QUIETEST) <= QUIETEST:
        return "empty"
    if is_fax(tones) and sum(spoken_ms) < MOST_SPEECH_MS:
        return "fax"
    return "silent" if sum(spoken_ms) < ENOUGH_MS else ""


def is_fax(tones: Tones) -> bool:
    """Whether a fax machine calls (tones of half a second, at least two) or answers."""
    calls = np.diff(runs(tones == CALLING, bridge=1), axis=1) * FRAME_MS
    answers = np.diff(runs(tones == ANSWERING, bridge=2), axis=1) * FRAME_MS
    bursts = int(((calls >= _BURST_MS[0]) & (calls <= _BURST_MS[1])).sum())
    return bursts >= _BURSTS or bool((answers >= _ANSWER_MS).any())

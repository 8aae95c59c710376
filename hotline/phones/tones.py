"""The tones of telephone keys as sound (ITU-T Q.23): one low and one high frequency together, A-law, 20 ms a frame. Pure."""

from __future__ import annotations

import math
import struct
from functools import cache

from hotline.phones import sound
from hotline.phones.rtp import FRAME

_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_ROWS = ("123A", "456B", "789C", "*0#D")
_LOUDNESS_LOW, _LOUDNESS_HIGH = 7000, 8800
"""Peaks of a sample: -13 and -11 dBFS, the higher tone 2 dB louder, as the line weakens it more (ITU-T Q.23)."""


@cache
def tone(key: str, milliseconds: int = 100) -> list[bytes]:
    """The frames of one pressed key; raises ``ValueError`` for what is not a key."""
    row = next((n for n, keys in enumerate(_ROWS) if len(key) == 1 and key in keys), None)
    if row is None:
        raise ValueError(f"{key!r} is not a telephone key; keys are {''.join(_ROWS)}")
    low, high = (2 * math.pi * hertz / sound.RATE for hertz in (_LOW[row], _HIGH[_ROWS[row].index(key)]))
    values = [
        round(_LOUDNESS_LOW * math.sin(low * n) + _LOUDNESS_HIGH * math.sin(high * n))
        for n in range(max(1, milliseconds // 20) * FRAME)
    ]
    return sound.frames(struct.pack(f"<{len(values)}h", *values))

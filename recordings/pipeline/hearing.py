"""What is in a track, heard in one pass over frames of 20 ms: how loud each is, and whether it is a fax machine's tone. Pure.

Tones as T.30 has them: a caller's (CNG) is 1100 Hz ± 38 Hz, half a second in every three and a half; the answer (CED) is 2100 Hz
± 15 Hz for three seconds. A frame is a tone when most of its energy is at one of the frequencies listened to (Goertzel's sum).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says that audioop goes, and that ffmpeg is missing: it is never asked to run one
    from pydub import AudioSegment

from recordings.audio import SAMPLE, Shape

FRAME_MS = 20
SLICE_MS = 30_000
"""How much is in memory at once: pydub is given a slice, never a file."""
QUIETEST = -96.0
CALLING, ANSWERING = 1, 2
_TONES = {CALLING: (1070.0, 1100.0, 1130.0), ANSWERING: (2090.0, 2110.0)}
_MOSTLY = 0.6
_AUDIBLE = -45.0
Levels = npt.NDArray[np.float32]
Tones = npt.NDArray[np.uint8]


class Track:
    """One voice: feed it slices, then read ``levels`` (dBFS of each frame), ``tones`` and ``peak`` (dBFS)."""

    def __init__(self, rate: int) -> None:
        self._width = rate * FRAME_MS // 1000
        self._waves = {
            tone: np.exp(-2j * np.pi * np.outer(np.arange(self._width), frequencies) / rate).astype(np.complex64)
            for tone, frequencies in _TONES.items()
        }
        self._levels: list[Levels] = []
        self._tones: list[Tones] = []
        self.peak = QUIETEST

    def feed(self, voice: Any) -> None:
        """The next slice, a pydub segment of one channel; only the last one may end within a frame."""
        if voice.max:
            self.peak = max(self.peak, float(voice.max_dBFS))
        sound: Levels = np.frombuffer(voice.raw_data, dtype="<i2").astype(np.float32) / np.float32(32768)
        frames: Levels = np.pad(sound, (0, -len(sound) % self._width)).reshape(-1, self._width)
        energy: Levels = np.einsum("ij,ij->i", frames, frames)
        levels = np.maximum(10 * np.log10(np.maximum(energy / self._width, 1e-10)), QUIETEST).astype(np.float32)
        self._levels.append(levels)
        self._tones.append(self._heard(frames, energy, levels))

    @property
    def levels(self) -> Levels:
        """Of all frames."""
        return np.concatenate([*self._levels, np.empty(0, dtype=np.float32)])

    @property
    def tones(self) -> Tones:
        """0, ``CALLING`` or ``ANSWERING`` for each frame."""
        return np.concatenate([*self._tones, np.empty(0, dtype=np.uint8)])

    def _heard(self, frames: Levels, energy: Levels, levels: Levels) -> Tones:
        found = np.zeros(len(frames), dtype=np.uint8)
        (loud,) = np.nonzero(levels > _AUDIBLE)
        if not len(loud):
            return found
        for tone, waves in self._waves.items():
            strength = np.abs(frames[loud] @ waves).max(axis=1) ** 2 * 2 / self._width
            found[loud[strength > _MOSTLY * energy[loud]]] = tone
        return found


def voices(piece: bytes, shape: Shape) -> list[Any]:
    """The channels of a slice, a pydub segment each."""
    whole = AudioSegment(data=piece, sample_width=SAMPLE, frame_rate=shape.rate, channels=shape.channels)
    return [whole] if shape.channels == 1 else list(whole.split_to_mono())


def runs(where: npt.NDArray[np.bool_], *, bridge: int = 0) -> npt.NDArray[np.int64]:
    """(first, behind the last) of each stretch that is true, shape (n, 2); holes of up to ``bridge`` frames do not end one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], where, [False])).astype(np.int8))).reshape(-1, 2)
    if len(edges) < 2:
        return edges
    apart = edges[1:, 0] - edges[:-1, 1] > bridge
    return np.stack([edges[np.concatenate(([True], apart)), 0], edges[np.concatenate((apart, [True])), 1]], axis=1)

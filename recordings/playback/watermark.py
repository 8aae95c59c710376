"""A mark in the sound that nobody hears: the number of the play that a file was made for (SEC-12, QUA-02). Pure.

Spread spectrum. A pattern of 7 symbols of 4096 samples (3.6 s at 8 kHz) is repeated through the whole sound: the first symbol is
known and says where the pattern begins, each of the others carries a byte as the shift of a pseudo-noise of its own: the
play's number (4 bytes) and a checksum (2). The noise is shaped by the sound itself, so that it lies as far below each of its
frequencies (``STRENGTH``) as at any other; where there is silence, there is no mark. Reading needs no original: the sound is made
equally loud at all frequencies, all repetitions are added up, and the shifts are those that fit best. It outlives MP3, another
loudness, and being cut; about ten seconds of speech are enough.
"""

from __future__ import annotations

import hashlib
from binascii import crc_hqx
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]
STRENGTH = 0.1
"""The mark's amplitude against the sound's at each frequency: 20 dB below."""
SYMBOL = 4096
_BYTES = 6
_STEP = SYMBOL // 256
PERIOD = SYMBOL * (1 + _BYTES)
_FRAME, _HOP = 512, 256
_SMOOTH = 4
"""Bins to each side over which a spectrum is averaged."""
_TRIES = 24
_CLEAR = 3.5
"""How far the best shifts stand out on the average, in standard deviations; of noise the best of 256 does by 2.8."""
_LARGEST = 2**32 - 1
_WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME))
_KERNEL = np.ones(2 * _SMOOTH + 1) / (2 * _SMOOTH + 1)


def _noise(name: str) -> Sound:
    """A symbol's own chips, +1 and -1: the same on every machine and in every version."""
    drawn = hashlib.shake_256(f"12345 watermark {name}".encode()).digest(SYMBOL // 8)
    return np.unpackbits(np.frombuffer(drawn, dtype=np.uint8)).astype(np.float64) * 2 - 1


_SYNC = _noise("sync")
_CHIPS = [_noise(str(place)) for place in range(_BYTES)]


def _payload(number: int) -> bytes:
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"{number} does not fit into 32 bits")
    plain = number.to_bytes(4, "big")
    return plain + crc_hqx(plain, 0x1D0F).to_bytes(2, "big")


def pattern(number: int) -> Sound:
    """What is repeated through the sound. Raises ``ValueError`` for a number over 32 bits."""
    return np.concatenate([_SYNC, *(np.roll(chips, byte * _STEP) for chips, byte in zip(_CHIPS, _payload(number), strict=True))])


class Marker:
    """Marks a stream of one channel of 16-bit PCM, which comes out up to a frame later; all of it at ``end``."""

    def __init__(self, number: int) -> None:
        self._pattern = pattern(number)
        self._at = -_HOP
        self._sound, self._tail = np.zeros(_HOP), np.zeros(_HOP)
        self._taken = self._given = 0

    def feed(self, piece: NDArray[np.int16]) -> NDArray[np.int16]:
        """What is finished by this piece, of any length."""
        self._taken += len(piece)
        found = self._finished(piece)
        self._given += len(found)
        return found

    def end(self) -> NDArray[np.int16]:
        """The rest."""
        return self._finished(np.zeros(2 * _FRAME, dtype=np.int16))[: self._taken - self._given]

    def _finished(self, piece: NDArray[np.int16]) -> NDArray[np.int16]:
        self._sound = np.concatenate([self._sound, piece.astype(np.float64)])
        count = len(self._sound) // _HOP - 1
        if count <= 0:
            return np.zeros(0, dtype=np.int16)
        made = self._marked(count)[_HOP if self._at < 0 else 0 :]
        self._sound = self._sound[count * _HOP :]
        self._at += count * _HOP
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)

    def _marked(self, count: int) -> Sound:
        """``count`` hops: each is the end of one frame and the beginning of the next."""
        sound = self._sound[: (count + 1) * _HOP]
        places = (self._at + np.arange(len(sound))) % PERIOD
        chips = self._pattern[places]
        frames, noise = (np.fft.rfft(_framed(one) * _WINDOW, axis=1) for one in (sound, chips))
        shaped = np.fft.irfft(noise / np.sqrt(_FRAME / 2) * _levels(frames), axis=1) * _WINDOW
        added = np.concatenate([self._tail, np.zeros(count * _HOP)])
        for number, frame in enumerate(shaped):
            added[number * _HOP : number * _HOP + _FRAME] += frame
        self._tail = added[-_HOP:]
        return np.asarray(sound[: count * _HOP] + STRENGTH * added[:-_HOP])


def marked(sound: NDArray[np.int16], number: int) -> NDArray[np.int16]:
    """A whole channel with its mark."""
    marker = Marker(number)
    return np.concatenate([marker.feed(sound), marker.end()])


class Reader:
    """Adds up a sound as it streams by, of any length: one channel at a time, each from its beginning."""

    def __init__(self) -> None:
        self._sum = np.zeros(PERIOD)
        self._sound = np.zeros(0)
        self._at = 0

    def feed(self, piece: NDArray[np.int16]) -> None:
        """The next piece, of any length."""
        self._sound = np.concatenate([self._sound, piece.astype(np.float64)])
        count = len(self._sound) // _HOP - 1
        if count <= 0:
            return
        sound = self._sound[: (count + 1) * _HOP]
        frames = np.fft.rfft(_framed(sound) * _WINDOW, axis=1)
        levels = _levels(frames)
        flat = np.fft.irfft(np.where(levels > 1, frames / np.maximum(levels, 1), 0), axis=1) * _WINDOW
        whole = np.zeros((count + 1) * _HOP)
        for number, frame in enumerate(flat):
            whole[number * _HOP : number * _HOP + _FRAME] += frame
        np.add.at(self._sum, (self._at + np.arange(len(whole))) % PERIOD, whole)
        self._sound = self._sound[count * _HOP :]
        self._at += count * _HOP

    def again(self) -> None:
        """Another channel begins."""
        self._sound, self._at = np.zeros(0), 0

    def number(self) -> int | None:
        """The number that is in it, or None: no mark, or too little of one."""
        likeness = _correlation(self._sum, _SYNC)
        return next((found for at in _highest(likeness) if (found := _read(np.roll(self._sum, -at))) is not None), None)


def read(channels: Iterable[NDArray[np.int16]]) -> int | None:
    """The number in a sound that is in memory, each channel by itself."""
    reader = Reader()
    for one in channels:
        reader.feed(one)
        reader.again()
    return reader.number()


def _read(period: Sound) -> int | None:
    """The number in a period that begins with its first symbol, if its checksum fits."""
    said, clear = bytearray(), 0.0
    for place, chips in enumerate(_CHIPS, start=1):
        likeness = _correlation(period[place * SYMBOL : (place + 1) * SYMBOL], chips)[::_STEP]
        said.append(int(np.argmax(likeness)))
        clear += float(likeness.max() / (likeness.std() or 1)) / _BYTES
    number = int.from_bytes(said[:4], "big")
    return number if clear > _CLEAR and _payload(number) == bytes(said) else None


def _highest(likeness: Sound) -> list[int]:
    """Where it is most like, the best first."""
    return [int(at) for at in np.argsort(likeness)[::-1][:_TRIES]]


def _correlation(period: Sound, chips: Sound) -> Sound:
    """How like the chips it is from each place on, around."""
    wide = np.zeros(len(period))
    wide[: len(chips)] = chips
    return np.asarray(np.fft.irfft(np.fft.rfft(period) * np.conj(np.fft.rfft(wide)), len(period)))


def _framed(sound: Sound) -> Sound:
    return np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_HOP]


def _levels(frames: NDArray[np.complex128]) -> Sound:
    """How loud each frame is around each frequency."""
    power = np.pad(np.abs(frames) ** 2, ((0, 0), (_SMOOTH, _SMOOTH)), mode="edge")
    summed = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1)
    width = 2 * _SMOOTH + 1
    return np.asarray(np.sqrt(np.maximum(summed[:, width:] - summed[:, :-width], 0) / width))

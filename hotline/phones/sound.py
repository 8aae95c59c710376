"""Sound in bytes: WAV files in and out, loudness, and whether two recordings are the same voice. Pure.

Linear sound is signed 16-bit little-endian, one channel, 8000 samples a second; A-law frames are 160 bytes (20 ms).
"""

from __future__ import annotations

import io
import math
import sys
import wave
from array import array

from hotline import g711
from hotline.phones.errors import SpeechError
from hotline.phones.rtp import FRAME

RATE = 8000
_QUIET = bytes(code for code in range(256) if abs(g711.decode_sample(code)) < 400)
_LOUD_SAMPLES = 8


def read_wav(data: bytes, name: str) -> bytes:
    """The linear sound of a WAV file's bytes; raises ``SpeechError``, naming ``name``, for any other format or an empty one."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            linear: bytes = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise SpeechError(f"{name}: not a WAV file with PCM sound: {error or 'it ends too early'}") from error
    if (channels, width, rate) != (1, 2, RATE):
        raise SpeechError(
            f"{name}: {channels} channel(s), {8 * width} bit, {rate} Hz; it must be 1 channel, 16 bit, {RATE} Hz "
            f"(ffmpeg -i IN -ac 1 -ar {RATE} -sample_fmt s16 OUT.wav)"
        )
    if len(linear) < 2 * FRAME:
        raise SpeechError(f"{name}: shorter than 20 ms")
    return linear[: len(linear) & ~1]


def write_wav(linear: bytes) -> bytes:
    """The bytes of a WAV file of linear sound."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(linear)
    return buffer.getvalue()


def frames(linear: bytes) -> list[bytes]:
    """Linear sound as A-law frames of 20 ms, the last one filled up with silence."""
    alaw = g711.encode(linear)
    alaw += bytes([g711.SILENCE]) * (-len(alaw) % FRAME)
    return [alaw[start : start + FRAME] for start in range(0, len(alaw), FRAME)]


def audible(payload: bytes) -> bool:
    """Whether an A-law payload can be heard: at least eight samples louder than about -38 dBFS."""
    return len(payload.translate(None, _QUIET)) >= _LOUD_SAMPLES


def samples(linear: bytes) -> array[int]:
    """Linear sound as numbers."""
    values = array("h")
    values.frombytes(linear)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def level(linear: bytes) -> float:
    """Root mean square in dBFS (0 is the loudest sine's peak); minus infinity for silence or nothing."""
    values = samples(linear)
    power = sum(value * value for value in values) / max(1, len(values))
    return 10 * math.log10(power / 32768**2) if power else -math.inf


def envelope(linear: bytes, milliseconds: int = 20) -> list[float]:
    """Mean absolute loudness for each piece of ``milliseconds``."""
    values, size = samples(linear), RATE * milliseconds // 1000
    return [sum(map(abs, values[start : start + size])) / size for start in range(0, len(values) - size + 1, size)]


def part(linear: bytes, start_seconds: float, stop_seconds: float) -> bytes:
    """A piece of linear sound; what lies outside is left out."""
    return linear[2 * max(0, int(start_seconds * RATE)) : 2 * max(0, int(stop_seconds * RATE))]


def likeness(heard: bytes, loop: bytes) -> float:
    """How surely ``heard`` is a piece of ``loop`` played over and over: the best correlation of their loudness, -1 to 1.

    Over 0.9 for the same voice through the same codec, mostly under 0.5 for another sentence; ``heard``: two seconds or more.
    """
    piece, once = envelope(heard), envelope(loop)
    if not piece or not once:
        return 0.0
    around = once * (len(piece) // len(once) + 2)
    return max(_correlation(piece, around[shift : shift + len(piece)]) for shift in range(len(once)))


def _correlation(one: list[float], other: list[float]) -> float:
    count = len(one)
    mean_one, mean_other = sum(one) / count, sum(other) / count
    first, second = [x - mean_one for x in one], [y - mean_other for y in other]
    scale = math.sqrt(sum(x * x for x in first) * sum(y * y for y in second))
    return sum(x * y for x, y in zip(first, second, strict=True)) / scale if scale else 0.0

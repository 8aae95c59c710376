"""Sound in bytes: WAV files in and out, and whether a frame can be heard. Pure.

Linear sound is signed 16-bit little-endian, one channel, 8000 samples a second; A-law frames are 160 bytes (20 ms).
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

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
        raise SpeechError(f"{name}: not a WAV file with PCM sound: {str(error) or 'it ends too early'}") from error
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


def linear(alaw: Sequence[bytes]) -> bytes:
    """The linear sound of A-law frames."""
    return g711.decode(b"".join(alaw))


def audible(payload: bytes) -> bool:
    """Whether an A-law payload can be heard: at least eight samples louder than about -38 dBFS."""
    return len(payload.translate(None, _QUIET)) >= _LOUD_SAMPLES

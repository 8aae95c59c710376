"""Recordings of real speech, taken in and sealed as the recordings worker does it: what tests of hearing begin with."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import io
import wave
from pathlib import Path

import asyncpg
import imageio_ffmpeg
import msgspec
import numpy as np
from numpy.typing import NDArray

from hotline.paths import TREE
from hotline.settings import Settings
from recordings.manifest import Voice
from recordings.pipeline.processing import Processor

SPEECH = TREE / "hotline" / "phones" / "speech"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
AT = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
Sound = NDArray[np.int16]


def speech(name: str) -> Sound:
    """One of our own test sentences: ``lamp``, ``pension``."""
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def both() -> tuple[Sound, Sound]:
    """A caller, and an agent who answers when the caller has spoken; as long as each other."""
    caller, agent = speech("lamp"), speech("pension")
    return np.concatenate([caller, np.zeros_like(agent)]), np.concatenate([np.zeros_like(caller), agent])


async def taken_in(
    connection: asyncpg.Connection,
    var: Path,
    call_id: str,
    sides: tuple[Sound, ...],
    *,
    agent: str = "1001",
    at: dt.datetime = AT,
    node: str = "n1",
    sealed: asyncpg.Pool | None = None,
) -> int:
    """A row and its WAV file; with a pool, also sealed and stored. Two sides are a conversation, one a message."""
    file = f"2026/11/22/{node}-{call_id}.wav"
    content = io.BytesIO()
    with wave.open(content, "wb") as out:
        out.setparams((len(sides), 2, 8000, 0, "NONE", ""))
        out.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    path = var / "recordings" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.getvalue())
    kind, length = ("conversation", "message")[2 - len(sides)], len(sides[0]) * 1000 // 8000
    voices = [Voice(who="caller", to_ms=length), Voice(who="agent", name=agent, track="right", to_ms=length)][: len(sides)]
    recording = await connection.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, voices)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING recording_id",
        *(node, call_id, kind, file, at, length, len(sides), hashlib.sha256(content.getvalue()).hexdigest()),
        msgspec.json.encode(voices).decode(),
    )
    if sealed is not None:
        processor = Processor(var, sealed, Settings())
        processor.prepare()
        await processor.process(recording)
    return int(recording)


async def decoded(content: bytes, *options: str) -> tuple[Sound, ...]:
    """The channels of any sound at 8 kHz, by ffmpeg."""
    process = await asyncio.create_subprocess_exec(
        *(
            FFMPEG,
            "-v",
            "error",
            "-i",
            "pipe:0",
            *options,
            "-map_metadata",
            "-1",
            "-ar",
            "8000",
            "-f",
            "wav",
            "-bitexact",
            "pipe:1",
        ),
        stdin=-1,
        stdout=-1,
    )
    wav, _ = await process.communicate(content)
    assert process.returncode == 0
    channels = int.from_bytes(wav[22:24], "little")
    samples = np.frombuffer(wav[44 : 44 + (len(wav) - 44) // (2 * channels) * 2 * channels], dtype="<i2").reshape(-1, channels)
    return tuple(samples[:, at] for at in range(channels))


def likeness(one: Sound, other: Sound, within: int = 1200) -> float:
    """The best correlation of two sounds, one up to so many samples later than the other."""
    size = 1 << (max(len(one), len(other)) + within).bit_length()
    a, b = (np.fft.rfft(sound.astype(float), size) for sound in (one, other))
    found = np.fft.irfft(a * np.conj(b))
    best = max(found[: within + 1].max(), found[-within:].max())
    norm = float(np.sqrt((one.astype(float) ** 2).sum() * (other.astype(float) ** 2).sum()))
    return float(best / norm) if norm else 0.0

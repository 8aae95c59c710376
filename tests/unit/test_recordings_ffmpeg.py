"""ffmpeg as recordings use it: streams, stretches, tracks, and errors that can be read."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from recordings import audio, ffmpeg
from recordings.audio import Shape
from recordings.errors import ConversionError, FfmpegMissingError, StoppedError

RATE = 8000


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Four seconds: left 300 Hz, right silence."""
    left = (np.sin(2 * np.pi * 300 * np.arange(4 * RATE) / RATE) * 8000).astype("<i2")
    shape = Shape(offset=44, frames=len(left), channels=2, rate=RATE)
    file = tmp_path / "a call; $(name).wav"
    file.write_bytes(audio.wav_header(shape) + np.stack([left, np.zeros_like(left)], axis=1).tobytes())
    return file


def pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as sound:
        yield from iter(lambda: sound.read(1000), b"")


def loudest(sound: Iterator[bytes]) -> tuple[int, int]:
    """(milliseconds, loudest sample)."""
    samples = np.frombuffer(b"".join(sound), "<i2").astype(int)
    return len(samples) * 1000 // RATE, int(abs(samples).max(initial=0))


def test_each_voice_is_encoded_by_itself_and_any_stretch_comes_back(wav: Path, tmp_path: Path) -> None:
    opus = tmp_path / "x.opus"
    ffmpeg.encode(wav, opus, kilobits=16, gains=(6.0, 0.0))
    assert abs(ffmpeg.length_ms(opus) - 4000) < 50
    for source in (opus, pieces(opus)):
        length, loud = loudest(ffmpeg.pcm(source, from_ms=1000, to_ms=3000, track="left"))
        assert abs(length - 2000) < 5 and 14000 < loud < 18000
    assert loudest(ffmpeg.pcm(opus, track="right"))[1] <= 2
    assert abs(loudest(ffmpeg.pcm(wav, form="wav"))[0] - 4000) < 2


def test_what_is_no_sound_is_an_error_in_one_line(tmp_path: Path) -> None:
    nonsense = tmp_path / "x"
    nonsense.write_bytes(b"#EXTM3U\nfile:///etc/passwd\n" * 100)
    for form in ("ogg", "wav"):
        with pytest.raises(ConversionError) as raised:
            list(ffmpeg.pcm(pieces(nonsense), form=form))
        assert str(raised.value).isprintable()
    with pytest.raises(ConversionError):
        ffmpeg.encode(nonsense, tmp_path / "y", kilobits=16, gains=(0.0,))
    assert not (tmp_path / "y").exists()
    with pytest.raises(ConversionError):
        ffmpeg.length_ms(nonsense)


def test_a_reader_that_goes_ends_it_and_a_source_that_fails_is_heard(wav: Path) -> None:
    reading = cast(Generator[bytes, None, None], ffmpeg.pcm(wav, form="wav"))
    assert next(reading)
    reading.close()

    def torn() -> Iterator[bytes]:
        yield wav.read_bytes()[:20000]
        raise OSError("the storage is away")

    with pytest.raises(OSError, match="the storage is away"):
        list(ffmpeg.pcm(torn(), form="wav"))


def test_one_that_hangs_is_ended(wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setattr(ffmpeg, "program", lambda: str(program))
    monkeypatch.setattr(ffmpeg, "SILENT_SECONDS", 0.2)
    with pytest.raises(ConversionError):
        list(ffmpeg.pcm(wav, form="wav"))
    with pytest.raises(ConversionError):
        ffmpeg.encode(wav, tmp_path / "x", kilobits=16, gains=(0.0, 0.0), seconds=0.5)
    with pytest.raises(StoppedError):
        ffmpeg.encode(wav, tmp_path / "x", kilobits=16, gains=(0.0, 0.0), is_wanted=lambda: False)
    monkeypatch.setattr(ffmpeg, "program", lambda: "/nowhere/ffmpeg")
    with pytest.raises(FfmpegMissingError):
        list(ffmpeg.pcm(wav, form="wav"))


def test_one_that_outlived_its_worker_does_not_spoil_the_next_ones_file(wav: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.opus"
    child = os.fork()
    if child == 0:
        left = target.open("wb")
        left.write(b"half")
        left.flush()
        signal.pause()
    try:
        ffmpeg.encode(wav, target, kilobits=16, gains=(0.0, 0.0))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert target.read_bytes().startswith(b"OggS")

"""``python -m recordings watermark FILE``: whose file it is."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from hotline.paths import TREE
from recordings.playback import watermark

SPEECH = TREE / "hotline" / "phones" / "speech"


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A caller on the left, an agent on the right, both marked."""
    file = tmp_path_factory.mktemp("files") / "taken.wav"
    sound = []
    for name in ("lamp", "pension"):
        with wave.open(str(SPEECH / f"{name}.wav")) as opened:
            sound.append(np.frombuffer(opened.readframes(opened.getnframes()), dtype="<i2"))
    caller, agent = sound
    sides = np.concatenate([caller, np.zeros_like(agent)]), np.concatenate([np.zeros_like(caller), agent])
    with wave.open(str(file), "wb") as out:
        out.setparams((2, 2, 8000, 0, "NONE", ""))
        out.writeframes(np.stack([watermark.marked(side, 271_828) for side in sides], axis=1).tobytes())
    return file


def command(file: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "recordings", "watermark", str(file), "--json"],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg"])
def test_the_play_is_read_from_any_format(wav: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"-taken.{ending}"
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", wav, f"file:{file}"], check=True)
    assert command(file) == (0, '{"play":271828}', "")


def test_a_file_without_a_mark_has_none_and_one_that_is_no_sound_is_told_so(tmp_path: Path) -> None:
    assert command(SPEECH / "lamp.wav") == (1, '{"play":null}', "")
    (tmp_path / "text.mp3").write_text("#!/bin/sh\n" * 100)
    for file in (tmp_path / "text.mp3", tmp_path / "nothing.wav"):
        status, said, complaint = command(file)
        assert (status, said) == (1, "") and complaint and "Traceback" not in complaint

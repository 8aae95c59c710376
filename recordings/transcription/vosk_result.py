"""What vosk says of an utterance: JSON with a word, its times in seconds and how sure it is. Pure."""

from __future__ import annotations

import math

import msgspec

from recordings.transcription.transcript import Word

_LONGEST_MS = 10**9


class _Said(msgspec.Struct, frozen=True):
    word: str
    start: float
    end: float
    conf: float = 0.0


class _Result(msgspec.Struct, frozen=True):
    result: list[_Said] = []


def words(text: str) -> tuple[Word, ...]:
    """The words of one result, in order; none when it holds none, or cannot be read."""
    try:
        said = msgspec.json.decode(text.encode(errors="replace"), type=_Result).result
    except msgspec.MsgspecError:
        return ()
    return tuple(_word(one) for one in said if _is_word(one))


def _is_word(one: _Said) -> bool:
    """Vosk's own marks, such as ``[unk]`` and ``<UNK>``, are none."""
    return bool(one.word.strip()) and one.word[0] not in "[<" and math.isfinite(one.start) and math.isfinite(one.end)


def _word(one: _Said) -> Word:
    start, end = (min(max(round(value * 1000), 0), _LONGEST_MS) for value in (one.start, one.end))
    confidence = min(max(one.conf, 0.0), 1.0) if math.isfinite(one.conf) else 0.0
    return Word(start, max(start, end), confidence, one.word)

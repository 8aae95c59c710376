"""Phrases in what was said, and the millisecond at which they begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from recordings.transcription.transcript import Turn

_REST = re.compile(r"[\W_]+")


class Spot(msgspec.Struct, frozen=True):
    """A phrase that was said."""

    phrase: str
    from_ms: int
    to_ms: int


def plain(text: str) -> str:
    """Letters, digits and characters alone, in small letters: where an engine puts spaces or commas makes no difference."""
    return _REST.sub("", text).lower()


def spots(turns: Iterable[Turn], phrases: Iterable[str]) -> Iterator[Spot]:
    """Each phrase wherever it was said, in order of turns; of a turn without times of words, the turn's own times."""
    wanted = [(phrase, plain(phrase)) for phrase in dict.fromkeys(phrases)]
    for turn in turns:
        text, places = _letters(turn)
        for phrase, letters in wanted:
            at = text.find(letters) if letters else -1
            while at >= 0:
                begin, end = places[at], places[at + len(letters) - 1]
                yield Spot(phrase, begin[0], max(begin[0], end[1]))
                at = text.find(letters, at + len(letters))


def said(turns: Iterable[Turn], phrases: Iterable[str]) -> Spot | None:
    """The first that was said, or None."""
    return min(spots(turns, phrases), key=lambda spot: spot.from_ms, default=None)


def _letters(turn: Turn) -> tuple[str, list[tuple[int, int]]]:
    """The turn's plain text, and of each letter when it was said."""
    whole = plain(turn.text)
    text, places = "", list[tuple[int, int]]()
    for word in turn.words:
        letters = plain(word.text)
        text += letters
        places += [(word.from_ms, word.to_ms)] * len(letters)
    return (text, places) if text == whole else (whole, [(turn.from_ms, turn.to_ms)] * len(whole))

"""Words in what a machine heard that cannot wait until morning: fire, gas, injury, self-harm (IVR-11, TKT-23). Pure.

A word that is denied just before (没有着火, 没有人受伤) does not count. In doubt it counts: a false alarm costs a glance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import msgspec

MOST_FOUND = 20
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_BETWEEN_HAN = re.compile(f"(?<=[{_HAN}])[ \t\u3000]+(?=[{_HAN}])")
_CLAUSE = re.compile(r"[\n,.;:!?，。；：！？、]")
_WITHIN = r"[^\n,.;:!?，。；：！？、]{0,6}?"
_LONGEST_BEFORE = 24
_AROUND = 12


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """``kind`` of the table, the ``word`` as it was said, and the words around it."""

    kind: str
    word: str
    around: str


class Negation(msgspec.Struct, frozen=True):
    """Words that deny what follows, and those that may stand between."""

    words: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()


def plain(text: str) -> str:
    """As words are looked for: NFKC, small letters, no blanks between Chinese characters (an engine says 着 火 了)."""
    return _BETWEEN_HAN.sub("", unicodedata.normalize("NFKC", text).lower())


def pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Any of these words, the longest first; a star is up to six characters of a sentence. None: there are no words."""
    wanted = sorted({plain(word).strip("* ") for word in words} - {""}, key=lambda word: (-len(word), word))
    return re.compile("|".join(_one(word) for word in wanted)) if wanted else None


def find(text: str, table: Mapping[str, Sequence[str]], negation: Negation) -> tuple[Found, ...]:
    """Every urgent word that is not denied, once for each kind and word, in the order of the table."""
    said = plain(text)
    denied = _denial(negation)
    found: dict[tuple[str, str], Found] = {}
    for kind, words in table.items():
        wanted = pattern(words)
        for match in wanted.finditer(said) if wanted else ():
            if denied is None or not denied.search(_before(said, match.start())):
                around = said[max(0, match.start() - _AROUND) : match.end() + _AROUND].replace("\n", " ")
                found.setdefault((kind, match[0]), Found(kind=kind, word=match[0], around=around))
    return tuple(found.values())[:MOST_FOUND]


def _one(word: str) -> str:
    """A word of letters is a whole one: ``fire`` is not in ``fired``."""
    escaped = _WITHIN.join(re.escape(part) for part in word.split("*") if part)
    return rf"\b{escaped}\b" if word.isascii() else escaped


def _denial(negation: Negation) -> re.Pattern[str] | None:
    words = [re.escape(plain(word)) for word in negation.words if word]
    if not words:
        return None
    fillers = "|".join(re.escape(plain(word)) for word in negation.fillers if word)
    between = rf"(?:\s*(?:{fillers})){{0,3}}" if fillers else ""
    return re.compile(rf"(?:{'|'.join(words)}){between}\s*$")


def _before(text: str, place: int) -> str:
    """What stands before a place in its clause, a few words at most."""
    return _CLAUSE.split(text[max(0, place - _LONGEST_BEFORE) : place])[-1]

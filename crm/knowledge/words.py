"""Chinese text as words, for the index and for a search, so that they meet (KBA-09). Pure.

Text is normalised (NFKC: full width becomes ordinary; small letters). A search is cut by the dictionary; a word of three
characters is looked for by its pairs, and so are neighbours that no word holds, such as the name of a village. The index has
every word that stands anywhere in the text, because what it is cut into depends on its neighbours (路灯不亮: 路, 灯不亮), and
each character that is in no word, alone and with both its neighbours. Letters and digits are words as they stand. A word holds
nothing but letters, digits and Chinese characters: no word can be a part of the syntax of a search. What is very frequent and
says nothing (的, 了, 请) is left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec

from crm.knowledge import dictionary

LONGEST_WORD = 40
MOST_ASKED = 12
"""Words of one search; what is beyond them is not looked for."""
_STOP_CHARACTERS = (
    "的了着过地得在是有和与及或等这那其该我你您他她它们把被对向从到为因由于以之也都就还又再很吗呢吧啊呀么请个将并而但要会能可"
)
_STOP_WORDS = """
我们 你们 他们 什么 怎么 怎样 如何 哪里 哪儿 为什么 一个 这个 那个 可以 能否 是否 因为 所以 如果 但是 并且 以及 还是 已经 进行
the a an of to in is and or for
"""
STOP = frozenset(_STOP_CHARACTERS) | frozenset(_STOP_WORDS.split())
_HAN = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_RUN = re.compile(f"({_HAN}+)|((?:(?!{_HAN})[^\\W_])+)")
_BREAKS = re.compile(r"['\\\s\x00\ud800-\udfff]")
_LONG_DIGITS = re.compile(r"[0-9]{7,}")


class Spot(msgspec.Struct, frozen=True, array_like=True):
    """A place in a text: from ``start`` until before ``end``, in characters."""

    start: int
    end: int


def normal(text: str) -> str:
    """As it is indexed and searched."""
    return unicodedata.normalize("NFKC", text).lower()


def words(text: str) -> list[str]:
    """What a text is found by, repeated as it is there."""
    return [word for run, other in _RUN.findall(normal(text)) for word in (_indexed(run) if run else _plain_word(other))]


def asked(text: str) -> list[str]:
    """What somebody looks for, each word once; single characters only when there is nothing else."""
    found = [word for run, other in _RUN.findall(normal(text)) for word in (_cut(run) if run else _plain_word(other))]
    return list(dict.fromkeys([word for word in found if len(word) > 1] or found))


def without_numbers(found: Iterable[str]) -> list[str]:
    """Each word once, without long numbers: telephone and identity numbers are nothing to find a ticket by (SEC-03)."""
    return sorted({word for word in found if not _LONG_DIGITS.search(word)})


def mark(kind: str, value: str) -> str:
    """A mark beside the words: ``c:C1.03``. No word holds a colon, so none is mistaken for it."""
    return f"{kind}:{_BREAKS.sub('', value)}"


def query(text: str, marks: Iterable[str] = ()) -> str:
    """The text of a tsquery that wants every word and mark; ``''`` when there is none to look for. Its syntax is always right."""
    return " & ".join([*_asked(text), *(f"'{one}'" for one in marks)])


def either(text: str) -> str:
    """The text of a tsquery that wants any of the words."""
    return " | ".join(_asked(text, most=3 * MOST_ASKED))


def telling(text: str) -> list[str]:
    """The words of a longer text by which it may be like another, each once."""
    return without_numbers(word for word in asked(text[:2000]) if len(word) > 1)


def vector(parts: Iterable[tuple[str, str]]) -> str:
    """The text of a tsvector of ``(text, weight)`` parts, each weight one of A to D."""
    places: dict[str, list[str]] = {}
    number = 0
    for text, weight in parts:
        for word in words(text):
            number = min(number + 1, 16383)
            places.setdefault(word, []).append(f"{number}{weight}")
    return " ".join(f"'{word}':{','.join(at[:255])}" for word, at in places.items())


def marked(text: str, sought: str) -> list[Spot]:
    """Where the words of ``sought`` stand in ``text``, neighbours joined; for whoever shows it to mark them."""
    wanted = sorted(asked(sought), key=len, reverse=True)
    if not wanted:
        return []
    plain, origins = _plain(text)
    spots: list[Spot] = []
    for match in re.finditer("(?=" + "|".join(f"({re.escape(word)})" for word in wanted) + ")", plain):
        length = next(len(found) for found in match.groups() if found)
        start, end = origins[match.start()], origins[match.start() + length - 1] + 1
        if spots and start <= spots[-1].end:
            spots[-1] = Spot(spots[-1].start, max(end, spots[-1].end))
        else:
            spots.append(Spot(start, end))
    return spots


def snippet(text: str, sought: str, length: int = 80) -> tuple[str, list[Spot]]:
    """A piece of the text around the first word found, and where the words stand in the piece."""
    first = next(iter(marked(text, sought)), Spot(0, 0))
    begin = max(0, min(first.start - length // 4, len(text) - length))
    piece = text[begin : begin + length]
    return piece, marked(piece, sought)


def _asked(text: str, most: int = MOST_ASKED) -> list[str]:
    return [f"'{word}':*" if len(word) == 1 else f"'{word}'" for word in asked(text[:2000])][:most]


def _plain_word(word: str) -> Iterator[str]:
    if word not in STOP:
        yield word[:LONGEST_WORD]


def _cut(run: str) -> Iterator[str]:
    """The words of a run of Chinese characters, in pairs."""
    lonely = ""
    for word in dictionary.cut(run):
        if len(word) == 1 and word not in STOP:
            lonely += word
            continue
        yield from _pairs(lonely)
        lonely = ""
        if word not in STOP:
            yield from _pairs(word)
    yield from _pairs(lonely)


def _indexed(run: str) -> Iterator[str]:
    """Every pair of ``_cut``, whatever part of the run it is cut from."""
    for word in dictionary.every(run):
        if word not in STOP:
            yield from _pairs(word)
    place = 0
    for word in dictionary.cut(run):
        if len(word) == 1 and word not in STOP:
            yield word
            yield from _pairs(run[max(0, place - 1) : place + 2])
        place += len(word)


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for start in range(len(run) - 1):
        yield run[start : start + 2]


def _plain(text: str) -> tuple[str, list[int]]:
    """The normal text, and for each of its characters the place in ``text`` that it comes from."""
    plain, origins = [], []
    for index, character in enumerate(text):
        for one in normal(character):
            plain.append(one)
            origins.append(index)
    return "".join(plain), origins

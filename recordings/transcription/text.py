"""What an engine heard, as a reader of a ticket wants it: simplified characters, no spaces between them, numbers as digits. Pure.

The times of the words are kept: words that become one number become one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from opencc import OpenCC

from recordings.transcription import numerals
from recordings.transcription.transcript import Word

_CJK = "\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff01-\uffee\U00020000-\U0003ffff"
_AFTER, _BEFORE = re.compile(f"[{_CJK}]$"), re.compile(f"^[{_CJK}]")
_INNER_SPACE = re.compile(f"(?<=[{_CJK}])\\s+|\\s+(?=[{_CJK}])")
_MARKS = str.maketrans(",?!;:", "，？！；：")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if unicodedata.category(chr(code))[0] in "LN"} | {0x3000: 0x20}
_NOT_TEXT = ("C", "Z")


def simplified(text: str) -> str:
    """Traditional characters as simplified ones; what is simplified already stays."""
    converted: str = _converter().convert(text)
    return converted


def written(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of one utterance as they are written: those without any text are dropped, those of one number joined."""
    clean = [word for word in map(_clean, words) if word.text]
    clean = _each(clean, _simplified([word.text for word in clean]))
    return tuple(_with_digits(clean))


def joined(words: Sequence[Word]) -> str:
    """The text of these words: a space only where neither side is Chinese."""
    text = ""
    for word in words:
        text += word.text if not text or _AFTER.search(text) or _BEFORE.search(word.text) else " " + word.text
    return _INNER_SPACE.sub("", text)


def _clean(word: Word) -> Word:
    """Without control characters and half surrogates, letters and digits at half width, Chinese marks after Chinese."""
    kept = "".join(one if unicodedata.category(one)[0] not in _NOT_TEXT else " " for one in word.text.translate(_WIDE))
    text = _INNER_SPACE.sub("", " ".join(kept.split()))
    if _AFTER.search(text[:-1]) or len(text) == 1:
        text = text[:-1] + text[-1:].translate(_MARKS)
    return Word(word.from_ms, max(word.from_ms, word.to_ms), min(max(word.confidence, 0.0), 1.0), text)


def _simplified(texts: list[str]) -> list[str]:
    """Converted as a whole, because a character's neighbours decide; one by one when the length changes."""
    whole = simplified("".join(texts))
    if len(whole) != sum(map(len, texts)):
        return [simplified(text) for text in texts]
    ends = [sum(map(len, texts[: index + 1])) for index in range(len(texts))]
    return [whole[end - len(text) : end] for end, text in zip(ends, texts, strict=True)]


def _each(words: list[Word], texts: list[str]) -> list[Word]:
    return [Word(word.from_ms, word.to_ms, word.confidence, text) for word, text in zip(words, texts, strict=True)]


def _with_digits(words: list[Word]) -> list[Word]:
    """Numbers are looked for in the whole utterance, also across words; never across a space."""
    text, starts = "", []
    for word in words:
        if text and not (_AFTER.search(text) or _BEFORE.search(word.text)):
            text += " "
        starts.append(len(text))
        text += word.text
    found: list[Word] = []
    done = 0
    for start, end, digits in numerals.numbers(text):
        first = max(index for index, at in enumerate(starts) if at <= start)
        last = max(index for index, at in enumerate(starts) if at < end)
        if first < done:  # it begins in a word that the number before it ends in
            before = found.pop()
            cut = starts[done - 1] + len(words[done - 1].text) - start
            inner = before.text[:-cut] + digits
            group = [before, *words[first + 1 : last + 1]]
        else:
            found += words[done:first]
            inner = text[starts[first] : start] + digits
            group = words[first : last + 1]
        found.append(_merged(group, inner + text[end : starts[last] + len(words[last].text)]))
        done = last + 1
    return found + words[done:]


def _merged(words: Sequence[Word], text: str) -> Word:
    lengths = [max(1, word.to_ms - word.from_ms) for word in words]
    confidence = sum(word.confidence * length for word, length in zip(words, lengths, strict=True)) / sum(lengths)
    return Word(words[0].from_ms, max(word.to_ms for word in words), min(confidence, 1.0), text)


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")

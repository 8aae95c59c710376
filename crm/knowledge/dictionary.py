"""The dictionary by which Chinese text is cut into words: jieba's words of up to three characters, and our own.

Longer words are left out: they are made of shorter ones, which find more, and the process stays 35 MB smaller. The model that
guesses unknown words is not used, because what it guesses depends on what stands beside it: ``words.py`` takes unknown
characters in pairs instead. Nothing is printed, and no cache file is written. About 0.6 s, once in a process.
"""

from __future__ import annotations

import sys
import threading
import types
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST = 3
_OWN_FREQUENCY = 1000
_lock = threading.Lock()
_loaded: list[Any] = []


def load() -> None:
    """Load it now, so that nobody waits for it later; to be called in a thread (``asyncio.to_thread``)."""
    _cutter()


def cut(text: str) -> Iterator[str]:
    """A run of Chinese characters as words; characters that belong to no word come one by one."""
    found: Iterator[str] = _cutter().cut(text, HMM=False)
    return found


def every(text: str) -> Iterator[str]:
    """Every word of two characters or more in a run of Chinese characters, also those that overlap: 路灯 and 灯不亮."""
    for start, ends in _cutter().get_DAG(text).items():
        yield from (text[start : end + 1] for end in ends if end > start)


def add(words: Iterable[str]) -> None:
    """Our own words, as far as they are short enough to be words here: subject terms, units, leaves of the taxonomy."""
    cutter = _cutter()
    for word in words:
        if 1 < len(word) <= LONGEST and not cutter.FREQ.get(word):
            _put(cutter.FREQ, word, _OWN_FREQUENCY)
            cutter.total += _OWN_FREQUENCY


def _cutter() -> Any:
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(_made())
    return _loaded[0]


def _made() -> Any:
    with _quietly():
        import jieba  # noqa: PLC0415 (large, and not every process cuts words)
    cutter = jieba.Tokenizer()
    cutter.FREQ, cutter.total = _frequencies(Path(jieba.__file__).parent / jieba.DEFAULT_DICT_NAME)
    cutter.initialized = True
    return cutter


@contextmanager
def _quietly() -> Iterator[None]:
    """Import jieba without the warnings of its old escapes, and without ``pkg_resources`` and the model, which are not needed."""
    left_out: dict[str, Any] = {"pkg_resources": None, "jieba.finalseg": types.ModuleType("jieba.finalseg")}
    before = {name: sys.modules[name] for name in left_out if name in sys.modules}
    sys.modules.update(left_out)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in left_out:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def _frequencies(file: Path) -> tuple[dict[str, int], int]:
    """How often each word occurs; a beginning of a word that is none itself has 0, as jieba wants it."""
    known: dict[str, int] = {}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            word, frequency, _ = line.split(" ", 2)
            if len(word) <= LONGEST:
                _put(known, word, int(frequency))
    return known, sum(known.values())


def _put(known: dict[str, int], word: str, frequency: int) -> None:
    known[word] = frequency
    for end in range(1, len(word)):
        known.setdefault(word[:end], 0)

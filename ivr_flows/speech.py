"""What the hotline says: the tables ``prompts/LANGUAGE/texts.tsv``, a sound a line, and where its audio is. Reads, never writes.

A sound's name is its file under ``prompts/LANGUAGE/`` without ``.wav`` and what Asterisk is told to play; both languages have the
same names. Kinds: a ``sentence`` stands alone; a ``piece`` is joined with others (``digits/*``, the queue's position), so it
carries hardly any silence; a ``tone`` and a ``silence`` are generated. ``spoken`` is what the synthesiser reads where it differs
from the text (numerals written out, marks that make a pause, ``{en:…}`` for words of the other language), ``pace`` how long it
takes over it (empty: 1; 1.2 is slower).
"""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

import msgspec

from hotline import paths
from hotline.errors import HotlineError

FOLDER = paths.TREE / "ivr_flows" / "prompts"
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
"""The first is the one that callers hear unless they choose another."""

MUSIC = FOLDER / "music" / "hold.wav"

Kind = Literal["sentence", "piece", "tone", "silence"]
GENERATED = ("tone", "silence")
_COLUMNS = ["name", "kind", "text", "spoken", "pace"]
_PACE = re.compile(r"^(0\.[5-9]|1(\.[0-9])?)?$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?$")
_FOREIGN = re.compile(r"\{(zh|en):([^{}]+)\}")


class PromptError(HotlineError):
    """The table of prompts is malformed, or a prompt cannot be rendered; the text says which line, or what to install."""


class Prompt(msgspec.Struct, frozen=True):
    """One sound in one language: a line of its table."""

    language: Language
    name: str
    kind: Kind
    text: str
    spoken: str
    pace: float

    def audio(self) -> Path:
        """The committed recording: 8 kHz, one channel, 16 bits."""
        return FOLDER / self.language / f"{self.name}.wav"

    def parts(self) -> list[tuple[Language, str]]:
        """What is to be spoken, piece by piece, each with its language."""
        found = re.split(_FOREIGN, self.spoken)
        own = [(self.language, text) for text in found[::3]]
        foreign = [(msgspec.convert(language, Language), text) for language, text in zip(found[1::3], found[2::3], strict=True)]
        joined = [part for pair in zip_longest(own, foreign) for part in pair if part]
        return [(language, text) for language, text in joined if text.strip()]


def parse(table: str, language: Language = "zh", *, source: str = "texts.tsv") -> list[Prompt]:
    """The prompts of the table, in its order; raises ``PromptError`` with the line that is wrong."""
    lines = table.splitlines()
    if not lines or lines[0].split("\t") != _COLUMNS:
        raise PromptError(f"{source}:1: the columns must be {', '.join(_COLUMNS)}, with one tab between them")
    prompts: dict[str, Prompt] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        prompt = _row(line, language, f"{source}:{number}")
        if prompt.name in prompts:
            raise PromptError(f"{source}:{number}: {prompt.name} is there twice")
        prompts[prompt.name] = prompt
    return list(prompts.values())


def _row(line: str, language: Language, where: str) -> Prompt:
    cells = line.split("\t")
    if len(cells) != len(_COLUMNS):
        raise PromptError(f"{where}: {len(cells)} columns instead of {len(_COLUMNS)}")
    name, kind, text, spoken, pace = cells
    if not _NAME.match(name):
        raise PromptError(f"{where}: {name!r} is not a name (small letters, digits, hyphens, at most one slash)")
    if kind not in get_args(Kind):
        raise PromptError(f"{where}: the kind {kind!r} is none of {', '.join(get_args(Kind))}")
    if (kind in GENERATED) == bool(text):
        raise PromptError(f"{where}: a tone or a silence has no text, everything else has one")
    if not _PACE.match(pace):
        raise PromptError(f"{where}: the pace {pace!r} is not a number from 0.5 to 1.9")
    return Prompt(language, name, msgspec.convert(kind, Kind), text, spoken or text, float(pace or 1))


def prompts(language: Language = "zh") -> list[Prompt]:
    """Every prompt of this checkout in a language."""
    table = FOLDER / language / "texts.tsv"
    return parse(table.read_text(encoding="utf-8"), language, source=str(table))


def names(language: Language = "zh") -> frozenset[str]:
    """Every name that a flow may play."""
    return frozenset(prompt.name for prompt in prompts(language))

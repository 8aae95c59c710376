"""What a flow may name, read from disk: the catalogue of prompts, ours and the city's, and the keys of the queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotline import paths
from ivr_flows import speech
from ivr_flows.check_values import World


def city_prompts() -> Path:
    """The folder of the city's own recordings, one folder per language; ``LANGUAGE/texts.tsv`` has the texts of new prompts."""
    return paths.var() / "prompts"


def on_disk(exit_keys: str) -> World:
    """The world as it is now; raises ``PromptError`` for a table of texts that is malformed, ``OSError`` for one unreadable."""
    texts: dict[str, frozenset[str]] = {}
    audio: dict[str, frozenset[str]] = {}
    for language in speech.LANGUAGES:
        for name in texts_of(language):
            texts[name] = texts.get(name, frozenset()) | {language}
        for folder in (speech.FOLDER / language, city_prompts() / language):
            for file in folder.rglob("*.wav"):
                name = file.relative_to(folder).with_suffix("").as_posix()
                audio[name] = audio.get(name, frozenset()) | {language}
    return World(texts, audio, exit_keys)


def texts_of(language: speech.Language) -> dict[str, str]:
    """The texts by prompt, where the city's table, if there is one, wins."""
    return {prompt.name: prompt.text for prompt in _prompts(language)}


def _prompts(language: speech.Language) -> Iterator[speech.Prompt]:
    yield from speech.prompts(language)
    table = city_prompts() / language / "texts.tsv"
    if table.exists():
        yield from speech.parse(table.read_text(encoding="utf-8"), language, source=str(table))

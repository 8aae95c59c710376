"""What a flow may name, read from disk: the catalogue of prompts, the city's own recordings, and the keys of the queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotline import paths
from ivr_flows import speech
from ivr_flows.check_values import World


def on_disk(exit_keys: str) -> World:
    """The world as it is now; raises ``PromptError`` for a table of texts that is malformed, ``OSError`` for one unreadable.

    A recording of the city needs no text: the city knows what it says.
    """
    texts: dict[str, frozenset[str]] = {}
    audio: dict[str, frozenset[str]] = {}
    for language in speech.LANGUAGES:
        city = set(_recordings(paths.var() / "prompts" / language))
        for name in (*texts_of(language), *city):
            texts[name] = texts.get(name, frozenset()) | {language}
        for name in (*_recordings(speech.FOLDER / language), *city):
            audio[name] = audio.get(name, frozenset()) | {language}
    return World(texts, audio, exit_keys)


def texts_of(language: speech.Language) -> dict[str, str]:
    """The texts of a language by prompt."""
    return {prompt.name: prompt.text for prompt in speech.prompts(language)}


def _recordings(folder: Path) -> Iterator[str]:
    """The names of the recordings below a folder, which need not be there."""
    for file in folder.rglob("*.wav"):
        yield file.relative_to(folder).with_suffix("").as_posix()

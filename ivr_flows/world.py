"""What a flow may name: the catalogue of prompts and the city's own recordings, as on disk; queues and their keys, as set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hotline import paths
from hotline.settings import Settings
from ivr_flows import speech
from ivr_flows.check_values import World
from ivr_flows.flow import QUEUES


def on_disk(settings: Settings) -> World:
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
    return World(texts, audio, settings.queue.exit_keys, queues(settings))


def queues(settings: Settings) -> dict[str, tuple[str, str]]:
    """Every queue by the words of flows and by its own name, with its Chinese and English name (IVR-27)."""
    own = {name: QUEUES[word] for word, name in settings.queue.by_word().items()}
    further = {name: (queue.chinese_name or name, queue.english_name or name) for name, queue in settings.queues.items()}
    return {**QUEUES, **own, **further}


def texts_of(language: speech.Language) -> dict[str, str]:
    """The texts of a language by prompt."""
    return {prompt.name: prompt.text for prompt in speech.prompts(language)}


def _recordings(folder: Path) -> Iterator[str]:
    """The names of the recordings below a folder, which need not be there."""
    for file in folder.rglob("*.wav"):
        yield file.relative_to(folder).with_suffix("").as_posix()

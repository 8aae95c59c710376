"""A prompt whose file is missing or broken is said in the other language, or a tone is heard, with one alarm: never silence."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hotline import sounds
from ivr_flows import voice
from ivr_flows.voice import Voice


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that Asterisk plays, as it is installed."""
    target = tmp_path_factory.mktemp("asterisk")
    sounds.install(target, None)
    return target / "sounds"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three prompts in both languages."""
    for language in sounds.LANGUAGES:
        for name in ("welcome", "digits/1", voice.TONE):
            sounds.put(tmp_path / language, name, b"\x01\x00" * 800)
    return tmp_path


@pytest.fixture
def alarms() -> Iterator[list[EventDict]]:
    with capture_logs() as logged:
        yield logged


def break_it(file: Path, how: str) -> None:
    match how:
        case "missing":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "cut short":
            file.write_bytes(file.read_bytes()[:-100])
        case "a folder":
            file.unlink()
            file.mkdir()


def test_every_prompt_that_is_installed_is_played_as_it_is(installed: Path, alarms: list[EventDict]) -> None:
    said = Voice(installed)
    for language in sounds.LANGUAGES:
        folder = installed / language
        names = [file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.wav")]
        assert len(names) > 200
        assert [said.resolve(name, language) for name in names] == names
    assert alarms == []


@pytest.mark.parametrize("how", ["missing", "empty", "cut short", "a folder"])
@pytest.mark.parametrize("ending", ["wav", "alaw"])
@pytest.mark.parametrize("name", ["welcome", "digits/1"])
def test_a_broken_prompt_is_said_in_the_other_language(
    folder: Path, alarms: list[EventDict], how: str, ending: str, name: str
) -> None:
    break_it(folder / "zh" / f"{name}.{ending}", how)
    said = Voice(folder)
    assert [said.resolve(name, "zh") for _ in range(3)] == [f"en/{name}"] * 3
    assert said.resolve(name, "en") == name
    (alarm,) = alarms
    assert (alarm["event"], alarm["log_level"]) == ("prompt_missing", "critical")
    assert (alarm["prompt"], alarm["language"], alarm["played"]) == (name, "zh", f"en/{name}")


def test_a_prompt_that_is_in_no_language_is_a_tone(folder: Path, alarms: list[EventDict]) -> None:
    said = Voice(folder)
    assert said.resolve("never-recorded", "zh") == voice.TONE
    (folder / "zh" / f"{voice.TONE}.wav").unlink()
    assert said.resolve("never-recorded", "zh") == f"en/{voice.TONE}"
    assert [said.resolve(name, "en") for name in ("welcome", "gone", "digits/1")] == ["welcome", voice.TONE, "digits/1"]
    assert [(alarm["prompt"], alarm["language"]) for alarm in alarms] == [("never-recorded", "zh"), ("gone", "en")]


def test_without_any_sound_the_tone_is_still_asked_for(tmp_path: Path) -> None:
    assert Voice(tmp_path / "gone").resolve("welcome", "zh") == voice.TONE


def test_a_prompt_that_comes_back_is_played_at_once_and_its_next_loss_is_alarmed_again(
    folder: Path, alarms: list[EventDict]
) -> None:
    said = Voice(folder)
    for _ in range(2):
        (folder / "zh" / "welcome.alaw").unlink()
        assert said.resolve("welcome", "zh") == "en/welcome"
        sounds.put(folder / "zh", "welcome", b"\x01\x00" * 800)
        assert said.resolve("welcome", "zh") == "welcome"
    assert len(alarms) == 2


@pytest.mark.parametrize("name", ["", "a\0b", "../../etc/passwd", "x" * 5000])
def test_a_name_that_no_file_can_have_is_a_tone(folder: Path, name: str) -> None:
    assert Voice(folder).resolve(name, "zh") == voice.TONE


def test_resolving_costs_little_more_than_its_two_looks_at_the_disk(folder: Path) -> None:
    said, place = Voice(folder), folder / "zh" / "digits" / "1.wav"
    rounds = []
    for _ in range(7):
        begin = time.perf_counter()
        for _ in range(1000):
            said.resolve("digits/1", "zh")
        middle = time.perf_counter()
        for _ in range(2000):
            os.stat(place)  # noqa: PTH116  as the code under test looks
        rounds.append((middle - begin) / (time.perf_counter() - middle))
    assert min(rounds) < 4

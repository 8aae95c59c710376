"""A prompt that is missing or broken while the system runs: the caller hears the other language, or a tone, never nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline.phones.citizens import Citizen, Citizens
from tests.sounds import likeness, samples
from tests.trial import Trial

ALARM = '"prompt_missing"'


@contextlib.contextmanager
def broken(stack: Trial, names: list[str], how: str) -> Iterator[None]:
    """The installed files of these prompts are lost, or cut short, for a while."""
    files = [stack.var / "asterisk" / "sounds" / f"{name}.{ending}" for name in names for ending in ("wav", "alaw")]
    kept = {file: file.read_bytes() for file in files}
    for file, content in kept.items():
        if how == "lost":
            file.unlink()
        elif file.suffix == ".alaw":
            file.write_bytes(content[:100])
    try:
        yield
    finally:
        for file, content in kept.items():
            file.write_bytes(content)


def heard_by_a_caller(stack: Trial, number: str, recording: Path) -> list[int]:
    """What somebody hears who presses nothing for the welcome and the menu."""

    async def call() -> None:
        citizen = Citizen(number=number, keys="", stay_seconds=15, speech=None, mode="record", recording=recording)
        async with Citizens(stack.settings, [citizen]) as group:
            await group.results(60)

    asyncio.run(call())
    (heard,) = samples(recording.with_suffix(".wav"))
    return list(heard)


def alarms(stack: Trial) -> list[dict[str, str]]:
    """What agi has said of missing prompts so far."""
    log = stack.var / "log" / "agi.log"
    return [json.loads(line) for line in log.read_text().splitlines() if ALARM in line]


@pytest.mark.parametrize("how", ["lost", "cut short"])
def test_a_broken_prompt_is_heard_in_the_other_language_with_an_alarm(stack: Trial, tmp_path: Path, how: str) -> None:
    before = len(alarms(stack))
    sounds = stack.var / "asterisk" / "sounds"
    with broken(stack, ["zh/menu"], how):
        heard = heard_by_a_caller(stack, "13800009101", tmp_path / "heard")
        assert likeness(heard, sounds / "zh" / "welcome.wav") > 0.8
        assert likeness(heard, sounds / "en" / "menu.wav") > 0.8
    assert {(alarm["prompt"], alarm["played"]) for alarm in alarms(stack)[before:]} == {("menu", "en/menu")}
    heard = heard_by_a_caller(stack, "13800009102", tmp_path / "again")
    assert likeness(heard, sounds / "zh" / "menu.wav") > 0.8


def test_a_prompt_that_is_in_no_language_is_heard_as_a_tone(stack: Trial, tmp_path: Path) -> None:
    with broken(stack, ["zh/menu", "en/menu"], "lost"):
        heard = heard_by_a_caller(stack, "13800009103", tmp_path / "heard")
        assert likeness(heard, stack.var / "asterisk" / "sounds" / "zh" / "tone-missing.wav") > 0.8

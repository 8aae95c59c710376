"""Every text has its audio, fit for a telephone line, and everything that is played has a text."""

from __future__ import annotations

import re
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline import paths
from ivr_flows import library, shaping, speech
from ivr_flows.check_values import prompts_of
from ivr_flows.render import EDGES
from ivr_flows.speech import Prompt, PromptError

PROMPTS = {prompt.name: prompt for prompt in speech.prompts()}
HEADER = "name\tkind\ttext\tspoken\tpace\tenglish\n"
QUEUE = {"youarenext", "thereare", "callswaiting", "quantity1", "quantity2", "holdtime", "minute", "minutes", "seconds"} | {
    "thankyou",
    "reporthold",
    "periodic-announce",
}
NUMBERS = {*map(str, range(10)), *map(str, range(10, 100, 10)), "hundred", "thousand", "wan"}
"""What Asterisk plays of ``digits/`` for a number below a hundred million in language zh (main/say.c)."""


def samples_of(prompt: Prompt) -> array[int]:
    with wave.open(str(prompt.audio()), "rb") as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (8000, 1, 2)
        return array("h", audio.readframes(audio.getnframes()))


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_each_text_has_audio_that_can_be_heard_and_does_not_clip(prompt: Prompt) -> None:
    samples = [sample / 32768 for sample in samples_of(prompt)]
    assert 0.1 < max(map(abs, samples)) <= shaping.PEAK + 1e-3
    if prompt.kind != "tone":
        assert shaping.speech_level(samples) == pytest.approx(shaping.SPEECH_LEVEL, rel=0.15)


@pytest.mark.parametrize("prompt", [p for p in PROMPTS.values() if p.kind != "tone"], ids=lambda prompt: prompt.name)
def test_the_audio_is_about_as_long_as_its_text_takes_to_say(prompt: Prompt) -> None:
    """Mandarin takes 0.12 to 0.35 s a syllable; a single one, said alone, up to 0.6 s; and a mark 0.3 s at most."""
    edges = sum(EDGES[prompt.kind])
    syllables = len(re.findall(r"[\u4e00-\u9fff]", prompt.spoken))
    marks = len(re.findall(r"[、，。！？；]", prompt.spoken))
    seconds = len(samples_of(prompt)) / 8000 - edges
    assert 0.12 * syllables <= seconds <= max(0.6, 0.35 * syllables + 0.3 * marks)


def test_no_audio_is_there_without_a_text() -> None:
    folder = speech.FOLDER / speech.LANGUAGE
    assert {file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.wav")} == speech.names()


def test_the_audio_stays_small() -> None:
    assert sum(file.stat().st_size for file in (speech.FOLDER / "zh").rglob("*.wav")) < 3_000_000
    assert speech.MUSIC.stat().st_size < 800_000


def test_a_citizen_need_not_listen_long() -> None:
    """The two prompts that everybody hears take less than 9 s together, no other more than 6 s."""
    seconds = {name: len(samples_of(prompt)) / 8000 for name, prompt in PROMPTS.items()}
    assert seconds["welcome"] + seconds["menu"] < 9
    assert max(seconds.values()) < 6


def flow_prompts() -> Iterator[str]:
    for file in library.OURS.glob("*.toml"):
        for node in library.load(file).nodes.values():
            yield from (item for _, item in prompts_of(node) if "{" not in item)


def test_everything_that_is_played_has_a_text() -> None:
    """By the flow, by the standby script, by the dialplan, by the queue, and by Asterisk when it says a number."""
    standby = (paths.TREE / "agi" / "standby.py").read_text(encoding="utf-8")
    dialplan = (paths.TREE / "asterisk-conf" / "extensions.conf.j2").read_text(encoding="utf-8")
    played = {
        "flow": set(flow_prompts()),
        "standby": set(re.findall(r'_say\(\w+, "([^"]+)"\)', standby)),
        "dialplan": {name for names in re.findall(r"(?:Background|Playback)\(([^,)]+)", dialplan) for name in names.split("&")},
        "queue": {f"queue-{name}" for name in QUEUE},
        "numbers": {f"digits/{name}" for name in NUMBERS} | {"beep"},
    }
    assert all(played.values())
    assert {who: names - speech.names() for who, names in played.items()} == {who: set() for who in played}


def test_nothing_is_said_of_a_number_that_the_citizen_would_hear_as_latin_digits() -> None:
    assert [p.name for p in PROMPTS.values() if re.search(r"[0-9A-Za-z]", p.spoken)] == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("menu\tsentence\t好", "3 columns instead of 6"),
        ("Menu\tsentence\t好\t\t\tgood", "'Menu' is not a name"),
        ("../menu\tsentence\t好\t\t\tgood", "is not a name"),
        ("menu\tsong\t好\t\t\tgood", "the kind 'song' is none of sentence, piece, tone"),
        ("menu\tsentence\t\t\t\tgood", "a tone has no text"),
        ("menu\tsentence\t好\t\tfast\tgood", "the pace 'fast' is not a number"),
        ("menu\tsentence\t好\t\t\tgood\nmenu\tsentence\t好\t\t\tgood", "t.tsv:3: menu is there twice"),
    ],
)
def test_a_wrong_line_of_the_table_is_named_with_its_number(line: str, reason: str) -> None:
    with pytest.raises(PromptError, match=re.escape(reason)) as caught:
        speech.parse(HEADER + line, source="t.tsv")
    assert str(caught.value).startswith("t.tsv:")


def test_a_table_with_other_columns_is_refused() -> None:
    with pytest.raises(PromptError, match="the columns must be name, kind"):
        speech.parse("name\ttext\n")


def test_the_spoken_text_is_the_text_unless_the_table_says_otherwise(tmp_path: Path) -> None:
    first, second = speech.parse(f"{HEADER}a\tsentence\t按1\t按一\t1.2\tpress 1\n\nb\tpiece\t位\t\t\tplace\n")
    assert (first.text, first.spoken, first.pace) == ("按1", "按一", 1.2)
    assert (second.spoken, second.pace) == ("位", 1.0)

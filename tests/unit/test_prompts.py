"""Every text has its audio, fit for a telephone line, and everything that is played has a text."""

from __future__ import annotations

import cmath
import math
import re
import wave
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from agi import takes
from hotline import paths, sounds
from ivr_flows import library, loudness, shaping, speech
from ivr_flows.check_values import prompts_of
from ivr_flows.render import EDGES, GENERATED
from ivr_flows.speech import Prompt, PromptError

PROMPTS: dict[tuple[str, str], Prompt] = {
    (language, prompt.name): prompt for language in speech.LANGUAGES for prompt in speech.prompts(language)
}
SPOKEN = [prompt for prompt in PROMPTS.values() if prompt.text]
HEADER = "name\tkind\ttext\tspoken\tpace\n"
QUEUE = {"youarenext", "thereare", "callswaiting", "quantity1", "quantity2", "holdtime", "minute", "minutes", "seconds"} | {
    "thankyou",
    "reporthold",
    "periodic-announce",
}
NUMBERS = {*map(str, range(20)), *map(str, range(20, 100, 10)), "hundred", "thousand", "wan", "million"}
"""What Asterisk plays of ``digits/`` for a number below a hundred million in languages zh and en (main/say.c)."""


def samples_of(prompt: Prompt) -> array[int]:
    with wave.open(str(prompt.audio()), "rb") as audio:
        assert (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) == (8000, 1, 2)
        return array("h", audio.readframes(audio.getnframes()))


@pytest.fixture(scope="module")
def recorded() -> dict[tuple[str, str], list[float]]:
    """The samples of every prompt."""
    return {key: [sample / 32768 for sample in samples_of(prompt)] for key, prompt in PROMPTS.items()}


def test_each_prompt_is_at_the_loudness_and_does_not_clip(recorded: dict[tuple[str, str], list[float]]) -> None:
    """-23 LUFS within 1 LU, but for the silence."""
    heard = {key: samples for key, samples in recorded.items() if PROMPTS[key].kind != "silence"}
    off = {key: loudness.integrated(samples) - shaping.LOUDNESS for key, samples in heard.items()}
    assert {key: by for key, by in off.items() if abs(by) > shaping.TOLERANCE} == {}
    assert {key for key, samples in heard.items() if not 0.05 < max(map(abs, samples)) <= shaping.PEAK + 1e-3} == set()
    assert not any(any(recorded[key]) for key in recorded.keys() - heard.keys())


def power(sound: list[float], frequencies: Iterable[int]) -> float:
    """What a sound holds at these frequencies."""
    turns = (-2j * math.pi * frequency / 8000 for frequency in frequencies)
    return sum(abs(sum(sample * cmath.exp(turn * n) for n, sample in enumerate(sound))) ** 2 for turn in turns)


@pytest.mark.parametrize("language", speech.LANGUAGES)
@pytest.mark.parametrize("name", ["menu", "digits/4", "digits/6"])
def test_a_prompt_holds_nothing_that_a_telephone_line_does_not_carry(
    recorded: dict[tuple[str, str], list[float]], language: str, name: str
) -> None:
    """Below 200 Hz and above 3500 Hz less than 30 dB of what is within, by a transform every 20 Hz of half a second."""
    sound = [sample * (1 - math.cos(2 * math.pi * n / 4000)) for n, sample in enumerate(recorded[language, name][:4000])]
    outside = power(sound, [*range(40, 200, 20), *range(3520, 4000, 20)])
    assert outside < 1e-3 * power(sound, range(200, 3520, 20))


def test_mandarin_takes_about_as_long_as_its_text_takes_to_say() -> None:
    """0.1 to 0.35 s a syllable; a single one, said alone, up to 0.6 s; and a mark 0.3 s at most."""
    wrong = {}
    for prompt in SPOKEN:
        if prompt.language == "zh" and len(prompt.parts()) == 1:
            syllables = len(re.findall(r"[\u4e00-\u9fff]", prompt.spoken))
            marks = len(re.findall(r"[、，。！？；]", prompt.spoken))
            seconds = len(samples_of(prompt)) / 8000 - sum(EDGES[prompt.kind])
            if not 0.1 * syllables <= seconds <= max(0.6, 0.35 * syllables + 0.3 * marks):
                wrong[prompt.name] = (prompt.spoken, seconds)
    assert wrong == {}


def test_english_takes_about_as_long_as_its_text_takes_to_say() -> None:
    """0.04 to 0.12 s a letter; a single word up to 0.7 s; and a mark 0.4 s at most."""
    wrong = {}
    for prompt in SPOKEN:
        if prompt.language == "en":
            letters = len(re.findall(r"[a-z]", prompt.spoken.lower())) + 4 * len(re.findall(r"[0-9]", prompt.spoken))
            marks = len(re.findall(r"[.,;]", prompt.spoken))
            seconds = len(samples_of(prompt)) / 8000 - sum(EDGES[prompt.kind])
            if not 0.035 * letters <= seconds <= max(0.7, 0.12 * letters + 0.4 * marks):
                wrong[prompt.name] = (prompt.spoken, seconds)
    assert wrong == {}


def test_both_languages_have_the_same_names_and_kinds() -> None:
    kinds = [{prompt.name: prompt.kind for prompt in speech.prompts(language)} for language in speech.LANGUAGES]
    assert kinds[0] == kinds[1]


def test_what_is_generated_is_what_has_no_text() -> None:
    assert GENERATED.keys() == {prompt.name for prompt in speech.prompts() if prompt.kind in speech.GENERATED}


@pytest.mark.parametrize("language", speech.LANGUAGES)
def test_no_audio_is_there_without_a_text(language: speech.Language) -> None:
    folder = speech.FOLDER / language
    assert {file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.wav")} == speech.names(language)


def test_the_audio_stays_small() -> None:
    for language in speech.LANGUAGES:
        assert sum(file.stat().st_size for file in (speech.FOLDER / language).rglob("*.wav")) < 12_000_000
    assert speech.MUSIC.stat().st_size < 800_000


def test_a_citizen_need_not_listen_long() -> None:
    """The two prompts that everybody hears take less than 15 s together, no other prompt more than 17 s."""
    seconds = {key: len(samples_of(prompt)) / 8000 for key, prompt in PROMPTS.items()}
    assert max(seconds[language, "welcome"] + seconds[language, "menu"] for language in speech.LANGUAGES) < 15
    assert max(seconds.values()) < 17


def flow_prompts() -> Iterator[str]:
    for file in library.OURS.glob("*.toml"):
        for node in library.load(file).nodes.values():
            yield from (item for _, item in prompts_of(node) if "{" not in item)


def test_everything_that_is_played_has_a_text() -> None:
    """By the flows, by the message script, by the dialplan, by the queue, and by Asterisk when it says a number."""
    message = (paths.TREE / "agi" / "message.py").read_text(encoding="utf-8")
    said = " ".join(re.findall(r"(?:say\(self\._telephone|_telephone\.ask\()([^)]*)", message))
    queues = (paths.TREE / "asterisk-conf" / "queues.conf.j2").read_text(encoding="utf-8")
    periodic = {name for names in re.findall(r"^periodic-announce = (.+)$", queues, re.MULTILINE) for name in names.split(",")}
    dialplan = (paths.TREE / "asterisk-conf" / "extensions.conf.j2").read_text(encoding="utf-8")
    played = {
        "flow": set(flow_prompts()),
        "message": set(re.findall(r'"([a-z-]+)"', said)) | set(takes.GUIDES.values()),
        "dialplan": {name for names in re.findall(r"(?:Background|Playback)\(([^,)]+)", dialplan) for name in names.split("&")},
        "queue": {f"queue-{name}" for name in QUEUE},
        "periodic": periodic - set(sounds.MADE),
        "numbers": {f"digits/{name}" for name in NUMBERS} | {"beep"},
    }
    assert all(played.values())
    assert {who: names - speech.names() for who, names in played.items()} == {who: set() for who in played}


def test_nothing_is_given_to_the_mandarin_voice_that_it_cannot_read() -> None:
    own = [(p.name, text) for p in speech.prompts("zh") for language, text in p.parts() if language == "zh"]
    assert [(name, text) for name, text in own if re.search(r"[0-9A-Za-z{}]", text)] == []


def test_no_number_of_a_hotline_is_read_as_a_quantity_in_english() -> None:
    assert [p.name for p in speech.prompts("en") if re.search(r"[0-9]{2}|[\u4e00-\u9fff]", p.spoken)] == []


def test_words_of_the_other_language_are_spoken_by_its_voice() -> None:
    (prompt,) = speech.parse(f"{HEADER}menu\tsentence\t英语按8，English: 8。\t英语按八，{{en:English, press 8.}}重听按零。\t\n")
    assert prompt.parts() == [("zh", "英语按八，"), ("en", "English, press 8."), ("zh", "重听按零。")]
    (prompt,) = speech.parse(f"{HEADER}only\tpiece\tEnglish\t{{en:English}}\t\n")
    assert prompt.parts() == [("en", "English")]
    assert [p.name for p in speech.prompts("zh") if len(p.parts()) > 1] == ["menu", "closed-menu"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("menu\tsentence\t好", "3 columns instead of 5"),
        ("Menu\tsentence\t好\t\t", "'Menu' is not a name"),
        ("../menu\tsentence\t好\t\t", "is not a name"),
        ("menu\tsong\t好\t\t", "the kind 'song' is none of sentence, piece, tone, silence"),
        ("menu\tsentence\t\t\t", "a tone or a silence has no text"),
        ("menu\tsentence\t好\t\tfast", "the pace 'fast' is not a number"),
        ("menu\tsentence\t好\t\t\nmenu\tsentence\t好\t\t", "t.tsv:3: menu is there twice"),
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
    first, second = speech.parse(f"{HEADER}a\tsentence\t按1\t按一\t1.2\n\nb\tpiece\t位\t\t\n")
    assert (first.text, first.spoken, first.pace) == ("按1", "按一", 1.2)
    assert (second.spoken, second.pace) == ("位", 1.0)

"""``python -m ivr_flows prompts``: what is there, whose it is, how long, how loud, and what is wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ivr_flows import catalogue, speech
from ivr_flows.catalogue import Line
from ivr_flows.render import write


def tone(seconds: float, decibels: float) -> list[float]:
    size = 10 ** (decibels / 20)
    return [size * math.sin(2 * math.pi * 1000 * n / 8000) for n in range(round(8000 * seconds))]


def line(overrides: Path, language: str, name: str) -> Line:
    (found,) = [line for line in catalogue.report(overrides) if (line.language, line.name) == (language, name)]
    return found


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout: one prompt that is all there, one without audio, one without a text in English."""
    folder = tmp_path / "ours"
    for language in speech.LANGUAGES:
        rows = ["welcome\tsentence\t好\t\t", "later\tsentence\t好\t\t", *(["only\tpiece\t好\t\t"] if language == "zh" else [])]
        write(folder / language / "welcome.wav", tone(1, -20))
        write(folder / language / "only.wav", tone(1, -20))
        (folder / language / "texts.tsv").write_text("\n".join(["name\tkind\ttext\tspoken\tpace", *rows]), encoding="utf-8")
    monkeypatch.setattr(speech, "FOLDER", folder)
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    return folder


@pytest.fixture
def city(checkout: Path, tmp_path: Path) -> Path:
    """The folder of the city's recordings, beside the small checkout."""
    return tmp_path / "var" / "prompts"


def test_nothing_is_missing_in_this_checkout_and_every_prompt_is_at_the_loudness(tmp_path: Path) -> None:
    lines = catalogue.report(tmp_path / "gone")
    assert [line for line in lines if line.faults or line.whose != "ours"] == []
    assert {(line.language, line.name) for line in lines} == {(one, name) for one in ("zh", "en") for name in speech.names()}
    assert all(line.text for line in lines if line.name not in ("beep", "tone-missing", "wait-estimate-unknown"))


def test_a_recording_of_the_city_is_shown_with_its_own_length_and_loudness(city: Path) -> None:
    write(city / "en" / "welcome.wav", tone(1.5, -20))
    found = line(city, "en", "welcome")
    assert (found.whose, found.seconds, found.lufs, found.faults) == ("city", 1.5, -23.0, ())
    assert line(city, "zh", "welcome").whose == "ours"


def test_a_name_of_the_city_s_own_needs_no_text(city: Path) -> None:
    write(city / "zh" / "kb" / "9001.wav", tone(1, -20))
    found = line(city, "zh", "kb/9001")
    assert (found.whose, found.text, found.faults) == ("city", "", ())


@pytest.mark.parametrize("decibels", [-22, -10])
def test_a_recording_of_another_loudness_is_named_but_is_no_failure(checkout: Path, city: Path, decibels: float) -> None:
    for language in speech.LANGUAGES:
        write(city / language / "later.wav", tone(1, decibels))
        (checkout / language / "only.wav").unlink()
    (checkout / "zh" / "texts.tsv").write_text((checkout / "en" / "texts.tsv").read_text(encoding="utf-8"), encoding="utf-8")
    assert line(city, "zh", "later").faults == ("loudness",)
    assert catalogue.main(["--faults"]) == 0


def test_an_unfit_recording_is_named_with_its_reason_and_ours_is_played(city: Path) -> None:
    (city / "zh").mkdir(parents=True)
    (city / "zh" / "welcome.wav").write_bytes(b"ID3")
    found = line(city, "zh", "welcome")
    assert (found.whose, found.faults) == ("ours", ("unfit",))
    assert "ffmpeg" in found.reason


def test_what_is_missing_is_named_and_the_command_fails(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main(["--json", "--faults"]) == 1
    shown = [(line["language"], line["name"], line["whose"], line["faults"]) for line in json.loads(capsys.readouterr().out)]
    assert shown == [
        ("zh", "later", None, ["no_audio"]),
        ("en", "later", None, ["no_audio"]),
        ("en", "only", "ours", ["no_text"]),
    ]


def test_the_table_shows_every_prompt_and_the_totals(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogue.main([]) == 1
    shown = capsys.readouterr().out
    assert shown.count("welcome") == 2
    assert "6 prompts, 3 incomplete, 0 not usable, 0 of another" in " ".join(shown.split())

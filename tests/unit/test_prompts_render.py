"""What has no audio yet is spoken by what the machine has, at the right loudness, and it says who speaks."""

from __future__ import annotations

import math
import stat
from pathlib import Path

import pytest

from ivr_flows import loudness, render, shaping, speech

ROWS = {
    "zh": ["beep\ttone\t\t\t", "wait-estimate-unknown\tsilence\t\t\t", "english\tsentence\t英语\t{en:English, press 8.}\t"],
    "en": ["beep\ttone\t\t\t", "wait-estimate-unknown\tsilence\t\t\t", "english\tsentence\tPress 8.\t\t1.2"],
}
SPEAKER = (
    '#!/bin/sh\necho "$@" >> "{said}"\nfor last; do case "$before" in -o|-w) cp "{wav}" "$last";; esac; before="$last"; done\n'
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs besides the system's shell, in front of a checkout that has texts and no audio."""
    folder = tmp_path / "ours"
    for language, rows in ROWS.items():
        (folder / language).mkdir(parents=True)
        (folder / language / "texts.tsv").write_text("\n".join(["name\tkind\ttext\tspoken\tpace", *rows]), encoding="utf-8")
    render.write(tmp_path / "speech.wav", [0.05 * math.sin(2 * math.pi * 700 * n / 8000) for n in range(8000)])
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "cp").symlink_to("/bin/cp")
    monkeypatch.setattr(speech, "FOLDER", folder)
    monkeypatch.setenv("PATH", str(programs))
    return programs


def install(programs: Path, name: str) -> Path:
    """A program that takes what a synthesiser takes and always says the same; returns the file of its arguments."""
    said = programs.parent / "said"
    program = programs / name
    program.write_text(SPEAKER.format(said=said, wav=programs.parent / "speech.wav"))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return said


def test_what_is_missing_is_spoken_by_flite_and_brought_to_the_loudness(
    programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = install(programs, "flite")
    assert render.main([]) == 0
    assert "en is spoken by flite" in capsys.readouterr().out
    assert "duration_stretch=1.0 -t English, press 8." in said.read_text()
    assert "duration_stretch=1.2 -t Press 8." in said.read_text()
    for language in speech.LANGUAGES:
        for prompt in speech.prompts(language):
            samples, rate = render.read(prompt.audio())
            wanted = loudness.SILENCE if prompt.kind == "silence" else shaping.LOUDNESS
            assert rate == 8000
            assert loudness.integrated(samples) == pytest.approx(wanted, abs=0.2)


def test_nothing_is_rendered_twice_unless_it_is_asked_for(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = install(programs, "flite")
    render.main([])
    assert render.main([]) == 0
    assert len(said.read_text().splitlines()) == 2
    assert render.main(["--again", "english"]) == 0
    assert len(said.read_text().splitlines()) == 4
    assert render.main(["--again", "nothing-like-it"]) == 1
    assert "there is no prompt named nothing-like-it" in capsys.readouterr().err


def test_espeak_speaks_where_flite_is_not_and_says_so(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = install(programs, "espeak-ng")
    assert render.main([]) == 0
    assert "en is spoken by espeak-ng, which is hard to understand" in capsys.readouterr().out
    assert said.read_text().startswith("-v en -s 150 -w ")


def test_without_any_voice_the_command_says_what_to_install(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert render.main([]) == 1
    said = capsys.readouterr().err
    assert "language en" in said
    assert "apt-get install flite" in said


def test_a_synthesiser_that_fails_is_named(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(programs, "flite").touch()
    (programs / "flite").write_text("#!/bin/sh\nexit 3\n")
    assert render.main([]) == 1
    assert "flite cannot speak" in capsys.readouterr().err
    assert not (speech.FOLDER / "en" / "english.wav").exists()

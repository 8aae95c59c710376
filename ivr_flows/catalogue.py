"""``python -m ivr_flows prompts``: every prompt in each language, whose recording it is, how long, how loud, and what is missing.

A prompt of the catalogue should have a text and audio in both languages; a city's recordings (``var/prompts/LANGUAGE``) win over
ours and may add names of their own. Loudness is right within 1 LU of -23 LUFS (``shaping``); a recording that is off, or that
is not as a telephone needs it, is named with its reason.
"""

from __future__ import annotations

import argparse
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

from hotline import messages, paths, sounds
from ivr_flows import loudness, shaping, speech
from ivr_flows.speech import Language, Prompt

Whose = Literal["ours", "city"]
Fault = Literal["no_text", "no_audio", "unfit", "loudness"]


class Line(msgspec.Struct, frozen=True):
    """One prompt in one language, as it would be played; ``whose`` is None, and the figures too, when nothing can be."""

    language: Language
    name: str
    text: str
    whose: Whose | None
    seconds: float | None
    lufs: float | None
    faults: tuple[Fault, ...]
    reason: str = ""
    """Why the city's recording is not used, with the way to mend it."""


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when nothing is missing and nothing was refused, 1 otherwise. A loudness that is off is only shown."""
    parser = argparse.ArgumentParser(prog="python -m ivr_flows prompts", description=messages.text("prompts.about"))
    parser.add_argument("--json", action="store_true", help=messages.text("prompts.json"))
    parser.add_argument("--faults", action="store_true", help=messages.text("prompts.only_faults"))
    wanted = parser.parse_args(arguments)
    lines = report(paths.var() / "prompts")
    shown = [line for line in lines if line.faults] if wanted.faults else lines
    if wanted.json:
        print(msgspec.json.encode(shown).decode())
    else:
        _print(shown, lines)
    return int(any(set(line.faults) - {"loudness"} for line in lines))


def report(overrides: Path) -> list[Line]:
    """A line for each prompt and language, in the order of the catalogue, then the city's own; ``overrides`` need not exist.

    Raises ``PromptError`` when a table of texts is malformed.
    """
    tables = {language: {prompt.name: prompt for prompt in speech.prompts(language)} for language in speech.LANGUAGES}
    known = list(dict.fromkeys(name for table in tables.values() for name in table))
    refused = {unfit.file: unfit.reason for unfit in sounds.check(overrides)}
    lines = []
    for language in speech.LANGUAGES:
        folder = overrides / language
        theirs = sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.wav"))
        for name in dict.fromkeys([*known, *theirs]):
            lines.append(_line(language, name, tables[language].get(name), folder / f"{name}.wav", refused))
    return lines


def _line(language: Language, name: str, prompt: Prompt | None, city: Path, refused: dict[Path, str]) -> Line:
    """What is played under this name: the city's recording if it is fit, else ours."""
    ours = speech.FOLDER / language / f"{name}.wav"
    theirs = city.exists() or city in refused
    reason = refused.get(city, "")
    played = city if theirs and not reason else ours if ours.is_file() else None
    seconds, lufs = _heard(played) if played else (None, None)
    faults: list[Fault] = []
    if prompt is None and (not theirs or ours.is_file()):
        faults.append("no_text")
    if played is None:
        faults.append("no_audio")
    if reason:
        faults.append("unfit")
    silent = prompt is not None and prompt.kind == "silence"
    if lufs is not None and not silent and abs(lufs - shaping.LOUDNESS) > shaping.TOLERANCE:
        faults.append("loudness")
    whose: Whose | None = None if played is None else "city" if played == city else "ours"
    return Line(language, name, prompt.text if prompt else "", whose, seconds, lufs, tuple(faults), reason)


def _heard(file: Path) -> tuple[float, float]:
    """Length in seconds and loudness in LUFS; raises ``UnfitRecording`` for a file of ours that is damaged."""
    samples = array("h", sounds.samples(file))
    if sys.byteorder == "big":
        samples.byteswap()
    return round(len(samples) / shaping.RATE, 2), round(loudness.integrated([sample / 32768 for sample in samples]), 1)


def _print(shown: list[Line], lines: list[Line]) -> None:
    table = Table()
    for column in ("language", "name", "whose", "seconds", "lufs", "remark", "text"):
        title = messages.text(f"prompts.{column}").replace(" / ", "\n")
        table.add_column(title, justify="right" if column in ("seconds", "lufs") else "left", no_wrap=column != "text")
    for line in shown:
        table.add_row(*_cells(line), style="red" if line.faults else None)
    console = Console()
    if shown:
        console.print(table)
    missing = sum("no_text" in line.faults or "no_audio" in line.faults for line in lines)
    unfit, off = (sum(fault in line.faults for line in lines) for fault in ("unfit", "loudness"))
    console.print(messages.text("prompts.total", count=len(lines), missing=missing, unfit=unfit, off=off))


def _cells(line: Line) -> Iterator[str]:
    yield from (line.language, line.name, messages.text(f"prompts.{line.whose}").replace(" / ", " ") if line.whose else "-")
    yield "-" if line.seconds is None else f"{line.seconds:.2f}"
    yield "-" if line.lufs is None else f"{line.lufs:.1f}"
    yield "; ".join([*(messages.text(f"prompts.{fault}") for fault in line.faults), *([line.reason] if line.reason else [])])
    yield line.text

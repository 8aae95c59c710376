"""The texts of the terminal: each is there, in both languages, with the same values, and none is left over."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline import messages, paths

CATALOGUE = tomllib.loads((paths.TREE / "hotline" / "messages.toml").read_text(encoding="utf-8"))
PACKAGES = ("ami_bridge", "crm", "hotline", "ivr_flows", "recordings")
FUNCTIONS = ("text", "languages", "note", "step", "_finding")
"""What takes a key of the catalogue, as its first argument or, for a finding, its second."""


def sources() -> list[Path]:
    """The packages that print these texts."""
    return sorted(file for package in PACKAGES for file in (paths.TREE / package).rglob("*.py"))


def used() -> Iterator[tuple[str, str, set[str]]]:
    """Every key in the code, with where it stands and the names of the values given to it."""
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if not file.is_relative_to(paths.TREE / "hotline") and not ast.unparse(node.func).startswith("messages."):
                continue
            keys = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if name in FUNCTIONS and keys and re.fullmatch(r"\w+(\.\w+)?", keys[-1]):
                given = {word.arg or "**" for word in node.keywords}
                yield keys[-1], f"{file.relative_to(paths.TREE)}:{node.lineno}", given


def values(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_text_is_there_in_both_languages_with_the_same_values(key: str) -> None:
    entry = CATALOGUE[key]
    assert entry.keys() == {"zh", "en"}
    assert values(entry["zh"]) == values(entry["en"])
    assert re.search("[\u4e00-\u9fff]", entry["zh"]) or key == "setup.asterisk_is"
    assert not re.search("[\u4e00-\u9fff]", entry["en"])
    assert "\n" not in entry["zh"] + entry["en"]


def test_every_key_in_the_code_is_in_the_catalogue_and_gets_its_values() -> None:
    wrong = []
    for key, place, given in used():
        if key not in CATALOGUE:
            wrong.append(f"{place}: {key} is not there")
        elif "**" not in given and given != values(CATALOGUE[key]["en"]):
            wrong.append(f"{place}: {key} is given {given} and prints {values(CATALOGUE[key]['en'])}")
    assert wrong == []


def test_no_text_is_left_over() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources())
    constants = {match[1] or match[2] for match in re.finditer(r""" "([\w.]+)"|'([\w.]+)' """.strip(), code)}
    computed = {f"{area}.{name}" for name in constants for area in ("compare", "outcome", "phones", "prompts", "replay")}
    assert {key for key in CATALOGUE if key not in constants | computed} == set()


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        messages.text("no.such")


def test_both_languages_stand_on_one_line_chinese_first() -> None:
    assert messages.text("up.ready", part="agi", seconds="1.0") == "agi 已就绪（1.0 秒） / agi is ready (1.0 s)"
    assert messages.languages("up.stopped") == {"zh": "全部已停止。", "en": "Everything has stopped."}


def test_a_value_with_braces_stays_as_it_is() -> None:
    assert "{reason}" in messages.text("system_error", reason="{reason}")

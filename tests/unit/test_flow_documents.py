"""docs/flows.md and its Chinese twin say what the program does: verbs, fields, exits, look-ups, values, and the example."""

from __future__ import annotations

import re

import msgspec
import pytest

from hotline import paths
from hotline.settings import Settings
from ivr_flows import flow, library, reading, world
from ivr_flows.check import check
from ivr_flows.check_values import HOWS, KNOWN_AT_START
from ivr_flows.lookups import EXITS, LOOKUPS
from tests import small_flow

DOCUMENTS = ("docs/flows.md", "docs/flows.zh-CN.md")
COMMON = {"exits", "limit", "note"}
SAMPLES = {
    "hours": ('ask = "staffed"', 'ask = "situation"'),
    "lookup": ('what = "x"',),
    "fax": ('document = "a"', 'document = "a"\nnumber = "1"'),
    "set": ("",),
    "goto": ("", 'on = "x"'),
    "hangup": ("",),
    "say": ("prompt = []",),
    "menu": ("prompt = []",),
    "gather": ('prompt = []\ninto = "x"',),
    "record": ('kind = "message"',),
    "enqueue": ('queue = "main"',),
    "dial": ('number = "1"',),
    "callback": ('number = "1"\nqueue = "main"',),
    "survey": ("prompt = []",),
}


def text(name: str) -> str:
    return (paths.TREE / name).read_text(encoding="utf-8")


def rows(name: str, chapter: int) -> dict[str, list[str]]:
    """The table of a chapter: the first cell's name to the other cells."""
    part = re.split(r"^## ", text(name), flags=re.MULTILINE)[chapter]
    found = [re.split(r" \| ", line.strip("| ")) for line in part.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in found}


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sample(verb: str, fields: str) -> flow.AnyNode:
    made, wrong = reading.read("t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\n[nodes.x]\nverb = "{verb}"\n{fields}\n')
    assert made is not None, wrong
    return made.nodes["x"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_table_of_verbs_has_every_verb_with_its_fields_defaults_and_exits(name: str) -> None:
    table = rows(name, 3)
    assert list(table) == list(flow.VERBS)
    for verb, (_, fields, exits) in table.items():
        known = {field.name: field for field in msgspec.structs.fields(flow.VERBS[verb]) if field.name not in COMMON}
        values = {"true", "false", "message", "mailbox", "complaint", "survey", "chosen", "main", "english"}
        assert set(names(fields)) - values == set(known), verb
        for field, default in re.findall(r"`(\w+)`[ （(]+(\d+)[)）]", fields):
            assert known[field].default == int(default), (verb, field)
        numbers = {one for one, field in known.items() if isinstance(field.default, int) and not isinstance(field.default, bool)}
        assert numbers == {field for field, _ in re.findall(r"`(\w+)`[ （(]+(\d+)[)）]", fields)}, verb
        needed = {exit_name for one in SAMPLES[verb] for exit_name in flow.required(sample(verb, one), EXITS)}
        mentioned = {"tries", "staffed", "situation", "queue.exit_keys", "on"}
        assert set(names(exits)) - mentioned == needed - {"error", "hangup", "limit"}, verb


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_verbs_that_hear_a_hang_up_are_named(name: str) -> None:
    part = re.split(r"^## ", text(name), flags=re.MULTILINE)[3].partition("\n|")[0]
    hears, quiet = re.split(r"Only|其后", part)
    talking = {verb for verb in flow.VERBS if flow.VERBS[verb] in flow.TALKING}
    assert talking <= set(names(hears)) and not set(names(hears)) & (set(flow.VERBS) - talking - {"hangup"})
    assert set(names(quiet)) == {verb for verb in flow.VERBS if flow.VERBS[verb] in flow.QUIET}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_table_of_values_has_every_way_to_speak_one(name: str) -> None:
    assert set(rows(name, 4)) == set(HOWS)
    assert all(f"`{variable}`" in re.split(r"^## ", text(name), flags=re.MULTILINE)[4] for variable in KNOWN_AT_START)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_table_of_look_ups_has_every_one(name: str) -> None:
    table = rows(name, 5)
    assert list(table) == list(LOOKUPS)
    for what, cells in table.items():
        question = LOOKUPS[what]
        assert [tuple(names(cell)) for cell in cells] == [question.arguments, question.results, question.exits], what


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_example_can_be_added_to_our_menu_and_passes_the_check(name: str) -> None:
    changed = small_flow.edited((library.OURS / "12345.toml").read_text(encoding="utf-8"), text(name))
    made, wrong = reading.read("12345", changed)
    assert made is not None, wrong
    assert check(made, changed, world.on_disk(Settings())) == []
    assert made.nodes["main"].exits["7"] == "opening"

"""``docs/deadlines.md`` and its Chinese twin hold the table of clocks as it is, and examples that are right."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from crm.clocks import document
from crm.clocks.due import _RULES
from crm.clocks.kinds import KINDS
from crm.profiles import store
from crm.profiles.profile import Profile
from crm.tickets.life_cycle import TABLE
from hotline.settings import parse

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {"en": "deadlines.md", "zh-CN": "deadlines.zh-CN.md"}


@pytest.mark.parametrize("language", list(NAMES))
def test_the_documents_hold_the_table_as_it_is(language: str) -> None:
    text = (DOCS / NAMES[language]).read_text(encoding="utf-8")
    found = re.search(r"<!-- made of crm/clocks/kinds\.py: .* -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert found
    assert found[1] == document.table(language), f"renew it: .venv/bin/python -m crm.clocks.document {language}"


@pytest.mark.parametrize("name", NAMES.values())
def test_the_settings_that_the_documents_show_are_accepted(name: str) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    profile = store.current(parse(tomllib.loads(block), source=name))
    assert (profile.receive_hours, profile.limits["help"], profile.limits["report"]) == (4, 4, 10)


def test_each_clock_has_a_rule_and_is_started_by_the_table_of_transitions() -> None:
    words = {word for row in TABLE for word in row.does}
    started = {word.removeprefix("start:") for word in words if word.startswith("start:")}
    assert _RULES.keys() == KINDS.keys()
    assert KINDS.keys() - started == {"supervision"}, "which is started by an effect"
    assert started <= KINDS.keys()


def test_the_plan_and_each_kinds_steps_are_in_the_order_of_their_times() -> None:
    for steps in [Profile().supervision_plan, *(kind.steps or () for kind in KINDS.values())]:
        assert list(steps) == sorted(steps, key=lambda step: step.hours)

"""``docs/tickets.md``, its Chinese twin and the picture are what the table of transitions says."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from crm.__main__ import main
from crm.permission_pages import names
from crm.tickets import commands
from crm.tickets.drawing import _PLACES
from crm.tickets.life_cycle import ACTIONS, TABLE
from crm.tickets.ticket import STATES
from crm.tickets.words import CONDITIONS
from crm.tickets.words import STATES as STATE_NAMES
from hotline.paths import TREE

DOCS = TREE / "docs"


@pytest.mark.parametrize("language", commands.FILES)
def test_the_pages_hold_the_table_as_it_is(language: str) -> None:
    found = commands.MADE.search((DOCS / commands.FILES[language]).read_text(encoding="utf-8"))
    assert found is not None
    assert found[2] == commands.markdown(language), f"renew it: {commands.RENEW}"


def test_the_picture_is_that_of_the_table() -> None:
    assert (DOCS / "tickets.svg").read_text(encoding="utf-8") == commands.svg(), f"renew it: {commands.RENEW}"


def test_every_state_action_and_condition_has_a_name_in_both_languages_and_every_state_a_place() -> None:
    assert set(STATE_NAMES) == set(STATES) == set(_PLACES)
    assert len(set(_PLACES.values())) == len(_PLACES)
    assert set(CONDITIONS) == {word for row in TABLE for word in (*row.needs, *row.when)}
    assert {f"ticket.{action}" for action in ACTIONS} <= set(names()["actions"])


def test_the_picture_shows_every_state_and_names_every_action() -> None:
    root = ElementTree.fromstring(commands.svg())
    texts = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert set(STATES) <= set(texts)
    words = " ".join(texts).replace("，", " ").split()
    assert [action for action in ACTIONS if action not in words] == []


def test_renewing_writes_the_tables_and_leaves_what_people_wrote(tmp_path: Path) -> None:
    for name in commands.FILES.values():
        shutil.copy(DOCS / name, tmp_path)
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("| `edit`", "| `old`"), encoding="utf-8")
    commands.renew(tmp_path)
    for name in (*commands.FILES.values(), "tickets.svg"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (DOCS / name).read_text(encoding="utf-8")
    (tmp_path / "tickets.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="marks"):
        commands.renew(tmp_path)


def test_the_picture_and_the_table_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["draw"], commands.svg()),
        (["table"], commands.markdown("zh-CN")),
        (["table", "en"], commands.markdown("en")),
    ):
        assert main(arguments) == 0
        assert capsys.readouterr().out == expected
    with pytest.raises(SystemExit) as wrong:
        main(["paint"])
    assert wrong.value.code == 2

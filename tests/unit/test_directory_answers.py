"""Answers made of the directory in memory: other hotlines, callers, announcements, the menus of the knowledge tree."""

from __future__ import annotations

import datetime as dt

from agi import directory
from agi.directory import Announcement, Directory, Hotline, Place
from hotline.clock import SHANGHAI
from hotline.settings import Calendar, Hours
from ivr_flows.lookups import EXITS, LOOKUPS, Answer

NOON = dt.datetime(2026, 11, 18, 12, 0, tzinfo=SHANGHAI)  # a Wednesday
DIRECTORY = Directory(
    hotlines=[
        Hotline("110", 1, "110", "hotline/110", Hours()),
        Hotline("12315", 4, "12315", "hotline/12315", Hours(wednesday=[("08:00", "12:00")])),
    ],
    groups={"13800138000": "elderly"},
    announcements=[Announcement("storm,keep-calm", NOON, NOON + dt.timedelta(hours=1)), Announcement("power", NOON, NOON)],
)


def hotline(entered: str, at: dt.datetime) -> Answer:
    return directory.hotline(DIRECTORY, entered, Calendar(), at)


def test_the_menu_of_hotlines_names_those_that_are_open_with_their_keys() -> None:
    assert hotline("", NOON) == Answer("found", {"hotline_prompts": "hotline/110,option-press,digits/1"})
    both = "hotline/110,option-press,digits/1,hotline/12315,option-press,digits/4"
    assert hotline("", NOON - dt.timedelta(minutes=1)) == Answer("found", {"hotline_prompts": both})


def test_a_hotline_is_found_by_its_key_and_by_its_code() -> None:
    values = {"hotline_code": "110", "hotline_number": "110", "hotline_prompts": "hotline/110"}
    assert hotline("1", NOON) == hotline("110", NOON) == Answer("found", values)
    assert hotline("12315", NOON).exit == "closed"
    assert hotline("12315", NOON).values["hotline_prompts"] == "hotline/12315"
    assert hotline("2", NOON).exit == hotline("999", NOON).exit == hotline("*", NOON).exit == "not_found"


def test_a_public_holiday_of_the_city_closes_what_is_closed_on_holidays() -> None:
    one = Hotline("12333", 5, "12333", "hotline/12333", Hours(public_holidays="closed"))
    city = Calendar(holidays=frozenset({NOON.date()}))
    assert directory.hotline(Directory(hotlines=[one]), "5", city, NOON).exit == "closed"
    assert directory.hotline(Directory(hotlines=[one]), "5", Calendar(), NOON).exit == "found"


def test_without_any_open_hotline_there_is_no_menu() -> None:
    assert directory.hotline(Directory(), "", Calendar(), NOON).exit == "not_found"


def test_a_caller_is_in_a_group_however_the_number_is_written() -> None:
    assert directory.caller(DIRECTORY, "+8613800138000") == Answer("found", {"caller_group": "elderly"})
    assert directory.caller(DIRECTORY, "13800138001").exit == directory.caller(DIRECTORY, "anonymous").exit == "not_found"


def test_an_announcement_is_played_from_its_beginning_until_before_its_end() -> None:
    def at(minutes: int) -> str:
        return directory.announcement(DIRECTORY, NOON + dt.timedelta(minutes=minutes)).values.get("announcement_prompts", "")

    assert [at(-1), at(0), at(59), at(60)] == ["", "storm,keep-calm", "storm,keep-calm", ""]


def test_a_folder_is_a_menu_and_an_article_its_prompts() -> None:
    folder = directory.knowledge(Place("1000", "", "", {2: "1002", 1: "1001"}))
    menu = "kb/1001-title,option-press,digits/1,kb/1002-title,option-press,digits/2"
    assert folder.values == {"kb": "1000", "kb_kind": "folder", "kb_prompts": menu, "kb_document": ""}
    article = directory.knowledge(Place("1001", "kb/1001", "form.pdf", {}))
    assert article.values == {"kb": "1001", "kb_kind": "article", "kb_prompts": "kb/1001", "kb_document": "form.pdf"}


def test_every_answer_is_one_that_the_table_of_look_ups_announces() -> None:
    answers = {
        "hotline": [hotline("", NOON), hotline("1", NOON), hotline("4", NOON), hotline("9", NOON)],
        "caller": [directory.caller(DIRECTORY, "13800138000")],
        "announcement": [directory.announcement(DIRECTORY, NOON)],
        "knowledge": [directory.knowledge(Place("1", "kb/1", "", {}))],
    }
    for name, given in answers.items():
        assert all(answer.exit in EXITS[name] and set(answer.values) <= set(LOOKUPS[name].results) for answer in given)

"""Urgent words in what a machine heard of a message: the table, what is denied, what a city changes (IVR-11, TKT-23)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.messages import said, tables, urgent
from crm.messages.urgent import Negation
from crm.profiles.profile import Profile

TABLES = tables.read()
CASES: tuple[tuple[str, set[str]], ...] = (
    ("幸福小区三号楼着火了快来人", {"fire"}),
    ("三 号 楼 着 火 了", {"fire"}),
    ("厨房里煤气一直在漏", {"gas"}),
    ("楼道里有天然气泄漏的味道", {"gas"}),
    ("有人从脚手架上掉下去流血了", {"accident", "injury"}),
    ("我不想活了", {"self_harm"}),
    ("他拿着刀说要杀了我", {"violence"}),
    ("孩子被困在电梯里", {"trapped"}),
    ("电梯坏了里面困了两个人", {"trapped"}),
    ("there is a FIRE in the house", {"english"}),
    ("没有人管，着火了", {"fire"}),
    ("没有着火", set()),
    ("没着火", set()),
    ("那里没有发生火灾", set()),
    ("无人受伤", set()),
    ("没有人员受伤", set()),
    ("不是煤气泄漏", set()),
    ("开展预防火灾的宣传", set()),
    ("no fire here", set()),
    ("he was fired", set()),
    ("幸福路的路灯三天不亮了", set()),
    ("", set()),
)


def kinds(text: str, profile: Profile | None = None) -> set[str]:
    found = urgent.find(text, tables.urgent_words(profile or Profile()), TABLES.negation)
    return {one.kind for one in found}


@pytest.mark.parametrize(("text", "wanted"), CASES)
def test_what_cannot_wait_is_found_and_what_is_denied_is_not(text: str, wanted: set[str]) -> None:
    assert kinds(text) == wanted


def test_what_is_found_says_where() -> None:
    (one,) = urgent.find("我家在三号楼，厨房着火了，请快来", TABLES.urgent, TABLES.negation)
    assert (one.kind, one.word) == ("fire", "着火")
    assert "厨房着火了" in one.around


def test_a_city_changes_a_kind_adds_one_and_switches_one_off() -> None:
    profile = msgspec.convert({"urgent_words": {"flood": ["决堤", "管涌"], "gas": ["氨气*漏"], "english": []}}, Profile)
    assert kinds("河堤决堤了", profile) == {"flood"}
    assert kinds("冷库氨气泄漏", profile) == {"gas"}
    assert kinds("煤气泄漏", profile) == set()
    assert kinds("fire", profile) == set()
    assert kinds("着火了", profile) == {"fire"}


@pytest.mark.parametrize(
    "words", [{"Fire": ["x"]}, {"fire": [""]}, {"fire": ["长" * 41]}, {"fire": ["x"] * 201}, {"fire": "着火"}]
)
def test_a_list_that_is_none_is_refused(words: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"urgent_words": words}, Profile)


_WORDS = [(kind, word) for kind, words in TABLES.urgent.items() for word in words]


@given(
    st.sampled_from(_WORDS),
    st.sampled_from(["", "你好，", "我想反映", "昨天\n"]),
    st.sampled_from(["", "了", "，请快来"]),
)
def test_every_word_of_the_table_is_found_wherever_it_stands(word: tuple[str, str], before: str, after: str) -> None:
    kind, said_so = word[0], word[1].replace("*", "一直")
    assert kind in kinds(f"{before} {said_so} {after}")


@given(st.sampled_from([one for one in _WORDS if not one[1].isascii()]), st.sampled_from(["没有", "没", "并非", "没有发生"]))
def test_every_word_of_the_table_can_be_denied(word: tuple[str, str], denial: str) -> None:
    spoken = word[1].replace("*", "一直")
    found = urgent.find(f"{denial}{spoken}", {word[0]: [word[1]]}, TABLES.negation)
    assert found == ()


@given(st.text(max_size=200), st.lists(st.text(max_size=10), max_size=5), st.text(max_size=5))
def test_no_text_and_no_table_is_too_strange(text: str, words: list[str], denial: str) -> None:
    found = urgent.find(text, {"any": words}, Negation((denial,), (denial,)))
    assert all(one.word in urgent.plain(text) for one in found)


@given(st.text(max_size=300), st.floats(0, 1))
def test_the_text_of_a_draft_is_one_that_a_ticket_may_have(text: str, confidence: float) -> None:
    content = said.content(text, confidence)
    assert not any(character < " " and character not in "\n\t" for character in content)
    assert content == "" or content.endswith("%，以录音为准）")
    content.encode()


def test_a_nature_is_suggested_as_the_city_has_it() -> None:
    dezhou, norm = Profile(), Profile(nature_set=("consult", "help", "complaint", "report", "suggest"))
    table = TABLES.nature
    one = said.nature("我要举报有人偷税", "message", table, dezhou)
    assert one is not None and (one.nature, one.words) == ("complaint", ("举报", "偷税"))
    one = said.nature("我要举报有人偷税", "message", table, norm)
    assert one is not None and one.nature == "report"
    one = said.nature("", "complaint", table, norm)
    assert one is not None and (one.nature, one.words) == ("complaint", ()), "IVR-09: the citizen chose it"
    assert said.nature("今天天气很好", "message", table, norm) is None

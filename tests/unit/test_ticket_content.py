"""What answers say: elements, forbidden words, empty phrases (RPL-02 to RPL-06), and the citizen named in a text (TKT-13)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import RefusedError
from crm.profiles.profile import EMPTY_PHRASES, Profile
from crm.tickets import content
from crm.tickets.orders import Reply
from crm.tickets.ticket import Identity
from tests.ticket_world import REPLY, fresh, handled, order

EMPTY = (
    "已安排。",
    "已经安排了相关部门处理。",
    "您好，您反映的问题我单位已联系有关单位，正在协调解决，请您耐心等待。",
    "正在协调",
    "我局高度重视，已责成相关科室尽快处理，感谢您的理解和支持！",
    "已 转 办。",
    "同意",
    "。。。",
    "已转相关部门办理",
)
TELLING = (
    "已更换三号楼阀门并恢复供热，当日十八时室温二十度。",
    "经核实，小区路灯共十二盏，其中三盏损坏，已全部修复。",
    "该路段不在今年改造范围内，依据《城市道路管理条例》第二十条不能提前开挖。",
    "已联系施工队，11月25日前更换老旧管道三百米。",
)


@pytest.mark.parametrize("result", EMPTY)
def test_an_answer_that_says_nothing_is_refused(result: str) -> None:
    assert content.is_empty(result, EMPTY_PHRASES)
    assert _refused(result=result) == "reply_empty"


@pytest.mark.parametrize("result", TELLING)
def test_an_answer_that_says_what_was_done_is_taken(result: str) -> None:
    assert not content.is_empty(result, EMPTY_PHRASES)
    assert _refused(result=result) == ""


def test_a_phrase_that_promises_needs_a_day_and_is_pointed_out_to_whoever_approves() -> None:
    vague = "已联系供热公司抢修队进场更换老旧阀门。"
    assert _refused(result=vague) == "reply_without_day"
    for more in (
        {"outcome": "planned", "solvable": "later", "planned_on": "2026-12-20"},
        {"time_limit": "三个工作日"},
        {"result": vague + "明天完工。"},
    ):
        world = handled()
        change = world.do("unit_clerk", "reply", **{**REPLY, "result": vague, **more})
        assert "vague_phrases" in change.warnings and world.replies[-1]["warnings"] == ["vague_phrases", "helpers_not_heard"]


def test_the_city_says_which_phrases_are_empty_and_which_words_are_forbidden() -> None:
    assert _refused(Profile(empty_answer_patterns=("恢复供热",)), result="已恢复供热。") == "reply_empty"
    assert _refused(Profile(forbidden_words=("阀门",))) == "forbidden_words"
    assert _refused(Profile(forbidden_words=(), empty_answer_patterns=()), result="诉求不合理，不予办理此项申请。") == ""


@pytest.mark.parametrize("words", ["您的诉求不合理", "属于无理要求", "诉求不 合 理", "不\u200b合理", "不\n合理"])
def test_a_demand_is_not_called_unreasonable_however_it_is_written(words: str) -> None:
    for field in ("result", "analysis", "opinions", "policy", "reasons"):
        assert _refused(**{field: REPLY.get(field, "") + words}) == "forbidden_words", field


def test_each_element_that_is_missing_is_named() -> None:
    for changed, missing in (
        ({"basis": " "}, ["basis"]),
        ({"present_state": "", "result": "\n"}, ["present_state", "result"]),
        ({"is_true": "no", "outcome": "not_true"}, ["policy"]),
        ({"solvable": "no", "outcome": "explained"}, ["policy"]),
        ({"solvable": "later", "outcome": "planned"}, ["planned_on"]),
        ({"solvable": "later", "outcome": "explained"}, ["planned_on"]),
    ):
        world = handled()
        with pytest.raises(RefusedError) as refused:
            world.do("unit_clerk", "reply", **{**REPLY, **changed})
        assert refused.value.code == "reply_incomplete" and refused.value.details["missing"] == missing


def test_an_outcome_that_contradicts_what_is_said_is_refused() -> None:
    policy = {"policy": "《物业管理条例》第五十条"}
    assert _refused(is_true="no", **policy) == "reply_contradicts"
    assert _refused(solvable="no", **policy) == "reply_contradicts"
    assert _refused(outcome="not_true", planned_on="2026-12-20") == "reply_contradicts"
    assert _refused(is_true="no", solvable="no", outcome="not_true", **policy) == ""
    assert _refused(outcome="planned", solvable="later", planned_on="2026-11-01") == "day_past"


IDENTITY = Identity(caller_name="张晓明", workplace="德州纺织厂", home_address="幸福小区3号楼", calling_number="+8613805340001")


@pytest.mark.parametrize(
    ("hidden", "text", "is_named"),
    [
        (("name",), "来电人张晓明反映暖气不热", True),
        (("name",), "张 晓　明反映", True),
        (("name",), "电话13805340001", False),
        (("phone",), "请回电138-0534-0001", True),
        (("phone",), "请回电１３８０５３４０００１", True),
        (("phone",), "张晓明", False),
        (("workplace",), "在德州纺织厂上班", True),
        (("workplace",), "住幸福小区3号楼", True),
        (("all",), "住幸福小区３号楼", True),
        (("all",), "小区暖气不热", False),
        ((), "张晓明13805340001", False),
    ],
)
def test_a_text_that_names_the_citizen_is_noticed_however_it_is_written(
    hidden: tuple[str, ...], text: str, is_named: bool
) -> None:
    assert content.names_citizen(IDENTITY, hidden, ("", text)) is is_named


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_hidden_name_within_any_text_is_found(before: str, after: str) -> None:
    assert content.names_citizen(IDENTITY, ("all",), [f"{before}张晓明{after}"])
    assert not content.names_citizen(Identity(), ("all",), [before, after])


@given(st.text(max_size=200))
def test_texts_of_any_kind_are_counted_and_compared(text: str) -> None:
    assert content.normal(content.normal(text)) == content.normal(text) or content.words(text) >= 0
    assert not content.forbidden(text.replace("不", "").replace("无", ""), Profile().forbidden_words)
    assert isinstance(content.is_empty(text, EMPTY_PHRASES), bool)


def test_words_are_chinese_characters_words_of_letters_and_numbers() -> None:
    assert content.words("暖气不热，12 度 only!") == 7
    assert content.words("，。 !") == 0


def test_the_texts_of_an_order_and_of_a_ticket_are_all_looked_at() -> None:
    said = order("reply", **REPLY, opinions="张晓明").values
    assert isinstance(said, Reply)
    assert content.names_citizen(IDENTITY, ("name",), content.texts(said))
    consulted = order("consult", participants=["编办", "张晓明"], conclusion="x").values
    assert "张晓明" in list(content.texts(consulted))
    assert content.names_citizen(IDENTITY, ("name",), content.of_ticket(fresh(persons="张晓明")))
    assert content.hidden_in("publish", fresh()) == ("all",) and content.hidden_in("dispatch", fresh()) == ()


def _refused(profile: Any = None, **changed: Any) -> str:
    """The code with which such a reply is refused, or nothing."""
    world = handled()
    world.profile = profile or world.profile
    try:
        world.do("unit_clerk", "reply", **{**REPLY, **changed})
    except RefusedError as refused:
        return refused.code
    return ""

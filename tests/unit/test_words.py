"""Text as words: what is searched meets what was indexed, and no text is anything but words to a search."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.knowledge import dictionary, words

CHINESE = st.text(alphabet="的了市民小区噪声扰民供水停电社保泺源历下区户口迁移abc 123,。'\\:*&|!()<>\x00\ud800", max_size=60)
TERM = re.compile(r"'[^'\\\s]+'(:\*)?")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("夜间施工噪声扰民", ["夜间", "施工", "噪声", "扰民"]),
        ("社会保险怎么办理", ["社会", "保险", "办理"]),
        ("历下区", ["历下", "下区"]),
        ("泺源大街12号", ["泺源", "大街", "12"]),
        ("ＷｉＦｉ连不上", ["wifi", "连不", "不上"]),
        ("的了吗", []),
        ("", []),
        ("水", ["水"]),
        ("'; DROP TABLE tickets; --", ["drop", "table", "tickets"]),
    ],
)
def test_what_is_looked_for_is_cut_into_words_without_those_that_say_nothing(text: str, found: list[str]) -> None:
    assert words.asked(text) == found


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("路灯不亮", "路灯"),
        ("路灯不亮", "灯不亮"),
        ("路灯不亮", "不亮"),
        ("泺源头条新闻", "泺源"),
        ("研究生命起源", "生命"),
        ("研究生命起源", "研究生"),
        ("南京市长江大桥", "长江"),
        ("南京市长江大桥", "市长"),
    ],
)
def test_a_word_is_found_whatever_stands_beside_it(text: str, sought: str) -> None:
    assert set(words.asked(sought)) <= set(words.words(text))


@given(CHINESE, CHINESE, CHINESE)
def test_what_is_looked_for_is_found_in_every_text_that_says_it_word_for_word(before: str, sought: str, after: str) -> None:
    """Pairs of known words and of unknown neighbours alike; but for single characters, which begin words."""
    found = set(words.words(f"{before}。{sought}。{after}"))
    assert {word for word in words.asked(sought) if len(word) > 1} <= found


@given(st.one_of(CHINESE, st.text(max_size=80)))
def test_any_text_gives_a_search_of_nothing_but_quoted_words(text: str) -> None:
    for made, joint in ((words.query(text), " & "), (words.either(text), " | ")):
        assert not made or all(TERM.fullmatch(term) for term in made.split(joint))


@given(CHINESE, CHINESE)
def test_a_text_has_the_words_of_its_sentences(one: str, other: str) -> None:
    """Words do not depend on what stands beyond a full stop."""
    assert {*words.words(one), *words.words(other)} == set(words.words(f"{one}。{other}"))


@given(st.text(max_size=80))
def test_a_vector_has_every_word_once_with_places_that_postgresql_takes(text: str) -> None:
    lexemes = [one.split("':")[0].lstrip("'") for one in words.vector([(text, "A"), (text, "D")]).split(" ") if one]
    assert sorted(lexemes) == sorted(set(words.words(text)))


@given(CHINESE, CHINESE)
def test_marked_places_lie_in_the_text_apart_from_each_other_and_in_order(text: str, asked: str) -> None:
    ends = 0
    for spot in words.marked(text, asked):
        assert ends <= spot.start < spot.end <= len(text)
        ends = spot.end + 1


def test_what_is_marked_is_what_was_asked_also_in_full_width() -> None:
    text = "自来水公司将于ＡＢ路停水,停水期间请储水"
    assert [text[spot.start : spot.end] for spot in words.marked(text, "停水 ab")] == ["ＡＢ", "停水", "停水"]
    piece, spots = words.snippet("前" * 200 + "停水通知" + "后" * 200, "停水", 40)
    assert len(piece) == 40
    assert [piece[spot.start : spot.end] for spot in spots] == ["停水"]


def test_long_numbers_are_nothing_to_find_a_ticket_by() -> None:
    """SEC-03: a telephone or identity number in the text."""
    assert words.without_numbers(words.asked("电话13800000001,12号楼,37010219900101123x")) == ["12", "号楼", "电话"]


def test_our_own_words_are_words_and_those_that_are_too_long_change_nothing() -> None:
    assert list(dictionary.cut("汆丸子摊点"))[-1] == "摊点"
    dictionary.add(["汆丸子", "一个很长的单位名称", "x"])
    assert list(dictionary.cut("汆丸子摊点")) == ["汆丸子", "摊点"]
    assert words.asked("汆丸子摊点") == ["汆丸", "丸子", "摊点"]


def test_loading_is_silent_leaves_no_file_and_no_module_changed(tmp_path: Path) -> None:
    program = (
        "import sys, logging; from crm.knowledge import words; print(words.asked('停水通知'));"
        "print('jieba.finalseg' in sys.modules, 'pkg_resources' in sys.modules)"
    )
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert (ran.stdout, ran.stderr) == ("['停水', '通知']\nFalse False\n", "")
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir()
    assert logging.getLogger("jieba").name == "jieba"

"""The language of the web application's sentences."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.errors import CODES as ORDER_CODES
from crm.errors import CODES as TICKET_CODES
from desks import answers, language
from desks.desk_pops import HINTS
from desks.errors import REFUSALS
from hotline.accounts.rules import CODES as ACCOUNT_CODES


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", "zh-CN"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en", "en"),
        ("en-GB;q=0.9, zh-TW;q=0.8", "en"),
        ("en;q=0.8, zh;q=0.8", "en"),
        ("EN-us", "en"),
        ("en;q=0.5,zh;q=0.6", "zh-CN"),
        ("fr, de;q=0.9", "zh-CN"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0", "zh-CN"),
        ("en;q=nan", "zh-CN"),
        ("en;q=2", "zh-CN"),
        ("en;level=1", "zh-CN"),
        ("*", "zh-CN"),
        (";;;,,q=", "zh-CN"),
    ],
)
def test_the_preferred_language_is_spoken_and_chinese_otherwise(accepted: str, spoken: str) -> None:
    assert language.chosen(accepted) == spoken


@given(st.text(alphabet=string.printable, max_size=200))
def test_no_header_breaks_the_choice(accepted: str) -> None:
    assert language.chosen(accepted) in ("zh-CN", "en")


def test_both_catalogues_have_a_sentence_for_every_code() -> None:
    codes = set(answers.CODES.values()) | set(REFUSALS) | set(ORDER_CODES) | set(TICKET_CODES) | set(ACCOUNT_CODES) | set(HINTS)
    for spoken in ("zh-CN", "en"):
        assert set(language.catalogue(spoken)) == codes
        assert all(language.catalogue(spoken).values())

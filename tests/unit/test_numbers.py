"""Telephone numbers in one form (SEC-06: only the same number may hear a confidential answer)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import numbers

MOBILE = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("13800138000", "13800138000"),
        ("013800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("138 0013-8000", "13800138000"),
        ("+86 (0)10 1234 5678", "1012345678"),
        ("010-12345678", "1012345678"),
        ("86123456", "86123456"),
        ("8610123456", "8610123456"),
        ("+442079460000", "00442079460000"),
        ("00442079460000", "00442079460000"),
        ("12345", "12345"),
        ("", ""),
        ("anonymous", ""),
        ("+", ""),
        ("000", ""),
        ("138٠0138000", ""),
        ("1" * 21, ""),
        ("00" + "4" * 19, ""),
        ("138;0138000", ""),
    ],
)
def test_a_number_has_one_form(written: str, normal: str) -> None:
    assert numbers.normal(written) == normal


@given(MOBILE, st.sampled_from(["", "0", "+86", "0086", "86", "+86 0", "(+86)"]))
def test_every_way_to_write_a_mobile_number_is_the_same(number: str, prefix: str) -> None:
    assert numbers.normal(prefix + number) == number
    assert numbers.same(prefix + number, number)


@given(st.text(alphabet="0123456789+- ()86x٣", max_size=30) | st.text(max_size=30))
def test_any_text_gives_digits_or_nothing_and_the_form_stays_as_it_is(text: str) -> None:
    normal = numbers.normal(text)
    assert normal == "" or (normal.isascii() and normal.isdigit() and len(normal) <= 20)
    assert numbers.normal(normal) == normal


@pytest.mark.parametrize("withheld", ["", "anonymous", "Restricted", "unknown", "asterisk", "00"])
def test_a_withheld_number_is_the_same_as_none(withheld: str) -> None:
    assert not numbers.same(withheld, withheld)
    assert not numbers.same(withheld, "")
    assert not numbers.same("", withheld)

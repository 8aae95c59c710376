"""When a number is tried again, and when it is left."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.callback_rules import Result, Rules, after_try
from hotline import numbers

NOW = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


@given(most=st.integers(1, 9), results=st.lists(st.sampled_from(get_args(Result)), min_size=9, max_size=9))
def test_no_number_is_tried_more_often_than_is_set_and_none_after_it_answered(most: int, results: list[Result]) -> None:
    made = 0
    for result in results:
        made += 1
        after = after_try(made, result, NOW, Rules(tries=most))
        assert after.is_settled == (result == "answered" or made == most)
        if after.is_settled:
            break
        assert after.not_before == NOW + Rules().retry
    assert made <= most


@pytest.mark.parametrize(
    ("number", "dialled"),
    [
        ("13800138000", "13800138000"),
        ("1012345678", "01012345678"),
        ("5348861234", "05348861234"),
        ("12345678", "12345678"),
        ("110", "110"),
        ("0044201234567", "0044201234567"),
    ],
)
def test_a_number_is_dialled_with_the_0_of_its_area_code(number: str, dialled: str) -> None:
    assert numbers.dialled(number) == dialled
    assert numbers.same(numbers.dialled(number), number)

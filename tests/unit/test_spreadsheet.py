"""CSV for spreadsheets: no cell is a formula, whoever wrote it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import spreadsheet


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" =HYPERLINK(1)", "' =HYPERLINK(1)"),
        ("\t@SUM(1)", "' @SUM(1)"),
        ("＝1", "'＝1"),
        ("+86 138", "'+86 138"),
        ("a=1", "a=1"),
        ("两\r\n行", "两  行"),
        (-5, "-5"),
        (True, "True"),
        (None, ""),
    ],
)
def test_what_would_be_a_formula_is_text(value: object, shown: str) -> None:
    assert spreadsheet.cell(value) == shown


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_a_table_is_read_again_and_no_cell_begins_a_formula(rows: list[list[str]]) -> None:
    text = spreadsheet.table(("a", "b"), rows)
    assert text.startswith("\ufeff")
    read = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(read) == len(rows) + 1
    for row in read[1:]:
        assert len(row) == 2
        assert not any(cell.lstrip()[:1] in tuple("=+-@|%＝＋－＠") for cell in row if cell.strip())

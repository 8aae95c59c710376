"""The taxonomy's file and others like it: what is refused, what it holds (TAX-13, TAX-20, TAX-21, TAX-30, TAX-31)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.directory import files, sheets
from hotline.directory.kinds import DirectoryError
from hotline.directory.sheets import ItemEntry

ITEMS: list[ItemEntry] = files.read_sheet("taxonomy", files.TAXONOMY)
LEAVES = [one for one in ITEMS if one.scheme == "content" and one.parent]
HEAD = "code\tparent\tzh\ten\tactive\tvalid_to\tunits\n"


def test_it_has_nine_categories_and_159_leaves_with_codes_of_their_own() -> None:
    """TAX-20."""
    counts = [sum(leaf.parent == f"C{number}" for leaf in LEAVES) for number in range(1, 10)]
    assert counts == [35, 19, 18, 19, 10, 18, 14, 14, 12]
    assert sum(counts) == len(LEAVES) == 159
    assert len({one.code for one in ITEMS}) == len(ITEMS)
    by_code = {leaf.code: leaf.zh for leaf in LEAVES}
    assert (by_code["C1.03"], by_code["C3.16"], by_code["C3.17"]) == ("路灯", "法院", "检察院")  # TAX-30
    assert {leaf.zh for leaf in LEAVES if leaf.profiles} == {"水电十三局", "漳卫南运河管理", "高铁东站", "油区管理"}


@pytest.mark.parametrize(
    "topic",
    ["驾校", "黑车", "甩客", "多收费", "治安管理", "户籍管理", "交通罚款", "超生", "社会抚养费", "报销", "非法行医", "独生子女费",
     "污染", "教育", "城管", "排水", "垃圾", "校车", "学费", "强制补课"],
)  # fmt: skip
def test_the_frequent_topics_of_a_county_lead_to_a_leaf(topic: str) -> None:
    """TAX-13."""
    assert [leaf.code for leaf in LEAVES if topic in (leaf.zh, *leaf.words) or topic in leaf.zh]


def test_other_lines_have_schemes_of_their_own() -> None:
    """TAX-07 to TAX-12, TAX-14."""
    names = {scheme: [one.zh for one in ITEMS if one.scheme == scheme and one.parent] for scheme in {one.scheme for one in ITEMS}}
    assert names["call_type"] == ["咨询预约", "沟通协调", "投诉建议"]
    assert {scheme: len(found) for scheme, found in names.items() if scheme not in ("content", "call_type")} == {
        "agriculture": 4,
        "company": 5,
        "cable_tv": 4,
        "construction": 10,
        "transport": 6,
        "web": 3,
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ":1: code:"),
        ("code\tzh\ten\tstrange\n", ":1: strange:"),
        ("code\tcode\tzh\ten\n", ":1: code:"),
        (HEAD + "C1\t\t甲\ta\n", ":2: 4 values, 7 columns"),
        (HEAD + "C1\t\t甲\ta\tperhaps\t\t\n", ":2: Expected `bool`"),
        (HEAD + "C1\t\t甲\ta\tyes\t2026-13-01\t\n", ":2: Invalid RFC3339"),
        (HEAD + "C1\t\t甲\x00\ta\tyes\t\t\n", ":2: Expected `str` matching"),
        (HEAD + "C1\t\t\ta\tyes\t\t\n", ":2: Object missing required field `zh`"),
        (HEAD + "C1\t\t甲\ta\tyes\t\t\nC1\t\t乙\tb\tyes\t\t\n", ":3: code: C1 stands in line 2"),
        (HEAD + "C1.01\tC1\t甲\ta\tyes\t\t\n", ":2: parent: there is no category C1"),
        (HEAD + "C1\t\t甲\ta\tyes\t\t\nC2.01\tC1\t乙\tb\tyes\t\t\n", ":3: parent: C2.01 belongs to C2"),
    ],
)
def test_a_wrong_file_says_where_and_what(text: str, problem: str) -> None:
    with pytest.raises(DirectoryError) as refused:
        sheets.checked("taxonomy", text, "file")
    assert problem in str(refused.value)


def test_every_problem_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    text = HEAD + "c1\t\t甲\ta\tyes\t\t\nC2\tC1\t甲\ta\tyes\t\t\nC3\t\t甲\ta\tyes\n"
    with pytest.raises(DirectoryError) as refused:
        sheets.checked("taxonomy", text, "file")
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["2", "3", "4"]


def test_a_spreadsheets_mark_and_chinese_commas_are_read() -> None:
    (entry,) = sheets.checked("taxonomy", "\ufeff" + HEAD + "C1\t\t甲\ta\tno\t2026-12-31\tA，B,C\n", "file")
    assert entry == ItemEntry(code="C1", zh="甲", en="a", active=False, valid_to=dt.date(2026, 12, 31), units=("A", "B", "C"))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_breaks_the_reading(text: str) -> None:
    for kind in sheets.SHEETS:
        for whole in (text, HEAD + text):
            try:
                sheets.checked(kind, whole, "file")
            except DirectoryError as error:
                assert str(error)


@pytest.mark.parametrize("kind", sheets.SHEETS)
def test_what_is_written_is_read_again(kind: str) -> None:
    entries = files.read_sheet(kind, files.SHEETS[kind])
    assert sheets.checked(kind, sheets.written(kind, entries), "file") == entries

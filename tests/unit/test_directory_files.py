"""The files of the directory: the samples are right, every fault has its line, and what is written can be read again."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import paths, sounds
from hotline.clock import SHANGHAI
from hotline.directory import files, kinds, toml
from hotline.directory.kinds import ArticleEntry, CallerEntry, DirectoryError, HotlineEntry, TicketEntry

SAMPLES = paths.TREE / "ivr_flows" / "samples"


def checked(kind: str, text: str) -> list[Any]:
    return kinds.checked(kind, tomllib.loads(text), text, "file.toml")


def problems(kind: str, text: str) -> list[str]:
    with pytest.raises(DirectoryError) as raised:
        checked(kind, text)
    return str(raised.value).splitlines()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_sample_of_each_kind_is_right_and_names_prompts_that_are_there(kind: str) -> None:
    entries = files.read(kind, SAMPLES / f"{kind}.toml")
    assert entries
    for name in kinds.sounds_named(entries):
        assert (sounds.OURS / "zh" / f"{name}.wav").is_file(), name
    documents = {entry.document for entry in entries if isinstance(entry, ArticleEntry)} - {""}
    assert all((paths.TREE / "ivr_flows" / "documents" / f"{name}.tif").is_file() for name in documents)


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_a_sample_that_is_written_and_read_again_is_the_same(kind: str) -> None:
    entries = files.read(kind, SAMPLES / f"{kind}.toml")
    assert checked(kind, toml.written(kinds.table_of(kind), entries)) == entries


HOTLINE = '[[hotlines]]\ncode = "110"\nkey = 1\nnumber = "110"\nname = "x"\nprompts = ["hotline/110"]\n'
ARTICLE = '[[articles]]\ncode = "1001"\nkey = 1\ntitle = "x"\nprompts = ["kb/1001"]\n'
TICKET = '[[ticket_answers]]\nticket_no = "20260001"\nstate = "x"\nupdated_at = 2026-11-02T09:30:00\n'
TIMES = "starts_at = 2026-11-02T09:30:00\nends_at = 2026-11-02T10:30:00\n"
NEWS = f'[[announcements]]\nprompts = ["x"]\n{TIMES}reason = "r"\nperson = "p"\n'
UNIT = '[[units]]\ncode = "CG"\nname = "x"\nnumbers = [{ number = "83120001" }]\n'
DUTY = "duty_from = 2026-11-20T17:30:00, duty_to = 2026-11-20T08:30:00"


def number(more: str) -> str:
    """The unit with more behind its telephone's number."""
    return UNIT.replace('01" }', f'01"{more}')


FAULTS = [
    ("hotlines", "[[callers]]\nnumber = '1'\n", "file.toml: callers: a file of hotlines holds only [[hotlines]] entries"),
    ("hotlines", "hotlines = 5", "file.toml: hotlines: a file of hotlines holds only [[hotlines]] entries"),
    ("hotlines", "hotlines = [5]", "file.toml: hotlines[0]: Expected `object`, got `int`"),
    ("hotlines", HOTLINE + "color = 1", "file.toml:1: hotlines[0]: Object contains unknown field `color`"),
    ("hotlines", HOTLINE.replace("key = 1", "key = 9"), "file.toml:1: hotlines[0]: key: Expected `int` <= 8"),
    (
        "hotlines",
        HOTLINE.replace("hotline/110", "Hotline"),
        "file.toml:1: hotlines[0]: prompts[0]: Expected `str` matching regex",
    ),
    ("hotlines", HOTLINE.replace("key = 1", "# no key"), "file.toml:1: hotlines[0]: Object missing required field `key`"),
    ("hotlines", HOTLINE + "hours = { funday = [] }", "file.toml:1: hotlines[0]: hours: Object contains unknown field `funday`"),
    (
        "hotlines",
        HOTLINE + 'hours = { monday = [["18:00", "08:00"]] }',
        "file.toml:1: hotlines[0]: hours.monday[0]: 08:00 does not come after 18:00",
    ),
    ("hotlines", HOTLINE + "\n" + HOTLINE, "file.toml:8: hotlines[1]: code: the same as in hotlines[0]"),
    (
        "callers",
        "[[callers]]\nnumber = '13800138000'\ngroup = 'elderly'\n[[callers]]\nnumber = '+86 138 0013 8000'\ngroup = 'vip'",
        "file.toml:4: callers[1]: number: the same as in callers[0]",
    ),
    (
        "callers",
        "[[callers]]\nnumber = 'anonymous'\ngroup = 'x'",
        "file.toml:1: callers[0]: number: 'anonymous' is not a telephone",
    ),
    ("articles", ARTICLE + 'parent = "1000"', "file.toml:1: articles[0]: parent: there is no article '1000'"),
    ("articles", ARTICLE + 'parent = "1001"', "file.toml:1: articles[0]: parent: leads back to this article"),
    ("articles", ARTICLE.replace('["kb/1001"]', "[]"), "file.toml:1: articles[0]: prompts: an article that is no folder"),
    ("articles", ARTICLE + ARTICLE.replace("1001", "1002"), "file.toml:6: articles[1]: key: the same as in articles[0]"),
    ("articles", ARTICLE + 'text = "a\\u0000b"', "file.toml:1: articles[0]: text: Expected `str` matching regex"),
    ("announcements", NEWS.replace("T10", "T08"), "file.toml:1: announcements[0]: ends_at: comes before starts_at"),
    ("ticket-answers", TICKET + 'query_code = "12345"', "file.toml:1: ticket_answers[0]: query_code: Expected `str` matching"),
    ("ticket-answers", TICKET + "confidential = true", "file.toml:1: ticket_answers[0]: caller_number: a confidential ticket"),
    ("ticket-answers", TICKET + 'caller_number = "x"', "file.toml:1: ticket_answers[0]: caller_number: 'x' is not a telephone"),
    ("units", UNIT.replace('[{ number = "83120001" }]', "[]"), "file.toml:1: units[0]: numbers: Expected `array` of length >= 1"),
    ("units", UNIT.replace("83120001", "PJSIP/1001"), "file.toml:1: units[0]: numbers[0].number: Expected `str` matching regex"),
    ("units", number(' }, { number = "83120001" }'), "file.toml:1: units[0]: numbers[1].number: the same as in numbers[0]"),
    ("units", number(", hours = { x = [] } }"), "file.toml:1: units[0]: numbers[0].hours: Object contains unknown field `x`"),
    ("units", number(f", {DUTY} }}"), "file.toml:1: units[0]: numbers[0].duty: a telephone with times of duty is one of duty"),
    ("units", number(f", duty = true, {DUTY} }}"), "file.toml:1: units[0]: numbers[0].duty_to: does not come after duty_from"),
    ("units", UNIT + 'categories = ["路灯"]', "file.toml:1: units[0]: categories[0]: Expected `str` matching regex"),
    ("units", UNIT + 'parent = "ZZ"', "file.toml:1: units[0]: parent: there is no unit 'ZZ'"),
    ("units", UNIT + 'parent = "CG"', "file.toml:1: units[0]: parent: leads back to this unit"),
    ("units", UNIT + UNIT, "file.toml:5: units[1]: code: the same as in units[0]"),
]


@pytest.mark.parametrize(("kind", "text", "said"), FAULTS)
def test_every_fault_is_said_with_file_line_and_entry(kind: str, text: str, said: str) -> None:
    assert problems(kind, text)[0].startswith(said)


def test_all_faults_of_a_file_are_said_at_once() -> None:
    text = HOTLINE.replace("key = 1", "key = 0") + HOTLINE + HOTLINE.replace("110", "1")
    assert len(problems("hotlines", text)) == 2


def test_a_circle_beyond_the_entry_itself_is_found() -> None:
    entries = ARTICLE + 'parent = "1002"\n' + ARTICLE.replace("1001", "1002") + 'parent = "1001"\n'
    assert [line.split(": ")[1] for line in problems("articles", entries)] == ["articles[0]", "articles[1]"]


def test_a_time_without_a_zone_is_beijing_time() -> None:
    (entry,) = checked("ticket-answers", TICKET)
    assert entry.updated_at == dt.datetime(2026, 11, 2, 9, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize("content", [b"[[hotlines", b"\xff", b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_an_error_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    for file in (tmp_path / "x.toml", tmp_path / "missing.toml"):
        with pytest.raises(DirectoryError, match=file.name):
            files.read("hotlines", file)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.datetimes() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = sorted({name for kind in kinds.KINDS.values() for name in kind.__struct_fields__})
_ROWS = st.lists(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=7) | _VALUES, max_size=3)


@given(st.sampled_from(sorted(kinds.KINDS)), _ROWS | _VALUES)
def test_any_data_gives_entries_or_problems_and_nothing_else(kind: str, rows: object) -> None:
    try:
        entries = kinds.checked(kind, {kinds.table_of(kind): rows}, "", "x")
    except DirectoryError as error:
        assert all(line.startswith("x: ") for line in str(error).splitlines() if line.startswith("x"))
    else:
        assert all(isinstance(entry, kinds.KINDS[kind]) for entry in entries)


_LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30)
_PROMPT = st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}(/[a-z0-9]{1,5})?", fullmatch=True)
_HOTLINES = st.builds(
    HotlineEntry,
    code=st.from_regex(r"[0-9]{2,8}", fullmatch=True),
    key=st.integers(1, 8),
    number=st.from_regex(r"[0-9]{3,20}", fullmatch=True),
    name=_LINE,
    prompts=st.lists(_PROMPT, min_size=1, max_size=3),
    hours=st.fixed_dictionaries({}, optional={"monday": st.just([["08:00", "12:00"]]), "closed_dates": st.just(["2026-10-01"])}),
)
_TICKETS = st.builds(
    TicketEntry,
    ticket_no=st.from_regex(r"[0-9]{6,20}", fullmatch=True),
    caller_number=st.just("13800138000"),
    query_code=st.none() | st.just("") | st.just("123456"),
    confidential=st.booleans(),
    state=_PROMPT,
    result=st.none() | _PROMPT,
    updated_at=st.integers(0, 4 * 10**9).map(lambda seconds: dt.datetime.fromtimestamp(seconds, SHANGHAI)),
)
_CALLERS = st.builds(CallerEntry, number=st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), group=st.just("elderly"))


@given(st.sampled_from(["hotlines", "ticket-answers", "callers"]).flatmap(lambda kind: st.tuples(st.just(kind), _entries(kind))))
def test_what_is_written_is_read_again_as_it_was(given_: tuple[str, list[Any]]) -> None:
    kind, entries = given_
    assert checked(kind, toml.written(kinds.table_of(kind), entries)) == entries


def _entries(kind: str) -> st.SearchStrategy[list[Any]]:
    if kind == "hotlines":
        return st.lists(_HOTLINES, max_size=3, unique_by=(lambda e: e.code, lambda e: e.key))
    if kind == "callers":
        return st.lists(_CALLERS, max_size=3, unique_by=lambda e: e.number)
    return st.lists(_TICKETS, max_size=3, unique_by=lambda e: e.ticket_no)

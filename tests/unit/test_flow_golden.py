"""Calls through our own flows, event by event: ``tests/flows/<flow>.<case>.json``.

After a flow was changed on purpose: ``python -m ivr_flows run FLOW --case FILE --renew``, and look at what has changed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import calendar, paths
from hotline.settings import Settings
from ivr_flows import cases, library
from ivr_flows.cases import Case
from ivr_flows.errors import FlowError
from ivr_flows.flow import TALKING
from ivr_flows.lookups import Answer
from ivr_flows.turns import Ask, Ended, Give, HungUp, Keep, Kept, Look, Moment, Pressed
from ivr_flows.walking import ways

FILES = sorted((paths.TREE / "tests" / "flows").glob("*.json"))
SETTINGS = Settings()


def moment_of(at: dt.datetime) -> Moment:
    found = calendar.moment(SETTINGS, at)
    return Moment(at, found.staffed, found.situation)


def read(file: Path) -> Case:
    return msgspec.json.decode(file.read_bytes(), type=Case)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_call_goes_as_it_should(file: Path) -> None:
    case = read(file)
    flow = library.load(library.OURS / f"{file.name.partition('.')[0]}.toml")
    assert list(cases.run(flow, case, moment_of)) == list(case.expected), "see the first lines of this test file"
    assert case.note and case.expected


@pytest.mark.parametrize("name", ["12345", "direct", "standby"])
def test_every_node_of_our_flows_is_in_a_case(name: str) -> None:
    """Those that leave a step; ``say`` and ``set`` go on without one, and a hang-up node is where a call ends."""
    flow = library.load(library.OURS / f"{name}.toml")
    told = " ".join(line for file in FILES if file.name.startswith(f"{name}.") for line in read(file).expected)
    stepping = [
        one for one, node in flow.nodes.items() if any(way not in ("next", "error", "hangup", "limit") for way, _ in ways(node))
    ]
    assert [one for one in stepping if f"step {one}:" not in told and not _is_last(flow.nodes[one], name)] == []


def _is_last(node: object, name: str) -> bool:
    """The standby flow does not come back to its nodes: they are where its cases end."""
    return name == "standby" and not isinstance(node, TALKING)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1", Pressed("1")),
        ("", Pressed("", timed_out=True)),
        ("#", Pressed("")),
        ("123#", Pressed("123")),
        ("*", Pressed("*")),
        ("hangup", HungUp()),
    ],
)
def test_what_is_typed_at_a_question_is_pressed(line: str, expected: Pressed) -> None:
    assert cases.event(Ask(("menu",), 4, 5000), line) == expected


def test_what_is_typed_at_other_waits_answers_them() -> None:
    found = cases.event(Look("ticket", {}, ()), "found state=a result=b=c")
    assert found == Answer("found", {"state": "a", "result": "b=c"})
    assert cases.event(Look("ticket", {}, ()), "") == Answer("timeout")
    assert [cases.event(Keep("fax", {}), word) for word in ("kept", "lost")] == [Kept(True), Kept(False)]
    assert cases.event(Give("agents"), "KEY1") == Ended("KEY1")


@pytest.mark.parametrize(
    ("asked", "line"),
    [(Ask((), 1, 1), "12"), (Ask((), 9, 1), "1x"), (Keep("fax", {}), "1"), (Look("ticket", {}, ()), "fuond"), (Give("a"), "a b")],
)
def test_what_answers_nothing_is_refused(asked: Ask | Look | Keep | Give, line: str) -> None:
    with pytest.raises(FlowError, match="not"):
        cases.event(asked, line)


@pytest.mark.parametrize("at", ["", "tomorrow", "2026-13-01T00:00", "2026-01-01T25:00"])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(FlowError, match="not a time"):
        cases.moment(at)


def test_a_case_that_goes_on_after_the_call_is_refused() -> None:
    flow = library.load(library.OURS / "standby.toml")
    with pytest.raises(FlowError, match="the call is over"):
        list(cases.run(flow, Case(at="2026-03-03T10:00", entry="after-message", events=("1",)), moment_of))


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_events_at_all_are_walked_or_refused(events: list[str]) -> None:
    flow = library.load(library.OURS / "12345.toml")
    with contextlib.suppress(FlowError):
        list(cases.run(flow, Case(at="2026-03-03T10:00", events=tuple(events)), moment_of))

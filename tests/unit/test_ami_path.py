"""The path of a call: whatever a header holds, few and harmless steps."""

from __future__ import annotations

import datetime as dt
import re

from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import path
from ami_bridge.path import MOST_MARKS, MOST_STEPS, Step

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_STEPS = st.from_regex(r"[a-z]{1,9}:[a-z0-9*#]{1,9}", fullmatch=True)
_TIMES = st.integers(0, 5).map(lambda seconds: START + dt.timedelta(seconds=seconds))


@given(st.text() | st.lists(_STEPS | st.text(alphabet="a1:,-${}\n\0;=\u4e2d", max_size=9), max_size=300).map(",".join))
def test_any_text_gives_few_and_harmless_steps(text: str) -> None:
    found = path.steps(text)
    assert len(found) <= MOST_STEPS
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}:[A-Za-z0-9_*#@-]{1,60}", step) for step in found)
    assert path.steps(",".join(found)) == found


def test_what_flows_and_dialplan_write_are_steps() -> None:
    written = "flow:12345@0a1b2c3d,main:*,main:#,rate-agent:very_satisfied,tag:capacity,transfer:ANSWER,queue-1:KEY1,fax:sent"
    assert path.steps(written) == tuple(written.split(","))


@given(st.lists(st.tuples(_TIMES, st.lists(_STEPS, max_size=4)), max_size=6), st.randoms(use_true_random=False))
def test_steps_told_in_any_order_and_twice_make_one_path(events: list[tuple[dt.datetime, list[str]]], chance: object) -> None:
    shuffled = [*events, *events]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one: tuple[path.Timed, ...] = ()
    other = one
    for at, told in events:
        one = path.joined(one, at, told)
    for at, told in shuffled:
        other = path.joined(other, at, told)
    assert one == other
    assert path.witnessed(one, ()) == tuple(Step(at, step) for at, _, step in one)


@given(st.lists(_STEPS, max_size=8), st.sets(st.integers(0, 7)))
def test_a_path_that_lost_steps_is_made_whole_by_the_channels_own(seen: list[str], missed: set[int]) -> None:
    known: tuple[path.Timed, ...] = ()
    for index, step in enumerate(seen):
        if index not in missed:
            known = path.joined(known, START + dt.timedelta(seconds=index), [step])
    whole = path.witnessed(known, tuple(seen))
    assert [one.step for one in whole] == seen
    assert sorted(one.at for one in whole if one.at) == [at for at, _, _ in known]


def test_what_only_the_dialplan_told_keeps_its_place() -> None:
    known = path.joined((), START, ["tag:capacity", "main:1"])
    known = path.joined(known, START + dt.timedelta(seconds=1), ["transfer:BUSY"])
    whole = path.witnessed(known, ("flow:12345@0a1b2c3d", "main:2", "main:0", "main:1", "other:5", "other:6"))
    assert [one.step for one in whole] == [
        "tag:capacity",
        "flow:12345@0a1b2c3d",
        "main:2",
        "main:0",
        "main:1",
        "transfer:BUSY",
        "other:5",
        "other:6",
    ]


@given(st.lists(st.lists(st.integers(0, 200).map(lambda number: f"tag:t{number}"), max_size=60), max_size=6))
def test_marks_are_few_whatever_their_order(events: list[list[str]]) -> None:
    forward, backward = frozenset[str](), frozenset[str]()
    for told in events:
        forward = path.marks(forward, told)
    for told in reversed(events):
        backward = path.marks(backward, told)
    assert forward == backward
    assert len(forward) <= MOST_MARKS

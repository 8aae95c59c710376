"""Segments and gaps of a recording from its voices and what happened to the call (TWC-15, QUA-01, IVR-13)."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recordings.manifest import Segment, Voice
from recordings.timeline import _STEPS, Happenings, Step, Stretch, gaps, segments

BEGAN = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
CALLER = Voice(who="caller", channel="a-1.1", from_ms=0, to_ms=60_000)
AGENT = Voice(who="agent", name="1001", channel="a-1.2", track="right", from_ms=0, to_ms=60_000)


def when(seconds: float) -> dt.datetime:
    return BEGAN + dt.timedelta(seconds=seconds)


def step(seconds: float, name: str, channel: str = "a-1.1", number: int = 1, **words: str) -> Step:
    return Step(at=when(seconds), channel=channel, number=number, step=name, words=words)


def voice(who: Any, since: float, until: float, channel: str = "a-1.3") -> Voice:
    return Voice(who=who, channel=channel, track="right", from_ms=int(since * 1000), to_ms=int(until * 1000))


def said(found: tuple[Segment, ...]) -> list[tuple[str, int, int, tuple[int, ...], str]]:
    """Kind, from and to in seconds, parties, and what led to it."""
    return [(one.kind, one.from_ms // 1000, one.to_ms // 1000, one.parties, one.after) for one in found]


def told(steps: list[Step], *voices: Voice, length: int = 60, **more: Any) -> list[tuple[str, int, int, tuple[int, ...], str]]:
    return said(segments(voices or (CALLER, AGENT), Happenings(steps=tuple(steps), **more), BEGAN, length * 1000))


def test_a_plain_call_is_one_conversation() -> None:
    assert told([]) == [("conversation", 0, 60, (0, 1), "")]


def test_a_message_is_one_segment() -> None:
    (found,) = segments((CALLER,), Happenings(), BEGAN, 60_000, is_message=True)
    assert (found.kind, found.from_ms, found.to_ms, found.parties) == ("message", 0, 60_000, (0,))


def test_hold_and_back() -> None:
    steps = [step(10, "control:held", agent="a-1.2"), step(20, "control:joined", number=2, agent="a-1.2")]
    assert told(steps) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("held", 10, 20, (0,), "hold"),
        ("conversation", 20, 60, (0, 1), "hold"),
    ]


def test_an_attended_transfer_is_heard_whole() -> None:
    colleague = voice("colleague", 15, 60)
    agent = voice("agent", 0, 30, "a-1.2")
    steps = [
        step(10, "control:held", agent="a-1.2"),
        step(10.02, "control:consulting", "a-1.2"),
        step(15.01, "control:consulted", "a-1.3"),
        step(30, "control:joined", number=2, agent="a-1.3"),
    ]
    assert told(steps, CALLER, agent, colleague) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("held", 10, 15, (0,), "consult"),
        ("consult", 15, 30, (1, 2), "consult"),
        ("conversation", 30, 60, (0, 2), "transfer"),
    ]


def test_a_blind_transfer_waits_until_somebody_answers() -> None:
    steps = [step(10, "control:sent"), step(15.05, "control:taken", "a-1.3")]
    assert told(steps, CALLER, voice("agent", 0, 10.1, "a-1.2"), voice("colleague", 15, 60)) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("waiting", 10, 15, (0,), "transfer"),
        ("conversation", 15, 60, (0, 2), "transfer"),
    ]


def test_a_call_that_came_back_to_the_queue_goes_on_with_the_next_agent() -> None:
    assert told([step(10, "control:lost")], CALLER, voice("agent", 0, 10, "a-1.2"), voice("agent", 22, 60)) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("waiting", 10, 22, (0,), "lost"),
        ("conversation", 22, 60, (0, 2), "lost"),
    ]


def test_parked_and_picked_up() -> None:
    steps = [
        step(10, "control:sent"),
        step(10.01, "control:parked", number=2),
        step(20, "control:joined", number=3, agent="a-1.3"),
    ]
    assert told(steps, CALLER, voice("agent", 0, 10, "a-1.2"), voice("agent", 19.9, 60)) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("parked", 10, 20, (0,), "park"),
        ("conversation", 20, 60, (0, 2), "park"),
    ]


def test_a_three_way_call_and_the_two_who_stay() -> None:
    steps = [
        step(10, "threeway:waiting", id="7"),
        step(15, "threeway:answered", "a-1.3"),
        step(20, "threeway:joined", number=2),
        step(40, "threeway:unit_left", "a-1.3"),
    ]
    assert told(steps, CALLER, AGENT, voice("unit", 15, 40)) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("held", 10, 15, (0,), "three_way"),
        ("consult", 15, 20, (1, 2), "three_way"),
        ("three_way", 20, 40, (0, 1, 2), "three_way"),
        ("conversation", 40, 60, (0, 1), "left"),
    ]


def test_four_in_a_room_are_a_conference() -> None:
    more = (voice("colleague", 10, 60), voice("other", 20, 60, "a-1.4"))
    assert told([step(10, "control:party")], CALLER, AGENT, *more)[1:] == [
        ("three_way", 10, 20, (0, 1, 2), "join"),
        ("conference", 20, 60, (0, 1, 2, 3), "join"),
    ]


def test_a_supervisor_who_talks_is_heard_and_one_who_whispers_is_not() -> None:
    whispers = (Stretch(since=when(10), until=when(20), by="li"),)
    assert told([], CALLER, AGENT, voice("supervisor", 30, 40), whispers=whispers) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("whisper", 10, 20, (0, 1), "whisper"),
        ("conversation", 20, 30, (0, 1), "whisper"),
        ("barge", 30, 40, (0, 1, 2), "barge"),
        ("conversation", 40, 60, (0, 1), "barge"),
    ]


def test_a_call_that_is_taken_over_goes_on_with_the_supervisor() -> None:
    steps = [step(10, "supervise:taken", call="a-1.1")]
    assert told(steps, CALLER, voice("agent", 0, 10, "a-1.2"), voice("supervisor", 10, 60)) == [
        ("conversation", 0, 10, (0, 1), ""),
        ("conversation", 10, 60, (0, 2), "take_over"),
    ]


def test_a_colleague_whom_the_telephone_itself_asked_and_joined() -> None:
    voices = (voice("agent", 0, 30, "a-1.2"), voice("agent", 8, 30, "b-1.1"), voice("colleague", 10, 60, "b-1.2"))
    assert told([], CALLER, *voices) == [
        ("conversation", 0, 8, (0, 1), ""),
        ("conversation", 8, 10, (0, 1, 2), "join"),
        ("consult", 10, 30, (1, 2, 3), "consult"),
        ("conversation", 30, 60, (0, 3), "transfer"),
    ]


def test_a_pause_is_a_gap_and_so_is_talk_of_which_a_side_is_lost() -> None:
    voices = (CALLER, voice("agent", 0, 40, "a-1.2"), voice("agent", 50, 55, "a-1.3"))
    happened = Happenings(pauses=(Stretch(since=when(5), until=when(9), by="1001", reason="card"),))
    found = gaps(voices, segments(voices, happened, BEGAN, 60_000), happened, BEGAN)
    assert [(gap.why, gap.from_ms, gap.to_ms, gap.by, gap.reason) for gap in found] == [
        ("paused", 5000, 9000, "1001", "card"),
        ("lost", 40_000, 50_000, "", ""),
    ]


def test_a_pause_that_nobody_ended_lasts_to_the_end() -> None:
    happened = Happenings(pauses=(Stretch(since=when(5), by="1001"),))
    found = gaps((CALLER, AGENT), segments((CALLER, AGENT), happened, BEGAN, 60_000), happened, BEGAN)
    assert [(gap.from_ms, gap.to_ms) for gap in found] == [(5000, 60_000)]


_SECONDS = st.floats(-5, 70, allow_nan=False)
_STEP = st.builds(
    step,
    _SECONDS,
    st.sampled_from([*_STEPS, "control:joined", "control:party_left", "threeway:unit_left", "control:over", "unheard:of"]),
    st.sampled_from(["a-1.1", "a-1.2", "a-1.3"]),
    st.integers(1, 9),
    agent=st.sampled_from(["a-1.2", "a-1.3", ""]),
    left=st.sampled_from(["02", "03", "x"]),
)
_VOICE = st.builds(
    lambda who, a, b: voice(who, min(a, b), max(a, b)),
    st.sampled_from(["agent", "colleague", "unit", "supervisor", "other"]),
    st.floats(0, 60, allow_nan=False),
    st.floats(0, 60, allow_nan=False),
)
_STRETCH = st.builds(
    lambda a, b: Stretch(since=when(a), until=None if b is None else when(b), by="x"), _SECONDS, st.none() | _SECONDS
)


@given(
    steps=st.lists(_STEP, max_size=12, unique_by=lambda one: (one.at, one.channel, one.number)),
    voices=st.lists(_VOICE, max_size=5),
    stretches=st.lists(_STRETCH, max_size=3),
    length=st.integers(0, 61_000),
    order=st.randoms(use_true_random=False),
)
def test_segments_leave_nothing_out_whatever_the_order_of_the_steps(
    steps: list[Step], voices: list[Voice], stretches: list[Stretch], length: int, order: Any
) -> None:
    heard = (CALLER, *voices)
    happened = Happenings(steps=tuple(steps), whispers=tuple(stretches), pauses=tuple(stretches))
    found = segments(heard, happened, BEGAN, length)
    assert [*dict.fromkeys(edge for one in found for edge in (one.from_ms, one.to_ms))] == sorted(
        {0, length, *(one.from_ms for one in found)} if length else set()
    )
    assert all(one.to_ms == other.from_ms for one, other in pairwise(found))
    assert all(one.from_ms < one.to_ms for one in found)
    order.shuffle(steps)
    assert segments(heard, Happenings(steps=tuple(steps), whispers=tuple(stretches)), BEGAN, length) == found
    for gap in gaps(heard, found, happened, BEGAN):
        assert 0 <= gap.from_ms < gap.to_ms <= length

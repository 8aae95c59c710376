"""Which take of a message counts, without a telephone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi import takes
from agi.takes import Talk
from recordings.audio import SHORTEST_MESSAGE_MS

SECOND = 1000 * takes.SAMPLES_PER_MS
LONGEST_MS = 120_000


@pytest.mark.parametrize(
    ("samples", "ended_by", "spoken"),
    [
        (3 * SECOND, "dtmf", 3000),
        (3 * SECOND, "timeout", 2000),
        (SECOND + 138, "timeout", 17),
        (0, "timeout", 0),
        (120 * SECOND, "timeout", 120_000),
        (0, "dtmf", 0),
    ],
)
def test_the_second_of_silence_that_ends_a_recording_is_not_counted(samples: int, ended_by: str, spoken: int) -> None:
    assert takes.spoken_ms(samples, ended_by, LONGEST_MS) == spoken


def test_the_script_and_the_worker_agree_on_what_is_too_short() -> None:
    assert takes.SHORTEST_MS == SHORTEST_MESSAGE_MS


def test_under_two_seconds_there_is_one_more_try() -> None:
    once, do = takes.recorded(Talk(), 1999)
    assert (once.counts, do) == (0, "again")
    assert takes.recorded(once, 1999)[1] == "end"
    assert takes.recorded(once, 2000) == (Talk(counts=1), "review")


def test_who_records_again_has_two_tries_again() -> None:
    _, do = takes.chosen(Talk(counts=1, short=1), "2")
    assert do == "record"
    talk, _ = takes.chosen(Talk(counts=1, short=1), "2")
    assert takes.recorded(talk, 0)[1] == "again"


@pytest.mark.parametrize(("key", "does"), [("1", "listen"), ("2", "record"), ("#", "end"), ("", "end"), ("7", "end")])
def test_a_key_at_the_review(key: str, does: str) -> None:
    assert takes.chosen(Talk(counts=1), key)[1] == does


def test_after_listening_to_the_end_comes_the_review_and_a_key_spares_it() -> None:
    assert takes.heard(Talk(counts=1), "")[1] == "review"
    assert takes.heard(Talk(counts=1), "#")[1] == "end"
    assert takes.heard(Talk(counts=1), "2")[1] == "record"


@given(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from("12#"))))
def test_every_talk_ends_and_a_take_that_counted_is_only_replaced_by_one_that_is_long_enough(
    caller: list[tuple[int, str]],
) -> None:
    """However long the caller speaks and whatever is pressed: nine takes at most, so that their names have one digit."""
    talk, do = Talk(), "record"
    for length, key in [*caller, *[(9000, "2")] * 40]:
        if do == "end":
            break
        before = talk
        if do in ("record", "again"):
            talk, do = takes.recorded(talk, length)
            assert talk.counts == before.counts + (length >= takes.SHORTEST_MS)
        elif do == "listen":
            talk, do = takes.heard(talk, key)
        else:
            talk, do = takes.chosen(talk, key)
        assert talk.number <= 10
    assert do == "end"
    assert talk.counts <= 9


def test_a_kind_that_is_not_known_is_a_message_and_a_reason_a_fault() -> None:
    assert [takes.kind_of(value) for value in ("mailbox", "", "${SHELL(x)}")] == ["mailbox", "message", "message"]
    assert [takes.reason_of(value) for value in ("timed_out", "chosen", "", "x")] == ["timed_out", "chosen", "fault", "fault"]

"""The table of agents' orders: every order in every state, refusals with a reason, and the drawing in the documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import agents
from acd.agents import ORDERS, STATES, TELEPHONE, Standing
from acd.errors import CODES, RefusedError
from hotline import paths

BUSY = ("ringing", "talking", "holding", "elsewhere")
STANDINGS = st.builds(
    Standing, state=st.sampled_from(STATES), paused=st.booleans(), pause_reason=st.sampled_from(["", "meal", "break"])
)


def test_the_tables_speak_of_every_state_and_of_no_other() -> None:
    for order, moves in ORDERS.items():
        assert set(moves) == set(STATES), order
        for after in moves.values():
            assert after == "=" or after in STATES or after.removeprefix("!") in CODES
    for moves in TELEPHONE.values():
        assert {*moves, *moves.values()} <= set(STATES)


@given(STANDINGS, st.sampled_from(list(ORDERS)), st.sampled_from(["meal", "break"]))
def test_an_order_is_refused_with_a_reason_or_ends_in_a_state_of_the_table(now: Standing, order: str, reason: str) -> None:
    try:
        after = agents.decide(now, order, reason)
    except RefusedError as error:
        assert error.code in CODES
        assert ORDERS[order][now.state].startswith("!") or error.code in ("already_paused", "already_ready")
    else:
        assert after.state in STATES
        assert after.paused or not after.pause_reason or order == "move"
        if after.state == "offline":
            assert not after.paused


@given(st.lists(st.tuples(st.sampled_from(list(ORDERS)), st.sampled_from(["meal", "break"])), max_size=30))
def test_whatever_is_ordered_nobody_without_a_session_is_paused_or_ready(story: list[tuple[str, str]]) -> None:
    now = Standing(state="offline")
    for order, reason in story:
        try:
            now = agents.decide(now, order, reason)
        except RefusedError:
            continue
        assert now.state in STATES
        assert now.state != "offline" or not now.paused


def test_who_dials_a_code_in_wrap_up_time_is_ready_although_the_telephone_is_in_use() -> None:
    assert agents.decide(Standing(state="elsewhere"), "ready") == Standing(state="elsewhere")


@pytest.mark.parametrize("state", BUSY)
def test_who_is_busy_stays_busy_and_pauses_afterwards(state: str) -> None:
    now = agents.decide(Standing(state=state), "pause", "meal")
    assert now == Standing(state=state, paused=True, pause_reason="meal")
    assert agents.decide(now, "ready") == Standing(state=state)


@pytest.mark.parametrize(
    ("state", "order", "code"),
    [
        ("offline", "log_out", "not_logged_in"),
        ("offline", "pause", "not_logged_in"),
        ("offline", "ready", "not_logged_in"),
        ("ready", "log_in", "already_logged_in"),
        ("ready", "ready", "already_ready"),
        ("talking", "log_out", "in_a_call"),
        ("talking", "move", "in_a_call"),
        ("talking", "ready", "already_ready"),
        ("ringing", "displace", "seat_busy"),
    ],
)
def test_what_is_in_the_way_is_said(state: str, order: str, code: str) -> None:
    with pytest.raises(RefusedError) as error:
        agents.decide(Standing(state=state), order, "meal")
    assert error.value.code == code


def test_a_leader_may_log_out_whoever_is_logged_in_whatever_they_do() -> None:
    for state in STATES[1:]:
        assert agents.decide(Standing(state=state, paused=True, pause_reason="meal"), "force_out") == Standing(state="offline")


def test_only_ready_in_wrap_up_ends_it_at_asterisk_also_while_the_code_for_it_is_dialled() -> None:
    for state in STATES:
        assert agents.ends_wrap_up(Standing(state=state), "ready") == (state in ("wrap_up", "elsewhere"))
    assert not agents.ends_wrap_up(Standing(state="wrap_up"), "pause")


@pytest.mark.parametrize(
    ("seen", "has_session", "state"),
    [(None, False, "offline"), ("talking", False, "offline"), (None, True, "unreachable"), ("offline", True, "unreachable")],
)
def test_a_session_and_a_telephone_make_a_state(seen: str | None, has_session: bool, state: str) -> None:
    assert agents.standing(seen, has_session=has_session).state == state


def test_the_drawing_in_the_documentation_is_that_of_the_tables() -> None:
    assert agents.drawing() in (paths.TREE / "docs" / "agents.md").read_text(encoding="utf-8")

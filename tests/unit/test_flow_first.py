"""The first flow, stage by stage, and the law that no caller is ever lost in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr_flows import engine
from ivr_flows.engine import (
    KEYS,
    Call,
    Flow,
    Gather,
    Instruction,
    Leave,
    Menu,
    Next,
    Note,
    Play,
    QueueEnded,
    Reason,
    Say,
    Staffed,
)
from ivr_flows.errors import FlowError
from ivr_flows.first_flow import FLOW

MENU = Gather("menu", KEYS, 5000)
TO_AGENT = [Note("main:1"), Say("to-agent"), Next("agents")]


def talk(stage: str, call: Call, *keys: str) -> list[Instruction]:
    """Everything the caller's side is told, with ``keys`` as the answers to the questions."""
    answers = list(keys)
    state, said = engine.start(FLOW, stage, call)
    told = list(said)
    while state is not None and answers:
        state, said = engine.resume(FLOW, state, answers.pop(0))
        told.extend(said)
    assert not answers, f"not asked for {answers}"
    return told


def test_one_leads_to_an_agent() -> None:
    assert talk("inbound", Call(staffed=True), "1") == [MENU, *TO_AGENT]


def test_a_key_pressed_during_the_welcome_answers_the_menu_without_playing_it() -> None:
    assert talk("inbound", Call(staffed=True, key="1")) == TO_AGENT


def test_of_a_burst_during_the_welcome_the_first_key_decides() -> None:
    assert talk("inbound", Call(staffed=True, key="1234567890")) == TO_AGENT


@pytest.mark.parametrize("key", ["7", "*", "#", "", "x", "${SHELL(reboot)}", "。"])
def test_an_early_key_without_a_choice_is_forgotten(key: str) -> None:
    assert talk("inbound", Call(staffed=True, key=key), "1") == [MENU, *TO_AGENT]


def test_an_early_key_answers_only_the_first_question() -> None:
    told = talk("inbound", Call(staffed=True, key="2"), "")
    assert told == [Note("main:2"), Say("selfservice-later"), MENU, Note("main:timeout"), Say("no-input"), MENU]


def test_two_says_that_self_service_comes_later_and_asks_again() -> None:
    assert talk("inbound", Call(staffed=True), "2", "1") == [MENU, Note("main:2"), Say("selfservice-later"), MENU, *TO_AGENT]


@pytest.mark.parametrize("key", list("03456789*#"))
def test_any_other_key_is_answered_and_the_menu_asked_again(key: str) -> None:
    assert talk("inbound", Call(staffed=True), key, "1") == [MENU, Note("main:invalid"), Say("invalid"), MENU, *TO_AGENT]


def test_three_failures_of_either_kind_lead_to_an_agent() -> None:
    assert talk("inbound", Call(staffed=True), "9", "", "*") == [
        *(MENU, Note("main:invalid"), Say("invalid")),
        *(MENU, Note("main:timeout"), Say("no-input")),
        *(MENU, Note("main:invalid"), Say("to-agent"), Next("agents")),
    ]


def test_who_presses_two_for_ever_reaches_an_agent() -> None:
    told = talk("inbound", Call(staffed=True), *"22222222")
    assert told[-2:] == [Say("to-agent"), Next("agents")]


def test_out_of_hours_an_agent_becomes_a_message() -> None:
    expected = [MENU, Note("main:1"), Say("out-of-hours"), Reason("out_of_hours"), Next("message")]
    assert talk("inbound", Call(staffed=False), "1") == expected


def test_out_of_hours_three_failures_become_a_message_too() -> None:
    assert talk("inbound", Call(staffed=False), "", "", "")[-2:] == [Reason("out_of_hours"), Next("message")]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("TIMEOUT", "timed_out"),
        ("FULL", "queue_full"),
        ("JOINEMPTY", "no_agents"),
        ("LEAVEEMPTY", "no_agents"),
        ("JOINUNAVAIL", "no_agents"),
        ("LEAVEUNAVAIL", "no_agents"),
        ("WITHDRAW", "fault"),
        ("", "fault"),
        ("timeout\n", "fault"),
    ],
)
def test_a_caller_whom_the_queue_gave_back_is_asked_for_a_message(status: str, reason: str) -> None:
    assert talk("after-queue", Call(staffed=True, status=status)) == [Say("agents-busy"), Reason(reason), Next("message")]


def test_a_caller_whose_agent_has_hung_up_hears_goodbye() -> None:
    assert talk("after-queue", Call(staffed=True, status="CONTINUE")) == [Next("goodbye")]


def test_standby_greets_and_leads_to_the_agents_without_asking() -> None:
    assert talk("standby", Call(staffed=True)) == [Note("standby:inbound"), Say("standby-greeting"), Next("agents")]


def test_standby_out_of_hours_asks_for_a_message() -> None:
    assert talk("standby", Call(staffed=False))[1:] == [
        *(Say("standby-greeting"), Say("out-of-hours")),
        *(Reason("out_of_hours"), Next("message")),
    ]


@given(
    stage=st.sampled_from(sorted(FLOW.stages)),
    call=st.builds(Call, staffed=st.booleans(), key=st.text(max_size=12), status=st.text(max_size=12)),
    keys=st.lists(st.sampled_from(["", *KEYS]) | st.text(max_size=3), min_size=20, max_size=20),
)
def test_whatever_is_pressed_the_call_goes_on_in_the_dialplan_after_at_most_eight_questions(
    stage: str, call: Call, keys: list[str]
) -> None:
    state, said = engine.start(FLOW, stage, call)
    told, questions = list(said), 0
    while state is not None:
        assert told[-1] == MENU
        state, said = engine.resume(FLOW, state, keys[questions])
        told.extend(said)
        questions += 1
    assert questions <= 8
    assert told[-1] in (Next("agents"), Next("message"), Next("goodbye"))
    assert sum(isinstance(step, Next) for step in told) == 1
    assert any(isinstance(step, Reason) for step in told) == (told[-1] == Next("message"))


def test_every_node_that_the_flow_names_is_there_and_every_node_is_reached() -> None:
    named = set(FLOW.stages.values())
    for node in FLOW.nodes.values():
        match node:
            case Menu():
                named |= {*node.choices.values(), node.otherwise}
            case Staffed():
                named |= {node.yes, node.no}
            case QueueEnded():
                named |= {*node.by_status.values(), node.otherwise}
            case Leave():
                pass
            case _:
                named.add(node.then)
    assert named == set(FLOW.nodes)


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(FlowError, match="no stage"):
        engine.start(FLOW, "nowhere", Call(staffed=True))


def test_a_flow_that_names_a_missing_node_is_refused() -> None:
    with pytest.raises(FlowError, match="no node 'gone'"):
        engine.start(Flow({"inbound": "a"}, {"a": Play("menu", then="gone")}), "inbound", Call(staffed=True))


def test_a_flow_that_talks_in_a_circle_is_refused() -> None:
    with pytest.raises(FlowError, match="circle"):
        engine.start(Flow({"inbound": "a"}, {"a": Play("menu", then="a")}), "inbound", Call(staffed=True))

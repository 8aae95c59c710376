"""A call on the AGI side as a script: what Asterisk answers, and what it is told next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.codec import Decoder, Environment, Reply
from agi.errors import UnexpectedReply, UnknownScript
from agi.session import End, Send, Session, Step, Wait
from ivr_flows.first_flow import FLOW

OK = Reply(200, "0")
KEY = {key: Reply(200, str(ord(key)), endpos=8000) for key in "0123456789*#"}
DEAD = Reply(511, text="511 Command Not Permitted on a dead channel or intercept routine")
MENU = 'GET OPTION "menu" "0123456789*#" "5000"'
TO_AGENT = [
    'EXEC UserEvent "HotlineStep,Step: main:1"',
    'STREAM FILE "to-agent" ""',
    'EXEC MSet "CHANNEL(userfield)=\\"main:1\\",HOTLINE_NEXT=\\"agents\\""',
]


def call(*arguments: str, script: str = "inbound", staffed: bool = True) -> Session:
    environment = Environment(script=script, uniqueid="node1-1.1", arguments=arguments)
    return Session(FLOW, environment, staffed=staffed)


def play(session: Session, answers: list[Reply]) -> list[str]:
    """Every command line, with ``answers`` to those that ask for a key and 200 to the others; the session must finish."""
    step: Step = session.begin()
    lines: list[str] = []
    while isinstance(step, Send):
        lines.append(step.line.decode().strip())
        step = session.answered(answers.pop(0) if lines[-1] == MENU else OK)
    assert step == End(finished=True)
    assert not answers
    return lines


def test_a_key_in_the_menu_costs_four_commands() -> None:
    assert play(call(""), [KEY["1"]]) == [MENU, *TO_AGENT]


def test_an_early_key_costs_three() -> None:
    assert play(call("1"), []) == TO_AGENT


def test_the_path_is_on_the_channel_before_the_next_question() -> None:
    assert play(call(), [KEY["2"], KEY["1"]])[:4] == [
        *(MENU, 'EXEC UserEvent "HotlineStep,Step: main:2"', 'STREAM FILE "selfservice-later" ""'),
        'SET VARIABLE "CHANNEL(userfield)" "main:2"',
    ]


def test_a_path_of_several_steps_is_one_value() -> None:
    last = play(call(), [OK, KEY["*"], KEY["1"]])[-1]
    assert last == 'EXEC MSet "CHANNEL(userfield)=\\"main:timeout,main:invalid,main:1\\",HOTLINE_NEXT=\\"agents\\""'


def test_after_the_queue_the_reason_goes_with_the_caller() -> None:
    assert play(call("FULL", script="after-queue"), []) == [
        'STREAM FILE "agents-busy" ""',
        'EXEC MSet "HOTLINE_REASON=\\"queue_full\\",HOTLINE_NEXT=\\"message\\""',
    ]


@pytest.mark.parametrize("reply", [DEAD, Reply(200, "-1", endpos=0), Reply(200, "-1", "hangup")])
@pytest.mark.parametrize("after", range(4))
def test_a_caller_who_has_hung_up_ends_the_session_at_any_command(after: int, reply: Reply) -> None:
    session = call()
    session.begin()
    for number in range(after):
        session.answered(KEY["1"] if number == 0 else OK)
    assert session.answered(reply) == End(finished=False)


@pytest.mark.parametrize(
    "reply", [Reply(510), Reply(520, text="520-Usage\n520 End"), Reply(200, "-2"), Reply(200, "x"), Reply(200, "999")]
)
def test_a_command_that_asterisk_does_not_take_is_an_error(reply: Reply) -> None:
    session = call()
    session.begin()
    with pytest.raises(UnexpectedReply):
        session.answered(reply)


def test_a_provisional_answer_is_waited_over() -> None:
    session = call()
    session.begin()
    assert session.answered(Reply(100)) == Wait()
    assert isinstance(session.answered(KEY["1"]), Send)


def test_an_answer_to_nothing_is_an_error() -> None:
    with pytest.raises(UnexpectedReply):
        call().answered(OK)


@pytest.mark.parametrize("script", ["", "standby", "inbound/..", "INBOUND", "x" * 1000])
def test_a_script_that_is_not_in_the_table_is_refused(script: str) -> None:
    with pytest.raises(UnknownScript):
        call(script=script).begin()


def test_every_command_has_a_time_limit_that_holds_its_prompt() -> None:
    step = call().begin()
    assert isinstance(step, Send)
    assert 65 < step.patience < 90


HOSTILE = [
    '"',
    '\\", SYSTEM "x',
    "${SHELL(touch /tmp/x)}",
    "李雷",
    "😀" * 50,
    "x" * 300,
    "$[1+1]",
    "a,b)c(",
    "\x1b[2J",
    "; drop table",
]


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=300) | st.sampled_from(HOSTILE))
def test_nothing_that_a_caller_named_is_ever_sent_back(name: str) -> None:
    def lines(number: str, called: str) -> list[str]:
        headers = f"agi_network_script: inbound\nagi_callerid: {number}\nagi_calleridname: {called}\nagi_arg_1: {called}\n\n"
        [environment] = Decoder().feed(headers.encode())
        assert isinstance(environment, Environment)
        return play(Session(FLOW, environment, staffed=True), [Reply(200, "0")] * 3)

    if name.strip()[:1] not in ("1", "2"):
        assert lines(name, name) == lines("1380000", "")

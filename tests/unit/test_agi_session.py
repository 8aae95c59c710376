"""A call on the AGI side as a script: what Asterisk answers, and what it is told next."""

from __future__ import annotations

import base64
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi import codec
from agi.codec import Decoder, Environment, Reply
from agi.errors import StateUnreadable, UnexpectedReply, UnknownScript
from agi.session import End, Fetch, Send, Session, Step, Store, Wait, packed, saved_state, set_variables
from hotline.errors import HotlineError
from ivr_flows.errors import FlowError
from ivr_flows.lookups import Answer
from ivr_flows.turns import State
from tests import small_flow
from tests.small_flow import FLOW, NOON, played

OK = Reply(200, "0")
SILENT = Reply(200, "", "timeout")
DEAD = Reply(511, text="511 Command Not Permitted on a dead channel or intercept routine")
MENU = 'GET DATA "menu" "5000" "1"'
BEGUN = f"flow:{FLOW.identity}"


def event(steps: str) -> str:
    """The command that tells steps of the path."""
    return f'EXEC UserEvent "HotlineStep,\\"Step: {steps}\\""'


def key(digits: str) -> Reply:
    """The answer to GET DATA."""
    return Reply(200, digits)


def read_keys(digits: str, status: str = "OK") -> Reply:
    """The answer to the question for what Read has got."""
    return Reply(200, "1", f"{status}:{digits}")


def call(*arguments: str, script: str = "flow", number: str = "13800000000", state: State | None = None) -> Session:
    return small_flow.session(Environment(script, "node1-1.1", caller_number=number, arguments=arguments), state)


def lines(session: Session, *answers: Reply | Answer | bool, begin: bool = True) -> tuple[list[str], Step]:
    """Every command line and what else was wanted. ``answers`` go to questions, look-ups and things to keep; the rest is OK."""
    left = list(answers)
    step = session.begin() if begin else session.answered(OK)
    told: list[str] = []
    while True:
        match step:
            case Send():
                line = step.line.decode().strip()
                told.append(line)
                asks = line.startswith(("GET DATA", "GET FULL VARIABLE"))
                if asks and not left:
                    return told, step
                answer = left.pop(0) if asks else OK
                assert isinstance(answer, Reply), line
                step = session.answered(answer)
            case Fetch():
                told.append(f"fetch {step.what} {dict(step.arguments)}")
                if not left:
                    return told, step
                answer = left.pop(0)
                assert isinstance(answer, Answer)
                step = session.looked(answer)
            case Store():
                told.append(f"store {step.kind} {dict(step.values)}")
                if not step.waits:
                    step = session.stored()
                    continue
                if not left:
                    return told, step
                answer = left.pop(0)
                assert isinstance(answer, bool)
                step = session.kept(safe=answer)
            case _:
                assert not left, left
                return told, step


def steps_of(told: list[str]) -> list[str]:
    """The path that was told as events."""
    marks = [line for line in told if "HotlineStep" in line]
    return [step for line in marks for step in line.partition("Step: ")[2].rstrip('\\"').split(",")]


# --- what it costs and what is told -----------------------------------------------------------------------------------------


def test_a_key_in_the_menu_costs_six_commands_up_to_the_queue() -> None:
    told, step = lines(call(""), key("1"))
    assert [line.split(" ")[0:2] for line in told] == [
        ["EXEC", "UserEvent"],
        ["SET", "VARIABLE"],
        ["GET", "DATA"],
        ["EXEC", "UserEvent"],
        ["EXEC", "Playback"],
        ["EXEC", "MSet"],
    ]
    assert step == End(finished=True)


def test_the_call_goes_to_the_dialplan_with_where_the_flow_stands() -> None:
    told, _ = lines(call(), key("1"))
    assert steps_of(told) == [BEGUN, "main:1"]
    last = told[-1]
    assert last.startswith(f'EXEC MSet "CHANNEL(userfield)=\\"{BEGUN},main:1\\",HOTLINE_QUEUE=\\"main\\",HOTLINE_STATE=\\"')
    assert last.endswith('HOTLINE_NEXT=\\"agents\\""')
    text = last.partition('HOTLINE_STATE=\\"')[2].partition("\\")[0]
    found = saved_state(Environment(arguments=("", text)))
    assert found is not None
    assert (found.flow, found.node, found.variables["caller"]) == (FLOW.identity, "queue", "13800000000")


def test_the_path_is_told_before_the_next_question_and_before_an_announcement() -> None:
    told, _ = lines(call(), SILENT, key("1"))
    assert told[3:6] == [
        event("main:timeout"),
        f'SET VARIABLE "CHANNEL(userfield)" "{BEGUN},main:timeout"',
        'EXEC Read "HOTLINE_KEYS,no-input&menu,1,,1,5"',
    ]


def test_an_early_key_answers_the_menu_without_playing_it() -> None:
    told, _ = lines(call("", "", "1"))
    assert steps_of(told) == [BEGUN, "main:1"] and not any("menu" in line for line in told if "HotlineStep" not in line)


def test_one_prompt_is_one_command_and_several_are_read() -> None:
    told, _ = lines(call(), SILENT, read_keys("2"), key("12"), Answer("found", {"state": "ticket-state-handling"}))
    assert told[2] == MENU
    assert 'EXEC Read "HOTLINE_KEYS,no-input&menu,1,,1,5"' in told
    assert 'GET FULL VARIABLE "${READSTATUS}:${HOTLINE_KEYS}"' in told
    assert told[-2] == 'EXEC Read "HOTLINE_KEYS,your-ticket&digits/yao&digits/2&ticket-state-handling,1,,1,5"'


@pytest.mark.parametrize(
    ("reply", "steps"),
    [
        (read_keys("", "TIMEOUT"), ["main:timeout"]),
        (read_keys(""), ["main:invalid"]),
        (read_keys("9"), ["main:invalid"]),
        (read_keys("1"), ["main:1"]),
    ],
)
def test_what_read_has_got_is_what_was_pressed(reply: Reply, steps: list[str]) -> None:
    told, _ = lines(call(), SILENT, reply)
    assert steps_of(told)[2:] == steps


def test_the_language_is_set_on_the_channel_and_chooses_the_prompts() -> None:
    told, _ = lines(call(), key("3"))
    assert 'SET VARIABLE "CHANNEL(language)" "en"' in told
    assert told[-1] == 'GET DATA "en/menu" "5000" "1"'
    assert steps_of(told) == [BEGUN, "main:3", "tag:english"]


def test_a_path_longer_than_the_channel_carries_is_cut_in_whole_steps() -> None:
    told, _ = lines(
        call(),
        *[reply for _ in range(8) for reply in (key("2"), key("123456"), Answer("found", {"state": "bye"}), read_keys("0"))],
    )
    last = [line for line in told if "userfield" in line][-1]
    path = last.split('"')[-2]
    assert 200 < len(path) <= 240
    assert set(path.split(",")) <= set(steps_of(told))


def test_every_command_has_a_time_limit_that_holds_its_prompt() -> None:
    session = call()
    step = session.begin()
    for _ in range(2):
        assert isinstance(step, Send) and step.patience < 20
        step = session.answered(OK)
    assert isinstance(step, Send) and 190 < step.patience < 260


# --- look-ups ---------------------------------------------------------------------------------------------------------------


def looking() -> Session:
    """A session that waits for a look-up."""
    session = call()
    told, step = lines(session, key("2"), key("4711"))
    assert isinstance(step, Fetch) and told[-1] == "fetch ticket {'number': '4711'}"
    return session


def test_an_answer_that_is_there_at_once_is_not_announced() -> None:
    step = looking().looked(Answer("found", {"state": "s"}))
    assert isinstance(step, Send) and b"look:found" in step.line


def test_a_late_answer_is_announced_once_and_the_announcement_heard_to_its_end() -> None:
    session = looking()
    step = session.still_looking()
    assert isinstance(step, Send) and step.line == b'EXEC Playback "looking-up"\n'
    assert session.still_looking() == Wait()
    assert session.looked(Answer("found", {"state": "s"})) == Wait(), "the caller hears the announcement to its end"
    step = session.answered(OK)
    assert isinstance(step, Send) and b"look:found" in step.line


def test_an_announcement_that_ends_before_the_answer_is_there_is_waited_over() -> None:
    session = looking()
    session.still_looking()
    assert session.answered(OK) == Wait()
    assert session.still_looking() == Wait(), "announced once"
    step = session.looked(Answer("timeout"))
    assert isinstance(step, Send) and b"look:timeout" in step.line


@pytest.mark.parametrize("name", ["timeout", "error", "no such exit"])
def test_a_look_up_that_fails_leads_to_a_message_and_never_to_nothing(name: str) -> None:
    told, step = lines(call(), key("2"), key("4711"), Answer(name))
    assert 'EXEC Playback "trouble"' in told and 'HOTLINE_NEXT=\\"message\\"' in told[-1]
    assert step == End(finished=True)


@pytest.mark.parametrize("announced", [False, True])
def test_a_hang_up_during_a_look_up_ends_the_call_and_a_late_answer_changes_nothing(announced: bool) -> None:
    session = looking()
    if announced:
        session.still_looking()
    step = session.hung_up()
    assert isinstance(step, Send) and b"look:hangup,disposition:self_service" in step.line
    assert session.looked(Answer("found")) in (Wait(), End(finished=False))
    if announced:
        session.answered(DEAD)


# --- what must not be lost --------------------------------------------------------------------------------------------------


def test_a_request_to_be_called_back_is_kept_before_the_caller_hears_so() -> None:
    told, step = lines(call(), key("4"))
    wanted = {"number": "13800000000", "queue": "main", "waiting_since": NOON.at.isoformat(), "call_id": "node1-1.1"}
    assert told[-1] == f"store callback {wanted}"
    assert isinstance(step, Store) and step.waits


def test_what_could_not_be_kept_leads_to_a_message() -> None:
    told, _ = lines(call(), key("4"), False)
    assert "callback:error" in steps_of(told) and 'HOTLINE_NEXT=\\"message\\"' in told[-1]


@pytest.mark.parametrize(("script", "direction"), [("flow", "inbound"), ("survey", "outbound")])
def test_a_rating_says_which_way_the_call_went(script: str, direction: str) -> None:
    state = State(FLOW.identity, "queue", {"language": "zh"}) if script == "flow" else None
    session = call("CONTINUE" if state else "", script=script, state=state)
    told, _ = lines(session, key("4"), True)
    (kept,) = [line for line in told if line.startswith("store")]
    assert "'rating': 'dissatisfied'" in kept and f"'direction': '{direction}'" in kept


def test_a_caller_who_hangs_up_on_the_survey_is_stored_as_not_rated_and_nobody_waits() -> None:
    session = call(script="survey")
    lines(session)
    step = session.hung_up()
    assert isinstance(step, Store) and (step.values["rating"], step.waits) == ("not_rated", False)
    step = session.stored()
    assert isinstance(step, Send) and b"survey:hangup" in step.line
    assert session.answered(DEAD) == End(finished=False)


# --- calls that come back ---------------------------------------------------------------------------------------------------


def resumed(result: str, node: str = "queue", path: str = "") -> Session:
    """A call that the dialplan gives back."""
    state = State(FLOW.identity, node, {"language": "en", "caller": "138"})
    text = packed(state)
    environment = Environment("flow", "node1-1.1", arguments=(result, text, "", path))
    return small_flow.session(environment, saved_state(environment))


def test_a_call_comes_back_in_its_language_with_its_path() -> None:
    told, _ = lines(resumed("CONTINUE", path="flow:small@0,main:1"))
    assert told[0] == event("queue:answered")
    assert told[1] == 'SET VARIABLE "CHANNEL(userfield)" "flow:small@0,main:1,queue:answered"'
    assert told[2] == 'GET DATA "en/survey" "5000" "1"'


@pytest.mark.parametrize(
    ("result", "step"), [("FULL", "queue:full"), ("KEY1", "queue:1"), ("", "queue:error"), ("KEY9", "queue:error")]
)
def test_a_call_comes_back_with_how_it_went(result: str, step: str) -> None:
    assert steps_of(lines(resumed(result))[0])[0] == step


def test_a_call_that_ends_says_goodbye_and_leaves_no_state() -> None:
    told, step = lines(resumed("saved", "message"))
    assert told[-2] == 'EXEC Playback "en/goodbye"'
    assert told[-1] == 'EXEC MSet "CHANNEL(userfield)=\\"message:saved\\",HOTLINE_STATE=\\"\\",HOTLINE_NEXT=\\"hangup\\""'
    assert step == End(finished=True)


def test_a_call_that_standby_began_is_left_to_it() -> None:
    assert call("TIMEOUT").begin() == End(finished=True)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")))
def test_a_state_that_is_none_is_refused(text: str) -> None:
    environment = Environment("flow", "1", arguments=("", text))
    try:
        found = saved_state(environment)
    except StateUnreadable:
        return
    assert found is None or isinstance(found, State)


@given(
    st.builds(
        State,
        st.sampled_from([FLOW.identity, "other@00000000", "../x"]),
        st.sampled_from([*FLOW.nodes, "nowhere", ""]),
        st.dictionaries(st.sampled_from(["caller", "language", "ticket", "state", "x"]), st.text(max_size=20)),
        st.dictionaries(st.text(max_size=5), st.integers()),
        st.integers(),
        st.integers(),
        st.text(max_size=5),
    ),
    st.text(max_size=20),
)
def test_a_state_of_any_content_is_served_or_refused(state: State, result: str) -> None:
    try:
        text = packed(state)
    except (UnicodeEncodeError, OverflowError):
        return
    environment = Environment("flow", "1", arguments=(result, text))
    try:
        found = saved_state(environment)
    except StateUnreadable:
        return
    assert found == state
    try:
        step = small_flow.session(environment, found).begin()
    except HotlineError:
        return
    assert isinstance(step, Send | Fetch | Store | End)


PROMPTS = ",".join(f"kb/{code}-title,option-press,digits/{code % 10}" for code in range(1001, 1009))


def test_a_state_fits_into_a_command_with_everything_that_a_call_can_hear() -> None:
    """As long as the values of look-ups are in our flow: two menus of eight choices, three announcements, a ticket."""
    values = {"language": "en", "caller": "+8613800000000", "queued_at": NOON.at.isoformat(), "ticket": "1" * 20, "kb": "100"}
    values |= {
        "kb_prompts": PROMPTS,
        "hotline_prompts": PROMPTS.replace("kb/1", "hotline/96"),
        "announcement_prompts": PROMPTS[:90],
    }
    values |= {"state": "ticket-state-handling", "result": "ticket-result-explained", "updated": NOON.at.isoformat()}
    state = State("12345@01234567", "queue", values, dict.fromkeys(["knowledge-unknown", "ticket-wrong", "trouble"], 3), 999)
    assert saved_state(Environment(arguments=("", packed(state)))) == state
    variables = {"CHANNEL(userfield)": "x" * 240, "HOTLINE_QUEUE": "english", "HOTLINE_STATE": packed(state)}
    assert len(set_variables({**variables, "HOTLINE_NEXT": "agents"})) < codec.COMMAND_LIMIT


@given(st.dictionaries(st.sampled_from([f"v{n}" for n in range(30)]), st.text(max_size=1000)))
def test_a_state_that_does_not_fit_loses_its_longest_values_and_the_call_goes_on(variables: dict[str, str]) -> None:
    text = packed(State(FLOW.identity, "queue", variables))
    found = saved_state(Environment(arguments=("", text)))
    assert found is not None and found.variables.items() <= variables.items()
    largest = {
        "CHANNEL(userfield)": "x" * 240,
        "HOTLINE_KIND": "complaint",
        "HOTLINE_REASON": "out_of_hours",
        "HOTLINE_NEXT": "message",
    }
    assert len(set_variables({**largest, "HOTLINE_STATE": text})) <= codec.COMMAND_LIMIT


def test_a_state_that_swells_when_it_is_unpacked_is_refused() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"\x00" * 10_000_000)).decode()
    with pytest.raises(StateUnreadable):
        saved_state(Environment(arguments=("", bomb)))


# --- what goes wrong --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [DEAD, Reply(200, "-1", endpos=0), Reply(200, "-1", "hangup")])
@pytest.mark.parametrize("after", range(6))
def test_a_caller_who_has_hung_up_ends_the_session_at_any_command(after: int, reply: Reply) -> None:
    session = call()
    session.begin()
    for number in range(after):
        session.answered(key("1") if number == 2 else OK)
    step = session.answered(reply)
    seen = []
    while isinstance(step, Send):
        seen.append(step.line.decode())
        step = session.answered(DEAD)
    assert step == End(finished=False)
    assert not any(word in line for line in seen for word in ("GET DATA", "Playback", "HOTLINE_NEXT"))
    if after <= 2:
        assert "main:hangup,disposition:self_service" in "".join(seen)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(510),
        Reply(520, text="520-Usage\n520 End"),
        Reply(200, "-2"),
        Reply(200, "x"),
        Reply(200, "1a"),
        Reply(200, "1", "OK:x"),
    ],
)
def test_a_command_that_asterisk_does_not_take_is_an_error(reply: Reply) -> None:
    session = call()
    session.begin()
    session.answered(OK)
    session.answered(OK)
    with pytest.raises(UnexpectedReply):
        session.answered(reply)


def test_a_provisional_answer_is_waited_over() -> None:
    session = call()
    session.begin()
    assert session.answered(Reply(100)) == Wait()
    assert isinstance(session.answered(OK), Send)


def test_an_answer_to_nothing_is_an_error() -> None:
    with pytest.raises(UnexpectedReply):
        call().answered(OK)
    with pytest.raises(UnexpectedReply):
        looking().answered(OK)


@pytest.mark.parametrize("script", ["", "standby", "flow/..", "FLOW", "inbound", "x" * 1000])
def test_a_script_that_is_not_in_the_table_is_refused(script: str) -> None:
    with pytest.raises(UnknownScript):
        call(script=script).begin()


def test_a_state_of_another_version_of_the_flow_is_refused() -> None:
    with pytest.raises(FlowError):
        call("CONTINUE", state=State("small@00000000", "queue", {})).begin()


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
    def told(number: str, called: str) -> list[str]:
        headers = f"agi_network_script: flow\nagi_callerid: {number}\nagi_calleridname: {called}\nagi_arg_3: {called}\n\n"
        [environment] = Decoder().feed(headers.encode())
        assert isinstance(environment, Environment)
        return lines(small_flow.session(environment), SILENT, read_keys("", "TIMEOUT"))[0]

    if name.strip() not in ("1", "2", "3", "4") and not name.strip().lstrip("+").isdecimal():
        assert told(name, name) == told("", "")


def test_a_withheld_number_cannot_be_called_back() -> None:
    told, _ = lines(call(number="anonymous"), key("4"))
    assert "callback:error" in steps_of(told)


def test_prompts_are_asked_for_in_the_language_of_the_call() -> None:
    asked: list[tuple[str, str]] = []

    def resolve(prompt: str, language: str) -> str:
        asked.append((prompt, language))
        return played(prompt, language)

    session = Session(FLOW, Environment("flow", "1"), None, moment=lambda: NOON, resolve=resolve)
    lines(session, key("3"), SILENT)
    assert asked == [("menu", "zh"), ("menu", "en"), ("no-input", "en"), ("menu", "en")]


def test_a_state_goes_through_its_text_unchanged() -> None:
    state = State(FLOW.identity, "queue", {"a": "中文", "b": "x" * 600}, {"main": 3}, 17, 2, "satisfied")
    assert saved_state(Environment(arguments=("", packed(state)))) == state
    assert msgspec.json.encode(packed(state)).decode().strip('"').isascii()

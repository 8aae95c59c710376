"""The engine, verb by verb: every exit, tries and limits, what is said in one breath, hang-ups, and the state between waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.clock import SHANGHAI
from ivr_flows import engine, flow, library, lookups, reading
from ivr_flows.errors import FlowError
from ivr_flows.flow import KEYS, Flow
from ivr_flows.lookups import Answer
from ivr_flows.turns import (
    Ask,
    Ended,
    Event,
    Give,
    HungUp,
    Instruction,
    Keep,
    Kept,
    Look,
    Moment,
    Note,
    Play,
    Pressed,
    Speak,
    State,
)

NOON = dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI)
DAY = Moment(NOON, True, "working_day")
NIGHT = Moment(NOON, False, "night")
SILENT = Pressed("", timed_out=True)
Told = list[Instruction]


def made(nodes: str, entry: str = "x", languages: str = '"zh", "en"') -> Flow:
    """A flow of these nodes, with ``error`` and ``hangup`` led somewhere."""
    head = f'spec = 1\ntitle = "t"\nenglish = "t"\nlanguages = [{languages}]\n[entry]\ninbound = "{entry}"\n'
    head += '[exits.all]\nerror = "end-error"\nhangup = "gone"\nlimit = "end-limit"\n'
    found, problems = reading.read("test", head + nodes)
    assert found is not None, problems
    return found


def ends(*names: str) -> str:
    """Nodes ``end-NAME`` that hang up, for the exits under test."""
    return (
        "".join(f'[nodes.end-{name}]\nverb = "hangup"\n' for name in (*names, "error", "limit"))
        + '[nodes.gone]\nverb = "hangup"\n'
    )


def one(verb: str, fields: str, exits: Sequence[str]) -> Flow:
    """A flow of one node ``x`` and an end for each of its exits."""
    names = {"*": "star", "#": "pound"}
    led = "".join(f'"{name}" = "end-{names.get(name, name.replace("_", "-"))}"\n' for name in exits)
    node = f'[nodes.x]\nverb = "{verb}"\n{fields}\n[nodes.x.exits]\n{led}'
    return made(node + ends(*(names.get(name, name.replace("_", "-")) for name in exits)))


def walk(chosen: Flow, *events: Event, moment: Moment = DAY, key: str = "", **variables: str) -> tuple[State | None, Told]:
    """Start and answer; the state after it, and everything that was told. The state goes through its bytes each time."""
    state, said = engine.start(chosen, "inbound", moment, variables, key=key)
    told = list(said[1:])
    assert said[0] == Note(f"flow:{chosen.identity}")
    for event in events:
        assert state is not None, f"nothing waits for {event}"
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
        state, said = engine.resume(chosen, state, event, moment)
        told += said
    return state, told


def taken(told: Told) -> list[str]:
    """The steps of the path."""
    return [step.step for step in told if isinstance(step, Note)]


MENU = ("menu", 'prompt = ["menu"]\ntries = 2', ("1", "0", "*", "#", "invalid", "timeout"))
GATHER = (
    "gather",
    'prompt = ["number"]\ninto = "n"\nshortest = 2\nlongest = 4\ntries = 2',
    ("match", "0", "*", "invalid", "timeout"),
)
LOOKUP = ("lookup", 'what = "ticket"\narguments = { number = "{n}" }', ("found", "refused", "not_found", "timeout"))
RECORD = ("record", 'kind = "mailbox"', ("saved", "empty"))
ENQUEUE = ("enqueue", 'queue = "north"', ("answered", "timeout", "full", "empty", "1", "*"))
DIAL = ("dial", 'number = "{n}"', ("answered", "busy", "no_answer", "unavailable"))
FAX = ("fax", 'document = "{doc}"', ("sent", "failed"))
FAX_LATER = ("fax", 'document = "{doc}"\nnumber = "{n}"', ("queued",))
CALLBACK = ("callback", 'number = "{n}"\nqueue = "main"', ("kept",))
SURVEY = ("survey", 'prompt = ["survey"]', ("rated", "dissatisfied", "not_rated"))
KEPT, NOT_KEPT = Kept(True), Kept(False)

EXITS: list[tuple[tuple[str, str, tuple[str, ...]], tuple[Event, ...], list[str]]] = [
    (MENU, (Pressed("1"),), ["x:1"]),
    (MENU, (Pressed("*"),), ["x:*"]),
    (MENU, (Pressed(""),), ["x:#"]),
    (MENU, (Pressed("7"), Pressed("0")), ["x:invalid", "x:0"]),
    (MENU, (Pressed("7"), Pressed("8")), ["x:invalid", "x:invalid"]),
    (MENU, (SILENT, Pressed("8")), ["x:timeout", "x:invalid"]),
    (MENU, (SILENT, SILENT), ["x:timeout", "x:timeout"]),
    (MENU, (Pressed("12"), Pressed("invalid")), ["x:invalid", "x:invalid"]),
    (GATHER, (Pressed("12"),), ["x:match"]),
    (GATHER, (Pressed("1234"),), ["x:match"]),
    (GATHER, (Pressed("0"),), ["x:0"]),
    (GATHER, (Pressed("*"),), ["x:*"]),
    (GATHER, (Pressed("1"), Pressed("1*2")), ["x:invalid", "x:invalid"]),
    (GATHER, (Pressed("12345"), SILENT), ["x:invalid", "x:timeout"]),
    (GATHER, (Pressed(""), Pressed("22", timed_out=True)), ["x:invalid", "x:match"]),
    *((LOOKUP, (Answer(name),), [f"x:{name}"]) for name in (*LOOKUP[2], "error")),
    (LOOKUP, (Answer("no such exit"),), ["x:error"]),
    (RECORD, (Ended("saved"),), ["x:saved"]),
    (RECORD, (Ended("empty"),), ["x:empty"]),
    *((RECORD, (Ended(result),), ["x:error"]) for result in ("failed", "", "hangup", "next")),
    *((ENQUEUE, (Ended(status),), [f"x:{name}"]) for status, name in flow.QUEUE_RESULTS.items()),
    (ENQUEUE, (Ended("KEY1"),), ["x:1"]),
    (ENQUEUE, (Ended("KEY*"),), ["x:*"]),
    *((ENQUEUE, (Ended(status),), ["x:error"]) for status in ("KEY9", "KEY", "KEY12", "WITHDRAW", "", "answered")),
    *((DIAL, (Ended(status),), [f"x:{name}"]) for status, name in flow.DIAL_RESULTS.items()),
    *((DIAL, (Ended(status),), ["x:error"]) for status in ("INVALIDARGS", "DONTCALL", "")),
    (FAX, (Ended("sent"),), ["x:sent"]),
    (FAX, (Ended("failed"),), ["x:failed"]),
    (FAX, (Ended(""),), ["x:error"]),
    (FAX_LATER, (KEPT,), ["x:queued"]),
    (FAX_LATER, (NOT_KEPT,), ["x:error"]),
    (CALLBACK, (KEPT,), ["x:kept"]),
    (CALLBACK, (NOT_KEPT,), ["x:error"]),
    *((SURVEY, (Pressed(key), KEPT), ["x:rated"]) for key in "123"),
    (SURVEY, (Pressed("4"), KEPT), ["x:dissatisfied"]),
    (SURVEY, (SILENT, KEPT), ["x:not_rated"]),
    (SURVEY, (Pressed("9"), Pressed("1"), KEPT), ["x:invalid", "x:rated"]),
    (SURVEY, (Pressed("9"), Pressed("0"), KEPT), ["x:invalid", "x:not_rated"]),
    (SURVEY, (Pressed("1"), NOT_KEPT), ["x:error"]),
]  # fmt: skip


@pytest.mark.parametrize(("node", "events", "steps"), EXITS, ids=[f"{e[0][0]}-{e[2][-1]}-{n}" for n, e in enumerate(EXITS)])
def test_an_answer_takes_its_exit(node: tuple[str, str, tuple[str, ...]], events: tuple[Event, ...], steps: list[str]) -> None:
    state, told = walk(one(*node), *events, n="110", doc="kb/1")
    assert taken(told) == steps
    assert (state, told[-1]) == (None, Give("hangup"))


@pytest.mark.parametrize("node", [MENU, GATHER, LOOKUP, SURVEY], ids=lambda node: node[0])
def test_a_hang_up_takes_the_exit_hangup_and_says_nothing_more(node: tuple[str, str, tuple[str, ...]]) -> None:
    state, _ = walk(one(*node), n="110")
    assert state is not None
    after, said = engine.resume(one(*node), state, HungUp(), DAY)
    assert after is None and said[-1] == Note("x:hangup")
    assert not any(isinstance(step, Play | Ask | Give) for step in said)


def test_a_survey_that_the_caller_hangs_up_on_is_stored_as_not_rated_once() -> None:
    chosen = one(*SURVEY)
    state, _ = walk(chosen)
    assert state is not None
    assert engine.resume(chosen, state, HungUp(), DAY)[1] == (
        Keep("survey", {"rating": "not_rated"}, waits=False),
        Note("x:hangup"),
    )
    state, told = walk(chosen, Pressed("2"))
    assert told[-1] == Keep("survey", {"rating": "satisfied"}) and state is not None
    assert engine.resume(chosen, state, HungUp(), DAY)[1] == (Note("x:hangup"),)


@pytest.mark.parametrize("node", [RECORD, ENQUEUE, DIAL, FAX, FAX_LATER, CALLBACK], ids=lambda node: node[0])
def test_a_hang_up_while_the_call_is_in_other_hands_changes_nothing(node: tuple[str, str, tuple[str, ...]]) -> None:
    state, _ = walk(one(*node), n="110", doc="kb/1")
    assert state is not None
    assert engine.resume(one(*node), state, HungUp(), DAY) == (None, ())


def test_after_a_hang_up_quiet_nodes_still_mark_the_call() -> None:
    nodes = '[nodes.x]\nverb = "menu"\nprompt = ["menu"]\n'
    nodes += 'exits = { 1 = "end-error", invalid = "x", timeout = "x", hangup = "mark" }\n'
    nodes += '[nodes.mark]\nverb = "set"\ntag = "fault"\ndisposition = "abandoned"\nexits = { next = "end-error" }\n'
    chosen = made(nodes + ends())
    state, _ = walk(chosen)
    assert state is not None
    told = engine.resume(chosen, state, HungUp(), DAY)[1]
    assert told == (Note("x:hangup"), Note("tag:fault"), Note("disposition:abandoned"))


@pytest.mark.parametrize("situation", flow.SITUATIONS)
def test_the_greeting_goes_by_the_situation(situation: str) -> None:
    chosen = one("hours", 'ask = "situation"', flow.SITUATIONS)
    assert taken(walk(chosen, moment=Moment(NOON, False, situation))[1]) == [f"x:{situation}"]


def test_agents_are_on_duty_or_not_at_the_moment_that_the_node_is_reached() -> None:
    chosen = one("hours", 'ask = "staffed"', ("open", "closed"))
    assert taken(walk(chosen)[1]) == ["x:open"]
    assert taken(walk(chosen, moment=NIGHT)[1]) == ["x:closed"]


# --- what is said ---

FAILED = 'invalid = "end-error", timeout = "end-error"'
SAYS = (
    '[nodes.x]\nverb = "say"\nprompt = ["one"]\nexits = { next = "y" }\n'
    '[nodes.y]\nverb = "say"\nprompt = ["two"]\nWHOLE\nexits = { next = "m" }\n'
    f'[nodes.m]\nverb = "menu"\nprompt = ["menu"]\nexits = {{ 1 = "end-error", {FAILED} }}\n'
)


def test_what_is_said_before_a_question_is_part_of_it_so_that_a_key_interrupts_it() -> None:
    state, told = walk(made(SAYS.replace("WHOLE", "") + ends()))
    assert told == [Ask(("one", "two", "menu"), 1, 5000)] and state is not None and state.node == "m"


def test_what_must_be_heard_whole_is_played_before_the_question() -> None:
    assert walk(made(SAYS.replace("WHOLE", "whole = true") + ends()))[1] == [Play(("one", "two")), Ask(("menu",), 1, 5000)]


@pytest.mark.parametrize("node", [LOOKUP, RECORD, ENQUEUE, DIAL, FAX, FAX_LATER, CALLBACK], ids=lambda node: node[0])
def test_what_is_said_before_anything_else_is_played_first(node: tuple[str, str, tuple[str, ...]]) -> None:
    said = '[nodes.s]\nverb = "say"\nprompt = ["one"]\nexits = { next = "x" }\n'
    base = one(*node)
    extra = made(said + '[nodes.x]\nverb = "hangup"\n' + ends(), entry="s")
    chosen = msgspec.structs.replace(base, entry={"inbound": "s"}, nodes={**base.nodes, "s": extra.nodes["s"]})
    told = walk(chosen, n="110", doc="kb/1")[1]
    assert told[0] == Play(("one",)) and len(told) == 2


def test_the_wrong_key_is_answered_in_the_same_breath_as_the_question() -> None:
    fields = 'prompt = ["menu"]\ninvalid_prompt = ["wrong"]\ntimeout_prompt = ["nothing"]\ntimeout_seconds = 7\ntries = 3'
    told = walk(one("menu", fields, ("1", "invalid", "timeout")), Pressed("5"), SILENT)[1]
    questions = [step for step in told if isinstance(step, Ask)]
    assert questions == [Ask(("menu",), 1, 7000), Ask(("wrong", "menu"), 1, 7000), Ask(("nothing", "menu"), 1, 7000)]


def test_a_goodbye_is_heard_before_the_call_ends() -> None:
    assert walk(made('[nodes.x]\nverb = "hangup"\nprompt = ["goodbye"]\n' + ends()))[1] == [Play(("goodbye",)), Give("hangup")]


@pytest.mark.parametrize(
    ("item", "value", "heard"),
    [
        ("{v|digits}", "10", ("digits/yao", "digits/0")),
        ("{v|prompt}", "kb/1", ("kb/1",)),
        ("{v|prompts}", "kb/1,kb/2", ("kb/1", "kb/2")),
        ("{v|prompts}", "", ()),
    ],
)
def test_values_are_spoken(item: str, value: str, heard: tuple[str, ...]) -> None:
    told = walk(one("say", f'prompt = ["your", "{item}"]', ("next",)), v=value)[1]
    assert told[0] == Play(("your", *heard))


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("{v|digits}", "x"),
        ("{v|date}", "tomorrow"),
        ("{v|prompt}", "../x"),
        ("{v|prompt}", "a\n"),
        ("{v|prompts}", "a&b"),
        ("{v|digits}", ""),
    ],
)
@pytest.mark.parametrize("node", ["say", "menu", "gather", "survey"])
def test_a_value_that_cannot_be_spoken_takes_the_exit_error(node: str, item: str, value: str) -> None:
    kinds = {"say": (("next",), ""), "menu": MENU[2:], "gather": GATHER[2:], "survey": SURVEY[2:]}
    fields = 'into = "n"\n' if node == "gather" else ""
    told = walk(one(node, f'{fields}prompt = ["your", "{item}"]', kinds[node][0]), v=value)[1]
    assert told == [Note("x:error"), Give("hangup")]


@pytest.mark.parametrize("node", ["menu", "gather", "survey"])
def test_an_answer_to_a_wrong_key_that_cannot_be_spoken_takes_the_exit_error(node: str) -> None:
    exits = {"menu": MENU[2], "gather": GATHER[2], "survey": SURVEY[2]}[node]
    fields = 'into = "n"\nshortest = 2\n' if node == "gather" else ""
    chosen = one(node, fields + 'prompt = ["menu"]\ninvalid_prompt = ["{v|digits}"]', exits)
    assert taken(walk(chosen, Pressed("7"), v="no digits")[1])[-1] == "x:error"


def test_the_language_changes_for_what_is_said_after_it() -> None:
    nodes = '[nodes.x]\nverb = "say"\nprompt = ["{v|number}"]\nexits = { next = "en" }\n'
    nodes += '[nodes.en]\nverb = "set"\nlanguage = "en"\nexits = { next = "y" }\n'
    nodes += '[nodes.y]\nverb = "say"\nprompt = ["{v|number}"]\nexits = { next = "end-error" }\n'
    told = walk(made(nodes + ends()), v="12")[1]
    assert [type(step) for step in told] == [Play, Speak, Play, Give]
    assert told[1] == Speak("en") and told[2] == Play(("digits/12",)) != told[0]


# --- keys before the question ---


def test_a_key_pressed_before_the_flow_answers_the_first_menu() -> None:
    chosen = made(SAYS.replace("WHOLE", "") + ends())
    assert walk(chosen, key="1")[1] == [Note("m:1"), Give("hangup")]


@pytest.mark.parametrize("key", ["7", "", "12", "x", "${SHELL(x)}", "。"])
def test_an_early_key_without_a_choice_is_forgotten(key: str) -> None:
    assert walk(made(SAYS.replace("WHOLE", "") + ends()), key=key)[1] == [Ask(("one", "two", "menu"), 1, 5000)]


def test_an_early_key_waits_over_a_look_up_and_answers_only_the_first_question() -> None:
    nodes = '[nodes.x]\nverb = "lookup"\nwhat = "caller"\nexits = { found = "m", not_found = "m", timeout = "m" }\n'
    nodes += '[nodes.m]\nverb = "menu"\nprompt = ["menu"]\nexits = { 1 = "m", ' + FAILED + " }\n"
    state, told = walk(made(nodes + ends()), Answer("not_found"), key="1")
    assert told == [Look("caller", {}, ("looking-up",)), Note("x:not_found"), Note("m:1"), Ask(("menu",), 1, 5000)]
    assert state is not None


# --- variables ---


def test_digits_entered_are_a_variable_and_fill_arguments_and_numbers() -> None:
    nodes = '[nodes.x]\nverb = "gather"\nprompt = ["number"]\ninto = "n"\nexits = { match = "y", ' + FAILED + " }\n"
    nodes += '[nodes.y]\nverb = "lookup"\nwhat = "ticket"\narguments = { number = "T{n}-{n}", code = "{caller}" }\n'
    nodes += 'exits = { found = "z", refused = "end-error", not_found = "end-error", timeout = "end-error" }\n'
    nodes += '[nodes.z]\nverb = "set"\nvalues = { all = "{n}/{state}/{nothing}" }\nexits = { next = "g" }\n'
    nodes += '[nodes.g]\nverb = "goto"\non = "all"\nexits = { "12/open/" = "end-limit", next = "end-error" }\n'
    state, told = walk(made(nodes + ends()), Pressed("12"), Answer("found", {"state": "open"}), caller="138")
    assert Look("ticket", {"number": "T12-12", "code": "138"}, ("looking-up",)) in told
    assert taken(told)[-1] == "g:12/open/" and state is None


@pytest.mark.parametrize(("value", "step"), [("a", "x:a"), ("b", ""), ("", ""), ("error", ""), ("limit", ""), ("next", "")])
def test_goto_goes_by_a_value_and_never_by_the_name_of_a_fault(value: str, step: str) -> None:
    chosen = one("goto", 'on = "v"', ("a", "next"))
    assert taken(walk(chosen, v=value)[1]) == ([step] if step else [])


def test_values_of_a_look_up_are_cut_to_what_a_channel_can_carry() -> None:
    state, _ = walk(made('[nodes.x]\nverb = "lookup"\nwhat = "caller"\nexits = { found = "m", not_found = "m", timeout = "m" }\n'
        '[nodes.m]\nverb = "menu"\nprompt = ["menu"]\nexits = { 1 = "m", ' + FAILED + " }\n" + ends()),
        Answer("found", {"caller_group": "x" * 100_000}))  # fmt: skip
    assert state is not None and len(state.variables["caller_group"]) == engine.LONGEST_VALUE


@pytest.mark.parametrize("number", ["", "12a", "+86", "１２", "1;2", "-1"])
@pytest.mark.parametrize("node", [DIAL, FAX_LATER, CALLBACK], ids=["dial", "fax", "callback"])
def test_what_is_no_number_is_not_dialled(node: tuple[str, str, tuple[str, ...]], number: str) -> None:
    if (node[0], number) == ("callback", "+86"):
        return  # a caller from abroad is called back
    told = walk(one(*node), n=number, doc="kb/1")[1]
    assert told == [Note("x:error"), Give("hangup")]


@pytest.mark.parametrize("document", ["", "../etc/passwd", "a/b/c", "/x", "kb/1\n"])
def test_what_is_no_document_is_not_sent(document: str) -> None:
    assert walk(one(*FAX), n="1", doc=document)[1] == [Note("x:error"), Give("hangup")]


def test_a_call_back_keeps_the_time_at_which_the_caller_began_to_wait() -> None:
    nodes = '[nodes.x]\nverb = "enqueue"\nqueue = "main"\n'
    nodes += 'exits = { answered = "x", timeout = "x", full = "x", empty = "x", 1 = "c" }\n'
    nodes += '[nodes.c]\nverb = "callback"\nnumber = "{caller}"\nqueue = "main"\nexits = { kept = "end-error" }\n'
    chosen = made(nodes + ends())
    state, _ = engine.start(chosen, "inbound", DAY, {"caller": "138"})
    for minutes in (5, 10):
        assert state is not None
        later = Moment(NOON + dt.timedelta(minutes=minutes), True, "working_day")
        state, told = engine.resume(chosen, state, Ended("TIMEOUT" if minutes == 5 else "KEY1"), later)
    assert told[-1] == Keep("callback", {"number": "138", "queue": "main", "waiting_since": NOON.isoformat()})


def test_what_the_dialplan_needs_is_given_to_it() -> None:
    for node, context, variables in (
        (RECORD, "message", {"HOTLINE_KIND": "mailbox", "HOTLINE_REASON": "chosen"}),
        (ENQUEUE, "agents", {"HOTLINE_QUEUE": "north"}),
        (DIAL, "transfer", {"HOTLINE_DIAL": "110"}),
        (FAX, "fax", {"HOTLINE_DOCUMENT": "kb/1"}),
    ):
        assert walk(one(*node), n="110", doc="kb/1")[1] == [Give(context, variables)]


# --- loops ---


def test_a_node_with_a_limit_is_left_by_its_exit_limit_after_so_many_visits() -> None:
    nodes = '[nodes.x]\nverb = "menu"\nprompt = ["menu"]\nlimit = 2\nexits = { 1 = "x", ' + FAILED + " }\n"
    state, told = walk(made(nodes + ends()), Pressed("1"), Pressed("1"))
    assert taken(told) == ["x:1", "x:1", "x:limit"] and state is None


def test_a_flow_that_goes_round_by_itself_is_an_error_and_does_not_hang() -> None:
    with pytest.raises(FlowError, match="more than 1000 steps"):
        walk(made('[nodes.x]\nverb = "say"\nprompt = ["one"]\nexits = { next = "x" }\n' + ends()))


def test_a_caller_who_presses_for_ever_goes_to_standby() -> None:
    nodes = '[nodes.x]\nverb = "menu"\nprompt = ["menu"]\nexits = { 1 = "x", ' + FAILED + " }\n"
    with pytest.raises(FlowError, match="more than 1000 steps"):
        walk(made(nodes + ends()), *[Pressed("1")] * 1001)


# --- what must not happen ---


def test_an_entry_that_the_flow_does_not_have_is_refused() -> None:
    with pytest.raises(FlowError, match="no entry 'survey'"):
        engine.start(one(*MENU), "survey", DAY, {})


def test_an_event_that_nothing_waits_for_is_refused() -> None:
    for node, event in (
        (MENU, KEPT),
        (LOOKUP, SILENT),
        (ENQUEUE, Pressed("1")),
        (SURVEY, Answer("found")),
        (CALLBACK, Ended("")),
    ):
        with pytest.raises(FlowError, match="does not wait for"):
            walk(one(*node), event, n="1")


def test_a_state_of_another_version_or_of_a_node_that_is_gone_is_refused() -> None:
    chosen = one(*MENU)
    with pytest.raises(FlowError, match="a call of flow other@00000000 came to"):
        engine.resume(chosen, State("other@00000000", "x", {}), SILENT, DAY)
    with pytest.raises(FlowError, match="no node 'y'"):
        engine.resume(chosen, State(chosen.identity, "y", {}), SILENT, DAY)


# --- whatever happens ---

TEXTS = st.sampled_from(
    ["", "1", "0", "12345678", "kb/1000", "ticket-state-handling", "article", "elderly", "2026-01-01T08:00:00", "x" * 300]
)


def events_for(chosen: Flow, state: State, wanted: Instruction) -> st.SearchStrategy[Event]:
    """What may answer the last instruction."""
    match wanted:
        case Ask():
            keys = st.text(KEYS.replace("#", ""), max_size=wanted.longest)
            return st.builds(Pressed, keys, timed_out=st.booleans()) | st.just(HungUp())
        case Look():
            question = lookups.LOOKUPS[wanted.what]
            values = st.dictionaries(st.sampled_from(question.results), TEXTS)
            return st.builds(Answer, st.sampled_from([*question.exits, "timeout", "error"]), values) | st.just(HungUp())
        case Keep():
            return st.builds(Kept, st.booleans()) | st.just(HungUp())
        case _:
            results = [*flow.QUEUE_RESULTS, *flow.DIAL_RESULTS, "KEY1", "KEY2", "saved", "empty", "failed", "sent", ""]
            return st.builds(Ended, st.sampled_from(results))


def is_wait(state: State | None, told: Sequence[Instruction]) -> bool:
    """Whether the caller is in somebody's hands after a turn: asked, waited with, or given to the dialplan."""
    last = told[-1] if told else None
    if state is None:
        return last == Give("hangup")
    return isinstance(last, Ask | Look | Keep | Give)


@pytest.mark.parametrize("name", ["12345", "direct"])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_random_walk_never_loses_the_caller(name: str, data: st.DataObject) -> None:
    chosen = OURS[name]
    moments = st.builds(Moment, st.just(NOON), st.booleans(), st.sampled_from(flow.SITUATIONS))
    entry = data.draw(st.sampled_from(sorted(chosen.entry)))
    caller = data.draw(st.sampled_from(["", "13800000000", "+861380000"]))
    state, told = engine.start(chosen, entry, data.draw(moments), {"caller": caller}, key=data.draw(st.sampled_from(["", *KEYS])))
    for _ in range(40):
        assert is_wait(state, told)
        if state is None:
            return
        event = data.draw(events_for(chosen, state, told[-1]))
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)
        state, told = engine.resume(chosen, state, event, data.draw(moments))
        if type(event) is HungUp:
            assert state is None and not any(isinstance(step, Ask | Play | Give | Look) for step in told)
            return


OURS: Mapping[str, Flow] = {file.stem: library.load(file) for file in library.OURS.glob("*.toml")}


@pytest.mark.parametrize(
    ("name", "node"),
    [(name, node) for name in ("12345", "direct") for node, one in OURS[name].nodes.items() if isinstance(one, flow.TALKING)],
)
def test_a_hang_up_in_any_node_of_our_flows_ends_the_call_quietly(name: str, node: str) -> None:
    chosen = OURS[name]
    after, told = engine.resume(chosen, State(chosen.identity, node, {"language": "zh"}), HungUp(), DAY)
    assert after is None
    assert Note(f"{node}:hangup") in told
    assert all(isinstance(step, Note | Keep | Speak) for step in told)
    assert not any(step.waits for step in told if isinstance(step, Keep))


FIELDS = {
    "say": 'prompt = ["a", "{v|digits}"]',
    "menu": 'prompt = ["a"]',
    "gather": 'prompt = ["a"]\ninto = "v"',
    "hours": 'ask = "staffed"',
    "lookup": 'what = "wait"',
    "record": 'kind = "message"',
    "enqueue": 'queue = "main"',
    "dial": 'number = "{v}"',
    "fax": 'document = "a"',
    "survey": 'prompt = ["a"]',
    "set": 'tag = "a"',
    "goto": 'on = "v"',
    "hangup": "",
    "callback": 'number = "{v}"\nqueue = "main"',
}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_flow_at_all_gives_turns_or_says_that_it_is_at_fault(data: st.DataObject) -> None:
    verbs = data.draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=8))
    targets = st.sampled_from([f"n{place}" for place in range(len(verbs))] + ["nowhere"] * data.draw(st.integers(0, 1)))
    text = ""
    for place, verb in enumerate(verbs):
        limit = "limit = 2\n" if data.draw(st.booleans()) else ""
        bare = reading.read(
            "t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\n[nodes.x]\nverb = "{verb}"\n{limit}{FIELDS[verb]}'
        )[0]
        assert bare is not None
        exits = "".join(f'"{name}" = "{data.draw(targets)}"\n' for name in flow.required(bare.nodes["x"], lookups.EXITS))
        exits += f'1 = "{data.draw(targets)}"\n' if verb in ("menu", "enqueue", "goto") else ""
        text += f'[nodes.n{place}]\nverb = "{verb}"\n{limit}{FIELDS[verb]}\n[nodes.n{place}.exits]\n{exits}'
    chosen = reading.read("t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\ninbound = "n0"\n{text}')[0]
    assert chosen is not None
    try:
        state, told = engine.start(chosen, "inbound", DAY, {"caller": "1"}, key=data.draw(st.sampled_from(["", "1"])))
        for _ in range(10):
            assert is_wait(state, told)
            if state is None:
                return
            event = data.draw(events_for(chosen, state, told[-1]))
            state, told = engine.resume(chosen, state, event, DAY)
            if type(event) is HungUp:
                return
    except FlowError:
        pass

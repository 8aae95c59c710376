"""The book of a three-way call: whatever happens, in whatever order it is told (TWC-08, TWC-10 to TWC-15)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from acd import threeway
from acd.errors import RefusedError
from acd.threeway_state import PHASES, Alarm, Dialled, Effect, Order, Send, State, Told, Write
from ami_bridge import actions

START = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
CITIZEN, AGENT, UNIT = "n-1.0", "n-1.1", "n-1.2"
NUMBERS = (Dialled("83120001"), Dialled("83120002", is_service_line=True))


def begun() -> State:
    return State(
        threeway_id=7,
        node="n",
        call_id=CITIZEN,
        caller_channel=CITIZEN,
        agent="1001",
        agent_channel=AGENT,
        unit="U01",
        unit_name="城管局",
        numbers=NUMBERS,
        begun_at=START,
    )


class Teller:
    """Tells steps as the dialplan does: each channel counts its own; a second apart."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.at = START

    def tell(self, channel: str, what: str, **words: str) -> Told:
        self.at += dt.timedelta(seconds=1)
        self.counts[channel] = self.counts.get(channel, 0) + 1
        return Told(what, {"id": "7", **words}, channel, self.counts[channel], self.at)


class S(NamedTuple):
    """What the dialplan tells in a story."""

    channel: str
    what: str
    words: Mapping[str, str] = {}


def played(*steps: S, state: State | None = None, teller: Teller | None = None) -> tuple[State, list[Effect]]:
    """The state and all effects after these steps."""
    teller, now, effects = teller or Teller(), state or begun(), []
    for step in steps:
        now, more = threeway.apply(now, teller.tell(step.channel, step.what, **step.words))
        effects += more
    return now, effects


def attempt(number: int, **more: str) -> dict[str, str]:
    return {"attempt": str(number), "number": NUMBERS[number - 1].number, **more}


DIALS = [S(AGENT, "dialling", attempt(1))]
PRIVATE = [S(AGENT, "dialling", attempt(1)), S(CITIZEN, "waiting"), S(UNIT, "answered", attempt(1))]
JOINED = [*PRIVATE, S(CITIZEN, "joined")]
SECOND = [
    S(AGENT, "dialling", attempt(1)),
    S(AGENT, "dialled", attempt(1, result="BUSY", cause="17")),
    S(AGENT, "dialling", attempt(2)),
    S(UNIT, "answered", attempt(2)),
]


@pytest.mark.parametrize(
    ("steps", "phase", "outcome", "left"),
    [
        ([S(AGENT, "dialling", attempt(1))], "dialling", None, []),
        (PRIVATE, "private", None, []),
        (JOINED, "joined", None, []),
        ([*JOINED, S(CITIZEN, "caller_left")], "farewell", None, ["caller"]),
        ([*JOINED, S(CITIZEN, "caller_left"), S(UNIT, "unit_left")], "over", "answered", ["caller", "unit"]),
        ([*JOINED, S(UNIT, "unit_left"), S(AGENT, "together")], "over", "answered", ["unit"]),
        ([*JOINED, S(AGENT, "agent_left")], "without_agent", None, ["agent"]),
        ([*JOINED, S(AGENT, "agent_left"), S(UNIT, "unit_left"), S(CITIZEN, "requeued")], "over", "answered", ["agent", "unit"]),
        ([*PRIVATE, S(UNIT, "unit_left"), S(AGENT, "together")], "over", "declined", ["unit"]),
        ([*PRIVATE, S(AGENT, "agent_left"), S(CITIZEN, "requeued")], "held", None, ["agent"]),
        ([*PRIVATE, S(AGENT, "agent_left"), S(UNIT, "unit_left"), S(CITIZEN, "requeued")], "over", "failed", ["agent", "unit"]),
        ([*PRIVATE, S(CITIZEN, "caller_left"), S(UNIT, "unit_left")], "over", "caller_left", ["caller", "unit"]),
        ([S(AGENT, "dialling", attempt(1)), S(CITIZEN, "caller_left")], "closing", None, ["caller"]),
        ([*DIALS, S(CITIZEN, "caller_left"), S(AGENT, "agent_left")], "over", "caller_left", ["caller", "agent"]),
        ([S(AGENT, "dialling", attempt(1)), S(AGENT, "agent_left"), S(CITIZEN, "requeued")], "over", "failed", ["agent"]),
        ([*SECOND[:3], S(AGENT, "dialled", attempt(2, result="NOANSWER")), S(AGENT, "together")], "over", "unreachable", []),
    ],
)
def test_where_it_stands_and_how_it_ended(steps: Sequence[S], phase: str, outcome: str | None, left: list[str]) -> None:
    state, effects = played(*steps)
    assert (state.phase, state.outcome, list(state.left)) == (phase, outcome, left)
    assert (Write() in effects) == (phase == "over")


@pytest.mark.parametrize(
    ("order", "steps", "outcome"),
    [
        (Order("cancel", START), [S(AGENT, "dialling", attempt(1)), S(AGENT, "together")], "cancelled"),
        (Order("decline", START), [S(UNIT, "unit_left"), S(AGENT, "together")], "declined"),
        (Order("machine", START), [S(UNIT, "unit_left"), S(AGENT, "together")], "unreachable"),
        (Order("fax", START), [S(UNIT, "unit_left"), S(AGENT, "together")], "unreachable"),
        (Order("wrong_unit", START), [S(UNIT, "unit_left"), S(AGENT, "together")], "not_competent"),
    ],
)
def test_what_the_agent_says_of_the_unit_decides_the_outcome(order: Order, steps: Sequence[S], outcome: str) -> None:
    before = begun() if order.what == "cancel" else played(*PRIVATE)[0]
    ordered, sent = threeway.apply(before, order)
    assert len(sent) == 1
    teller = Teller()
    teller.counts = {AGENT: 3, UNIT: 1, CITIZEN: 1}
    ordered, effects = played(*steps, state=ordered, teller=teller)
    assert ordered.outcome == outcome
    assert (Write() in effects) == (outcome != "cancelled")


def test_letting_the_unit_go_with_the_citizen_there_says_that_it_was_not_its_matter_unless_solved() -> None:
    """TWC-13."""
    joined, _ = played(*JOINED)
    assert threeway.apply(joined, Order("drop_unit", START))[0].disposition == "not_competent"
    assert threeway.apply(joined, Order("drop_unit", START, is_solved=True))[0].disposition == ""


def test_an_office_telephone_is_let_go_first_and_a_service_line_may_be_dropped() -> None:
    """TWC-12."""
    farewell, _ = played(*JOINED, S(CITIZEN, "caller_left"))
    with pytest.raises(RefusedError, match="unit_hangs_up_first"):
        threeway.apply(farewell, Order("drop_unit", START))
    assert threeway.apply(farewell, Order("drop_unit", START, is_firm=True))[1]
    service, _ = played(*SECOND, S(CITIZEN, "joined"), S(CITIZEN, "caller_left"))
    assert threeway.apply(service, Order("drop_unit", START))[1]


@given(order=st.sampled_from(sorted(threeway.ORDERS)), place=st.sampled_from([*PHASES, ("agent", "caller", "gone")]))
def test_an_order_outside_its_phases_is_refused_and_nothing_is_sent(order: str, place: tuple[str, str, str]) -> None:
    caller, agent, unit = place
    state = State(
        **{name: getattr(begun(), name) for name in State.__struct_fields__}
        | {"caller_is": caller, "agent_is": agent, "unit_is": unit}
    )
    phases, _ = threeway.ORDERS[order]
    try:
        threeway.apply(state, Order(order, START))
    except RefusedError as error:
        assert state.phase not in phases or error.code == "unit_hangs_up_first"
    else:
        assert state.phase in phases


def test_the_second_of_two_buttons_is_refused_until_something_is_seen_of_the_first() -> None:
    private, _ = played(*PRIVATE)
    first, _ = threeway.apply(private, Order("join", START))
    for second in ("join", "decline"):
        with pytest.raises(RefusedError, match="already_ordered"):
            threeway.apply(first, Order(second, START + dt.timedelta(seconds=1)))
    assert threeway.apply(first, Order("decline", START + dt.timedelta(seconds=6)))[1]
    assert threeway.apply(threeway.refused(first, START)[0], Order("decline", START + dt.timedelta(seconds=1)))[1]


def test_what_could_not_begin_is_over_and_what_is_told_of_it_later_changes_nothing() -> None:
    state, effects = threeway.refused(begun(), START)
    assert (state.phase, state.outcome, effects) == ("over", "failed", [Write()])
    assert played(*JOINED, state=state)[0].outcome == "failed"


def test_taking_back_an_order_that_was_refused_does_not_keep_the_unit_from_being_unreachable() -> None:
    """TWC-08: the citizen's matter goes on as a draft."""
    dialling, _ = played(S(AGENT, "dialling", attempt(1)))
    ordered, _ = threeway.apply(dialling, Order("cancel", START))
    state, _ = threeway.refused(ordered, START)
    teller = Teller()
    teller.counts = {AGENT: 1}
    busy = [S(AGENT, "dialled", attempt(1, result="BUSY")), S(AGENT, "dialling", attempt(2))]
    steps = (*busy, S(AGENT, "dialled", attempt(2, result="BUSY")), S(AGENT, "together"))
    state, effects = played(*steps, state=state, teller=teller)
    assert (state.outcome, effects) == ("unreachable", [Write()])


def test_what_was_said_of_the_unit_stays_said_and_whoever_could_not_take_it_up_has_it_not() -> None:
    private, _ = played(*PRIVATE)
    said = threeway.refused(threeway.apply(private, Order("wrong_unit", START))[0], START)[0]
    assert said.disposition == "wrong_unit", "the unit has hung up in that moment (TWC-07)"
    alone, _ = played(*JOINED, S(AGENT, "agent_left"))
    taken, _ = threeway.apply(alone, Order("take_up", START, agent="1002"))
    assert taken.agent == "1002"
    assert threeway.refused(taken, START, alone.agent)[0].agent == "1001"


def test_a_unit_that_answers_as_the_order_is_taken_back_is_hung_up() -> None:
    ordered, _ = threeway.apply(begun(), Order("cancel", START))
    state, effects = played(S(AGENT, "together"), S(UNIT, "answered", attempt(1)), state=ordered)
    assert effects == [Send("Hangup", {"channel": UNIT, "cause": "16"})]
    assert state.outcome == "cancelled"


@settings(max_examples=200)
@given(st.data())
def test_steps_of_different_channels_in_any_order_come_to_the_same(data: st.DataObject) -> None:
    """Each channel's own are in order: repaired ones may come after those of another."""
    teller = Teller()
    story = [
        *SECOND,
        S(CITIZEN, "waiting"),
        S(CITIZEN, "joined"),
        S(CITIZEN, "caller_left"),
        S(UNIT, "unit_left"),
        S(AGENT, "agent_left"),
    ]
    told = [teller.tell(step.channel, step.what, **step.words) for step in story]
    waiting = {channel: [one for one in told if one.channel == channel] for channel in (CITIZEN, AGENT, UNIT)}
    state, written = begun(), 0
    while any(waiting.values()):
        channel = data.draw(st.sampled_from([name for name, left in waiting.items() if left]))
        step = waiting[channel].pop(0)
        for _ in range(data.draw(st.integers(1, 2))):
            state, effects = threeway.apply(state, step)
            written += effects.count(Write())
    assert (state.phase, written) == ("over", 1)
    assert [one.result for one in state.attempts] == ["BUSY", "ANSWER"]
    assert sorted(state.left) == ["agent", "caller", "unit"]
    assert state.joined_at and state.connected_at


class Conversation(RuleBasedStateMachine):
    """Three people and a dialplan: the book follows them, and says what they hear."""

    @initialize()
    def begin(self) -> None:
        self.teller, self.book = Teller(), begun()
        self.citizen, self.agent, self.unit = "wait", "dial", "away"
        self.attempts, self.written, self.alarm = 0, 0, False

    def told(self, channel: str, what: str, **words: str) -> None:
        self.book, effects = threeway.apply(self.book, self.teller.tell(channel, what, **words))
        self.written += effects.count(Write())
        for effect in effects:
            if isinstance(effect, Alarm):
                assert effect.is_on != self.alarm
                self.alarm = effect.is_on

    def dials(self) -> bool:
        return self.agent == "dial" and self.unit == "away"

    @precondition(lambda self: self.dials() and self.attempts < 2)
    @rule(result=st.sampled_from(["BUSY", "NOANSWER", "CONGESTION", "ANSWER"]))
    def dialled(self, result: str) -> None:
        self.attempts += 1
        self.told(AGENT, "dialling", **attempt(self.attempts))
        if result == "ANSWER":
            self.told(UNIT, "answered", **attempt(self.attempts))
            self.agent = self.unit = "room"
        else:
            self.told(AGENT, "dialled", **attempt(self.attempts, result=result, cause="17"))
            if self.attempts == 2:
                self.back()

    def back(self) -> None:
        if self.citizen in ("wait", "room"):
            self.told(AGENT, "together")
            self.agent = self.citizen = "talk"
        else:
            self.told(AGENT, "agent_left")
            self.agent = "gone"

    @precondition(lambda self: self.unit == "room" and self.agent == "room" and self.citizen == "wait")
    @rule()
    def joined(self) -> None:
        self.told(CITIZEN, "joined")
        self.citizen = "room"

    @precondition(lambda self: self.unit == "room")
    @rule()
    def unit_leaves(self) -> None:
        self.told(UNIT, "unit_left")
        self.unit = "gone"
        if self.agent == "room":
            self.back()
        elif self.citizen == "room":
            self.told(CITIZEN, "requeued")
            self.citizen = "queue"

    @precondition(lambda self: self.agent in ("dial", "room"))
    @rule()
    def agent_leaves(self) -> None:
        self.told(AGENT, "agent_left")
        self.agent = "gone"
        if self.citizen == "wait":
            self.told(CITIZEN, "requeued")
            self.citizen = "queue"

    @precondition(lambda self: self.citizen in ("wait", "room", "queue"))
    @rule()
    def citizen_leaves(self) -> None:
        self.told(CITIZEN, "caller_left", place=self.citizen)
        self.citizen = "gone"
        if self.unit == "room" and self.agent != "room":
            self.unit_leaves()

    @rule(order=st.sampled_from(sorted(set(threeway.ORDERS) - {"take_up"})))
    def order(self, order: str) -> None:
        try:
            _, effects = threeway.apply(self.book, Order(order, self.teller.at))
        except RefusedError:
            return
        for effect in effects:
            assert isinstance(effect, Send)
            reaches = {CITIZEN: self.citizen, AGENT: self.agent, UNIT: self.unit}[effect.parameters["channel"]]
            assert reaches not in ("gone", "away"), "nobody is ordered about who is not there"

    @invariant()
    def the_book_is_right(self) -> None:
        if not hasattr(self, "book"):
            return
        assert len(self.book.attempts) == self.attempts <= 2
        assert (self.book.outcome is None) == (self.book.ended_at is None) == (self.written == 0)
        assert self.written <= 1
        over = self.agent == "talk" or (self.unit != "room" and self.agent != "dial" and self.citizen in ("gone", "queue"))
        assert (self.book.phase == "over") == over
        assert self.alarm == (self.unit == "room" and self.agent == "gone" and self.citizen in ("room", "queue"))


TestConversation = Conversation.TestCase


@given(
    st.integers(1, 2**63 - 1),
    st.lists(st.from_regex(r"[0-9]{3,20}", fullmatch=True), min_size=1, max_size=2),
    st.one_of(st.from_regex(r"n-[0-9]{10,11}\.[0-9]{1,10}", fullmatch=True), st.uuids().map(actions.channel_id)),
)
def test_the_one_command_that_begins_it_fits_whatever_is_dialled_for_whomever(
    threeway_id: int, numbers: list[str], citizen: str
) -> None:
    """The longest numbers, a citizen whose channel a command made: all that is to be known goes with one redirect (TWC-08)."""
    dialled = [Dialled(number) for number in numbers]
    state = msgspec.structs.replace(
        begun(), threeway_id=threeway_id, numbers=dialled, caller_channel=citizen, agent_channel="n-1700000000.1"
    )
    sent = threeway.begin(state)
    actions.prepare(sent.action, sent.parameters, uuid.UUID(int=1))
    assert sent.parameters["exten"].split("*") == [str(threeway_id), numbers[-1]]
    assert sent.parameters["extra_exten"].split("*")[:2] == [str(threeway_id), numbers[0]]

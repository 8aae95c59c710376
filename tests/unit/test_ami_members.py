"""Agents' states: what a real Asterisk sent, every phase, wrap-up by the clock, and lists that restate all after a gap."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import facts, member_facts, members
from ami_bridge.fact import Fact
from ami_bridge.member_facts import ListingEnded, MemberGone, MemberSeen, QueueListed, WaitingSeen
from ami_bridge.members import AgentState, State

BEGIN = 1_795_304_800
CALL, LEG = "node1-1.0", "node1-1.1"


def when(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(BEGIN, dt.UTC) + dt.timedelta(seconds=seconds)


def seen(seconds: float, status: int, interface: str = "PJSIP/1001", queue: str = "hotline", **more: Any) -> MemberSeen:
    agent = interface.removeprefix("PJSIP/").partition("@")[0]
    fields = {"is_status": True, "paused": False} | more
    return MemberSeen(at=when(seconds), call_id="", queue=queue, agent=agent, interface=interface, status=status, **fields)


def told(kind: type[Fact], seconds: float, **fields: Any) -> Fact:
    return kind(at=when(seconds), call_id=fields.pop("call_id", CALL), **fields)


def called(seconds: float, agent: str = "1001", leg: str = LEG) -> Fact:
    interface = f"PJSIP/{agent}"
    return told(facts.AgentCalled, seconds, uniqueid=CALL, queue="hotline", agent=agent, leg=leg, interface=interface)


def connected(seconds: float, agent: str = "1001", leg: str = LEG) -> Fact:
    return told(facts.AgentConnected, seconds, uniqueid=CALL, queue="hotline", agent=agent, leg=leg)


def completed(seconds: float, agent: str = "1001") -> Fact:
    return told(facts.AgentCompleted, seconds, uniqueid=CALL, queue="hotline", agent=agent, reason="caller")


def play(*story: Fact, wrapup: int = 5) -> tuple[State, list[AgentState]]:
    state = State(wrapup)
    return state, [changed for fact in story for changed in members.apply(state, fact)]


def states(changes: list[AgentState], agent: str = "1001") -> list[str]:
    return [change.state for change in changes if change.agent == agent]


def shown(state: State, agent: str = "1001") -> AgentState:
    return next(one for one in members.all_agents(state) if one.agent == agent)


def test_a_day_of_an_agent() -> None:
    story = [seen(0, 5), seen(1, 1), called(2), seen(2.1, 3), connected(4), told(facts.Held, 5, uniqueid=LEG)]
    story += [told(facts.Unheld, 6, uniqueid=LEG), completed(8.5), seen(8.6, 1, last_call=BEGIN + 8)]
    state, changes = play(*story)
    begin = ["offline", "ready", "ringing", "talking", "holding", "talking"]
    assert states(changes) == [*begin, "talking", "wrap_up"], "until its telephone is free again it is not in wrap-up"
    now = shown(state)
    assert (now.state, now.since, now.call_id) == ("wrap_up", when(8.6), None)
    assert [change.call_id for change in changes if change.state == "ringing"] == [CALL]
    assert members.next_deadline(state) == when(13)
    assert members.tick(state, when(12.9)) == []
    (ready,) = members.tick(state, when(14))
    assert (ready.state, ready.since) == ("ready", when(13))
    assert members.next_deadline(state) is None


def test_the_events_of_a_real_asterisk_make_that_story() -> None:
    """As recorded: status before completion is 3 throughout (a telephone that rings is busy), 1 comes after ``AgentComplete``."""
    common = {"queue": "hotline", "membername": "1001", "interface": "PJSIP/1001", "linkedid": CALL, "uniqueid": CALL}
    member = {"penalty": "0", "paused": "0", "pausedreason": "", "lastpause": "0", "wrapuptime": "0", "incall": "0"}
    events: list[tuple[str, str, dict[str, str]]] = [
        ("QueueMemberStatus", "1795304874.720548", member | {"status": "1", "lastcall": "0"}),
        ("AgentCalled", "1795304885.066575", {"destuniqueid": LEG}),
        ("QueueMemberStatus", "1795304885.068893", member | {"status": "3", "lastcall": "0"}),
        ("AgentConnect", "1795304885.574962", {"destuniqueid": LEG, "holdtime": "0"}),
        ("AgentComplete", "1795304888.579130", {"reason": "agent"}),
        ("QueueMemberStatus", "1795304888.579673", member | {"status": "1", "lastcall": "1795304888"}),
        ("QueueMemberStatus", "1795304911.943463", member | {"status": "5", "lastcall": "1795304888"}),
    ]
    state, found = State(3), []
    for name, stamp, more in events:
        fact = facts.from_event(name, common | more | {"timestamp": stamp}, when(0))
        assert fact is not None
        found += members.apply(state, fact)
        if stamp.startswith("1795304888.579673"):
            found += members.tick(state, facts.timestamp("1795304891.0"))
    assert [one.state for one in found] == ["ready", "ringing", "talking", "talking", "wrap_up", "ready", "offline"]
    assert [one.call_id for one in found] == [None, CALL, CALL, None, None, None, None]
    assert found[5].since == facts.timestamp("1795304891.0")


DEVICES = ("offline", "ready", "elsewhere", "elsewhere", "offline", "offline", "ringing", "elsewhere", "elsewhere")
IN_A_QUEUES_CALL = {2: "talking", 3: "talking", 6: "ringing", 7: "talking", 8: "holding"}


@pytest.mark.parametrize(("status", "state"), list(enumerate(DEVICES)))
def test_the_telephone_alone_says_what_it_can(status: int, state: str) -> None:
    assert shown(play(seen(0, status))[0]).state == state
    assert shown(play(seen(0, status, in_call=True))[0]).state == IN_A_QUEUES_CALL.get(status, state)


def test_an_agent_taken_out_and_put_back_is_ready_at_once() -> None:
    """app_queue forgets the last call with the member."""
    state, _ = play(seen(0, 1), seen(0, 1, queue="hotline.1001"), seen(8, 1, last_call=BEGIN + 8))
    assert shown(state).state == "wrap_up"
    for queue in ("hotline", "hotline.1001"):
        members.apply(state, MemberGone(at=when(9), call_id="", queue=queue, agent="1001", interface="PJSIP/1001"))
        members.apply(state, seen(9, 1, queue=queue, is_added=True))
    assert (shown(state).state, shown(state).queues) == ("ready", ("hotline",))


def test_an_agent_with_two_telephones_is_where_either_is() -> None:
    browser = "PJSIP/1001@browser"
    state, _ = play(seen(0, 5), seen(0, 1, browser))
    assert shown(state).state == "ready"
    members.apply(state, seen(1, 3, browser))
    assert shown(state).state == "elsewhere"
    members.apply(state, seen(2, 1))
    assert shown(state).state == "elsewhere"
    members.apply(state, seen(3, 1, browser))
    members.apply(state, seen(3, 5))
    members.apply(state, seen(4, 5, browser))
    assert shown(state).state == "offline"


def test_a_pause_holds_when_every_reachable_telephone_is_on_it_and_says_why() -> None:
    browser = "PJSIP/1001@browser"
    state, _ = play(seen(0, 1), seen(0, 1, browser), seen(1, 1, paused=True, pause_reason="lunch", last_pause=BEGIN + 1))
    assert (shown(state).state, shown(state).paused) == ("ready", False)
    members.apply(state, seen(2, 1, browser, paused=True, pause_reason="lunch", last_pause=BEGIN + 2))
    assert (shown(state).state, shown(state).paused, shown(state).pause_reason) == ("paused", True, "lunch")
    members.apply(state, called(3))
    assert (shown(state).state, shown(state).paused) == ("ringing", True)


def test_a_telephone_that_is_not_answered_rings_no_more() -> None:
    no_answer = told(facts.RingNoAnswer, 5, uniqueid=CALL, queue="hotline", agent="1001", ring_us=3_000_000)
    assert shown(play(seen(0, 1), called(2), no_answer)[0]).state == "ready"


@pytest.mark.parametrize(
    "end",
    [
        told(facts.CallerAbandoned, 5, uniqueid=CALL, queue="hotline"),
        told(facts.ChannelEnded, 5, uniqueid=CALL, cause=16),
        told(facts.ChannelEnded, 5, uniqueid=LEG, cause=16),
        seen(5, 1),
    ],
)
def test_what_ends_a_call_ends_its_ringing(end: Fact) -> None:
    state, _ = play(seen(0, 1), called(2), end)
    assert (shown(state).state, shown(state).call_id, state.legs, state.calls) == ("ready", None, {}, {})


def test_of_all_who_ring_one_talks_and_the_others_are_ready() -> None:
    story: list[Fact] = [seen(0, 1, f"PJSIP/{n}") for n in (1001, 1002, 1003)]
    story += [called(1, str(n), f"leg-{n}") for n in (1001, 1002, 1003)]
    state, _ = play(*story, connected(2, "1002", "leg-1002"))
    assert [shown(state, str(n)).state for n in (1001, 1002, 1003)] == ["ready", "talking", "ready"]


def test_a_telephone_that_is_cut_off_talks_until_its_call_ends() -> None:
    state, _ = play(seen(0, 1), called(1), connected(2), seen(3, 5))
    assert shown(state).state == "talking"
    members.apply(state, told(facts.ChannelEnded, 4, uniqueid=LEG, cause=16))
    assert shown(state).state == "offline"


def test_a_pause_event_with_the_device_as_it_was_ends_no_ringing() -> None:
    state, _ = play(seen(0, 1), called(1), seen(1.1, 1, is_status=False, paused=True))
    assert shown(state).state == "ringing"


def test_a_member_taken_out_is_gone_and_with_its_last_queue_the_agent() -> None:
    state, _ = play(seen(0, 1), seen(0, 1, queue="english"))
    assert shown(state).queues == ("english", "hotline")
    gone = {"agent": "1001", "interface": "PJSIP/1001", "call_id": ""}
    (changed,) = members.apply(state, told(MemberGone, 1, queue="english", **gone))
    assert (changed.state, changed.queues) == ("ready", ("hotline",))
    (changed,) = members.apply(state, told(MemberGone, 2, queue="hotline", **gone))
    assert (changed.state, changed.queues) == ("offline", ())
    assert members.all_agents(state) == []


def listing(seconds: float, *found: Fact) -> list[Fact]:
    queues = sorted({fact.queue for fact in found if isinstance(fact, MemberSeen)})
    begin = [told(QueueListed, seconds, call_id="", queue=queue) for queue in queues or ["hotline"]]
    return [*begin, *found, told(ListingEnded, seconds, call_id="")]


def test_after_a_gap_the_list_counts_and_what_is_not_in_it_is_gone() -> None:
    state, _ = play(seen(0, 1), seen(0, 1, "PJSIP/1002"), called(1), connected(2))
    for fact in listing(60, seen(60, 1)):
        members.apply(state, fact)
    assert [(one.agent, one.state) for one in members.all_agents(state)] == [("1001", "ready")]
    assert (state.legs, state.calls, state.listed) == ({}, {}, None)


def test_a_list_that_broke_off_does_not_count() -> None:
    state, _ = play(seen(0, 1), told(QueueListed, 1, call_id="", queue="hotline"), seen(1, 1, "PJSIP/1002"))
    for fact in (told(facts.Booted, 2, call_id="", uptime=9), *listing(3, seen(3, 1))):
        members.apply(state, fact)
    assert [one.agent for one in members.all_agents(state)] == ["1001"]


def test_a_call_that_goes_on_over_a_gap_keeps_its_beginning() -> None:
    state, _ = play(seen(0, 1), called(1), connected(2))
    for fact in listing(60, seen(60, 3)):
        members.apply(state, fact)
    assert (shown(state).state, shown(state).since, shown(state).call_id) == ("talking", when(2), CALL)


def test_wrap_up_is_the_members_own_where_it_has_one_and_none_where_it_is_0() -> None:
    state, _ = play(seen(10, 1, last_call=BEGIN + 9, wrapup_seconds=60))
    assert members.next_deadline(state) == when(69)
    assert shown(play(seen(10, 1, last_call=BEGIN + 9), wrapup=0)[0]).state == "ready"
    assert shown(play(seen(14, 1, last_call=BEGIN + 9))[0]).state == "ready"


AGENTS = ("1001", "1002")
QUEUES = ("hotline", "english")
MEMBERS = st.tuples(
    st.builds("PJSIP/{}{}".format, st.sampled_from(AGENTS), st.sampled_from(("", "@browser"))),
    st.sampled_from(QUEUES),
    st.integers(0, 8),
    st.booleans(),
    st.sampled_from((0, BEGIN + 3)),
)
NAMES = ("called", "connected", "completed", "held", "ended", "gone")
EVENTS = st.tuples(st.sampled_from(NAMES), st.sampled_from(AGENTS), st.sampled_from("xy"))
NOISE = st.lists(MEMBERS | EVENTS, max_size=25)


def member(at: float, drawn: tuple[str, str, int, bool, int]) -> MemberSeen:
    interface, queue, status, paused, last_call = drawn
    return seen(at, status, interface, queue, paused=paused, last_call=last_call)


def event(at: float, drawn: tuple[str, str, str]) -> Fact:
    name, agent, call = drawn
    leg = f"leg-{agent}-{call}"
    facts_by_name = {
        "called": called(at, agent, leg),
        "connected": connected(at, agent, leg),
        "completed": completed(at, agent),
        "held": told(facts.Held, at, uniqueid=leg),
        "ended": told(facts.ChannelEnded, at, uniqueid=call, cause=16),
        "gone": told(MemberGone, at, queue="hotline", agent=agent, interface=f"PJSIP/{agent}"),
    }
    return msgspec.structs.replace(facts_by_name[name], call_id=call)


def made(noise: list[Any]) -> list[Fact]:
    """A tenth of a second from one to the next."""
    return [member(i / 10, drawn) if len(drawn) == 5 else event(i / 10, drawn) for i, drawn in enumerate(noise)]


@given(NOISE, st.lists(MEMBERS, max_size=6))
def test_whatever_came_before_a_list_restates_who_is_reachable_on_pause_and_in_which_queue(noise: Any, found: Any) -> None:
    last = {drawn[:2]: member(60, drawn) for drawn in found}
    fresh, _ = play(*listing(60, *last.values()))
    state, _ = play(*made(noise), *listing(60, *last.values()))

    def simple(one: AgentState) -> tuple[Any, ...]:
        is_free = one.state in ("offline", "ready", "paused", "wrap_up")
        return one.agent, one.paused, one.queues, one.state if is_free else "busy"

    assert sorted(map(simple, members.all_agents(state))) == sorted(map(simple, members.all_agents(fresh)))


@given(NOISE)
def test_repeated_facts_change_nothing_and_nothing_is_left_behind(noise: Any) -> None:
    state = State(5)
    for fact in made(noise):
        members.apply(state, fact)
        assert members.apply(state, fact) == []
    for one in members.all_agents(state):
        assert one.since <= one.at
        assert (one.call_id is None) == all(not agent.parts for name, agent in state.agents.items() if name == one.agent)
    parts = {(part.call_id, name) for name, agent in state.agents.items() for part in agent.parts}
    assert {(call, name) for call, names in state.calls.items() for name in names} == parts


def test_entries_of_the_list_are_read() -> None:
    entry = {"queue": "hotline", "uniqueid": "node1-1.5", "wait": "17", "position": "1"}
    fact = facts.from_event("QueueEntry", entry, when(3))
    assert fact == WaitingSeen(at=when(3), call_id="node1-1.5", uniqueid="node1-1.5", queue="hotline", wait_seconds=17)
    assert isinstance(facts.from_event("QueueStatusComplete", {}, when(3)), ListingEnded)
    assert facts.from_event("QueueMember", {"queue": "hotline"}, when(3)) is None


def test_the_list_is_not_asked_for_of_the_filters_but_read() -> None:
    assert set(member_facts.EVENTS) <= set(facts.WANTED)
    assert not set(member_facts.LISTED) & set(facts.WANTED)
    assert set(member_facts.LISTED) <= set(facts.READABLE)


def test_the_end_of_a_call_that_we_made() -> None:
    told_so = {"actionid": "x", "response": "Failure", "reason": "5", "uniqueid": "command-1", "timestamp": "1795304888.378901"}
    fact = facts.from_event("OriginateResponse", told_so, when(0))
    assert isinstance(fact, member_facts.OriginateEnded)
    assert (fact.command, fact.answered, member_facts.ORIGINATE_CAUSES[fact.cause]) == ("x", False, "busy")


def test_the_wrap_up_is_that_of_the_queue_of_the_last_call() -> None:
    state = State(5, {"taxes": 60})
    for fact in (seen(0, 1), seen(0, 1, queue="taxes"), called(1), seen(1, 3), connected(2), completed(8), seen(8.1, 1)):
        members.apply(state, fact)
    assert members.next_deadline(state) == when(13)
    members.apply(state, msgspec.structs.replace(completed(20), queue="taxes"))
    assert members.next_deadline(state) == when(80)

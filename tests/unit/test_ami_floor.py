"""The floor: agents and overload from the facts of a stream, restated by every list (metrics, section 3)."""

from __future__ import annotations

import datetime as dt

from ami_bridge import facts
from ami_bridge.fact import Fact
from ami_bridge.floor import Floor
from ami_bridge.member_facts import ListingEnded, MemberSeen, QueueListed, WaitingSeen
from ami_bridge.members import AgentState
from ami_bridge.membership import Listed, Member
from ami_bridge.overload import Closed, Effect, Opened
from hotline.settings import Queue

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
FREE, IN_USE = 1, 2


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def member(seconds: float, agent: str, status: int) -> Fact:
    return MemberSeen(
        at=at(seconds),
        call_id="",
        queue="hotline",
        agent=agent,
        interface=f"PJSIP/{agent}",
        status=status,
        paused=False,
        is_status=True,
    )


def joined(seconds: float, caller: str) -> Fact:
    return facts.CallerJoined(at=at(seconds), call_id=caller, uniqueid=caller, queue="hotline")


def left(seconds: float, caller: str) -> Fact:
    return facts.CallerLeft(at=at(seconds), call_id=caller, uniqueid=caller, queue="hotline")


def talks(seconds: float, agent: str, caller: str) -> Fact:
    return facts.AgentConnected(at=at(seconds), call_id=caller, uniqueid=caller, queue="hotline", agent=agent, leg=f"leg-{agent}")


class Seen:
    """A floor, and what it said."""

    def __init__(self) -> None:
        self.agents: dict[str, AgentState] = {}
        self.effects: list[Effect] = []
        self.members: list[Member | Listed] = []
        self.floor = Floor(Queue(overload_waiting=1), show=self.show, mark=self.effects.append, keep=self.members.append)

    def show(self, agent: AgentState) -> None:
        self.agents[agent.agent] = agent

    def hear(self, *found: Fact) -> None:
        for fact in found:
            self.floor.hear(fact)


def listing(seconds: float, *waiting: str) -> list[Fact]:
    entries: list[Fact] = [
        WaitingSeen(at=at(seconds), call_id=caller, uniqueid=caller, queue="hotline", wait_seconds=3) for caller in waiting
    ]
    queue = QueueListed(at=at(seconds), call_id="", queue="hotline")
    return [queue, member(seconds, "1001", FREE), *entries, ListingEnded(at=at(seconds), call_id="")]


def test_a_queue_is_overloaded_while_every_agent_is_busy_and_too_many_wait() -> None:
    seen = Seen()
    seen.floor.list_all(listing(0))
    seen.hear(joined(1, "a"), left(2, "a"), member(2, "1001", IN_USE), talks(2, "1001", "a"), joined(3, "b"))
    assert seen.effects == []
    seen.hear(joined(4, "c"))
    assert seen.effects == [Opened("hotline", at(4))]
    seen.hear(left(9, "b"))
    assert seen.effects == [Opened("hotline", at(4)), Closed("hotline", at(9))]
    assert seen.agents["1001"].state == "talking"


def test_nothing_is_known_of_overload_before_all_queues_were_listed() -> None:
    seen = Seen()
    seen.hear(member(1, "1001", IN_USE), talks(1, "1001", "a"), joined(2, "b"), joined(3, "c"))
    assert seen.effects == []
    seen.floor.list_all(listing(4, "b", "c"))
    seen.hear(member(5, "1001", IN_USE), talks(5, "1001", "d"))
    assert seen.effects == [Opened("hotline", at(5))]


def test_a_link_that_breaks_ends_the_window_where_it_was_last_known_to_hold() -> None:
    seen = Seen()
    seen.floor.list_all(listing(0, "b", "c"))
    seen.hear(member(1, "1001", IN_USE), talks(1, "1001", "a"))
    seen.floor.lose(at(30))
    assert seen.effects == [Opened("hotline", at(1)), Closed("hotline", at(30))]


def test_a_caller_who_is_not_in_a_new_list_waits_no_more() -> None:
    seen = Seen()
    seen.floor.list_all(listing(0, "b", "c"))
    seen.floor.lose(at(5))
    seen.floor.list_all(listing(9, "c"))
    seen.hear(member(10, "1001", IN_USE), talks(10, "1001", "a"))
    assert seen.effects == []


def test_a_member_that_went_or_came_without_a_word_is_seen_in_a_list() -> None:
    seen = Seen()
    seen.floor.list_all(listing(0))
    assert seen.floor.unlike(listing(1)) == set()
    seen.hear(member(2, "1002", FREE))
    assert seen.floor.unlike(listing(3)) == {("hotline", "PJSIP/1002")}
    assert seen.floor.unlike([ListingEnded(at=at(4), call_id="")]) == {("hotline", "PJSIP/1001"), ("hotline", "PJSIP/1002")}
    seen.floor.list_all(listing(5))
    assert seen.members[-2:] == [
        Member(queue="hotline", interface="PJSIP/1002", agent="1002", at=at(5), status=FREE, is_gone=True),
        Listed(at(5), (("hotline", "PJSIP/1001"),), ("1001",)),
    ]
    assert seen.floor.unlike(listing(6)) == set()

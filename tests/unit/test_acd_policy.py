"""Whom a queue rings and where a call goes: acd/policy.py."""

from __future__ import annotations

from acd.policy import TRAINEE_PENALTY, Agent, Queue, memberships

HOTLINE = Queue(name="hotline")
ENGLISH = Queue(name="english", skill="english", least_level=3)
NORTH = Queue(name="north", sub_centre="north")


def test_everybody_serves_the_general_queue_and_has_a_queue_of_their_own() -> None:
    assert memberships([Agent(number="1001")], [HOTLINE]) == {("hotline", "1001"): 0, ("hotline.1001", "1001"): 0}


def test_a_skill_is_asked_from_its_least_level_on_and_the_better_is_rung_first() -> None:
    agents = [Agent(number=str(level), skills={"english": level}) for level in range(1, 6)]
    found = memberships([*agents, Agent(number="0")], [ENGLISH])
    assert {agent: penalty for (queue, agent), penalty in found.items() if queue == "english"} == {"3": 2, "4": 1, "5": 0}


def test_a_sub_centre_is_served_by_its_own_agents_and_the_general_queue_by_all() -> None:
    agents = [Agent(number="1", sub_centre="north"), Agent(number="2", sub_centre="south"), Agent(number="3")]
    found = memberships(agents, [HOTLINE, NORTH])
    assert {agent for queue, agent in found if queue == "north"} == {"1"}
    assert {agent for queue, agent in found if queue == "hotline"} == {"1", "2", "3"}


def test_a_trainee_is_rung_behind_everybody_and_not_at_all_where_trainees_are_not_wanted() -> None:
    trainee = Agent(number="1", trainee=True, mentor="2")
    assert memberships([trainee], [HOTLINE])["hotline", "1"] == TRAINEE_PENALTY
    assert not memberships([trainee], [Queue(name="vip", trainees=False)])


def test_who_is_not_active_serves_nowhere() -> None:
    assert not memberships([Agent(number="1", active=False)], [HOTLINE])

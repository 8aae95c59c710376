"""Whom a queue rings and where a call goes: acd/policy.py."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from acd.policy import (
    TRAINEE_PENALTY,
    Agent,
    Asked,
    History,
    Plan,
    Queue,
    Standing,
    Waiting,
    memberships,
    place_of,
    plan,
    route,
)
from hotline import settings
from hotline.clock import SHANGHAI
from hotline.settings import DAYS

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


# --- where a call goes

NOON = dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI)
NIGHT = NOON.replace(hour=23)
STAFFED = Standing(ready=1, logged_in=1)
NO_HISTORY = History()


def planned(**tables: dict[str, object]) -> Plan:
    return plan(settings.parse(tables, source="test"))


def test_a_usual_call_waits_at_the_end_of_its_queue() -> None:
    found = route(planned(), Asked(queue="hotline"), NOON, {"hotline": Standing(waiting=3, logged_in=9)}, NO_HISTORY)
    assert (found.queue, found.priority, found.place, found.first_agent) == ("hotline", 0, 0, "")
    assert (found.wait_seconds, found.overflows, found.why) == (600, False, ())


def test_a_name_that_is_no_queue_means_everybodys() -> None:
    assert route(planned(), Asked(queue="nowhere"), NOON, {}, NO_HISTORY).queue == "hotline"


def test_a_closed_sub_centre_hands_over_to_another_one_along_the_chain() -> None:
    day = {day: [("08:00", "18:00")] for day in DAYS}
    chosen = planned(
        queues={
            "north": {"overflow_to": "south", "hours": day, "sub_centre": "north"},
            "south": {"overflow_to": "hotline", "hours": day, "sub_centre": "south"},
        }
    )
    everywhere = dict.fromkeys(("north", "south", "hotline"), STAFFED)
    assert route(chosen, Asked(queue="north"), NOON, everywhere, NO_HISTORY).queue == "north"
    at_night = route(chosen, Asked(queue="north"), NIGHT, everywhere, NO_HISTORY)
    assert (at_night.queue, at_night.why) == ("hotline", ("closed", "closed"))


def test_overflow_by_number_goes_where_it_helps() -> None:
    chosen = planned(queue={"overflow_to": "north", "overflow_waiting": 3}, queues={"north": {}})
    for here, there, queue in (
        (Standing(waiting=2, logged_in=5), STAFFED, "hotline"),
        (Standing(waiting=3, logged_in=5), STAFFED, "north"),
        (Standing(waiting=3, logged_in=5), Standing(waiting=3, logged_in=5), "hotline"),
        (Standing(waiting=3, logged_in=5), Standing(waiting=2, logged_in=5), "north"),
        (Standing(waiting=9, logged_in=5), Standing(), "hotline"),
        (Standing(), STAFFED, "north"),
    ):
        assert route(chosen, Asked(queue="hotline"), NOON, {"hotline": here, "north": there}, NO_HISTORY).queue == queue


def test_overflow_by_wait_is_taken_over_with_the_wait_so_far_or_stays_for_the_rest() -> None:
    chosen = planned(queue={"overflow_to": "north", "overflow_seconds": 60}, queues={"north": {"wait_seconds": 300}})
    begins = route(chosen, Asked(queue="hotline"), NOON, {"hotline": STAFFED}, NO_HISTORY)
    assert (begins.wait_seconds, begins.overflows) == (60, True)
    left = Asked(queue="hotline", left=True, waited_seconds=60)
    goes = route(
        chosen, left, NOON, {"hotline": STAFFED, "north": Standing(waiting=1, known=(Waiting(5),), logged_in=1)}, NO_HISTORY
    )
    assert (goes.queue, goes.wait_seconds, goes.overflows, goes.place) == ("north", 300, False, 1)
    stays = route(chosen, left, NOON, {"hotline": Standing(waiting=1, known=(Waiting(30),), logged_in=1)}, NO_HISTORY)
    assert (stays.queue, stays.wait_seconds, stays.overflows, stays.place) == ("hotline", 540, False, 1)


def test_who_calls_again_gets_the_same_agent_if_ready_and_nobody_is_passed_over() -> None:
    ready = History(agent="1003", is_ready=True)
    for history, standing, agent in (
        (ready, STAFFED, "1003"),
        (History(agent="1003"), STAFFED, ""),
        (ready, Standing(waiting=1, logged_in=1, known=(Waiting(3),)), ""),
    ):
        assert route(planned(), Asked(queue="hotline"), NOON, {"hotline": standing}, history).first_agent == agent


def test_priority_is_off_until_it_is_switched_on_and_then_for_the_named_groups_and_overdue_tickets() -> None:
    on = planned(routing={"priority": True})
    for chosen, asked, priority in (
        (planned(), Asked(queue="hotline", group="elderly", overdue=True), 0),
        (on, Asked(queue="hotline"), 0),
        (on, Asked(queue="hotline", group="other"), 0),
        (on, Asked(queue="hotline", group="elderly"), 1),
        (on, Asked(queue="hotline", overdue=True), 1),
        (planned(routing={"priority": True, "priority_overdue": False}), Asked(queue="hotline", overdue=True), 0),
    ):
        assert route(chosen, asked, NOON, {"hotline": STAFFED}, NO_HISTORY).priority == priority


def test_nobody_who_has_waited_to_the_limit_or_is_unknown_is_overtaken_by_priority() -> None:
    on, asked = planned(routing={"priority": True, "priority_limit_seconds": 100}), Asked(queue="hotline", group="elderly")
    for standing, priority in (
        (Standing(waiting=1, known=(Waiting(99),)), 1),
        (Standing(waiting=1, known=(Waiting(100),)), 0),
        (Standing(waiting=1, known=(Waiting(100, 1),)), 1),
        (Standing(waiting=1), 0),
    ):
        assert route(on, asked, NOON, {"hotline": standing}, NO_HISTORY).priority == priority


waits = st.lists(st.builds(Waiting, st.floats(0, 600), st.integers(0, 1)), max_size=8)


@given(waits, st.integers(0, 12), st.floats(1, 900), st.integers(0, 1))
def test_a_place_is_never_before_a_longer_wait_a_higher_priority_or_somebody_unknown(
    known: list[Waiting], waiting: int, total: float, priority: int
) -> None:
    place = place_of(total, priority, Standing(waiting=waiting, known=tuple(known)))
    before = [one for one in known if one.priority > priority or (one.priority == priority and one.seconds >= total)]
    assert place == 0 or len(before) + max(0, waiting - len(known)) < place <= waiting


@given(st.data())
def test_any_call_gets_a_queue_that_there_is_and_some_time_to_wait(data: st.DataObject) -> None:
    chosen = planned(
        queue={"overflow_to": "north", "overflow_seconds": 60, "overflow_waiting": 2},
        queues={"north": {"overflow_to": "south", "overflow_waiting": 1}, "south": {"hours": {day: [] for day in DAYS}}},
    )
    standings = st.builds(Standing, waiting=st.integers(0, 5), ready=st.integers(0, 2), logged_in=st.integers(0, 3))
    floor = data.draw(st.dictionaries(st.sampled_from(["hotline", "north", "south", "x"]), standings))
    asked = data.draw(st.builds(Asked, queue=st.sampled_from(["hotline", "north", "south", "x"]), left=st.booleans()))
    found = route(chosen, asked, NOON, floor, NO_HISTORY)
    assert found.queue in chosen.rules and found.wait_seconds > 0

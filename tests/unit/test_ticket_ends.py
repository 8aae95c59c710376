"""No ticket is lost: from wherever it stands somebody can lead it to where its citizen has been answered (LIF-42).

Also when its unit left the directory, its agent left, or the rules of the city changed meanwhile. A withdrawal is the citizen's
own wish, and counts for no way out, nor does a merge, or that the ticket is not accepted.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.permissions import Person
from crm.errors import RefusedError
from crm.tickets.life_cycle import TABLE
from crm.tickets.orders import Order
from crm.tickets.ticket import STATES
from tests.ticket_orders import FITTING
from tests.ticket_world import PERSONS, REPLY, UNITS, World, dispatched, fresh, order, to_call_back

_AWAY = ("withdraw", "merge", "reject")
_DONE = frozenset(("closed", "answered", "archived"))
_HOUSING = {role: Person(f"housing.{role}", role, "", "HOUSING") for role in ("unit_clerk", "unit_leader")}
LONGER = "幸福小区三号楼从昨天晚上开始暖气不热，室内只有十二度，老人和孩子都受不了，请供热公司尽快派人上门检查并恢复供热。" * 3
_FURTHER: tuple[tuple[Person, Order], ...] = (
    (PERSONS["shift_leader"], order("accept")),
    (PERSONS["shift_leader"], order("submit")),
    (PERSONS["shift_leader"], order("edit", content=LONGER)),
    (PERSONS["dispatcher"], order("edit", content=LONGER)),
    (PERSONS["office"], order("dispatch", lead_unit="HOUSING")),
    (PERSONS["leader"], order("instruct", text="请房管部门牵头解决。", lead_unit="HOUSING")),
    (PERSONS["office"], order("recall", reason="单位已撤销")),
    (PERSONS["office"], order("send_redo", reason="未解决")),
    (PERSONS["office"], order("close_demand", reason="不合理")),
    (_HOUSING["unit_clerk"], order("receive")),
    (_HOUSING["unit_leader"], order("reply", **REPLY, head_signed="张局长")),
    (_HOUSING["unit_leader"], order("reply", **{**REPLY, "citizen_told": False}, head_signed="张局长")),
)
_LEADING = {row.action for row in TABLE if row.to is not None} | {"release", "decide_unit", "endorse_extension", "edit"}
WAYS_OUT = [(PERSONS[who], order(action, **values)) for who, action, values in FITTING if action in _LEADING - set(_AWAY)]
WAYS_OUT += _FURTHER
_STATES = {row.action: set[str]() for row in TABLE}
for _row in TABLE:
    _STATES[_row.action] |= set(_row.states)
_NEAR = {"closed": 0, "unreachable_1": 1, "callback_pending": 1, "replied": 2, "review": 2, "reply_proposed": 2}


def leads_to_an_answer(world: World) -> bool:
    """Whether somebody can lead it there, by orders of ``WAYS_OUT``; the nearest are tried first."""
    waiting: list[tuple[int, int, World]] = [(0, 0, world)]
    seen, count = {_key(world)}, 0
    while waiting:
        *_, here = heapq.heappop(waiting)
        if here.ticket.state in _DONE:
            return True
        for person, what in WAYS_OUT:
            if here.ticket.state not in _STATES[what.action] or person.unit in _gone(here):
                continue
            after = here.copy()
            try:
                after.take(person, what)
            except RefusedError:
                continue
            if _key(after) not in seen:
                seen.add(_key(after))
                count += 1
                heapq.heappush(waiting, (_NEAR.get(after.ticket.state, 3), count, after))
    return False


def _gone(world: World) -> set[str]:
    """Nobody orders anything there any more."""
    return {code for code, unit in world.units.items() if not unit.active}


def _key(world: World) -> tuple[object, ...]:
    ticket = world.ticket
    asked = (ticket.released, ticket.doubt, ticket.extensions, ticket.endorsed, min(ticket.attempts, 5), len(ticket.content))
    return (ticket.state, ticket.before, ticket.lead_unit, asked, ticket.hidden)


def _unit_gone(world: World) -> None:
    gone = {code: msgspec.structs.replace(UNITS[code], active=False) for code in ("HEATING", "HEATING.EAST")}
    world.units = {**UNITS, **gone}


def _agent_gone(world: World) -> None:
    world.ticket = msgspec.structs.replace(world.ticket, accept_agent="left", made_by="left")


def _rules(**keys: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.profile = msgspec.structs.replace(world.profile, **keys)

    return change


CHANGES: tuple[Callable[[World], None], ...] = (
    lambda _world: None,
    _unit_gone,
    _agent_gone,
    _rules(reply_approval=False),
    _rules(reply_approval=True, reply_review=True),
    _rules(least_words=60, callback_attempts=4, callback_gap_hours=20),
    _rules(redo_by="office", extension_count=0, extension_special=0, extension_max_days=1),
    _rules(trainee_release=True, who_replies="hotline"),
)
BEGINNINGS: tuple[dict[str, Any], ...] = (
    {},
    {"hidden": ("all",)},
    {"upstream_no": "S-1", "upstream_system": "province"},
    {"accept_agent": "trainee", "made_by": "trainee", "released": False},
    {"anonymous": True, "has_identity": False},
)
_STEPS = st.lists(st.sampled_from([one for one in FITTING if one[1] not in ("note", "mark_urgent", "urge")]), max_size=40)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.booleans(), _STEPS, st.lists(st.sampled_from(CHANGES), max_size=3))
def test_from_everywhere_somebody_can_lead_a_ticket_to_an_answer(
    given_: dict[str, Any],
    is_dispatched: bool,
    steps: list[tuple[str, str, dict[str, Any]]],
    changes: list[Callable[[World], None]],
) -> None:
    world = dispatched(**given_) if is_dispatched and given_ == {} else World(fresh(**given_))
    for who, action, values in steps:
        with suppress(RefusedError):
            world.take(PERSONS[who], order(action, **values))
    for change in changes:
        change(world)
    if world.ticket.state not in ("withdrawn", "merged", "rejected"):
        assert leads_to_an_answer(world), (world.ticket, world.tasks)


def test_in_each_state_at_a_unit_that_is_gone_there_is_a_way_out() -> None:
    """Not by chance alone: each state that a unit has a ticket in, and those after its reply."""
    reached: dict[tuple[str, int, str], World] = {}
    waiting = deque([dispatched(), to_call_back(), World(fresh(upstream_no="S", upstream_system="p"))])
    while waiting:
        world = waiting.popleft()
        key = (world.ticket.state, world.ticket.extensions, world.ticket.upstream_no)
        if key in reached:
            continue
        reached[key] = world
        for who, action, values in FITTING:
            after = world.copy()
            with suppress(RefusedError):
                after.take(PERSONS[who], order(action, **values))
                waiting.append(after)
    assert {state for state, *_ in reached} == set(STATES)
    for (state, *_), world in reached.items():
        _unit_gone(world)
        _agent_gone(world)
        if state not in ("withdrawn", "merged", "rejected", "archived"):
            assert leads_to_an_answer(world), state

"""Every action in every state by every role, and orders at random: legal, or refused with a known code and nothing changed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, inspect

from acd.permissions import ROLES
from crm import permissions
from crm.errors import CODES, RefusedError
from crm.profiles.profile import Profile
from crm.tickets.case import SATISFIED
from crm.tickets.decide import REQUESTS, decide, possible
from crm.tickets.life_cycle import ACTIONS, TABLE
from crm.tickets.orders import VALUES, Order
from crm.tickets.ticket import AT_UNIT, STATES, ClosingGround, State, Ticket
from tests.ticket_orders import FITTING
from tests.ticket_world import PERSONS, START, TARGET, UNITS, World, dispatched, fresh, order


def _somewhere(state: State) -> tuple[Ticket, World]:
    """A ticket in this state, as if it had come there."""
    world = dispatched()
    values: dict[str, Any] = {"state": state, "before": "in_progress" if state in REQUESTS else None}
    if state not in AT_UNIT:
        values |= {"lead_unit": "", "co_units": ()}
    return msgspec.structs.replace(world.ticket, **values), world


def test_every_action_in_every_state_by_every_role_is_legal_or_refused_with_a_known_code() -> None:
    fitting = {action: [order(name, **values) for _, name, values in FITTING if name == action] for action in ACTIONS}
    allowed = {(row.action, state, role) for row in TABLE for state in row.states for role in row.who}
    found: Counter[str] = Counter()
    now = START + dt.timedelta(hours=3)
    for state in STATES:
        ticket, world = _somewhere(state)  # type: ignore[arg-type]
        around, before = world.around(), msgspec.to_builtins(ticket)
        for role in ROLES:
            offered = possible(ticket, PERSONS[role], around)
            for action in ACTIONS:
                for what in fitting[action]:
                    try:
                        decide(ticket, what, PERSONS[role], around, profile=world.profile, now=now)
                        code = "done"
                    except RefusedError as refused:
                        code = refused.code
                        assert code in CODES
                    found[code] += 1
                    if (action, state, role) not in allowed:
                        assert code in ("not_allowed", "wrong_state"), (action, state, role)
                    if code == "done":
                        assert action in offered, (action, state, role)
        assert msgspec.to_builtins(ticket) == before and around == world.around()
    assert found["done"] > 500 and found["not_allowed"] > 5000 and found["wrong_state"] > 3000, found


def test_the_matrix_of_permissions_allows_what_the_table_allows_and_nothing_else() -> None:
    for action in ACTIONS:
        by_table = {role for row in TABLE if row.action == action for role in row.who}
        assert {role for role in ROLES if permissions.may(PERSONS[role], f"ticket.{action}")} == by_table, action


_DAYS = (dt.date(2026, 11, 20), dt.date(2027, 2, 1))
_SIMPLE: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.BoolType: st.booleans(),
    inspect.DateType: st.dates(*_DAYS),
    inspect.DateTimeType: st.integers(0, 90).map(lambda days: START + dt.timedelta(days=days - 3)),
    inspect.UUIDType: st.uuids(),
    inspect.NoneType: st.none(),
    inspect.StrType: st.sampled_from(["", "malicious", *UNITS, "已更换阀门，室温二十度。", "不合理", "正在协调。"]),
}


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Values of a type, those that mean something in this world more often."""
    match kind:
        case inspect.UnionType(types=types):
            return st.one_of(*(_values(one) for one in types))
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.IntType(ge=ge, le=le):
            return st.sampled_from([TARGET.ticket_id, 2026112300001]) if (ge or 0) > 10**9 else st.integers(ge, min(le or 9, 12))
        case inspect.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=3).map(tuple)
    return _SIMPLE[type(kind)]


def _orders(action: str) -> st.SearchStrategy[Order]:
    described = inspect.type_info(VALUES[action])
    assert isinstance(described, inspect.StructType)
    fields = {
        field.name: st.one_of(st.just(UNSET), _values(field.type)) if field.default is UNSET else _values(field.type)
        for field in described.fields
    }
    wild = st.builds(VALUES[action], **fields).map(lambda values: Order(action, values))
    tame = [order(name, **values) for _, name, values in FITTING if name == action]
    return st.one_of(st.sampled_from(tame), st.sampled_from(tame), wild)


_STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(PERSONS)), st.sampled_from(ACTIONS).flatmap(_orders), st.integers(0, 60)),
    min_size=1,
    max_size=40,
)
_LIKELY = {who: [order(action, **values) for by, action, values in FITTING if by == who] for who in {one[0] for one in FITTING}}
_WAYS = st.lists(
    st.sampled_from([(who, what, 13) for who, orders in _LIKELY.items() for what in orders]), min_size=50, max_size=150
)
_TICKETS = st.builds(
    fresh,
    hidden=st.sampled_from([(), ("all",), ("name",)]),
    nature=st.sampled_from([None, "report", "complaint", "help"]),
    accused_unit=st.sampled_from(["", "HEATING", "CITY"]),
    upstream_no=st.sampled_from(["", "省1"]),
    anonymous=st.booleans(),
)
_PROFILES = st.builds(
    Profile,
    reply_approval=st.booleans(),
    reply_review=st.booleans(),
    who_replies=st.sampled_from(["unit", "hotline", "both"]),
    redo_by=st.sampled_from(["supervision_office", "office"]),
    require_identity_for=st.sampled_from([(), ("report",)]),
    extension_special=st.integers(0, 1),
)


def _is_sound(world: World, before: Ticket, values: Any) -> None:
    """What must hold of a ticket wherever it stands."""
    ticket = world.ticket
    assert ticket.version == before.version + 1
    assert all(getattr(ticket, name) == value for name, value in values.items() if name != "due_at")
    if ticket.state == "closed":
        assert ticket.closing_ground in get_args(ClosingGround) and ticket.closed_at is not None  # LIF-42
        if ticket.closing_ground == "callback":
            assert ticket.process_satisfaction is not None and ticket.result_satisfaction is not None
        if ticket.closing_ground == "unreachable":
            assert ticket.attempts >= 2
    if ticket.state == "archived" and before.state != "archived":
        assert ticket.result_satisfaction in SATISFIED or ticket.reviewed_at is not None  # LIF-43
    if before.state == "archived":
        assert ticket.state == "archived" and not set(values) - {"open_supervisions", "publishable"}  # ARC-02
    assert (ticket.before is not None) <= (ticket.state in {*REQUESTS, "merged"})
    assert ticket.merged_into is None or ticket.state in ("merged", "archived")
    leads = [row["unit"] for row in world.tasks if row["kind"] == "lead" and row.get("ended_at") is None]
    if ticket.state in AT_UNIT:
        assert leads == [ticket.lead_unit] and ticket.due_at is not None and ticket.dispatched_at is not None
    elif ticket.state != "countersign":
        assert leads == []
    if ticket.state == "pending_dispatch":
        assert not ticket.lead_unit and ticket.due_at is None
    is_asked = any(row.get("decided_at") is None for row in world.requests)
    assert is_asked == (ticket.state in REQUESTS - {"reply_proposed"})
    if ticket.nature == "report" and ticket.accused_unit == "HEATING" and "nature" not in values:
        assert not {"HEATING", "HEATING.EAST"} & {row["unit"] for row in world.tasks}  # SEC-02


def _go(world: World, steps: list[tuple[str, Order, int]]) -> None:
    for who, what, hours in steps:
        before, around = world.ticket, world.around()
        try:
            change = world.take(PERSONS[who], what, hours)
        except RefusedError as refused:
            assert refused.code in CODES and world.ticket is before and world.around() == around
        else:
            _is_sound(world, before, change.values)
            msgspec.json.encode((change.detail, [kept.values for kept in change.kept]))


@settings(max_examples=150, deadline=None)
@given(_TICKETS, _PROFILES, _STEPS)
def test_orders_at_random_are_carried_out_soundly_or_refused(ticket: Ticket, profile: Profile, steps: Any) -> None:
    _go(World(ticket, profile), steps)


@settings(max_examples=100, deadline=None)
@given(_TICKETS, _PROFILES, _WAYS)
def test_orders_that_fit_somewhere_in_any_order_lead_nowhere_but_along_the_table(
    ticket: Ticket, profile: Profile, steps: Any
) -> None:
    _go(World(ticket, profile), steps)


@settings(max_examples=100, deadline=None)
@given(_PROFILES, _WAYS)
def test_a_ticket_at_a_unit_goes_on_soundly_whatever_is_ordered(profile: Profile, steps: Any) -> None:
    world = dispatched()
    world.profile = profile
    _go(world, steps)

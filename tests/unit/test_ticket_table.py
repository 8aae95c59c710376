"""The table of transitions (LIF-40): each of its words means something, and each of its rows is taken by a walk from a draft."""

from __future__ import annotations

import re
from collections import deque

import msgspec
import pytest

from acd.permissions import ROLES
from crm.errors import CODES, RefusedError
from crm.profiles.profile import Profile
from crm.tickets import effects, needs, needs_answers
from crm.tickets.case import Case
from crm.tickets.decide import BACK, fitting_row
from crm.tickets.life_cycle import ACTIONS, TABLE
from crm.tickets.orders import VALUES, Order
from crm.tickets.ticket import STATES
from hotline.paths import TREE
from tests.ticket_orders import FITTING
from tests.ticket_world import PERSONS, TARGET, World, abandoned, fresh, order


def test_each_word_of_the_table_is_known_and_each_known_word_is_in_the_table() -> None:
    assert {need for row in TABLE for need in row.needs} == set(needs.NEEDS)
    assert {word for row in TABLE for word in row.when} == set(needs.CONDITIONS)
    words = {word for row in TABLE for word in row.does}
    assert [word for word in words if not effects.is_known(word)] == []
    assert set(effects.EFFECTS) <= words
    assert not effects.is_known("start:tea") and not effects.is_known("closed:tired") and not effects.is_known("wished")


def test_clock_words_that_depend_on_the_city_name_a_key_of_its_profile() -> None:
    keys = {word.partition("?")[2] for row in TABLE for word in row.does if "?" in word}
    assert keys == {"pause_on_return", "pause_on_countersign"}
    assert all(isinstance(getattr(Profile(), key), bool) for key in keys)


def test_the_table_names_states_and_roles_that_exist_and_says_by_which_rules() -> None:
    for row in TABLE:
        assert set(row.states) <= set(STATES) and row.states, row
        assert row.to in (*STATES, BACK, None), row
        assert set(row.who) <= set(ROLES) and set(row.who.values()) <= {"self", "unit", "anyone"}, row
        assert re.fullmatch(r"[A-Z]{2,3}-\d\d(\.\.\d\d)?(, [A-Z]{2,3}-\d\d(\.\.\d\d)?)*", row.rules), row


def test_each_action_has_values_and_each_type_of_values_an_action() -> None:
    assert set(VALUES) == set(ACTIONS)
    for kind in VALUES.values():
        assert kind.__struct_config__.frozen and kind.__struct_config__.forbid_unknown_fields
        assert msgspec.json.schema(kind)


def test_no_row_hides_another_one() -> None:
    """A row without conditions is the last of its action and state."""
    for place, row in enumerate(TABLE):
        for earlier in TABLE[:place]:
            if earlier.action == row.action and not set(earlier.when) - set(row.when):
                assert not set(earlier.states) >= set(row.states), (earlier, row)


def test_each_code_that_a_need_gives_is_known() -> None:
    text = "".join((TREE / "crm/tickets" / name).read_text(encoding="utf-8") for name in ("needs.py", "needs_answers.py"))
    codes = {*re.findall(r'\(?"([a-z_]+)", \{', text), *re.findall(r'needed\("([a-z_]+)"', text)}
    assert len(codes) > 40 and codes - set(CODES) == set()
    assert needs_answers.NEEDS.items() <= needs.NEEDS.items()


@pytest.mark.parametrize("text", ["a\x00b", "\x07", "a\x7f", "a\x0bb", "a\x1b[31m"])
def test_a_text_with_control_characters_is_refused(text: str) -> None:
    for action, name in (("note", "text"), ("withdraw", "reason"), ("publish", "text")):
        with pytest.raises(msgspec.ValidationError):
            order(action, **{name: text})
    with pytest.raises(msgspec.ValidationError):
        order("edit", caller_name=text)


def test_texts_have_lengths_lines_have_no_end_of_line_and_unknown_values_are_refused() -> None:
    assert order("note", text="一\n二\t三" + "字" * 19_995)
    for action, values in (
        ("note", {"text": "字" * 20_001}),
        ("note", {"text": "x", "state": "closed"}),
        ("edit", {"caller_name": "张三\n"}),
        ("edit", {"caller_phone": "05342000001\n"}),
        ("edit", {"caller_phone": "call me"}),
        ("edit", {"nature": "gossip"}),
        ("merge", {"into": 0}),
        ("dispatch", {"lead_unit": "a b"}),
        ("ask_extension", {"reason": "x", "days": 0}),
        ("call_back", {"result_satisfaction": "so so"}),
        ("supervise", {"mode": "written", "answer_due_at": "2026-12-31T10:00:00"}),
    ):
        with pytest.raises(msgspec.ValidationError):
            order(action, **values)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'{"text": "a\\ud800b"}', type=VALUES["note"])


BEGINNINGS = (
    World(),
    World(fresh(accept_agent="trainee"), Profile(trainee_release=True)),
    World(fresh(hidden=("all",))),
    World(fresh(upstream_no="省20261123", upstream_system="province", publishable=True)),
    World(profile=Profile(reply_approval=False)),
    World(fresh(accept_agent="trainee", nature="report"), Profile(reply_review=True, reply_approval=False)),
    World(fresh(service_complaint=True)),
    World(profile=Profile(callback_attempts=3)),
    abandoned(),
    World(fresh(parent_id=TARGET.ticket_id)),
)


def _key(world: World) -> tuple[object, ...]:
    """What matters of where a ticket stands, so that the walk ends."""
    ticket = world.ticket
    asked = (ticket.released, bool(ticket.doubt), ticket.extensions, ticket.special_extensions, ticket.endorsed)
    return (ticket.state, ticket.before, asked, min(ticket.attempts, 2), bool(ticket.open_supervisions))


def test_a_walk_from_a_draft_takes_every_row() -> None:
    taken: set[int] = set()
    reached: set[str] = set()
    places = {id(row): place for place, row in enumerate(TABLE)}
    orders = [(PERSONS[who], order(action, **values)) for who, action, values in FITTING]
    for beginning in BEGINNINGS:
        seen, waiting = {_key(beginning)}, deque([beginning])
        while waiting:
            world = waiting.popleft()
            around = world.around()
            reached.add(world.ticket.state)
            for person, what in orders:
                case = Case(world.ticket, what.action, what.values, person, around, world.profile, world.now)
                try:
                    row = fitting_row(case)
                    if places[id(row)] in taken and row.to is None and what.action not in _USEFUL:
                        continue
                    after = world.copy()
                    after.take(person, what)
                except RefusedError:
                    continue
                taken.add(places[id(row)])
                if _key(after) not in seen:
                    seen.add(_key(after))
                    waiting.append(after)
    assert [TABLE[place] for place in range(len(TABLE)) if place not in taken] == []
    assert reached == set(STATES)


_USEFUL = frozenset(("release", "ask_dispatch_lead", "decide_unit", "endorse_extension"))
"""Actions that leave the state as it is, and yet open a way."""


def test_an_action_of_another_kind_of_values_is_refused() -> None:
    world = World()
    for what, code in ((Order("dance", VALUES["note"]()), "unknown_action"), (Order("accept", VALUES["note"]()), "bad_values")):
        with pytest.raises(RefusedError, match=code):
            world.take(PERSONS["agent"], what)

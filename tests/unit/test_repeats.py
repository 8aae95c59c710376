"""What a contact is: a repeat, a known result, the same again, another's matter, or new (TKT-16 to TKT-19, CAL-01 to CAL-06)."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.callers import rules
from crm.callers.rules import Kind, Matter
from crm.profiles.profile import Profile
from crm.tickets.ticket import STATES

NOW = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
DARK = "湖滨北路与东方红路交叉口向东三百米的路灯不亮了,晚上走路很危险,请派人维修。"
KNOWN = Matter(
    ticket_id=1,
    state="in_progress",
    made_at=NOW - 3 * DAY,
    numbers=frozenset({"13905340001"}),
    name="张三",
    category="C1.03",
    place="湖滨北路东方红路口",
    text=DARK,
)
AGAIN = Matter(
    numbers=frozenset({"13905340001"}),
    category="C1.03",
    text="东方红路和湖滨北路交叉口往东的路灯还是不亮,什么时候维修?晚上走路很危险。",
)
ELSE = "自来水水压太低,三楼以上白天没有水,物业说不归他们管。"
DEZHOU, KARAMAY = Profile(), Profile(duplicate_policy="karamay")


def only(contact: Matter, known: Matter, profile: Profile = DEZHOU) -> tuple[str, str]:
    found = rules.suggest(contact, [known], profile, NOW)
    return (found[0].kind, found[0].advice) if found else ("new", "")


@pytest.mark.parametrize(
    ("state", "kind", "advice"),
    [
        ("pending_dispatch", "repeat", "add_contact"),
        ("in_progress", "repeat", "add_contact"),
        ("merged", "repeat", "add_contact"),
        ("callback_pending", "result", "tell_result"),
        ("answered", "result", "tell_result"),
        ("closed", "report_again", "report_again"),
        ("archived", "report_again", "report_again"),
        ("rejected", "new", ""),
        ("withdrawn", "new", ""),
    ],
)
def test_the_same_person_with_the_same_matter(state: str, kind: str, advice: str) -> None:
    """TKT-17, CAL-04, LIF-09, ASM-12."""
    assert only(AGAIN, msgspec.structs.replace(KNOWN, state=state)) == (kind, advice)


def test_a_city_may_refuse_repeated_content_and_by_default_does_not() -> None:
    """TKT-19, CNF-08."""
    assert only(AGAIN, KNOWN, DEZHOU) == ("repeat", "add_contact")
    assert only(AGAIN, KNOWN, KARAMAY) == ("repeat", "refuse_repeated")


@pytest.mark.parametrize(("state", "advice"), [("in_progress", "link"), ("closed", "tell_result"), ("replied", "tell_result")])
def test_another_caller_with_the_same_matter_is_told_its_result_or_linked(state: str, advice: str) -> None:
    """TKT-16, TKT-18, LIF-08."""
    other = msgspec.structs.replace(AGAIN, numbers=frozenset({"13905349999"}))
    assert only(other, msgspec.structs.replace(KNOWN, state=state)) == ("same_matter", advice)
    elsewhere = msgspec.structs.replace(other, place="宁津县柴胡店镇")
    assert only(elsewhere, msgspec.structs.replace(KNOWN, state=state)) == ("new", "")


@pytest.mark.parametrize(
    "changes",
    [{"text": ELSE}, {"category": "C2.01"}, {"category": "C2.01", "text": ELSE}],
)
def test_the_same_person_with_another_matter_is_new(changes: dict[str, str]) -> None:
    assert only(msgspec.structs.replace(AGAIN, **changes), KNOWN) == ("new", "")


def test_a_name_counts_as_a_number_does_and_what_is_not_known_yet_does_not_speak_against_it() -> None:
    named = Matter(name="张三", category="C1.03", text=AGAIN.text)
    assert only(named, KNOWN)[0] == "repeat"
    assert only(Matter(numbers=KNOWN.numbers), KNOWN)[0] == "repeat"
    assert only(Matter(numbers=KNOWN.numbers, category="C1.04"), KNOWN)[0] == "repeat"
    assert only(Matter(category="C1.03"), KNOWN)[0] == "new"
    assert only(Matter(), KNOWN)[0] == "new"


def test_what_is_older_than_the_profile_says_does_not_count_and_a_ticket_is_not_its_own_repeat() -> None:
    assert only(AGAIN, msgspec.structs.replace(KNOWN, made_at=NOW - 91 * DAY))[0] == "new"
    assert only(AGAIN, msgspec.structs.replace(KNOWN, made_at=NOW - 90 * DAY))[0] == "repeat"
    assert only(msgspec.structs.replace(AGAIN, ticket_id=1), KNOWN)[0] == "new"


def test_the_likeliest_is_first_with_its_reasons() -> None:
    weaker = msgspec.structs.replace(KNOWN, ticket_id=2, numbers=frozenset())
    found = rules.suggest(AGAIN, [weaker, KNOWN], DEZHOU, NOW)
    assert [one.ticket_id for one in found] == [1, 2]
    assert found[0].reasons == ("same_number", "same_category", "similar_text")
    assert 1 >= found[0].score > found[1].score > 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_the_same_both_ways_and_one_for_the_same(one: str, other: str) -> None:
    left, right = rules.pairs(one), rules.pairs(other)
    assert rules.likeness(left, right) == rules.likeness(right, left)
    assert 0 <= rules.likeness(left, right) <= 1
    assert rules.likeness(left, left) == float(bool(left))


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_place_and_something_to_say(state: str) -> None:
    """CAL-01: the agent first looks where the ticket is."""
    found = rules.standing(state, None, NOW)
    assert found.where and found.say and not found.is_overdue


def test_what_is_said_and_done_depends_on_where_it_is_and_whether_it_is_late() -> None:
    """CAL-02, CAL-03, CAL-05, LIF-09, TKT-17."""
    late, early = NOW - DAY, NOW + DAY
    table = {
        ("in_progress", early): ("unit", False, ("SCR-67", "SCR-18"), ("add_contact", "urge")),
        ("in_progress", late): ("unit", True, ("SCR-18",), ("urge", "tell_supervision_office")),
        ("pending_dispatch", early): ("dispatch", False, ("SCR-18",), ("add_contact", "tell_dispatch")),
        ("pending_dispatch", late): ("dispatch", True, ("SCR-18",), ("tell_dispatch",)),
        ("callback_pending", late): ("callback", False, ("SCR-60",), ("tell_result",)),
        ("closed", late): ("ended", False, ("SCR-60",), ("tell_result", "report_again")),
        ("merged", None): ("ended", False, ("merged",), ("look_at_target",)),
    }
    for (state, due_at), (where, is_late, say, do) in table.items():
        found = rules.standing(state, due_at, NOW)
        assert (found.where, found.is_overdue, found.say, found.do) == (where, is_late, say, do), state


@pytest.mark.parametrize(
    ("kind", "was_with_unit", "is_overdue", "asks"),
    [
        ("report_again", True, False, True),
        ("repeat", True, True, True),
        ("repeat", True, False, False),
        ("report_again", False, False, False),
        ("result", True, True, False),
    ],
)
def test_what_a_unit_had_and_comes_again_is_for_a_leader(kind: Kind, was_with_unit: bool, is_overdue: bool, asks: bool) -> None:
    """SUP-18, ESC-04: at the first time."""
    assert rules.asks_for_instruction(kind, was_with_unit=was_with_unit, is_overdue=is_overdue) is asks

"""Who may hear which recording: every role, with everything that a recording can have to do with it (QUA-02, SEC-08, SEC-12)."""

from __future__ import annotations

import itertools

import pytest

from acd.permissions import ROLES, Person
from crm.errors import RefusedError
from crm.permissions import MATRIX
from crm.recordings import access
from crm.recordings.access import Facts

ALL = ("shift_leader", "supervisor", "quality", "office", "supervision_office", "observer")
OWN = ("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent")
UNITS = ("unit_clerk", "unit_leader")
ACTIONS = [action for action in MATRIX if action.startswith("recording.")]
NO_YES = (False, True)
EVERY_FACT = [
    Facts(kind=kind, took_part=took_part, has_ticket=has_ticket, of_unit=of_unit)
    for kind, took_part, has_ticket, of_unit in itertools.product(("conversation", "message"), NO_YES, NO_YES, NO_YES)
]


def person(role: str, *, unit: str = "") -> Person:
    return Person("somebody", role, unit=unit)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("facts", EVERY_FACT)
def test_a_role_hears_what_it_has_to_do_with_and_nothing_else(role: str, facts: Facts) -> None:
    own = facts.took_part if facts.kind == "conversation" else facts.has_ticket
    wanted = role in ALL or (role in OWN and own) or (role in UNITS and facts.of_unit)
    for action in ("recording.read", "recording.hear"):
        assert access.may(person(role, unit="CITY"), action, facts) == wanted


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_do_more_may_hear_it(role: str) -> None:
    for action, facts in itertools.product(ACTIONS, EVERY_FACT):
        if access.may(person(role, unit="CITY"), action, facts):
            assert access.may(person(role, unit="CITY"), "recording.read", facts)


def test_a_person_of_no_unit_in_a_units_role_hears_nothing() -> None:
    assert not any(access.may(person(role), "recording.hear", facts) for role in UNITS for facts in EVERY_FACT)


@pytest.mark.parametrize("role", ROLES)
def test_a_reason_is_asked_for_where_the_rule_says_so(role: str) -> None:
    facts = Facts(kind="conversation", took_part=True, of_unit=True)
    for action in ("recording.read", "recording.hear", "recording.download"):
        if not access.may(person(role, unit="CITY"), action, facts):
            with pytest.raises(RefusedError, match="not_allowed"):
                access.check(person(role, unit="CITY"), action, facts, "a good reason")
        elif role in ("supervision_office", "observer") and action != "recording.read":
            for poor in ("", "   ", "abc", "  a  "):
                with pytest.raises(RefusedError, match="reason_missing"):
                    access.check(person(role, unit="CITY"), action, facts, poor)
            access.check(person(role, unit="CITY"), action, facts, "投诉核查")
        else:
            access.check(person(role, unit="CITY"), action, facts)

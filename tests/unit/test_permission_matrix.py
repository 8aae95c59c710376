"""Who may do what (ORG-20 to ORG-36): every role and every action has a value that was written down beside the code.

``permission_matrix.tsv``: ``x`` anybody's, ``s`` one's own, ``t`` one's trainee's, ``u`` one's unit's, ``.`` may not. A new
action needs a line there, a name in ``crm/names.toml``, and the documents: ``python -m crm.permission_pages``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.permissions import Person
from crm import permission_pages, permissions
from crm.errors import RefusedError
from crm.permissions import MATRIX, OF_GOVERNMENT, may
from crm.tickets.life_cycle import TABLE
from hotline.roles import OF_UNITS, ROLES

_ROWS = [line.split("\t") for line in Path(__file__).with_name("permission_matrix.tsv").read_text(encoding="utf-8").splitlines()]
_WHOSE = {"x": "anyone", "s": "self", "t": "trainee", "u": "unit", ".": None}
GOLDEN = {action: dict(zip(_ROWS[0][1:], values, strict=True)) for action, *values in _ROWS[1:]}
TRANSITIONS = {f"ticket.{row.action}" for row in TABLE}

MAY: dict[str, tuple[str, str]] = {
    "agent": (
        "call.control call.threeway caller.mark_malicious ticket.open ticket.edit ticket.answer ticket.submit ticket.search",
        "ticket.dispatch ticket.approve_return ticket.approve_extension ticket.call_back ticket.close_demand ticket.release",
    ),
    "trainee": (
        "call.control ticket.open ticket.edit ticket.submit",
        "ticket.release ticket.dispatch caller.merge knowledge.secret call.listen exclusion.set",
    ),
    "dispatcher": (
        "ticket.return_to_acceptor ticket.dispatch ticket.approve_extension ticket.refuse_extension ticket.approve_return",
        "ticket.decide_unit ticket.endorse_extension ticket.send_redo ticket.close_demand ticket.instruct",
    ),
    "dispatch_lead": ("ticket.decide_unit ticket.ask_supervision_office", "ticket.endorse_extension ticket.close_demand"),
    "callback_agent": (
        "ticket.call_back ticket.told_on_call ticket.archive",
        "ticket.send_redo ticket.close_demand ticket.dispatch",
    ),
    "shift_leader": (
        "ticket.mark_urgent ticket.release ticket.report call.listen exclusion.set caller.reset_malicious",
        "ticket.dispatch ticket.close_demand ticket.instruct exclusion.confirm account.keep",
    ),
    "supervision_office": (
        "ticket.send_redo ticket.close_demand ticket.endorse_extension ticket.decide_unit ticket.supervise",
        "ticket.instruct ticket.reply account.keep",
    ),
    "office": (
        "ticket.review_file ticket.assign_again figures.read audit.read exclusion.confirm",
        "account.keep ticket.instruct",
    ),
    "leader": ("ticket.instruct ticket.read ticket.instructions", "ticket.dispatch ticket.close ticket.edit ticket.identity"),
    "unit_clerk": (
        "ticket.receive ticket.ask_return ticket.ask_extension ticket.commit ticket.reply",
        "ticket.approve_reply ticket.ask_second_extension ticket.dispatch ticket.export figures.live agent.see call.control",
    ),
    "unit_leader": (
        "ticket.approve_reply ticket.ask_second_extension ticket.send_back_reply",
        "ticket.approve_extension ticket.dispatch figures.live agent.see call.control",
    ),
    "observer": (
        "ticket.read ticket.identity ticket.open_accountability audit.read figures.lines supervision.list draft.read call.read",
        "ticket.edit ticket.dispatch ticket.close ticket.reply account.keep call.listen",
    ),
    "editor": ("knowledge.edit knowledge.release", "ticket.read ticket.identity figures.lines call.read"),
    "unit_editor": ("knowledge.edit knowledge.read", "knowledge.release ticket.read figures.live"),
    "analyst": ("figures.read ticket.export", "ticket.identity figures.lines caller.read caller.list ticket.read audit.read"),
    "quality": ("call.listen quality.see", "call.whisper call.barge ticket.identity ticket.edit"),
    "administrator": (
        "account.keep agent.keep webhook.keep profile.see",
        "ticket.read ticket.list ticket.identity caller.read draft.read figures.lines call.read audit.read ticket.export",
    ),
    "guest": ("ticket.read ticket.list", "ticket.identity ticket.note ticket.open ticket.export figures.live call.control"),
    "supervisor": ("call.listen call.take_over agent.lead exclusion.set", "ticket.dispatch ticket.close_demand account.keep"),
}
"""What the rules give to each role, and some of what they do not: read off ORG-20 to ORG-36, GEN-17 to GEN-21 by hand."""


def test_each_action_has_its_line() -> None:
    assert (set(MATRIX) - set(GOLDEN), set(GOLDEN) - set(MATRIX)) == (set(), set()), "write down who may"
    assert _ROWS[0][1:] == list(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_every_action_has_the_value_that_is_written_down_for_the_role(role: str) -> None:
    known = MATRIX.keys() & GOLDEN.keys()
    wrong = {
        action: (MATRIX[action].get(role), GOLDEN[action][role])
        for action in known
        if MATRIX[action].get(role) != _WHOSE[GOLDEN[action][role]]
    }
    assert wrong == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_its_rule_says_and_not_what_others_are_for(role: str) -> None:
    yes, no = (words.split() for words in MAY[role])
    person = Person("p", role, agent="1001", unit="u" if role in OF_UNITS else "")
    assert [action for action in yes if role not in MATRIX[action]] == []
    assert [action for action in no if role in MATRIX[action]] == []
    tickets = [action for action in yes if action in TRANSITIONS]
    assert [action for action in tickets if not may(person, action, accepted_by="p", units=["u"])] == []


def test_a_role_that_nobody_knows_may_nothing() -> None:
    for role in ("", "root", "Agent", "agent "):
        assert [action for action in MATRIX if may(Person("p", role, unit="u"), action)] == []


def test_a_trainee_acts_on_its_own_tickets_alone_where_they_are_changed() -> None:
    own = {action for action in TRANSITIONS if MATRIX[action].get("trainee") == "self"}
    assert {"ticket.edit", "ticket.accept", "ticket.submit", "ticket.answer", "ticket.reject"} <= own
    trainee = Person("t", "trainee", agent="1001")
    for action in own:
        assert may(trainee, action, accepted_by="t") and not may(trainee, action, accepted_by="other")
        with pytest.raises(RefusedError):
            permissions.check(trainee, action, accepted_by="other")


def test_a_unit_acts_on_tickets_with_it_alone_and_never_without_a_unit() -> None:
    for role in ("unit_clerk", "unit_leader"):
        theirs = [action for action in TRANSITIONS if role in MATRIX[action]]
        assert {MATRIX[action][role] for action in theirs} == {"unit"}
        for action in theirs:
            assert may(Person("c", role, unit="u1"), action, units=["u1", "top"])
            assert not may(Person("c", role, unit="u1"), action, units=["u2"])
            assert not may(Person("c", role), action, units=["", "u2"])


def test_staff_of_the_operator_may_in_no_role_what_is_the_governments_unless_granted() -> None:
    for role in ROLES:
        for action in OF_GOVERNMENT:
            ours = Person("p", role, unit="u")
            theirs = Person("p", role, unit="u", organisation="operator")
            granted = Person("p", role, unit="u", organisation="operator", granted=frozenset({action}))
            assert not may(theirs, action)
            assert may(granted, action) is may(ours, action)
    assert {action for action in MATRIX if ".approve_" in action} <= OF_GOVERNMENT


def test_the_observer_reads_what_anybody_reads() -> None:
    reading = {action for action in MATRIX if action.endswith((".read", ".list", ".see", ".search"))}
    not_of_citizens = {"webhook.see", "alarm.see"}  # the second acknowledges
    assert {action for action in reading if "observer" not in MATRIX[action]} == not_of_citizens


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_document_is_the_matrix(language: str) -> None:
    written = permission_pages.file(language).read_text(encoding="utf-8")
    assert written == permission_pages.page(language), "python -m crm.permission_pages"
    names = permission_pages.names()
    assert (set(names["roles"]), set(names["actions"])) == (set(ROLES), set(MATRIX))

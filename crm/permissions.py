"""Who may do what (ORG-20 to ORG-36): the one matrix, deny by default. Pure.

It joins what concerns calls (``acd.permissions``), the actions on a ticket, which stand in the table of transitions
(``ticket.dispatch``), and everything else about tickets, callers, units and knowledge, below. A page and a test print all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from acd import permissions as calls
from acd.permissions import ROLES, Person
from crm.errors import RefusedError
from crm.tickets.life_cycle import TABLE
from hotline.roles import OF_UNITS

_CENTRE = ("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent", "shift_leader", "supervisor",
           "supervision_office", "quality", "office", "leader", "observer")  # fmt: skip
_UNITS = dict.fromkeys(("unit_clerk", "unit_leader"), "unit")
_READERS = {**dict.fromkeys((*_CENTRE, "guest"), "anyone"), **_UNITS}
_TAKERS = dict.fromkeys(("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent", "shift_leader", "office"), "anyone")
_DISPATCHERS = ("dispatcher", "dispatch_lead", "supervision_office", "office")
_EVERYBODY = dict.fromkeys((*_CENTRE, "unit_clerk", "unit_leader", "editor", "unit_editor", "analyst", "administrator"), "anyone")
_ALL = dict.fromkeys(ROLES, "anyone")
_OF_NO_UNIT = {role: "anyone" for role in ROLES if role not in (*OF_UNITS, "guest")}
_QUALITY = ("quality", "shift_leader", "supervisor", "office")
_LEADS = dict.fromkeys(("supervisor", "shift_leader", "office", "leader"), "anyone")

_HEARERS = {
    **dict.fromkeys(("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent"), "self"),
    **dict.fromkeys(("shift_leader", "supervisor", "quality", "office", "supervision_office", "observer"), "anyone"),
    **_UNITS,
}

_BESIDE: Mapping[str, Mapping[str, str]] = {
    "ticket.open": _TAKERS,
    "ticket.read": _READERS,
    "ticket.list": _READERS,
    "ticket.identity": {
        **_TAKERS,
        "supervision_office": "anyone",
        "observer": "anyone",
        "unit_clerk": "unit",
        "unit_leader": "unit",
    },
    "clock.see": {**dict.fromkeys((*_CENTRE, "analyst"), "anyone"), **_UNITS},
    "cutoff.suspend": {"shift_leader": "anyone", "office": "anyone"},
    "profile.see": dict.fromkeys((*_CENTRE, "analyst", "administrator", *_UNITS), "anyone"),
    "ticket.code": _TAKERS,
    "ticket.adrift": dict.fromkeys(
        ("dispatcher", "dispatch_lead", "shift_leader", "supervisor", "supervision_office", "office", "observer"), "anyone"
    ),
    "ticket.contact": _TAKERS,
    "ticket.attach": {**_TAKERS, "supervision_office": "anyone", **_UNITS},
    "ticket.export": {"office": "anyone", "supervision_office": "anyone", "analyst": "anyone", "unit_leader": "unit"},
    "ticket.duplicates": {**_TAKERS, "supervision_office": "anyone"},
    "ticket.retaliation": {**_TAKERS, "supervision_office": "anyone"},
    "ticket.evidence": {"office": "anyone"},
    "retaliation.list": dict.fromkeys(("supervision_office", "office", "leader", "observer"), "anyone"),
    "retaliation.close": dict.fromkeys(("supervision_office", "office"), "anyone"),
    "caller.read": {**_TAKERS, **dict.fromkeys(("supervisor", "supervision_office", "observer"), "anyone")},
    "archive.search": {**_TAKERS, "supervision_office": "anyone", "observer": "anyone"},
    "caller.edit": _TAKERS,
    "caller.merge": dict.fromkeys(("agent", "dispatcher", "dispatch_lead", "callback_agent", "shift_leader", "office"), "anyone"),
    "message.list": {**_TAKERS, **dict.fromkeys(("supervisor", "supervision_office", "observer"), "anyone")},
    "message.work": _TAKERS,
    "webhook.see": {"administrator": "anyone", "office": "anyone"},
    "webhook.keep": {"administrator": "anyone"},
    "ticket.search": {**dict.fromkeys(_CENTRE, "anyone"), **_UNITS},
    "ticket.similar": {**_TAKERS, "supervision_office": "anyone"},
    "knowledge.read": {**_OF_NO_UNIT, **dict.fromkeys(("unit_clerk", "unit_leader", "unit_editor"), "anyone")},
    "knowledge.secret": {role: "anyone" for role in _OF_NO_UNIT if role not in ("trainee", "administrator")},
    "knowledge.edit": {"editor": "anyone", "office": "anyone", "unit_editor": "unit"},
    "knowledge.release": {"editor": "anyone", "office": "anyone"},
    "knowledge.report": {**_OF_NO_UNIT, **dict.fromkeys(("unit_clerk", "unit_leader", "unit_editor"), "anyone")},
    "knowledge.misses": dict.fromkeys(("editor", "office", "shift_leader", "supervisor", "analyst", "observer"), "anyone"),
    "knowledge.from_ticket": dict.fromkeys(("editor", "office", "supervision_office", "callback_agent"), "anyone"),
    "taxonomy.read": _EVERYBODY,
    "taxonomy.counts": dict.fromkeys(
        ("shift_leader", "supervisor", "supervision_office", "office", "leader", "analyst", "observer"), "anyone"
    ),
    "place.search": _EVERYBODY,
    "unit.tree": _EVERYBODY,
    "unit.returns": {
        **dict.fromkeys((*_DISPATCHERS, "shift_leader", "supervisor", "leader", "analyst", "observer"), "anyone"),
        **_UNITS,
    },
    "dispatch.suggest": dict.fromkeys((*_DISPATCHERS, "agent", "trainee", "callback_agent", "shift_leader"), "anyone"),
    "dispatch.rules": dict.fromkeys((*_DISPATCHERS, "shift_leader", "leader", "observer"), "anyone"),
    "dispatch.rules_keep": dict.fromkeys(("dispatch_lead", "supervision_office", "office"), "anyone"),
    "quality.live": dict.fromkeys((*_QUALITY, "leader", "observer"), "anyone"),
    "quality.plans": dict.fromkeys((*_QUALITY, "observer"), "anyone"),
    "quality.keep": dict.fromkeys(("quality", "supervisor", "office"), "anyone"),
    "quality.score": dict.fromkeys(_QUALITY, "anyone"),
    "quality.appeal": dict.fromkeys(("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent"), "self"),
    "quality.review": dict.fromkeys(_QUALITY, "anyone"),
    "quality.errors": dict.fromkeys((*_QUALITY, "dispatch_lead", "supervision_office"), "anyone"),
    "quality.complain": dict.fromkeys((*_QUALITY, "supervision_office", "callback_agent"), "anyone"),
    "quality.complaints": dict.fromkeys((*_QUALITY, "leader", "observer"), "anyone"),
    "quality.suggest": {**_OF_NO_UNIT, **dict.fromkeys(OF_UNITS, "anyone")},
    "quality.suggestions": dict.fromkeys(("quality", "supervisor", "office"), "anyone"),
    "quality.mystery": dict.fromkeys(("quality", "supervisor", "office"), "anyone"),
    "quality.replies": dict.fromkeys(("quality", "office", "supervision_office", "callback_agent"), "anyone"),
    "dispatch.accuracy": dict.fromkeys(
        (*_DISPATCHERS, "shift_leader", "supervisor", "quality", "leader", "analyst", "observer"), "anyone"
    ),
    "ticket.instructions": {**dict.fromkeys(_CENTRE, "anyone"), **_UNITS},
    "session.own": _ALL,
    "account.keep": {"administrator": "anyone"},
    "audit.read": {"observer": "anyone", "office": "anyone"},
    "figures.live": _OF_NO_UNIT,
    "figures.read": {**_LEADS, **dict.fromkeys(("supervision_office", "quality", "observer", "analyst"), "anyone")},
    "figures.lines": {**_LEADS, "observer": "anyone"},
    "figures.scrape": {**_LEADS, "administrator": "anyone"},
    "exclusion.set": {"supervisor": "anyone", "shift_leader": "anyone"},
    "exclusion.confirm": {"supervisor": "anyone", "office": "anyone"},
    "exclusion.withdraw": _LEADS,
    "alarm.see": _LEADS,
    "transcript.search": {
        "agent": "self",
        **dict.fromkeys(("quality", "shift_leader", "supervisor", "office", "observer"), "anyone"),
    },
    "transcript.hot_words": dict.fromkeys(
        ("quality", "shift_leader", "supervisor", "supervision_office", "office", "leader", "analyst", "observer"), "anyone"
    ),
    "surge.see": dict.fromkeys(
        ("dispatcher", "dispatch_lead", "shift_leader", "supervisor", "supervision_office", "office", "leader", "observer"),
        "anyone",
    ),
    "surge.decide": {"shift_leader": "anyone", "office": "anyone"},
    "supervision.list": {**_LEADS, "observer": "anyone"},
    "transcript.backlog": dict.fromkeys(
        ("shift_leader", "supervisor", "quality", "office", "leader", "analyst", "observer", "administrator"), "anyone"
    ),
    "recording.read": _HEARERS,
    "recording.hold": {"office": "anyone", "supervision_office": "anyone"},
    "recording.holds": {"office": "anyone", "supervision_office": "anyone", "observer": "anyone"},
    "recording.hear": _HEARERS,
    "recording.download": dict.fromkeys(("shift_leader", "supervisor", "quality", "office", "supervision_office"), "anyone"),
    "recording.mask": {"agent": "self", "trainee": "self", "quality": "anyone", "office": "anyone"},
    "recording.masked": {"quality": "anyone", "office": "anyone"},
    "recording.plays": dict.fromkeys(
        ("shift_leader", "supervisor", "quality", "office", "supervision_office", "observer"), "anyone"
    ),
}
"""Action -> role -> whose."""

OF_GOVERNMENT = frozenset(
    (
        "ticket.approve_return",
        "ticket.approve_extension",
        "ticket.endorse_extension",
        "ticket.approve_reply",
        "ticket.close_demand",
        "ticket.instructions",
        "exclusion.confirm",
    )
)
"""What staff of the operator may not do in any role, unless it was granted to them one by one (GEN-19)."""


def _of_transitions() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in TABLE:
        found.setdefault(f"ticket.{row.action}", {}).update(row.who)
    return found


MATRIX: Mapping[str, Mapping[str, str]] = {**calls.RIGHTS, **_of_transitions(), **_BESIDE}
"""Action -> role -> whom, or whose tickets: ``self``, ``trainee``, ``unit``, ``anyone``. A role that is not named may not."""


def is_open_to(action: str, organisation: str, granted: Collection[str]) -> bool:
    """Whether somebody of this organisation may do it at all (GEN-19)."""
    return organisation == "government" or action not in OF_GOVERNMENT or action in granted


def may(person: Person, action: str, *, accepted_by: str = "", units: Collection[str] = ()) -> bool:
    """Whether ``person`` may do ``action`` to a ticket accepted by this user, that is with these units or with units below them.

    Without a ticket (both empty): whether the person may at all, to some ticket.
    """
    whose = MATRIX[action].get(person.role) if is_open_to(action, person.organisation, person.granted) else None
    if whose == "self":
        return not (accepted_by or units) or accepted_by == person.username
    if whose == "unit":
        return bool(person.unit) and (not (accepted_by or units) or person.unit in units)
    return whose == "anyone"


def check(person: Person, action: str, *, accepted_by: str = "", units: Collection[str] = ()) -> None:
    """Raise ``RefusedError`` (``not_allowed``) unless ``may``."""
    if not may(person, action, accepted_by=accepted_by, units=units):
        raise RefusedError("not_allowed", action=action, role=person.role)

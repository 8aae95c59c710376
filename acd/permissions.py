"""Who may do what to whom (ORG-20 to ORG-36, QUA-03): one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from acd.errors import RefusedError
from hotline.roles import ROLES, Role

__all__ = ["RIGHTS", "ROLES", "Person", "Role", "Whom", "check", "may"]
Whom = Literal["self", "trainee", "anyone"]
"""Oneself and one's own calls; the trainee whose mentor one is; everybody."""


class Person(msgspec.Struct, frozen=True):
    """Who orders something. ``agent``: the number that this person works under, ``unit``: the unit worked for; or empty.

    ``organisation``: whose staff (GEN-19); ``granted``: what somebody of the operator may do all the same.
    """

    username: str
    role: str
    agent: str = ""
    unit: str = ""
    organisation: str = "government"
    granted: frozenset[str] = frozenset()


_AT_WORK = dict.fromkeys(("agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent"), "self")
_WATCHES = {"observer": "anyone"}  # the supervisory department reads everything (GEN-17)
_LEADS = {"shift_leader": "anyone", "supervisor": "anyone"}

RIGHTS: Mapping[str, Mapping[str, str]] = {
    "agent.work": {**_AT_WORK, **_LEADS},
    "agent.lead": _LEADS,
    "agent.see": {**_AT_WORK, **_LEADS, "quality": "anyone", "office": "anyone", "leader": "anyone", **_WATCHES},
    "agent.keep": {"administrator": "anyone", **_LEADS},
    "call.read": {**_AT_WORK, **_LEADS, **_WATCHES},
    "call.control": {**_AT_WORK, **_LEADS},
    "call.pause_recording": {**_AT_WORK, **_LEADS},
    "call.threeway": {**_AT_WORK, **_LEADS},
    "call.callback": {"agent": "self", "callback_agent": "self", **_LEADS},
    "callback.list": {"agent": "self", "callback_agent": "self", **_LEADS, **_WATCHES},
    "call.listen": {"agent": "trainee", "quality": "anyone", **_LEADS},
    "call.whisper": {"agent": "trainee", **_LEADS},
    "call.barge": _LEADS,
    "call.take_over": _LEADS,
    "caller.mark_malicious": {**_AT_WORK, **_LEADS},
    "caller.reset_malicious": _LEADS,
    "caller.block": {"office": "anyone"},
    "caller.list": {**_LEADS, "office": "anyone", **_WATCHES},
    "quality.see": {**_AT_WORK, **_LEADS, "quality": "anyone", "office": "anyone", **_WATCHES},
    "draft.read": {**_AT_WORK, **_LEADS, "dispatcher": "anyone", "office": "anyone", **_WATCHES},
    "ticket.draft": {**_AT_WORK, **_LEADS, "dispatcher": "anyone", "office": "anyone"},
    "unit.search": {**_AT_WORK, **_LEADS, "office": "anyone", "supervision_office": "anyone", "leader": "anyone", **_WATCHES},
}
"""Action -> role -> whom. A role that is not named may not."""


def may(person: Person, action: str, agent: str = "", mentor: str = "") -> bool:
    """Whether ``person`` may do ``action`` to ``agent`` (empty: to nobody in particular), whose mentor is ``mentor``."""
    whom = RIGHTS[action].get(person.role)
    if whom == "self":
        return bool(person.agent) and agent in ("", person.agent)
    if whom == "trainee":
        return bool(person.agent) and mentor == person.agent
    return whom == "anyone"


def check(person: Person, action: str, agent: str = "", mentor: str = "") -> None:
    """Raise ``RefusedError`` (``not_allowed``) unless ``may``; the caller leaves the audit line (``orders.refuse``)."""
    if not may(person, action, agent, mentor):
        raise RefusedError("not_allowed", action=action, role=person.role, agent=agent)

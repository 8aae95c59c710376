"""The roles of the people who work here (ORG-20 to ORG-36). Pure."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal[
    "agent",
    "trainee",
    "dispatcher",
    "dispatch_lead",
    "callback_agent",
    "shift_leader",
    "supervisor",
    "supervision_office",
    "quality",
    "office",
    "leader",
    "unit_clerk",
    "unit_leader",
    "observer",
    "editor",
    "unit_editor",
    "analyst",
    "administrator",
    "guest",
]
ROLES: tuple[str, ...] = get_args(Role)
OF_UNITS = frozenset({"unit_clerk", "unit_leader", "unit_editor"})
"""Whoever has one of these works for a unit (承办单位)."""

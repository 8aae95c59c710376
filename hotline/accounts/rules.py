"""What an account may be, and which passwords are too weak (SEC-13, SEC-17, GEN-19, ORG-44). Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from hotline import refusals
from hotline.refusals import Kind
from hotline.roles import OF_UNITS, ROLES, Role

CODES: dict[str, Kind] = {
    "unknown_account": "unknown",
    "account_exists": "conflict",
    "own_account": "forbidden",
    "number_taken": "conflict",
    "bad_username": "invalid",
    "unknown_role": "invalid",
    "no_role": "invalid",
    "unit_needed": "invalid",
    "no_unit_here": "invalid",
    "unknown_unit": "unknown",
    "operator_of_a_unit": "invalid",
    "not_your_role": "forbidden",
    "weak_password": "invalid",
    "same_password": "invalid",
    "old_password_wrong": "forbidden",
}
"""Every code and its kind."""

Username = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}$")]
Short = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
UnitCode = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9-]{0,31})?$")]
Agent = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{3,5})?$")]
Action = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,40}\.[a-z_]{1,40}$")]
Organisation = Literal["government", "operator"]
SHORTEST = 10
LONGEST = 200
_BESIDE_THE_NAME = 6


class RefusedError(refusals.RefusedError):
    """Nothing was changed; ``code`` says why, ``details`` where."""

    codes = CODES


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the administrator keeps of a person. Without ``roles`` an agent has the role that the directory says."""

    name: Short = ""
    roles: Annotated[list[Role], msgspec.Meta(max_length=8)] = []
    unit: UnitCode = ""
    agent: Agent = ""
    organisation: Organisation = "government"
    granted: Annotated[list[Action], msgspec.Meta(max_length=50)] = []
    valid_until: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is kept, but for its password. ``valid_until``: from then on nobody is let in."""

    username: str
    name: str
    roles: list[str]
    unit: str
    agent: str
    organisation: str
    granted: list[str]
    must_change: bool
    valid_until: dt.datetime | None
    disabled_at: dt.datetime | None
    failed_logins: int
    made_at: dt.datetime
    made_by: str
    last_login_at: dt.datetime | None


def is_username(text: str) -> bool:
    """Whether an account could be called this."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}", text) is not None


def check(username: str, profile: Profile) -> None:
    """Raise ``RefusedError`` for a profile that cannot be: ``bad_username``, ``unknown_role``, ``unit_needed``…"""
    if not is_username(username):
        raise RefusedError("bad_username", username=username[:40])
    if unknown := [role for role in profile.roles if role not in ROLES]:
        raise RefusedError("unknown_role", roles=unknown, allowed=list(ROLES))
    if not profile.roles and not (profile.agent or username.isdigit()):
        raise RefusedError("no_role")
    units = OF_UNITS.intersection(profile.roles)
    if bool(units) != bool(profile.unit):
        raise RefusedError("unit_needed" if units else "no_unit_here", roles=list(profile.roles))
    if units and profile.organisation == "operator":
        raise RefusedError("operator_of_a_unit")


def effective(account_roles: Sequence[str], directory_role: str | None) -> tuple[str, ...]:
    """The roles in force: those given to the account, else that of the directory of agents (ORG-44: several are possible)."""
    return tuple(account_roles) or ((directory_role,) if directory_role else ())


def chosen(roles: Sequence[str], wanted: str) -> str | None:
    """The role of a session: the one that is asked for, else the first; None when there is none to have."""
    if wanted:
        return wanted if wanted in roles else None
    return roles[0] if roles else None


def check_password(new: str, username: str, known: Collection[str] = ()) -> None:
    """Raise ``RefusedError`` (``weak_password``) for one that is short, all of a kind, the user's name, or one of ``known``."""
    reason = _weakness(new, username)
    if reason:
        raise RefusedError("weak_password", reason=reason, shortest=SHORTEST)
    if new in known:
        raise RefusedError("same_password")


def _weakness(new: str, username: str) -> str:
    checks: Mapping[str, bool] = {
        "length": not SHORTEST <= len(new) <= LONGEST,
        "characters": not new.isprintable() or any("\ud800" <= one <= "\udfff" for one in new),
        "username": len(new.lower().replace(username.lower(), "")) < _BESIDE_THE_NAME,
        "variety": len(set(new)) < 5,
    }
    return next((name for name, is_weak in checks.items() if is_weak), "")

"""What each role is shown of a citizen: all of it, a masked form, or nothing (SEC-05, SEC-10, SEC-13, GEN-18, GEN-21). Pure.

Deny by default: a role or a field that is not in the table is shown nothing. What a unit is shown has passed its view before
(``unit_ticket_identities``), which has taken away what the citizen hides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from acd.permissions import ROLES
from crm.permissions import MATRIX
from crm.tickets.ticket import Identity

Shown = Literal["full", "masked", "hidden"]
FIELDS = (
    "caller_name",
    "caller_title",
    "workplace",
    "home_address",
    "caller_phone",
    "calling_number",
    "callback_phone",
    "special_group",
    "persons",
)
"""Personal data of a ticket; ``persons`` are those whom the matter concerns."""
_PHONES = ("caller_phone", "calling_number", "callback_phone")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_COMPOUND = re.compile(
    "欧阳|太史|端木|上官|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|太叔|申屠|公孙|慕容|仲孙|钟离|长孙|宇文"
    "|司徒|鲜于|司空|闾丘"
)
_ADDRESS = re.compile(r"^(.*?[省市])?(.*?[区县旗])?(.*?(?:街道|[镇乡]))?")
_LONG_DIGITS = re.compile(r"(?<![0-9])\+?[0-9](?:[ -]?[0-9]){6,19}(?![0-9])")

_FULL = dict.fromkeys(FIELDS, "full")
_MASKED = {
    **dict.fromkeys(("caller_name", "home_address", *_PHONES), "masked"),
    "caller_title": "full",
    "special_group": "full",
    "persons": "hidden",
    "workplace": "hidden",
}
_TO_UNITS = {**_FULL, "calling_number": "hidden"}
_NOTHING = {"special_group": "full"}

TABLE: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(MATRIX["ticket.identity"], _FULL),
    "unit_clerk": _TO_UNITS,
    "unit_leader": _TO_UNITS,
    "supervisor": _MASKED,
    "quality": _MASKED,
    "leader": _MASKED,
    "guest": {**dict.fromkeys(("caller_name", *_PHONES), "masked")},
    "analyst": _NOTHING,
}
"""Role -> field -> how it is shown; what is not here is hidden."""
PUBLIC: Mapping[str, str] = {}
"""What anybody reads: nothing of anybody (GEN-18, SEC-03)."""


def shown(role: str, field: str) -> Shown:
    """How a role is shown a field."""
    how = TABLE.get(role, PUBLIC).get(field, "hidden")
    return "full" if how == "full" else "masked" if how == "masked" else "hidden"


def table() -> dict[str, dict[str, Shown]]:
    """Every role and field, for a page and for the documents."""
    return {role: {field: shown(role, field) for field in FIELDS} for role in ROLES}


def masked(role: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` of a ticket as the role is shown them: what is hidden is ``""``, what is not personal stays."""
    return {name: _as(shown(role, name), name, value) if name in FIELDS else value for name, value in values.items()}


def identity(role: str, whole: Identity) -> Identity:
    """The identity as the role is shown it. Who the person is among callers is told only with everything else."""
    found = masked(role, msgspec.structs.asdict(whole))
    return Identity(**found | ({} if shown(role, "calling_number") == "full" else {"caller_id": None}))


def knows(role: str) -> bool:
    """Whether the role is shown who citizens are; texts are starred for the others (``ticket``)."""
    return shown(role, "caller_name") == "full"


def ticket(role: str, fields: Mapping[str, Any], whole: Identity) -> dict[str, Any]:
    """The fields of a ticket as the role is shown them: who may not know the citizen does not read it in a text either."""
    found = masked(role, fields)
    if knows(role):
        return found
    return {one: text(value, whole) if one in TEXTS and isinstance(value, str) else value for one, value in found.items()}


TEXTS = frozenset(("content", "demand", "event_place", "event_time", "answer"))
"""Fields in which somebody may be named."""


def _as(how: Shown, field: str, value: Any) -> Any:
    if how == "full":
        return value
    return _MASKS[field](str(value or "")) if how == "masked" and field in _MASKS else ""


def phone(number: str) -> str:
    """The last four digits, and as many stars as it takes for seven: nothing tells how long it was (SEC-10)."""
    digits = "".join(one for one in number if one.isascii() and one.isdigit())
    return f"***{digits[-4:]}" if len(digits) > 6 else "***" if number else ""


def name(whole: str) -> str:
    """The family name and two stars: 张**, 欧阳**; of other names the first letter."""
    plain = whole.strip()
    if not plain:
        return ""
    is_compound = len(plain) > 2 and _COMPOUND.match(plain)
    return f"{plain[: 2 if is_compound else 1]}**"


def address(whole: str) -> str:
    """City, county and township; no street and no house."""
    found = _ADDRESS.match(whole.strip())
    kept = "".join(part or "" for part in found.groups()) if found and _HAN.search(whole) else ""
    return f"{kept}***" if whole.strip() else ""


def text(said: str, whole: Identity) -> str:
    """Free text for strangers: the citizen's own words for who it is are starred, and whatever looks like a telephone number."""
    for word in (whole.caller_name, whole.workplace, whole.home_address):
        if len(word.strip()) >= 2:
            said = said.replace(word.strip(), "***")
    return _LONG_DIGITS.sub(lambda found: phone(found[0]), said)


_MASKS: Mapping[str, Callable[[str], str]] = {"caller_name": name, "home_address": address, **dict.fromkeys(_PHONES, phone)}

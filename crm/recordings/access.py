"""Who may hear which recording: one table (QUA-02, SEC-02, SEC-08, SEC-12, SEC-13, CNF-31). Pure.

The matrix (``crm.permissions``) says whose recordings a role has to do with: anyone's, one's own, or the unit's. Here stands what
that means, and who has to say why before hearing anything. Deny by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from acd.permissions import Person
from crm.errors import RefusedError
from crm.permissions import MATRIX, is_open_to

WITH_A_REASON = frozenset(("supervision_office", "observer"))
"""Who hears only with a written reason: they look after others, and a citizen's voice is not theirs to hear by the way."""
SHORTEST_REASON = 4
"""Letters."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording has to do with who asks.

    ``took_part``: the person spoke in it; ``has_ticket``: has a ticket that belongs to it; ``of_unit``: the unit, or one below
    it, has such a ticket, and nothing of that call is confidential (the view ``unit_recordings``).
    """

    kind: str
    took_part: bool = False
    has_ticket: bool = False
    of_unit: bool = False


WHOSE: Mapping[str, Callable[[Facts], bool]] = {
    "anyone": lambda _: True,
    "self": lambda facts: facts.took_part if facts.kind == "conversation" else facts.has_ticket,
    "unit": lambda facts: facts.of_unit,
}
"""Scope of the matrix -> whether this recording is within it."""


def whose(person: Person, action: str) -> str:
    """``anyone``, ``self``, ``unit``, or empty: nobody's."""
    is_open = is_open_to(action, person.organisation, person.granted)
    scope = MATRIX[action].get(person.role, "") if is_open else ""
    return "" if scope == "unit" and not person.unit else scope


def may(person: Person, action: str, facts: Facts) -> bool:
    """Whether the person may do this (``recording.read``, ``.hear``, ``.download``, ``.mask``, ``.masked``, ``.plays``) to it."""
    within = WHOSE.get(whose(person, action))
    return within is not None and within(facts)


def check(person: Person, action: str, facts: Facts, reason: str = "") -> None:
    """Raise ``RefusedError``: ``not_allowed``, or ``reason_missing`` where one is needed."""
    if not may(person, action, facts):
        raise RefusedError("not_allowed", action=action, role=person.role)
    hears = action in ("recording.hear", "recording.download")
    if hears and person.role in WITH_A_REASON and len(reason.strip()) < SHORTEST_REASON:
        raise RefusedError("reason_missing", least=SHORTEST_REASON)

"""What a contact is: something new, or a matter that is known (TKT-16 to TKT-19, CAL-01 to CAL-06, LIF-08, LIF-09, CNF-08). Pure.

The agent decides; here is what is suggested, with its reasons. Texts are compared by their pairs of characters, which needs no
dictionary and stands dialect, typing errors and other orders of words.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable
from typing import Literal

import msgspec

from crm.profiles.profile import Profile
from crm.tickets.ticket import AT_UNIT, ENDED

Kind = Literal["repeat", "result", "report_again", "same_matter", "new"]
"""A repeat of an open ticket (CAL-04); its result can be told (LIF-08, LIF-09); the same again after the end (TKT-17, ASM-12);
the matter of another caller (TKT-16, TKT-18); none of these."""
Reason = Literal["same_number", "same_name", "same_category", "related_category", "similar_text", "same_place"]
Where = Literal["acceptor", "dispatch", "leaders", "unit", "return_review", "extension_review", "reply_review", "callback",
                "supervision_office", "ended"]  # fmt: skip
"""The node where a ticket is (CAL-01, CAL-05)."""
Say = Literal["", "SCR-18", "SCR-60", "SCR-67", "rejected", "withdrawn", "merged", "answered"]
Do = Literal["", "add_contact", "tell_dispatch", "urge", "tell_supervision_office", "tell_result", "report_again",
             "look_at_target", "link", "refuse_repeated"]  # fmt: skip

LEAST_SIMILAR = 0.35
"""From here on texts count as similar (TKT-17)."""
_COMPARED = 1000
_SHORTEST = 4
_RESULT = frozenset(("replied", "callback_pending", "unreachable_1", "review", "answered", "closed", "archived"))
_WHERE: dict[str, Where] = {
    **dict.fromkeys(("draft", "accepted", "returned_to_acceptor"), "acceptor"),
    "pending_dispatch": "dispatch",
    "reported": "leaders",
    "countersign": "leaders",
    **dict.fromkeys(AT_UNIT, "unit"),
    "return_requested": "return_review",
    "extension_requested": "extension_review",
    "extension_second_review": "extension_review",
    "replied": "reply_review",
    "callback_pending": "callback",
    "unreachable_1": "callback",
    "review": "supervision_office",
    **dict.fromkeys(ENDED, "ended"),
}


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """What a contact is about: a new one, or a ticket's. ``numbers`` in their one form."""

    ticket_id: int = 0
    state: str = ""
    made_at: dt.datetime | None = None
    numbers: frozenset[str] = frozenset()
    name: str = ""
    category: str = ""
    place: str = ""
    text: str = ""
    merged_into: int | None = None


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that a contact may belong to. ``score`` from 0 to 1; ``advice``: what to do by the profile (TKT-19)."""

    ticket_id: int
    kind: Kind
    score: float
    reasons: tuple[Reason, ...]
    advice: Do


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a ticket is and what the caller is told (CAL-01 to CAL-06). ``has_result``: there is something to tell."""

    where: Where
    is_overdue: bool
    has_result: bool
    say: tuple[Say, ...]
    do: tuple[Do, ...]


def pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring letters and digits, of the beginning of a text."""
    plain = "".join(one for one in unicodedata.normalize("NFKC", text[:_COMPARED]).casefold() if one.isalnum())
    return frozenset(plain[n : n + 2] for n in range(len(plain) - 1))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """From 0 to 1: shared pairs by the smaller and the larger text; the same for both orders, 1 for the same text."""
    if min(len(one), len(other)) < _SHORTEST:
        return float(bool(one) and one == other)
    shared = len(one & other)
    return 0.5 * shared / min(len(one), len(other)) + 0.5 * shared / max(len(one), len(other))


def suggest(contact: Matter, known: Iterable[Matter], profile: Profile, now: dt.datetime, most: int = 10) -> list[Suggestion]:
    """Tickets that the contact may belong to, the likeliest first. ``now`` is aware."""
    said = pairs(contact.text)
    oldest = now - dt.timedelta(days=profile.duplicate_days)
    found = [
        one
        for matter in known
        if matter.ticket_id != contact.ticket_id and (matter.made_at is None or matter.made_at >= oldest)
        if (one := _compared(contact, said, matter, profile)) is not None
    ]
    return sorted(found, key=lambda one: (-one.score, -one.ticket_id))[:most]


def _compared(contact: Matter, said: frozenset[str], known: Matter, profile: Profile) -> Suggestion | None:
    """TKT-17: person, class and text; where no class or text is known yet, what there is must agree. TKT-16: others' tickets
    need class and text, and a place where both have one."""
    like = likeness(said, pairs(known.text))
    reasons = _reasons(contact, known, like)
    is_own = bool({"same_number", "same_name"} & set(reasons))
    fits_class = not (contact.category and known.category) or bool({"same_category", "related_category"} & set(reasons))
    fits_text = not said or "similar_text" in reasons
    fits_place = is_own or not (contact.place and known.place) or "same_place" in reasons
    if not (fits_class and fits_text and fits_place) or not (is_own or "similar_text" in reasons):
        return None
    kind = _kind(known, is_own)
    score = min(1.0, sum(_WEIGHTS[reason] for reason in reasons if reason != "similar_text") + 0.4 * like)
    return Suggestion(
        ticket_id=known.ticket_id, kind=kind, score=round(score, 3), reasons=reasons, advice=_advice(kind, known, profile)
    )


_WEIGHTS: dict[str, float] = {
    "same_number": 0.3,
    "same_name": 0.1,
    "same_category": 0.15,
    "related_category": 0.05,
    "same_place": 0.05,
}


def _reasons(contact: Matter, known: Matter, like: float) -> tuple[Reason, ...]:
    holds: dict[Reason, bool] = {
        "same_number": bool(contact.numbers & known.numbers),
        "same_name": bool(contact.name) and contact.name == known.name,
        "same_category": bool(contact.category) and contact.category == known.category,
        "related_category": contact.category != known.category and bool(_class(contact)) and _class(contact) == _class(known),
        "similar_text": like >= LEAST_SIMILAR,
        "same_place": len(pairs(contact.place)) > 0 and likeness(pairs(contact.place), pairs(known.place)) >= LEAST_SIMILAR,
    }
    return tuple(reason for reason, is_so in holds.items() if is_so)


def _class(matter: Matter) -> str:
    return matter.category.partition(".")[0]


def _kind(known: Matter, is_own: bool) -> Kind:
    if known.state in ("rejected", "withdrawn"):
        return "new"
    if not is_own:
        return "same_matter"
    if known.state in ("closed", "archived"):
        return "report_again"
    return "result" if known.state in _RESULT else "repeat"


def _advice(kind: Kind, known: Matter, profile: Profile) -> Do:
    """TKT-19, CNF-08: Dezhou answers and presses again; Karamay does not take the same content twice."""
    if kind == "repeat":
        return "add_contact" if profile.duplicate_policy == "dezhou" else "refuse_repeated"
    if kind == "same_matter":  # TKT-16: the result is told straight away; TKT-18: linked under one ticket
        return "tell_result" if known.state in _RESULT else "link"
    return _OTHERWISE[kind]


_OTHERWISE: dict[str, Do] = {"result": "tell_result", "report_again": "report_again", "new": ""}


def standing(state: str, due_at: dt.datetime | None, now: dt.datetime) -> Standing:
    """What the agent says to somebody who asks again about a ticket (CAL-01 to CAL-06)."""
    where = _WHERE[state]
    is_late = (
        due_at is not None and due_at < now and where in ("unit", "return_review", "extension_review", "dispatch", "leaders")
    )
    say, do = _SAID.get(where, ((), ()))
    if is_late:
        say, do = ("SCR-18",), ("tell_dispatch",) if where == "dispatch" else ("urge", "tell_supervision_office")
    if where == "ended":
        say, do = _ENDED[state]
    return Standing(where=where, is_overdue=is_late, has_result=state in _RESULT, say=say, do=do)


_SAID: dict[str, tuple[tuple[Say, ...], tuple[Do, ...]]] = {
    "acceptor": (("SCR-18",), ("add_contact", "tell_dispatch")),
    "dispatch": (("SCR-18",), ("add_contact", "tell_dispatch")),  # CAL-03
    "leaders": (("SCR-18",), ("add_contact",)),
    "unit": (("SCR-67", "SCR-18"), ("add_contact", "urge")),  # CAL-02
    "return_review": (("SCR-18",), ("add_contact", "tell_dispatch")),
    "extension_review": (("SCR-67", "SCR-18"), ("add_contact", "urge")),
    "reply_review": (("SCR-60",), ("tell_result",)),  # LIF-09, CBK-04
    "callback": (("SCR-60",), ("tell_result",)),
    "supervision_office": (("SCR-60",), ("add_contact", "tell_supervision_office")),
}
_ENDED: dict[str, tuple[tuple[Say, ...], tuple[Do, ...]]] = {
    "answered": (("answered",), ("tell_result",)),
    "closed": (("SCR-60",), ("tell_result", "report_again")),
    "archived": (("SCR-60",), ("tell_result", "report_again")),
    "rejected": (("rejected",), ()),
    "withdrawn": (("withdrawn",), ()),
    "merged": (("merged",), ("look_at_target",)),
}


def asks_for_instruction(kind: Kind, *, was_with_unit: bool, is_overdue: bool) -> bool:
    """Whether a leader's instruction is proposed (SUP-18, ESC-04): a unit had it, and it comes after its end or too late."""
    return was_with_unit and (kind == "report_again" or (kind == "repeat" and is_overdue))

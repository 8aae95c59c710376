"""What a machine's transcript of a message becomes: the text of a draft, and the nature that its words speak for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from crm.messages import urgent
from crm.profiles.profile import Nature, Profile
from crm.units import natures

LONGEST = 19_000
"""Characters of a draft's text; the recording has all of it."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MOST_WORDS = 5


class NatureSuggested(msgspec.Struct, frozen=True, kw_only=True):
    """Of which nature it may be, as the city has them; ``words``: what speaks for it; none: the citizen chose it in the menu."""

    nature: Nature
    words: tuple[str, ...] = ()


def content(text: str, confidence: float) -> str:
    """The text of the draft: what was heard, and that a machine heard it; empty when nothing was."""
    heard = _CONTROL.sub(" ", text).strip()[:LONGEST]
    return f"{heard}\n（机器转写，可信度 {round(confidence * 100)}%，以录音为准）" if heard else ""


def nature(text: str, kind: str, table: Mapping[Nature, Sequence[str]], profile: Profile) -> NatureSuggested | None:
    """A complaint that was recorded as one is one (IVR-09); else the nature with most words in the text, or None."""
    said = urgent.plain(text)
    found: dict[Nature, tuple[str, ...]] = {}
    for one, words in table.items():
        wanted = urgent.pattern(words)
        if hits := tuple(dict.fromkeys(match[0] for match in wanted.finditer(said))) if wanted else ():
            found[one] = hits[:_MOST_WORDS]
    if kind == "complaint":
        return NatureSuggested(nature=natures.shown_as("complaint", profile), words=found.get("complaint", ()))
    if not found:
        return None
    best = max(found, key=lambda one: len(found[one]))
    return NatureSuggested(nature=natures.shown_as(best, profile), words=found[best])

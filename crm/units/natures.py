"""The seven natures of a ticket, and which of them a city shows (TAX-01 to TAX-06). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import msgspec

from crm.profiles.profile import Nature, Profile

NATURES: Mapping[Nature, tuple[str, str]] = {
    "consult": ("咨询", "consultation"),
    "help": ("求助", "request for help"),
    "complaint": ("投诉", "complaint"),
    "report": ("举报", "report of wrongdoing"),
    "suggest": ("建议", "suggestion"),
    "praise": ("表扬", "praise"),
    "other": ("其他", "other"),
}
_SHOWN_AS: Mapping[Nature, Nature] = {"report": "complaint", "praise": "suggest", "other": "consult"}
"""Where a city has no such nature (TAX-06)."""


class ShownNature(msgspec.Struct, frozen=True):
    """A nature that the city shows; ``stands_for``: those that it has not itself."""

    nature: Nature
    zh: str
    en: str
    stands_for: tuple[Nature, ...]


def shown_as(nature: Nature, profile: Profile) -> Nature:
    """What the city counts this nature as: itself, or that which stands for it, or what the city names first."""
    if nature in profile.nature_set:
        return nature
    other = _SHOWN_AS.get(nature, nature)
    return other if other in profile.nature_set else profile.nature_set[0]


def shown(profile: Profile) -> tuple[ShownNature, ...]:
    """The natures of a city, in its order."""
    every: tuple[Nature, ...] = get_args(Nature)
    return tuple(
        ShownNature(one, *NATURES[one], tuple(n for n in every if n != one and shown_as(n, profile) == one))
        for one in profile.nature_set
    )

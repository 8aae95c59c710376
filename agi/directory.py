"""What the look-ups know without asking the database each time, and the answers made of it. Pure.

Other hotlines (IVR-04), groups of callers, announcements (IVR-33); and how rows of the knowledge tree become a menu (IVR-05).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from hotline import calendar, hours, numbers
from hotline.settings import Calendar, Hours
from ivr_flows.lookups import Answer

OPTION = "option-press"
"""Follows the name of a choice and comes before its key: "… press …"."""
NOT_FOUND = Answer("not_found")

Names = str
"""Names of prompts, joined by commas."""


class Hotline(msgspec.Struct, frozen=True):
    """Another hotline; ``position`` is its key in the menu."""

    code: str
    position: int
    number: str
    prompts: Names
    hours: Hours


class Announcement(msgspec.Struct, frozen=True):
    """Played from ``starts_at`` until before ``ends_at``."""

    prompts: Names
    starts_at: dt.datetime
    ends_at: dt.datetime


class Directory(msgspec.Struct, frozen=True):
    """All of it as one transaction saw it: hotlines by position, announcements newest first, numbers in their one form."""

    hotlines: Sequence[Hotline] = ()
    groups: Mapping[str, str] = {}
    announcements: Sequence[Announcement] = ()


class Place(msgspec.Struct, frozen=True):
    """A place in the knowledge tree: the folder or article ``code`` (``""``: the root) and its children's codes by key."""

    code: str
    prompts: Names
    document: str
    children: Mapping[int, str]


def hotline(directory: Directory, entered: str, city: Calendar, at: dt.datetime) -> Answer:
    """The hotline of a key or a code, or a menu of those open at ``at`` (the hotline's wall clock)."""
    if not entered:
        is_open = [one for one in directory.hotlines if _serves(one, city, at)]
        prompts = joined(option(one.prompts, one.position) for one in is_open)
        return Answer("found", {"hotline_prompts": prompts}) if is_open else NOT_FOUND
    for one in directory.hotlines:
        if entered in (one.code, str(one.position)):
            values = {"hotline_code": one.code, "hotline_number": one.number, "hotline_prompts": one.prompts}
            return Answer("found" if _serves(one, city, at) else "closed", values)
    return NOT_FOUND


def caller(directory: Directory, number: str) -> Answer:
    """The group of a caller's number; a withheld number has none."""
    group = directory.groups.get(numbers.normal(number))
    return Answer("found", {"caller_group": group}) if group else NOT_FOUND


def announcement(directory: Directory, at: dt.datetime) -> Answer:
    """What is to be announced at ``at``, the newest first."""
    prompts = joined(one.prompts for one in directory.announcements if one.starts_at <= at < one.ends_at)
    return Answer("found", {"announcement_prompts": prompts}) if prompts else NOT_FOUND


def knowledge(place: Place) -> Answer:
    """A folder's own prompts and its menu, or an article's prompts."""
    menu = (option(f"kb/{code}-title", key) for key, code in sorted(place.children.items()))
    values = {
        "kb": place.code,
        "kb_kind": "folder" if place.children else "article",
        "kb_prompts": joined([place.prompts, *menu]),
        "kb_document": place.document,
    }
    return Answer("found", values)


def option(prompts: Names, key: int) -> Names:
    """A choice of a menu: its name, "press", its key."""
    return joined([prompts, OPTION, f"digits/{key}"])


def joined(parts: Iterable[Names]) -> Names:
    """Prompt lists one after another, without those that are empty."""
    return ",".join(part for part in parts if part)


def _serves(one: Hotline, city: Calendar, at: dt.datetime) -> bool:
    return hours.staffed(one.hours, at, calendar.situation(city, at.date()))

"""Undertaking units (承办单位) and which of their telephones to dial at a moment (TWC-07, TWC-08, TWC-12). Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from hotline import calendar, hours
from hotline.clock import SHANGHAI
from hotline.settings import Calendar, Hours

ATTEMPTS = 2
"""A unit is dialled twice and not again (TWC-08)."""


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone of a unit. ``is_service_line``: staffed for callers; at an office's telephone the unit hangs up first (TWC-12).

    ``hours`` as the settings' ``[hours]`` (nothing: always). ``duty``: the telephone of whoever is on duty; it is dialled from
    ``duty_from`` until before ``duty_to`` only, as far as these are given.
    """

    number: str
    label: str = ""
    position: str = ""
    is_service_line: bool = False
    hours: dict[str, Any] = {}
    duty: bool = False
    duty_from: dt.datetime | None = None
    duty_to: dt.datetime | None = None


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the directory; ``numbers`` are in the order in which the office wants them dialled."""

    code: str
    name: str
    name_en: str = ""
    parent: str = ""
    keywords: list[str] = []
    categories: list[str] = []
    competence: str = ""
    numbers: list[Number]


_ORDINARY = Calendar()


def numbers_now(unit: Unit, now: dt.datetime, days: Calendar = _ORDINARY) -> list[Number]:
    """What to dial at ``now`` (aware), first and second attempt; nothing when the unit has no telephone that may be dialled.

    A duty telephone in its hours goes first, then what is in its hours, then the rest. One alone is dialled twice. ``days``: the
    settings' ``[calendar]``.
    """
    at = now.astimezone(SHANGHAI)
    there = [number for number in unit.numbers if _may_be_dialled(number, at)]
    there.sort(key=lambda number: _turn(number, at, days))
    return [*there, *there][:ATTEMPTS] if len(there) < ATTEMPTS else there[:ATTEMPTS]


def in_hours(number: Number, now: dt.datetime, days: Calendar = _ORDINARY) -> bool:
    """Whether somebody should be at this telephone at ``now`` (aware)."""
    at = now.astimezone(SHANGHAI)
    pattern = msgspec.convert(number.hours, Hours, strict=False)
    return hours.staffed(pattern, at, calendar.situation(days, at.date()))


def _may_be_dialled(number: Number, at: dt.datetime) -> bool:
    return (number.duty_from is None or number.duty_from <= at) and (number.duty_to is None or at < number.duty_to)


def _turn(number: Number, at: dt.datetime, days: Calendar) -> int:
    if not in_hours(number, at, days):
        return 2
    return 0 if number.duty else 1

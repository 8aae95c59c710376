"""What kind of day it is (IVR-10, SCR-02): working day, make-up day, rest day, public holiday; and night by the clock. Pure.

The State Council's holidays come from the tables of ``chinesecalendar`` and end with the last year that it knows; the lists of
settings ``[calendar]`` come before them. A year that neither knows falls back to the weekday: ``unknown_year`` says so months
before, from 1 October on, when the next year's holidays are about to be published.

Whether agents serve (``staffed``) is another question, answered from ``[hours]`` (CH-39). When deadlines run is a third (CH-40).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal, Protocol

import chinese_calendar
import msgspec

from hotline import hours
from hotline.settings import Calendar, Hours

Day = Literal["working_day", "make_up_day", "rest_day", "public_holiday"]
Situation = Literal["working_day", "make_up_day", "rest_day", "public_holiday", "night"]

_HOLIDAYS = frozenset(chinese_calendar.holidays)
_MAKE_UP_DAYS = frozenset(chinese_calendar.workdays)
_KNOWN_YEARS = frozenset(date.year for date in _HOLIDAYS if date.month == 10)
"""A year is known with its National Day: single days of January come with the table of the year before."""
_SATURDAY = 5
_OCTOBER = 10


class Dated(Protocol):
    """What is needed of the settings: ``Settings`` itself, or the standby script's ``StandbyConfig``."""

    @property
    def hours(self) -> Hours:
        """When agents serve."""

    @property
    def calendar(self) -> Calendar:
        """The city's own days, and the night."""


class Moment(msgspec.Struct, frozen=True):
    """Whether agents serve now, and how the caller is greeted."""

    staffed: bool
    situation: Situation


def moment(settings: Dated, at: dt.datetime) -> Moment:
    """The moment ``at`` (aware, already the hotline's wall clock). A public holiday stays one at night."""
    day = situation(settings.calendar, at.date())
    night = day != "public_holiday" and is_night(settings.calendar, at)
    return Moment(hours.staffed(settings.hours, at, day), "night" if night else day)


def situation(calendar: Calendar, date: dt.date) -> Day:
    """The kind of day: the city's lists, then the public table, then the weekday."""
    if date not in calendar.ordinary_days:
        if date in calendar.holidays:
            return "public_holiday"
        if date in calendar.make_up_days:
            return "make_up_day"
        if date in _HOLIDAYS:
            return "public_holiday"
        if date in _MAKE_UP_DAYS:
            return "make_up_day"
    return "rest_day" if date.weekday() >= _SATURDAY else "working_day"


def is_night(calendar: Calendar, at: dt.datetime) -> bool:
    """Whether the wall clock is within ``calendar.night``, which may go over midnight; an empty entry is no night."""
    if not calendar.night:
        return False
    begin, end = calendar.night
    clock = f"{at:%H:%M}"
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def is_known(calendar: Calendar, year: int) -> bool:
    """Whether somebody has told the holidays of a year; of another one only the weekdays are known."""
    return year in _KNOWN_YEARS or any(date.year == year for date in calendar.holidays)


def digest(calendar: Calendar) -> str:
    """The same as long as no day is another one: of the city's lists and of the public table. ``night`` is no day."""
    lists = (calendar.holidays, calendar.make_up_days, calendar.ordinary_days, _HOLIDAYS, _MAKE_UP_DAYS)
    text = "|".join(" ".join(sorted(day.isoformat() for day in days)) for days in lists)
    return hashlib.sha256(text.encode()).hexdigest()


def unknown_year(settings: Dated, at: dt.datetime) -> int | None:
    """The year whose holidays nobody has told: this one, or from 1 October on the next one; None when all is known."""
    years = (at.year, at.year + 1) if at.month >= _OCTOBER else (at.year,)
    return next((year for year in years if not is_known(settings.calendar, year)), None)

"""Working days and working time (TIM-30, CH-40): on which days, from when to when, a deadline's clock runs. Pure.

The days are those of ``hotline/calendar.py``; the hours are the profile's office hours, not those in which the line is open.
Times go in and out aware; what comes out is UTC.
"""

from __future__ import annotations

import datetime as dt

from hotline import calendar
from hotline.clock import SHANGHAI
from hotline.settings import Calendar

_MOST_DAYS = 1000
"""Longer than any row of rest days that a sane calendar has: who closes every day gets weekdays."""
_DAY = dt.timedelta(days=1)
_NONE = dt.timedelta(0)
_SATURDAY = 5


class WorkingTime:
    """Arithmetic in working days and in working time; remembers the days that it was asked about."""

    def __init__(self, days: Calendar, begins: str, ends: str) -> None:
        self._calendar, self._begins, self._ends = days, dt.time.fromisoformat(begins), dt.time.fromisoformat(ends)
        self._known: dict[dt.date, bool] = {}
        self._spans: dict[dt.date, tuple[dt.datetime, dt.datetime]] = {}

    def is_working(self, day: dt.date) -> bool:
        """Whether the office works: a working day or a make-up day."""
        if day not in self._known:
            self._known[day] = calendar.situation(self._calendar, day) in ("working_day", "make_up_day")
        return self._known[day]

    def is_holiday(self, day: dt.date) -> bool:
        """A public holiday, whatever the weekday."""
        return calendar.situation(self._calendar, day) == "public_holiday"

    def is_known(self, year: int) -> bool:
        """Whether the year's holidays are told; else its days are what their weekday says."""
        return calendar.is_known(self._calendar, year)

    def first(self, day: dt.date, step: int = 1) -> dt.date:
        """The first working day from ``day`` on; backwards with ``step`` -1."""
        for days in range(_MOST_DAYS):
            one = day + step * days * _DAY
            if self.is_working(one):
                return one
        while day.weekday() >= _SATURDAY:
            day += step * _DAY
        return day

    def after(self, day: dt.date, count: int) -> dt.date:
        """The ``count``-th working day after ``day`` (TIM-30); of 0: ``day`` itself, or the first working day after it."""
        day = day if count else self.first(day)
        for _ in range(count):
            day = self.first(day + _DAY)
        return day

    def begin(self, day: dt.date) -> dt.datetime:
        """When the office opens."""
        return self._span(day)[0]

    def end(self, day: dt.date) -> dt.datetime:
        """When the office closes."""
        return self._span(day)[1]

    def _span(self, day: dt.date) -> tuple[dt.datetime, dt.datetime]:
        if day not in self._spans:
            self._spans[day] = at(day, self._begins), at(day, self._ends)
        return self._spans[day]

    def add(self, moment: dt.datetime, seconds: float) -> dt.datetime:
        """So much working time after ``moment``, or before it when negative; never outside of office hours, but for 0."""
        length = dt.timedelta(seconds=abs(seconds))
        return self._forward(moment, length) if seconds > 0 else self._back(moment, length) if seconds else moment

    def between(self, begin: dt.datetime, end: dt.datetime) -> float:
        """Working seconds from ``begin`` to ``end``; 0 when they are the wrong way round."""
        total, day, last = _NONE, date(begin), date(end)
        while day <= last:
            if self.is_working(day):
                total += max(_NONE, min(end, self.end(day)) - max(begin, self.begin(day)))
            day += _DAY
        return total.total_seconds()

    def _forward(self, moment: dt.datetime, length: dt.timedelta) -> dt.datetime:
        day = self.first(date(moment))
        while True:
            begin = max(moment, self.begin(day))
            left = self.end(day) - begin
            if length <= left:
                return begin.astimezone(dt.UTC) + length
            length -= max(_NONE, left)
            day = self.first(day + _DAY)

    def _back(self, moment: dt.datetime, length: dt.timedelta) -> dt.datetime:
        day = self.first(date(moment), -1)
        while True:
            end = min(moment, self.end(day))
            left = end - self.begin(day)
            if length <= left:
                return end.astimezone(dt.UTC) - length
            length -= max(_NONE, left)
            day = self.first(day - _DAY, -1)


def at(day: dt.date, time: dt.time) -> dt.datetime:
    """A time on the hotline's wall clock, in UTC."""
    return dt.datetime.combine(day, time, SHANGHAI).astimezone(dt.UTC)


def date(moment: dt.datetime) -> dt.date:
    """The hotline's day of a moment."""
    return moment.astimezone(SHANGHAI).date()

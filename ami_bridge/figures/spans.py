"""Quarter-hours, days, months and years of Shanghai, and which of them an interval is made of. Pure.

An interval is the largest whole spans that hold no dirty quarter-hour, and what is left over, which is answered from the facts.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from hotline.clock import SHANGHAI

QUARTER, DAY, MONTH, YEAR = LEVELS = (1, 2, 3, 4)
_QUARTER = dt.timedelta(minutes=15)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Span(msgspec.Struct, frozen=True):
    """Whole spans of a level, one after another, from ``begin`` up to ``end``; of level 0: the facts between."""

    level: int
    begin: dt.datetime
    end: dt.datetime


@lru_cache(1 << 14)
def begin(level: int, at: dt.datetime) -> dt.datetime:
    """When the span began that holds ``at``, in UTC."""
    if level == QUARTER:
        return _EPOCH + (at - _EPOCH) // _QUARTER * _QUARTER
    local = at.astimezone(SHANGHAI)
    day = {DAY: local.date(), MONTH: local.date().replace(day=1), YEAR: dt.date(local.year, 1, 1)}[level]
    return _midnight(day)


@lru_cache(1 << 14)
def end(level: int, at: dt.datetime) -> dt.datetime:
    """When the span ends that holds ``at``, in UTC."""
    if level == QUARTER:
        return begin(level, at) + _QUARTER
    day = begin(level, at).astimezone(SHANGHAI).date()
    further = {DAY: 1, MONTH: 31, YEAR: 366}[level]
    following = day + dt.timedelta(days=further)
    return _midnight({DAY: following, MONTH: following.replace(day=1), YEAR: dt.date(following.year, 1, 1)}[level])


def cover(since: dt.datetime, until: dt.datetime, dirty: Sequence[dt.datetime]) -> list[Span]:
    """The interval from ``since`` up to ``until`` as spans in the order of time, neighbours of a level joined.

    ``dirty``: beginnings of quarter-hours, sorted; one that began before ``since`` may be among them.
    """
    found: list[Span] = []
    _cover(YEAR, since, until, dirty, found)
    return found


def _cover(level: int, since: dt.datetime, until: dt.datetime, dirty: Sequence[dt.datetime], found: list[Span]) -> None:
    if since >= until:
        return
    if level == 0:
        _add(found, Span(0, since, until))
        return
    at = since
    while at < until:
        following = min(end(level, at), until)
        is_whole = following == end(level, at) and at == begin(level, at)
        if is_whole and bisect_left(dirty, at) == bisect_left(dirty, following):
            _add(found, Span(level, at, following))
        else:
            _cover(level - 1, at, following, dirty, found)
        at = following


def _add(found: list[Span], span: Span) -> None:
    if found and found[-1].level == span.level and found[-1].end == span.begin:
        found[-1] = Span(span.level, found[-1].begin, span.end)
    else:
        found.append(span)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(dt.UTC)

"""Whole spans of Shanghai's calendar and what an interval is made of (metrics, section 1; KPI-45)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.figures import spans
from ami_bridge.figures.spans import DAY, LEVELS, MONTH, QUARTER, YEAR, Span
from hotline.clock import SHANGHAI

QUARTER_HOUR = dt.timedelta(minutes=15)
MICROSECOND = dt.timedelta(microseconds=1)
FIRST = dt.datetime(2009, 12, 20, tzinfo=dt.UTC)
TIMES = st.integers(0, 16 * 366 * 86_400_000_000).map(lambda microseconds: FIRST + MICROSECOND * microseconds)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("level", "at", "begin", "end"),
    [
        (QUARTER, "2026-01-02T03:14:59.999999+08:00", "2026-01-02T03:00+08:00", "2026-01-02T03:15+08:00"),
        (DAY, "2026-01-02T00:00+08:00", "2026-01-02T00:00+08:00", "2026-01-03T00:00+08:00"),
        (DAY, "2026-01-01T16:00:00Z", "2026-01-02T00:00+08:00", "2026-01-03T00:00+08:00"),
        (MONTH, "2024-02-29T23:59:59.999999+08:00", "2024-02-01T00:00+08:00", "2024-03-01T00:00+08:00"),
        (MONTH, "2025-12-31T16:00:00Z", "2026-01-01T00:00+08:00", "2026-02-01T00:00+08:00"),
        (YEAR, "2025-12-31T15:59:59.999999Z", "2025-01-01T00:00+08:00", "2026-01-01T00:00+08:00"),
        (YEAR, "2024-12-31T12:00+08:00", "2024-01-01T00:00+08:00", "2025-01-01T00:00+08:00"),
    ],
)
def test_days_months_and_years_are_cut_in_shanghai(level: int, at: str, begin: str, end: str) -> None:
    assert (spans.begin(level, utc(at)), spans.end(level, utc(at))) == (utc(begin), utc(end))


@given(TIMES, st.sampled_from(LEVELS))
def test_every_moment_is_in_one_span_of_each_level_and_a_span_is_made_of_spans_below(at: dt.datetime, level: int) -> None:
    begin, end = spans.begin(level, at), spans.end(level, at)
    assert begin <= at < end
    assert spans.begin(level, begin) == begin == spans.begin(level, end - MICROSECOND)
    if level > QUARTER:
        assert spans.begin(level - 1, begin) == begin
        assert spans.begin(level - 1, end) == end


@given(TIMES, TIMES, st.lists(TIMES, max_size=6))
def test_an_interval_is_its_spans_and_no_whole_one_holds_a_changed_quarter_hour(
    one: dt.datetime, other: dt.datetime, changed: list[dt.datetime]
) -> None:
    since, until = sorted((one, other))
    dirty = sorted({spans.begin(QUARTER, at) for at in changed})
    cut = spans.cover(since, until, dirty)
    assert [span.begin for span in cut] + [until] == [since] + [span.end for span in cut]
    for span in cut:
        if span.level:
            assert spans.begin(span.level, span.begin) == span.begin
            assert spans.begin(span.level, span.end) == span.end
            assert not [quarter for quarter in dirty if span.begin <= quarter < span.end]
    edges = [span for span in cut if span.level == 0]
    assert sum((span.end - span.begin for span in edges), dt.timedelta()) <= QUARTER_HOUR * (2 + len(dirty))


def test_an_interval_takes_the_largest_spans_there_are() -> None:
    since, until = utc("2023-11-29T23:45+08:00"), utc("2025-01-01T00:20+08:00")
    assert spans.cover(since, until, []) == [
        Span(QUARTER, since, utc("2023-11-30T00:00+08:00")),
        Span(DAY, utc("2023-11-30T00:00+08:00"), utc("2023-12-01T00:00+08:00")),
        Span(MONTH, utc("2023-12-01T00:00+08:00"), utc("2024-01-01T00:00+08:00")),
        Span(YEAR, utc("2024-01-01T00:00+08:00"), utc("2025-01-01T00:00+08:00")),
        Span(QUARTER, utc("2025-01-01T00:00+08:00"), utc("2025-01-01T00:15+08:00")),
        Span(0, utc("2025-01-01T00:15+08:00"), until),
    ]


def test_an_empty_or_backward_interval_is_made_of_nothing() -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=SHANGHAI)
    assert spans.cover(at, at, []) == spans.cover(at, at - QUARTER_HOUR, []) == []

"""Opening hours."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import calendar, hours
from hotline.clock import SHANGHAI
from hotline.settings import DAYS, Hours

OFFICE = [("08:30", "12:00"), ("14:00", "18:00")]
WEEK = Hours(
    monday=OFFICE,
    tuesday=[("00:00", "24:00")],
    wednesday=[],
    thursday=OFFICE,
    friday=[("22:00", "24:00")],
    saturday=[("00:00", "06:00")],
    sunday=[],
    closed_dates=[dt.date(2025, 11, 18), dt.date(2025, 11, 30)],
    open_dates=[dt.date(2025, 11, 23), dt.date(2025, 11, 30)],
)


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2025-11-17 08:29:59", False),  # a Monday
        ("2025-11-17 08:30:00", True),
        ("2025-11-17 11:59:59", True),
        ("2025-11-17 12:00:00", False),
        ("2025-11-17 13:59:59", False),
        ("2025-11-17 17:59:59.999999", True),
        ("2025-11-25 00:00:00", True),
        ("2025-11-25 23:59:59.999999", True),
        ("2025-11-18 10:00:00", False),  # a Tuesday that is closed
        ("2025-11-19 10:00:00", False),
        ("2025-11-21 23:59:59", True),
        ("2025-11-22 00:00:00", True),
        ("2025-11-22 06:00:00", False),
        ("2025-11-23 09:00:00", True),  # a Sunday made up for, with Monday's hours
        ("2025-11-23 13:00:00", False),
        ("2025-11-30 09:00:00", False),  # in both lists
    ],
)
def test_the_week_and_the_days_beside_it(moment: str, open_: bool) -> None:
    assert hours.staffed(WEEK, dt.datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI), "working_day") is open_


_DAYS = st.sampled_from(get_args(calendar.Day))
_MOMENTS = st.datetimes(timezones=st.just(SHANGHAI))
_TIMES = st.integers(0, 1440).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
_SPANS = st.lists(st.tuples(_TIMES, _TIMES).filter(lambda span: span[0] < span[1]), max_size=3)


@given(_MOMENTS, _DAYS)
def test_by_default_the_line_is_always_open(moment: dt.datetime, day: str) -> None:
    assert hours.staffed(Hours(), moment, day)


@given(_MOMENTS, _DAYS)
def test_a_closed_date_is_closed_all_day_and_an_empty_week_never_opens(moment: dt.datetime, day: str) -> None:
    assert not hours.staffed(Hours(closed_dates=[moment.date()], open_dates=[moment.date()]), moment, day)
    empty: dict[str, object] = {day: [] for day in DAYS}
    assert not hours.staffed(msgspec.structs.replace(Hours(), **empty), moment, day)


@given(_SPANS, _MOMENTS)
def test_a_minute_is_open_exactly_when_an_entry_of_its_day_holds_it(spans: list[tuple[str, str]], moment: dt.datetime) -> None:
    minute = moment.hour * 60 + moment.minute
    inside = any(_minutes(begin) <= minute < _minutes(end) for begin, end in spans)
    week = msgspec.structs.replace(Hours(), **{DAYS[moment.weekday()]: spans})
    assert hours.staffed(week, moment, "working_day") is inside
    others: dict[str, object] = {day: [] for day in DAYS}
    made_up = msgspec.structs.replace(Hours(open_dates=[moment.date()]), **(others | {"monday": spans}))
    assert hours.staffed(made_up, moment, "rest_day") is inside


@given(_SPANS, _MOMENTS)
def test_a_make_up_day_of_the_calendar_follows_monday(spans: list[tuple[str, str]], moment: dt.datetime) -> None:
    others: dict[str, object] = {day: [] for day in DAYS}
    week = msgspec.structs.replace(Hours(), **(others | {"monday": spans}))
    assert hours.staffed(week, moment, "make_up_day") is any(_holds(span, moment) for span in spans)


@given(_SPANS, _MOMENTS)
def test_on_a_public_holiday_agents_serve_as_the_settings_say(spans: list[tuple[str, str]], moment: dt.datetime) -> None:
    week = msgspec.structs.replace(Hours(), **{DAYS[moment.weekday()]: spans})
    assert hours.staffed(week, moment, "public_holiday") is hours.staffed(week, moment, "working_day")
    closed = msgspec.structs.replace(week, public_holidays="closed")
    assert not hours.staffed(closed, moment, "public_holiday")
    assert hours.staffed(closed, moment, "working_day") is hours.staffed(week, moment, "working_day")
    on_duty = msgspec.structs.replace(closed, open_dates=[moment.date()])
    assert hours.staffed(on_duty, moment, "public_holiday") is any(_holds(span, moment) for span in week.monday)


def _holds(span: tuple[str, str], moment: dt.datetime) -> bool:
    return _minutes(span[0]) <= moment.hour * 60 + moment.minute < _minutes(span[1])


def _minutes(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)

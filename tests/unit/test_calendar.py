"""The calendar: what kind of day it is, and when nobody has told."""

from __future__ import annotations

import datetime as dt
import timeit
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import calendar
from hotline.calendar import Moment
from hotline.clock import SHANGHAI
from hotline.settings import Calendar, Hours, Settings
from hotline.standby_config import StandbyConfig


def on(text: str) -> dt.datetime:
    """A moment of the hotline's wall clock."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("date", "situation"),
    [
        ("2025-09-28", "make_up_day"),  # a Sunday for National Day
        ("2025-09-29", "working_day"),
        ("2025-09-30", "working_day"),
        *((f"2025-10-{day:02}", "public_holiday") for day in range(1, 9)),
        ("2025-10-09", "working_day"),
        ("2025-10-11", "make_up_day"),  # a Saturday
        ("2025-10-12", "rest_day"),
        ("2020-01-31", "public_holiday"),  # prolonged by the State Council
        ("2023-12-30", "public_holiday"),  # New Year's holiday of the year after
        ("2026-02-14", "make_up_day"),
        ("2026-02-16", "public_holiday"),
        ("2024-02-29", "working_day"),
        ("2020-02-29", "rest_day"),
        ("2099-10-01", "working_day"),  # a Thursday of a year that nobody knows
        ("2099-10-03", "rest_day"),
        ("1999-10-01", "working_day"),
        ("0001-01-01", "working_day"),
        ("9999-12-31", "working_day"),
    ],
)
def test_days_are_what_the_state_council_made_them_and_else_their_weekday(date: str, situation: str) -> None:
    assert calendar.situation(Calendar(), dt.date.fromisoformat(date)) == situation


CITY = Calendar(
    holidays=frozenset({dt.date(2099, 10, 1), dt.date(2025, 9, 28), dt.date(2025, 11, 17)}),
    make_up_days=frozenset({dt.date(2099, 9, 27), dt.date(2025, 10, 8), dt.date(2025, 11, 16)}),
    ordinary_days=frozenset({dt.date(2025, 10, 1), dt.date(2025, 10, 11), dt.date(2025, 11, 18)}),
)


@pytest.mark.parametrize(
    ("date", "situation"),
    [
        ("2099-10-01", "public_holiday"),
        ("2099-09-27", "make_up_day"),
        ("2099-10-02", "working_day"),
        ("2025-09-28", "public_holiday"),  # the table says make-up day
        ("2025-10-08", "make_up_day"),  # the table says holiday
        ("2025-11-17", "public_holiday"),  # the table says nothing
        ("2025-11-16", "make_up_day"),
        ("2025-10-01", "working_day"),  # a holiday taken back, a Wednesday
        ("2025-10-11", "rest_day"),  # a make-up day taken back, a Saturday
        ("2025-11-18", "working_day"),
        ("2025-10-02", "public_holiday"),
    ],
)
def test_the_citys_own_lists_come_before_the_table(date: str, situation: str) -> None:
    assert calendar.situation(CITY, dt.date.fromisoformat(date)) == situation


@pytest.mark.parametrize(
    ("moment", "situation"),
    [
        ("2025-09-30 21:59:59.999999", "working_day"),
        ("2025-09-30 22:00:00", "night"),
        ("2025-09-30 23:59:59.999999", "night"),
        ("2025-10-01 00:00:00", "public_holiday"),  # midnight into a holiday, in the middle of a night
        ("2025-10-08 23:59:59", "public_holiday"),
        ("2025-10-09 00:00:00", "night"),
        ("2025-10-09 05:59:59", "night"),
        ("2025-10-09 06:00:00", "working_day"),
        ("2025-10-11 06:00:00", "make_up_day"),
        ("2025-10-11 05:00:00", "night"),
        ("2025-10-12 12:00:00", "rest_day"),
        ("2024-02-29 23:00:00", "night"),
    ],
)
def test_a_moment_is_greeted_by_holiday_then_night_then_day(moment: str, situation: str) -> None:
    assert calendar.moment(Settings(), on(moment)) == Moment(staffed=True, situation=situation)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("night", "inside", "outside"),
    [
        (["22:00", "06:00"], ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        (["00:00", "06:00"], ["00:00", "05:59"], ["06:00", "23:59"]),
        (["22:00", "24:00"], ["22:00", "23:59"], ["00:00", "21:59"]),
        (["00:00", "24:00"], ["00:00", "12:00", "23:59"], []),
        ([], [], ["00:00", "03:00", "23:00"]),
    ],
)
def test_a_night_may_go_over_midnight_or_be_none(night: list[str], inside: list[str], outside: list[str]) -> None:
    chosen = Calendar(night=night)
    assert [time for time in inside + outside if calendar.is_night(chosen, on(f"2025-11-18 {time}:00"))] == inside


def test_whether_agents_serve_follows_the_same_day() -> None:
    office = Hours(saturday=[], sunday=[], monday=[("08:00", "18:00")], public_holidays="closed")
    settings = Settings(hours=office)
    assert calendar.moment(settings, on("2025-10-01 10:00")) == Moment(False, "public_holiday")
    assert calendar.moment(settings, on("2025-09-28 10:00")) == Moment(True, "make_up_day")
    assert calendar.moment(settings, on("2025-09-28 18:00")) == Moment(False, "make_up_day")
    assert calendar.moment(settings, on("2025-10-12 10:00")) == Moment(False, "rest_day")
    taken_back = msgspec.structs.replace(settings, calendar=CITY)
    assert calendar.moment(taken_back, on("2025-10-01 10:00")) == Moment(True, "working_day")


@pytest.mark.parametrize(
    ("today", "holidays", "year"),
    [
        ("2025-09-30", [], None),
        ("2025-12-31", [], None),  # 2026 is known
        ("2098-09-30", [], 2098),
        ("2098-09-30", ["2098-01-01"], None),
        ("2098-10-01", ["2098-01-01"], 2099),
        ("2098-10-01", ["2098-01-01", "2099-01-01"], None),
        ("2098-10-01", ["2099-01-01"], 2098),
        ("9999-12-31", ["9999-01-01"], 10000),
    ],
)
def test_a_year_that_nobody_told_is_named_from_october_on(today: str, holidays: list[str], year: int | None) -> None:
    chosen = Settings(calendar=Calendar(holidays=frozenset(map(dt.date.fromisoformat, holidays))))
    assert calendar.unknown_year(chosen, on(f"{today} 12:00")) == year


@given(st.datetimes(timezones=st.just(SHANGHAI)))
def test_every_moment_has_a_situation_and_the_standby_script_sees_the_same(at: dt.datetime) -> None:
    settings = Settings(calendar=CITY)
    found = calendar.moment(settings, at)
    assert found.situation in get_args(calendar.Situation)
    assert found == calendar.moment(StandbyConfig(hours=settings.hours, calendar=CITY), at)


def test_a_moment_costs_no_more_than_thirty_sums_of_two_hundred_numbers() -> None:
    """The best of several runs, beside a sum in the same run: what else the machine does slows both."""
    settings, at = Settings(calendar=CITY), on("2025-10-01 10:00")
    rounds = [
        (
            timeit.timeit(lambda: calendar.moment(settings, at), number=500),
            timeit.timeit(lambda: sum(range(200)), number=500),
        )
        for _ in range(7)
    ]
    assert min(ours for ours, _ in rounds) < 30 * min(yardstick for _, yardstick in rounds)

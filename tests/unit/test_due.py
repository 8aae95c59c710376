"""Due times: one pure function of start, facts, profile and calendar (TIM-01 to TIM-36)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from crm.clocks.due import Due, Facts, due, working_time
from crm.clocks.left import time_left
from crm.clocks.reasons import TEXTS, Reason, text
from crm.clocks.turning import Turning
from crm.clocks.working import WorkingTime
from crm.profiles import store
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import Ticket
from hotline.clock import SHANGHAI
from hotline.settings import Calendar, parse

BASE = Profile()
CALENDAR = Calendar()
WORKING = working_time(BASE, CALENDAR)


def at(words: str) -> dt.datetime:
    return dt.datetime.strptime(words, "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)


def local(moment: dt.datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def asked(kind: str, started: str, *, profile: Profile = BASE, calendar: Calendar = CALENDAR, **facts: object) -> Due:
    return due(kind, at(started), Facts(**facts), profile, working_time(profile, calendar))  # type: ignore[arg-type]


def when(kind: str, started: str, *, profile: Profile = BASE, calendar: Calendar = CALENDAR, **facts: object) -> str:
    return local(asked(kind, started, profile=profile, calendar=calendar, **facts).at)


def changed(**keys: object) -> Profile:
    return msgspec.structs.replace(BASE, **keys)


def city(name: str) -> Profile:
    return store.current(parse({"city": {"profile": name}}, source="test"))


# --- handling ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nature", "expected"),
    [
        ("consult", "2026-11-26 18:00"),
        ("help", "2026-11-30 18:00"),
        ("complaint", "2026-11-30 18:00"),
        ("report", "2026-12-07 18:00"),
        ("suggest", "2026-11-30 18:00"),
        ("praise", "2026-11-26 18:00"),
        ("other", "2026-11-26 18:00"),
        (None, "2026-11-30 18:00"),
    ],
)
def test_each_nature_has_its_working_days_to_the_end_of_office_hours(nature: str | None, expected: str) -> None:
    """TIM-06, TIM-08, TIM-30, CNF-03: dispatched on Monday, 23 November 2026."""
    assert when("handle", "2026-11-23 10:00", nature=nature) == expected


@pytest.mark.parametrize(
    ("started", "expected", "why"),
    [
        ("2026-09-30 10:00", "2026-10-13 18:00", "National Day 2026: 1 to 7 October, 10 October is made up for"),
        ("2026-02-13 16:00", "2026-02-27 18:00", "Spring Festival 2026, 14 February is made up for"),
        ("2026-11-27 23:59", "2026-12-04 18:00", "Friday night"),
        ("2026-11-28 00:01", "2026-12-04 18:00", "Saturday counts like Friday: the first working day after is the first"),
    ],
)
def test_holidays_move_on_and_make_up_days_count(started: str, expected: str, why: str) -> None:
    """TIM-30 (节假日顺延)."""
    days = [at(started).date() + dt.timedelta(days=number) for number in range(1, 30)]
    working = [day for day in days if WORKING.is_working(day)]
    assert f"{working[4]} 18:00" == expected, why
    assert when("handle", started, nature="help") == expected


def test_the_reasons_name_the_holidays_and_stand_in_both_languages() -> None:
    """TIM-36."""
    found = asked("handle", "2026-09-30 10:00", nature="help")
    assert found.working_days == 5
    assert dt.date(2026, 10, 1) in found.holidays
    said = [(text(one, "zh-CN"), text(one, "en")) for one in found.why]
    assert said[0] == ("性质：求助", "nature: request for help")
    assert said[1] == ("5 个工作日，当日下班 18:00 止", "5 working days, until offices close at 18:00")
    assert said[2][0].startswith("期间法定节假日：10-01, 10-02")
    assert text(Reason("of_tomorrow"), "en") == "of_tomorrow"
    assert text(Reason("hours"), "en") == "within ? hours"


def test_every_reason_that_is_given_is_known() -> None:
    """No text is missing, and none is unused."""
    folder = Path(__file__).parents[2] / "crm" / "clocks"
    given = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py") if file.name != "reasons.py")
    assert {code for code in TEXTS if f'Reason("{code}"' not in given} == set()


def test_an_urgent_ticket_has_24_hours_of_the_clock_unless_its_limit_is_sooner() -> None:
    """TKT-23, TIM-23."""
    assert when("handle", "2026-11-27 16:00", nature="help", urgent=True) == "2026-11-28 16:00"
    soon = changed(limits={"help": 0})
    assert when("handle", "2026-11-27 16:00", nature="help", urgent=True, profile=soon) == "2026-11-27 18:00"
    assert when("handle", "2026-11-27 16:00", nature="help", urgent=True, profile=changed(urgent_hours=0)) == "2026-12-04 18:00"


def test_the_limit_of_a_regulation_comes_before_the_natures_and_the_upstream_one_after_none() -> None:
    """TKT-25, TIM-24; TKT-22: never later than upstream, not even by an extension or a pause."""
    regulatory = at("2026-12-24 12:00")
    assert when("handle", "2026-11-23 10:00", nature="help", regulatory_due_at=regulatory) == "2026-12-24 12:00"
    upstream = at("2026-11-25 09:00")
    assert when("handle", "2026-11-23 10:00", nature="help", upstream_due_at=upstream, extensions=(7,)) == "2026-11-25 09:00"
    assert when("handle", "2026-11-23 10:00", nature="help", upstream_due_at=at("2027-01-01 00:00")) == "2026-11-30 18:00"


def test_an_extension_is_in_calendar_days_moved_on_or_in_working_days_and_never_beyond_the_longest() -> None:
    """EXT-03, EXT-10, TIM-33, CNF-09."""
    assert when("handle", "2026-11-23 10:00", nature="help", extensions=(7,)) == "2026-12-07 18:00"
    assert when("handle", "2026-11-23 10:00", nature="help", extensions=(5,)) == "2026-12-07 18:00", "5 December is a Saturday"
    assert when("handle", "2026-11-23 10:00", nature="help", extensions=(7, 7)) == "2026-12-14 18:00"
    working = changed(extension_unit="working")
    assert when("handle", "2026-11-23 10:00", nature="help", extensions=(7,), profile=working) == "2026-12-09 18:00"
    capped = changed(extension_unit="working", max_total_days=8)
    assert when("handle", "2026-11-23 10:00", nature="help", extensions=(7,), profile=capped) == "2026-12-03 18:00"
    assert when("handle", "2026-11-23 10:00", nature="report", extensions=(7,), profile=capped) == "2026-12-07 18:00", (
        "never earlier"
    )


def test_a_pause_is_added_in_working_time() -> None:
    """TIM-34: from Friday 17:00 to Monday 09:30, an hour on each side."""
    pause = (at("2026-11-27 17:00"), at("2026-11-30 09:30"))
    assert when("handle", "2026-11-23 10:00", nature="help", pauses=(pause,)) == "2026-12-01 10:30"
    night = (at("2026-11-24 19:00"), at("2026-11-25 07:00"))
    assert when("handle", "2026-11-23 10:00", nature="help", pauses=(night,)) == "2026-11-30 18:00"


def test_a_redo_has_the_limit_of_its_nature_or_the_profiles_own() -> None:
    """CBK-17."""
    assert when("handle", "2026-11-23 10:00", nature="consult", is_redo=True) == "2026-11-26 18:00"
    assert when("handle", "2026-11-23 10:00", nature="consult", is_redo=True, profile=changed(redo_days=2)) == "2026-11-25 18:00"


# --- dispatch ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        ("2026-11-23 00:00", "2026-11-23 12:00"),
        ("2026-11-23 08:29", "2026-11-23 12:00"),
        ("2026-11-23 08:30", "2026-11-23 17:00"),
        ("2026-11-23 16:29", "2026-11-23 17:00"),
        ("2026-11-23 16:30", "2026-11-24 12:00"),
        ("2026-11-23 16:59", "2026-11-24 12:00"),
        ("2026-11-23 17:00", "2026-11-24 12:00"),
        ("2026-11-23 23:59", "2026-11-24 12:00"),
        ("2026-11-27 16:45", "2026-11-28 12:00"),
        ("2026-10-01 10:00", "2026-10-01 17:00"),
    ],
)
def test_the_windows_of_dispatch(started: str, expected: str) -> None:
    """TIM-01, TIM-02, TIM-31, DSP-06; the desk works every day (TIM-32)."""
    assert when("dispatch", started) == expected


def test_a_desk_that_is_closed_on_holidays_dispatches_on_the_first_morning_after() -> None:
    """TIM-32."""
    closed = changed(dispatch_on="working_days")
    assert when("dispatch", "2026-11-27 16:30", profile=closed) == "2026-11-30 12:00"
    assert when("dispatch", "2026-11-28 10:00", profile=closed) == "2026-11-30 12:00"
    assert when("dispatch", "2026-09-30 18:00", profile=closed) == "2026-10-08 12:00"
    assert [one.code for one in asked("dispatch", "2026-11-28 10:00", profile=closed).why] == ["desk_closed", "overnight"]


def test_a_county_hands_down_within_12_hours() -> None:
    """TIM-05, DSP-11, CNF-10."""
    assert when("dispatch", "2026-11-27 16:30", profile=city("county_sanmen")) == "2026-11-28 04:30"


# --- the others -------------------------------------------------------------------------------------------------------------


def test_a_wrong_ticket_is_returned_within_24_hours_or_on_the_same_day() -> None:
    """RET-02, TIM-09, TIM-35, CNF-04."""
    assert when("return", "2026-11-23 10:00") == "2026-11-24 10:00"
    assert when("return", "2026-11-27 16:00") == "2026-11-30 16:00", "a Saturday does not count"
    assert when("return", "2026-11-29 10:00") == "2026-12-01 00:00", "nor does a Sunday"
    karamay = city("karamay")
    assert when("return", "2026-11-23 10:00", profile=karamay) == "2026-11-23 18:00"
    assert when("return", "2026-11-27 18:00", profile=karamay) == "2026-11-30 18:00", "the day had no office hours left"


def test_the_short_ones_count_working_hours_and_the_call_back_calendar_days() -> None:
    """DSP-13; CBK-03, TIM-33; SUP-17; LIF-16."""
    assert when("receive", "2026-11-23 17:00") == "2026-11-24 09:30"
    assert when("receive", "2026-11-28 12:00") == "2026-11-30 10:30"
    assert when("correct", "2026-11-23 10:00") == "2026-11-23 12:00"
    assert when("callback", "2026-11-27 16:00") == "2026-11-30 16:00"
    assert when("callback", "2026-11-27 16:00", profile=changed(callback_unit="working")) == "2026-12-02 18:00"
    assert when("review", "2026-11-27 16:00") == "2026-11-30 18:00"
    assert when("judgement", "2026-11-27 16:00") == "2026-12-01 18:00"
    assert when("supervision", "2026-11-27 16:00") == "2026-12-01 18:00"
    assert when("supervision", "2026-11-27 16:00", until=at("2026-11-28 09:00")) == "2026-11-28 09:00"
    assert when("promise", "2026-11-27 16:00", until=at("2027-03-01 18:00")) == "2027-03-01 18:00"


def test_a_sector_answers_complaints_and_faults_within_24_hours() -> None:
    """TIM-19, TIM-20."""
    assert when("handle", "2026-11-27 21:00", nature="complaint", profile=city("sector")) == "2026-11-28 21:00"
    assert when("handle", "2026-11-27 21:00", nature="consult", profile=city("sector")) == "2026-12-02 22:00"


def test_a_sector_installs_what_was_ordered_within_five_working_days() -> None:
    """TIM-18: an order has the nature other."""
    assert when("handle", "2026-11-27 21:00", nature="other", profile=city("sector")) == "2026-12-04 22:00"


# --- odd days ----------------------------------------------------------------------------------------------------------------


def test_29_february_and_the_end_of_a_year() -> None:
    assert when("callback", "2024-02-26 09:00") == "2024-02-29 09:00"
    assert when("handle", "2024-02-28 09:00", nature="consult") == "2024-03-04 18:00"
    assert when("handle", "2024-02-29 09:00", nature="help", extensions=(7,)) == "2024-03-14 18:00"
    assert when("dispatch", "2023-12-31 17:30") == "2024-01-01 12:00"


def test_a_year_that_the_calendar_does_not_know_goes_by_weekdays_and_says_so() -> None:
    found = asked("handle", "2035-09-28 10:00", nature="help")
    assert local(found.at) == "2035-10-05 18:00", "no National Day is known"
    assert "unknown_year" in [one.code for one in found.why]
    told = Calendar(holidays=frozenset(dt.date(2035, 10, day) for day in range(1, 8)))
    assert when("handle", "2035-09-28 10:00", nature="help", calendar=told) == "2035-10-12 18:00"
    assert "unknown_year" not in [one.code for one in asked("handle", "2035-09-28 10:00", nature="help", calendar=told).why]


def test_any_zone_in_gives_the_same_moment_and_utc_out() -> None:
    """Days are cut in Shanghai, which has no summer time; 23:30 of a Sunday in London is a Monday here."""
    london = dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC)
    here = due("handle", london.astimezone(SHANGHAI), Facts(nature="consult"), BASE, WORKING)
    assert due("handle", london, Facts(nature="consult"), BASE, WORKING) == here
    assert local(here.at) == "2026-11-26 18:00"
    assert here.at.tzinfo is dt.UTC


def test_a_calendar_that_is_all_holidays_still_comes_to_an_end() -> None:
    every = frozenset(dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(1200))
    assert when("handle", "2026-11-23 10:00", nature="consult", calendar=Calendar(holidays=every)) > "2026-11-23"


# --- what is seen -------------------------------------------------------------------------------------------------------------


def test_the_time_that_is_left() -> None:
    """TIM-36: time left, overdue since, working days, the next holidays."""
    ticket = Ticket(ticket_id=2026092900001, made_at=at("2026-09-29 10:00"), made_by="1001", state="dispatched", nature="help")
    turning = Turning(ticket, [], {1: BASE}, 1, CALENDAR)
    turning.carry_out(ClockOrder("start", "handle"), at("2026-09-29 10:00"))
    clock = turning.newest("handle")
    assert clock is not None
    seen = time_left(clock, WORKING, at("2026-09-30 17:00"))
    assert seen is not None
    assert (seen.working_days, seen.next_holiday, seen.overdue_since) == (4, dt.date(2026, 10, 1), None)
    assert seen.working_seconds == 3600 + 4 * 9.5 * 3600
    late = time_left(clock, WORKING, clock.due_at + dt.timedelta(minutes=1))
    assert late is not None
    assert (late.overdue_since, late.seconds, late.working_seconds) == (clock.due_at, -60, 0)
    turning.carry_out(ClockOrder("pause", "handle"), at("2026-09-30 17:00"))
    paused = turning.newest("handle")
    assert paused is not None
    later = time_left(paused, WORKING, at("2026-12-30 17:00"))
    assert later is not None
    assert (later.seconds, later.is_paused) == (seen.seconds, True)
    turning.carry_out(ClockOrder("stop", "handle"), at("2026-12-30 17:00"))
    stopped = turning.newest("handle")
    assert stopped is not None
    assert (time_left(stopped, WORKING, at("2026-12-30 17:00")), stopped.met) == (None, True)


def test_working_time_forwards_and_back() -> None:
    """CH-40: its own window of hours."""
    working = WorkingTime(CALENDAR, "08:30", "18:00")
    friday = at("2026-11-27 18:00")
    assert local(working.add(friday, 1)) == "2026-11-30 08:30"
    assert local(working.add(friday, -9.5 * 3600)) == "2026-11-27 08:30"
    assert local(working.add(at("2026-11-29 12:00"), -3600)) == "2026-11-27 17:00"
    assert working.between(at("2026-11-27 17:30"), at("2026-11-30 09:00")) == 3600
    assert working.between(at("2026-11-30 09:00"), at("2026-11-27 17:30")) == 0

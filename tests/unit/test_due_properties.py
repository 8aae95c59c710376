"""Whatever the start: due times do not go back, fall on no rest day, and a holiday more makes none earlier."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.clocks import plan
from crm.clocks.clock import Clock
from crm.clocks.due import Facts, due, working_time
from crm.clocks.kinds import KINDS
from crm.profiles import store
from crm.profiles.profile import KARAMAY_LIMITS, Profile, SupervisionStep
from hotline.settings import Calendar, parse

NATURES = st.sampled_from([None, *KARAMAY_LIMITS])
CITIES = [store.current(parse({"city": {"profile": name}}, source="test")) for name in store.PROFILES]
PROFILES = st.sampled_from(
    [*CITIES, msgspec.structs.replace(Profile(), dispatch_on="working_days", callback_unit="working", extension_unit="working")]
)
STARTS = st.integers(0, 6 * 365 * 1440).map(
    lambda minutes: dt.datetime(2023, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)
LATER = st.timedeltas(dt.timedelta(0), dt.timedelta(days=20))
FACTS = st.builds(
    Facts,
    nature=NATURES,
    urgent=st.booleans(),
    is_redo=st.booleans(),
    extensions=st.lists(st.integers(1, 7), max_size=2).map(tuple),
)
ALL = sorted(KINDS)
OF_THE_CLOCK = {"dispatch", "callback", "promise", "supervision"}
DAYS = st.frozensets(st.dates(dt.date(2023, 1, 1), dt.date(2028, 12, 31)), max_size=5)


@pytest.mark.parametrize("kind", ALL)
@given(start=STARTS, later=LATER, facts=FACTS, profile=PROFILES)
def test_who_starts_later_is_not_due_earlier(
    kind: str, start: dt.datetime, later: dt.timedelta, facts: Facts, profile: Profile
) -> None:
    working = working_time(profile, Calendar())
    assert due(kind, start, facts, profile, working).at <= due(kind, start + later, facts, profile, working).at


@given(start=STARTS, profile=PROFILES)
def test_what_was_taken_is_with_the_unit_within_a_working_day(start: dt.datetime, profile: Profile) -> None:
    """TIM-03, CNF-10: what callers are told holds in each city, whenever they call."""
    working = working_time(profile, Calendar())
    day = start.astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    assert due("dispatch", start, Facts(), profile, working).at <= working.end(working.first(day + dt.timedelta(days=1)))


@pytest.mark.parametrize("kind", ALL)
@given(start=STARTS, facts=FACTS, profile=PROFILES)
def test_it_is_due_after_the_start_and_on_a_working_day_within_office_hours(
    kind: str, start: dt.datetime, facts: Facts, profile: Profile
) -> None:
    working = working_time(profile, Calendar())
    found = due(kind, start, facts, profile, working)
    assert found.at >= start
    in_hours = kind == "handle" and not facts.extensions and (facts.urgent or facts.nature in profile.limit_hours)
    if kind not in OF_THE_CLOCK and not in_hours:
        day = found.at.astimezone(dt.timezone(dt.timedelta(hours=8))).date()
        assert working.is_working(day)
        assert kind == "return" or working.begin(day) <= found.at <= working.end(day)


@pytest.mark.parametrize("kind", ALL)
@given(start=STARTS, facts=FACTS, profile=PROFILES, days=DAYS)
def test_a_holiday_more_makes_none_earlier(
    kind: str, start: dt.datetime, facts: Facts, profile: Profile, days: frozenset[dt.date]
) -> None:
    before = due(kind, start, facts, profile, working_time(profile, Calendar()))
    after = due(kind, start, facts, profile, working_time(profile, Calendar(holidays=days)))
    assert before.at <= after.at


@given(moment=STARTS, seconds=st.integers(1, 400_000), days=DAYS)
def test_working_time_that_is_added_lies_between(moment: dt.datetime, seconds: int, days: frozenset[dt.date]) -> None:
    working = working_time(Profile(), Calendar(holidays=days))
    assert working.between(moment, working.add(moment, seconds)) == seconds
    assert working.between(working.add(moment, -seconds), moment) == seconds


_STEPS = st.lists(
    st.builds(SupervisionStep, hours=st.floats(-30, 30), unit=st.sampled_from(["working", "calendar"])), min_size=1, max_size=4
)


@given(steps=_STEPS, daily=st.booleans(), start=STARTS, looks=st.lists(LATER, min_size=1, max_size=8))
def test_each_step_is_fired_once_in_order_and_not_before_its_time(
    steps: list[SupervisionStep], daily: bool, start: dt.datetime, looks: list[dt.timedelta]
) -> None:
    """Whenever one looks; nothing that is due is left."""
    last = msgspec.structs.replace(steps[-1], repeat_daily=daily)
    profile = msgspec.structs.replace(Profile(), supervision_plan=(*steps[:-1], last))
    working = working_time(profile, Calendar())
    found = due("handle", start, Facts(), profile, working)
    clock = Clock(ticket_id=1, kind="handle", round=1, started_at=start, due_at=found.at, profile_version=1, facts=Facts())
    clock = plan.armed(clock, profile, working, since=start)
    places = list[int]()
    for look in sorted(looks):
        now = start + look
        clock, fired = plan.fire(clock, profile, working, now)
        assert all(one.at <= now for one in fired)
        assert clock.next_fire_at is None or clock.next_fire_at > now
        places += [one.place for one in fired]
    assert places == sorted(set(places))

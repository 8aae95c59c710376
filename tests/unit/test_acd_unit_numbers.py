"""Which two telephones of a unit to dial at a moment (TWC-07, TWC-08, TWC-12)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.unit_numbers import ATTEMPTS, Number, Unit, in_hours, numbers_now
from hotline.clock import SHANGHAI
from hotline.directory import files
from hotline.settings import Calendar

OFFICE_HOURS = {"saturday": [], "sunday": [], "monday": [["08:30", "17:30"]], "public_holidays": "closed"}
MONDAY = dt.datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
SUNDAY = dt.datetime(2026, 11, 22, 10, 0, tzinfo=SHANGHAI)
OFFICE = Number(number="83120001", hours=OFFICE_HOURS)
LINE = Number(number="83120002", is_service_line=True)
DUTY = Number(number="83120003", duty=True, duty_from=SUNDAY, duty_to=MONDAY)


def dialled(at: dt.datetime, *numbers: Number, days: Calendar | None = None) -> list[str]:
    unit = Unit(code="CG", name="城市管理局", numbers=list(numbers))
    return [number.number[-1] for number in numbers_now(unit, at, days or Calendar())]


@pytest.mark.parametrize(
    ("at", "numbers", "order"),
    [
        (MONDAY, [OFFICE, LINE], "12"),
        (MONDAY, [LINE, OFFICE], "21"),
        (SUNDAY, [OFFICE, LINE], "21"),
        (SUNDAY, [OFFICE, LINE, DUTY], "32"),
        (MONDAY, [OFFICE, LINE, DUTY], "12"),
        (SUNDAY, [OFFICE], "11"),
        (SUNDAY, [DUTY], "33"),
        (MONDAY, [DUTY], ""),
        (SUNDAY - dt.timedelta(seconds=1), [DUTY], ""),
        (MONDAY.replace(hour=18), [OFFICE, LINE], "21"),
    ],
)
def test_who_is_on_duty_is_dialled_first_then_who_is_in_hours_then_anybody(
    at: dt.datetime, numbers: list[Number], order: str
) -> None:
    """One alone is dialled twice; a duty telephone outside of its duty is somebody's own, and not dialled."""
    assert "".join(dialled(at, *numbers)) == order
    assert "".join(dialled(at.astimezone(dt.UTC), *numbers)) == order


def test_a_duty_telephone_out_of_its_hours_waits_behind_the_others() -> None:
    night = Number(number="83120004", duty=True, hours={"monday": [["17:30", "24:00"]]})
    assert dialled(MONDAY, night, OFFICE) == ["1", "4"]
    assert dialled(MONDAY.replace(hour=20), night, OFFICE) == ["4", "1"]


def test_holidays_of_the_city_close_an_office() -> None:
    days = Calendar(holidays=frozenset([MONDAY.date()]))
    assert not in_hours(OFFICE, MONDAY, days)
    assert dialled(MONDAY, OFFICE, LINE, days=days) == ["2", "1"]


@given(st.lists(st.sampled_from([OFFICE, LINE, DUTY]), min_size=1, max_size=5), st.datetimes(timezones=st.just(SHANGHAI)))
def test_there_are_two_attempts_or_none_and_each_is_a_telephone_of_the_unit(numbers: list[Number], at: dt.datetime) -> None:
    found = numbers_now(Unit(code="CG", name="x", numbers=numbers), at)
    assert len(found) in (0, ATTEMPTS)
    assert all(number in numbers for number in found)
    assert bool(found) == any(number is not DUTY for number in numbers) or SUNDAY <= at < MONDAY


def test_every_unit_of_the_sample_can_be_dialled_at_any_time() -> None:
    for entry in files.read("units", files.SAMPLES / "units.toml"):
        numbers = [Number(number=one.number, hours=one.hours, duty=one.duty, duty_to=one.duty_to) for one in entry.numbers]
        unit = Unit(code=entry.code, name=entry.name, numbers=numbers)
        assert [len(numbers_now(unit, at)) for at in (MONDAY, SUNDAY, MONDAY.replace(hour=3))] == [2, 2, 2], entry.name

"""Values in plain English, as prompt names. Pure."""

from __future__ import annotations

import datetime as dt

_SCALES = ("", "digits/thousand", "digits/million", "digits/billion")
_SIGNS = {"*": "digits/star", "#": "digits/pound", "+": "digits/plus"}


def digits(signs: str) -> tuple[str, ...]:
    """Signs of ``0123456789*#+``, one by one."""
    return tuple(_SIGNS.get(sign, f"digits/{sign}") for sign in signs)


def number(value: int) -> tuple[str, ...]:
    """A whole number below 10^12 in size: "one hundred five"."""
    if value < 0:
        return ("digits/minus", *number(-value))
    if value == 0:
        return ("digits/0",)
    spoken: list[str] = []
    for place in reversed(range(len(_SCALES))):
        group = value // 1000**place % 1000
        if group:
            spoken += _group(group)
            spoken += (_SCALES[place],) if place else ()
    return tuple(spoken)


def _group(value: int) -> list[str]:
    """1 to 999."""
    hundreds, rest = divmod(value, 100)
    spoken = [f"digits/{hundreds}", "digits/hundred"] if hundreds else []
    tens = rest // 10 * 10 if rest > 20 else 0
    return spoken + [f"digits/{part}" for part in (tens, rest - tens) if part]


def date(day: dt.date) -> tuple[str, ...]:
    """November twenty-first, twenty twenty-six."""
    return (f"date/month-{day.month}", f"date/day-{day.day}", *_year(day.year))


def _year(year: int) -> tuple[str, ...]:
    """In two halves (nineteen oh five), but for the first years of a millennium (two thousand five)."""
    century, rest = divmod(year, 100)
    if year < 1000 or year % 1000 < 10:
        return number(year)
    if not rest:
        return (*number(century), "digits/hundred")
    return (*number(century), *(("date/oh",) if rest < 10 else ()), *number(rest))


def time(moment: dt.time) -> tuple[str, ...]:
    """Two oh five P M; midnight is twelve A M, noon twelve P M."""
    minute = (f"time/minute-{moment.minute}",) if moment.minute else ()
    return (f"time/hour-{moment.hour}", *minute, "time/pm" if moment.hour >= 12 else "time/am")


def money(fen: int) -> tuple[str, ...]:
    """Twelve yuan thirty-five fen; fifty fen; zero yuan."""
    if fen < 0:
        return ("digits/minus", *money(-fen))
    yuan, rest = divmod(fen, 100)
    whole: tuple[str, ...] = (*number(yuan), "money/yuan") if yuan or not rest else ()
    return (*whole, *number(rest), "money/fen") if rest else whole


def minutes(length: int) -> tuple[str, ...]:
    """One hour fifteen minutes."""
    hours, rest = divmod(length, 60)
    whole = _counted(hours, "duration/hour") if hours else ()
    return whole + _counted(rest, "duration/minute") if rest or not hours else whole


def _counted(value: int, unit: str) -> tuple[str, ...]:
    """A number with its unit in the singular or the plural."""
    return (*number(value), unit if value == 1 else f"{unit}s")

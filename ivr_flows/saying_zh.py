"""Values in Mandarin (普通话), as prompt names. Pure.

二 is said 两 before 百, 千, 万, 亿 and before a measure word (两点, 两元, 两分钟), never before 十 nor as a digit; 零 stands
for any run of noughts inside a number; ten is 十 at the head of a number and 一十 within it. A digit 1 of a telephone or ticket
number is 幺.
"""

from __future__ import annotations

import datetime as dt

_GROUP = 10_000
_SCALES = ("", "digits/wan", "digits/yi")
_SIGNS = {"1": "digits/yao", "*": "digits/star", "#": "digits/pound", "+": "digits/plus"}
_TWO = "digits/two-liang"


def digits(signs: str) -> tuple[str, ...]:
    """Signs of ``0123456789*#+`` one by one, 1 as 幺."""
    return tuple(_SIGNS.get(sign, f"digits/{sign}") for sign in signs)


def number(value: int) -> tuple[str, ...]:
    """A whole number below 10^12 in size."""
    if value < 0:
        return ("digits/minus", *number(-value))
    if value == 0:
        return ("digits/0",)
    spoken: list[str] = []
    nought = False
    for place in reversed(range(len(_SCALES))):
        group = value // _GROUP**place % _GROUP
        if not group:
            nought = bool(spoken)
            continue
        if spoken and (nought or group < 1000):
            spoken.append("digits/0")
        spoken += (_TWO,) if group == 2 and place else _group(group, first=not spoken)
        spoken += (_SCALES[place],) if place else ()
        nought = False
    return tuple(spoken)


def _group(value: int, *, first: bool) -> list[str]:
    """1 to 9999; ``first``: nothing was said before it, so that ten is 十 and not 一十."""
    thousands, hundreds, tens, ones = (int(figure) for figure in f"{value:04}")
    spoken: list[str] = []
    if thousands:
        spoken += _before(thousands, "digits/thousand")
    if hundreds:
        spoken += _before(hundreds, "digits/hundred")
    elif thousands and (tens or ones):
        spoken.append("digits/0")
    if tens:
        spoken += ["digits/1"] if tens == 1 and (spoken or not first) else []
        spoken.append(f"digits/{tens}0")
    elif hundreds and ones:
        spoken.append("digits/0")
    return [*spoken, f"digits/{ones}"] if ones else spoken


def _before(figure: int, scale: str) -> tuple[str, str]:
    return (_TWO if figure == 2 else f"digits/{figure}", scale)


def _measured(value: int, measure: str) -> tuple[str, ...]:
    """A number with its measure word: two of something are 两."""
    return (_TWO, measure) if value == 2 else (*number(value), measure)


def date(day: dt.date) -> tuple[str, ...]:
    """二〇二六年十一月二十一日: the year digit by digit."""
    year = (f"digits/{figure}" for figure in f"{day.year:04}")
    return (*year, "date/year", f"date/month-{day.month}", f"date/day-{day.day}")


def time(moment: dt.time) -> tuple[str, ...]:
    """下午两点零五分; a full hour has no minutes, and midnight is 凌晨零点.

    An hour is spoken with its part of the day: 凌晨 to 5, 上午 to 11, 中午 at 12, 下午 to 17, 晚上 after that.
    """
    minute = (f"time/minute-{moment.minute}",) if moment.minute else ()
    return (f"time/hour-{moment.hour}", *minute)


def money(fen: int) -> tuple[str, ...]:
    """十二元三角五分, 十二元零五分, 两角; nothing is 零元."""
    if fen < 0:
        return ("digits/minus", *money(-fen))
    yuan, rest = divmod(fen, 100)
    jiao, odd = divmod(rest, 10)
    spoken: tuple[str, ...] = _measured(yuan, "money/yuan") if yuan or not rest else ()
    if jiao:
        spoken += _measured(jiao, "money/jiao")
    elif odd and spoken:
        spoken += ("digits/0",)
    if odd:
        spoken += (*number(odd), "money/fen") if spoken else _measured(odd, "money/fen")
    return spoken


def minutes(length: int) -> tuple[str, ...]:
    """两分钟, 一小时十五分钟, 两小时."""
    hours, rest = divmod(length, 60)
    spoken: tuple[str, ...] = _measured(hours, "duration/hours") if hours else ()
    return spoken + _measured(rest, "duration/minutes") if rest or not hours else spoken

"""Numbers, digits, dates, times, money and durations as lists of prompt names, in Mandarin and in English. Pure.

``say("number", "105", "zh")`` is ``("digits/1", "digits/hundred", "digits/0", "digits/5")``: what to play one after another.
Values are text as a flow holds them: whole numbers, ISO 8601 dates and times (with a zone they are brought to the hotline's
own), money in yuan with at most two decimals, durations in whole minutes. Bad input raises ``Unspeakable``. IVR-05, IVR-06.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol, TypeAlias

from hotline.clock import SHANGHAI
from ivr_flows import saying_en, saying_zh
from ivr_flows.errors import Unspeakable

Prompts: TypeAlias = tuple[str, ...]

LARGEST = 10**12 - 1
"""The largest number, amount of yuan and length in minutes that can be said."""

_DIGITS = re.compile(r"[0-9*#+ -]{1,64}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_MINUTES = re.compile(r"[0-9]{1,12}", re.ASCII)
_MONEY = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,2}))?", re.ASCII)
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOURS = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_DATE = re.compile(_DAY, re.ASCII)
_TIME = re.compile(_HOURS, re.ASCII)
_MOMENT = re.compile(rf"{_DAY}[T ]{_HOURS}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?", re.ASCII)


class Voice(Protocol):
    """A language: what its module (``saying_zh``, ``saying_en``) makes of values that are fit."""

    def digits(self, signs: str) -> Prompts:
        """Signs of ``0123456789*#+``, one by one."""

    def number(self, value: int) -> Prompts:
        """A number from ``-LARGEST`` to ``LARGEST``."""

    def date(self, day: dt.date) -> Prompts:
        """Year, month and day."""

    def time(self, moment: dt.time) -> Prompts:
        """Hour and minute on a twelve-hour clock."""

    def money(self, fen: int) -> Prompts:
        """An amount, given in hundredths of a yuan."""

    def minutes(self, length: int) -> Prompts:
        """A length of time: hours, where there are any, and minutes."""


VOICES: MappingProxyType[str, Voice] = MappingProxyType({"zh": saying_zh, "en": saying_en})
"""The languages that values are said in."""


def say(how: str, value: str, language: str) -> Prompts:
    """The prompts that say ``value`` in the manner ``how`` in ``language`` (``zh`` or ``en``); raises ``Unspeakable``.

    digits: one by one, as a telephone or ticket number (幺 for 1), with ``* # +``; blanks and hyphens are passed over.
    number: whole, down to -999999999999, up to 999999999999. money: yuan, such as ``12.50``. minutes: a length of time.
    date: ``2026-11-21``. time: ``08:05`` (seconds are not said). datetime: both, with ``T`` or a blank between and perhaps a
    zone; as date or time only that half of it is said.
    """
    if language not in VOICES or how not in _READERS:
        raise Unspeakable(f"nothing can be said as {how!r} in language {language!r}")
    try:
        return _READERS[how](VOICES[language], value)
    except (ValueError, OverflowError) as error:
        raise Unspeakable(f"{value[:40]!r} cannot be said as {how}") from error


def _digits(voice: Voice, value: str) -> Prompts:
    signs = _fit(_DIGITS, value)[0].translate({ord(" "): None, ord("-"): None})
    if not signs:
        raise ValueError("no digit")
    return voice.digits(signs)


def _number(voice: Voice, value: str) -> Prompts:
    return voice.number(int(_fit(_NUMBER, value)[0]))


def _minutes(voice: Voice, value: str) -> Prompts:
    return voice.minutes(int(_fit(_MINUTES, value)[0]))


def _money(voice: Voice, value: str) -> Prompts:
    sign, yuan, fen = _fit(_MONEY, value).groups()
    amount = int(yuan) * 100 + int((fen or "").ljust(2, "0"))
    return voice.money(-amount if sign else amount)


def _date(voice: Voice, value: str) -> Prompts:
    return voice.date(dt.date.fromisoformat(value) if _DATE.fullmatch(value) else _moment(value).date())


def _time(voice: Voice, value: str) -> Prompts:
    return voice.time(dt.time.fromisoformat(value) if _TIME.fullmatch(value) else _moment(value).time())


def _datetime(voice: Voice, value: str) -> Prompts:
    moment = _moment(value)
    return voice.date(moment.date()) + voice.time(moment.time())


def _moment(value: str) -> dt.datetime:
    """A date with a time, on the hotline's wall clock."""
    moment = dt.datetime.fromisoformat(_fit(_MOMENT, value)[0])
    return moment.astimezone(SHANGHAI) if moment.tzinfo else moment


def _fit(pattern: re.Pattern[str], value: str) -> re.Match[str]:
    found = pattern.fullmatch(value)
    if not found:
        raise ValueError("of another form")
    return found


_READERS: MappingProxyType[str, Callable[[Voice, str], Prompts]] = MappingProxyType(
    {
        "digits": _digits,
        "number": _number,
        "date": _date,
        "time": _time,
        "datetime": _datetime,
        "money": _money,
        "minutes": _minutes,
    }
)

MANNERS = frozenset(_READERS)
"""Every ``how``."""

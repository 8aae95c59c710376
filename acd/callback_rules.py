"""When a number is tried again, and when it is left: the rules of the call-back list. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

Result = Literal["answered", "busy", "no_answer", "failed"]
"""What came of dialling a number."""


class Rules(msgspec.Struct, frozen=True):
    """What a city may set: how often, how long after a vain try, and how long an agent may think about an entry."""

    tries: int = 2
    retry: dt.timedelta = dt.timedelta(minutes=15)
    offer: dt.timedelta = dt.timedelta(minutes=2)
    keep: dt.timedelta = dt.timedelta(hours=24)


class After(msgspec.Struct, frozen=True):
    """How an entry stands after a try: settled, or waiting for another one from ``not_before`` on."""

    is_settled: bool
    not_before: dt.datetime


def after_try(tries: int, result: Result, now: dt.datetime, rules: Rules) -> After:
    """``tries``: those made, this one included. A number that answered is settled, and so is one that was tried often enough."""
    return After(is_settled=result == "answered" or tries >= rules.tries, not_before=now + rules.retry)

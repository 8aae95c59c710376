"""The path of a call through the flow: its steps, and the marks among them (IVR-12, IVR-19, IVR-35). Pure.

A step is ``node:exit``, such as ``main:1``. Some are marks, which a long call may not lose: ``tag:NAME``, ``disposition:CODE``,
and what the dialplan says of a message, a transfer and a fax. ``flow:NAME@VERSION``, tags and dispositions are no part of the
menu path.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Iterable

import msgspec

MOST_STEPS = 200
"""Steps of one call that are kept, the earliest ones."""
MOST_MARKS = 50
_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}:[A-Za-z0-9_*#@-]{1,60}")
_MARKS = ("tag:", "disposition:", "message:", "transfer:", "fax:")
_NOT_IN_THE_MENU = ("flow:", "tag:", "disposition:")

Timed = tuple[dt.datetime, int, str]
"""When, which of the steps told together, and the step."""


class Step(msgspec.Struct, frozen=True):
    """One step of the record; ``at`` is None when only the second witness told of it."""

    at: dt.datetime | None
    step: str


def steps(text: str) -> tuple[str, ...]:
    """The steps of ``a:1,b:timeout``; what is no step, or beyond the first ``MOST_STEPS``, is dropped."""
    if not text:
        return ()
    return tuple(step for step in text.split(",", MOST_STEPS)[:MOST_STEPS] if _STEP.fullmatch(step))


def joined(known: tuple[Timed, ...], at: dt.datetime, told: Iterable[str]) -> tuple[Timed, ...]:
    """The path with steps told at ``at``, in the order of time; one told twice stands there once."""
    more = [(at, index, step) for index, step in enumerate(told)]
    if not known or known[-1][0] < at:
        return (*known, *more)[:MOST_STEPS]
    return tuple(sorted({*known, *more})[:MOST_STEPS])


def marks(known: frozenset[str], told: Iterable[str]) -> frozenset[str]:
    """The marks with those among these steps, at most ``MOST_MARKS``."""
    more = [step for step in told if step.startswith(_MARKS)]
    found = known.union(more) if more else known
    return found if len(found) <= MOST_MARKS else frozenset(sorted(found)[:MOST_MARKS])


def witnessed(known: tuple[Timed, ...], seen: tuple[str, ...]) -> tuple[Step, ...]:
    """The whole path: as told, or, where the channel's own word is longer, that one with the times of the steps told.

    Steps that only were told (by the dialplan, or after the channel's path was cut) keep their place between the others.
    """
    walked = [Step(at, step) for at, _, step in known]
    if not seen or len(",".join([one.step for one in walked])) >= len(",".join(seen)):
        return tuple(walked)
    told, found, common = deque(walked), [], set(seen)
    for step in seen:
        while told and told[0].step not in common:
            found.append(told.popleft())
        found.append(told.popleft() if told and told[0].step == step else Step(None, step))
    return (*found, *told)


def menu(path: Iterable[Step]) -> str:
    """The steps through the menus, joined by commas."""
    return ",".join([one.step for one in path if not one.step.startswith(_NOT_IN_THE_MENU)])


def flow(path: Iterable[Step]) -> str | None:
    """The flow that the call went through first, ``NAME@VERSION``."""
    for one in path:
        if one.step.startswith("flow:"):
            return one.step.removeprefix("flow:")
    return None


def tags(found: Iterable[str]) -> tuple[str, ...]:
    """The names of the tags among marks, sorted."""
    return tuple(sorted(mark.removeprefix("tag:") for mark in found if mark.startswith("tag:")))

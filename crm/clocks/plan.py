"""What is fired around a due time, and when (SUP-09, SUP-16). Pure.

Steps have the places of the plan. One that ``repeat_daily`` comes last and comes again each day at its time: places go on.
"""

from __future__ import annotations

import datetime as dt
from itertools import accumulate

import msgspec

from crm.clocks.clock import Clock
from crm.clocks.kinds import KINDS
from crm.clocks.working import WorkingTime
from crm.profiles.profile import Profile, SupervisionStep

_DAY = dt.timedelta(days=1)


class Fired(msgspec.Struct, frozen=True):
    """A step whose time has come: its place, when it should have been fired, what it is."""

    place: int
    at: dt.datetime
    step: SupervisionStep


def steps_of(kind: str, profile: Profile) -> tuple[SupervisionStep, ...]:
    """The kind's own steps, or the profile's plan."""
    own = KINDS[kind].steps
    return profile.supervision_plan if own is None else own


def time_of(clock: Clock, place: int, profile: Profile, working: WorkingTime) -> dt.datetime | None:
    """When the step at this place is to be fired; None when there is none. Never before a step of a lower place."""
    steps = steps_of(clock.kind, profile)
    return _at(place, steps, times(clock.due_at, steps[: place + 1], working))


def times(due_at: dt.datetime, steps: tuple[SupervisionStep, ...], working: WorkingTime) -> list[dt.datetime]:
    """When each is to be fired; never before one of a lower place."""
    return list(accumulate((_time(due_at, step, working) for step in steps), max))


def _at(place: int, steps: tuple[SupervisionStep, ...], known: list[dt.datetime]) -> dt.datetime | None:
    if place < len(steps):
        return known[place]
    days = place - len(steps) + 1
    return known[-1] + days * _DAY if steps and steps[-1].repeat_daily else None


def _time(due_at: dt.datetime, step: SupervisionStep, working: WorkingTime) -> dt.datetime:
    if step.unit == "working":
        return working.add(due_at, step.hours * 3600)
    return due_at + dt.timedelta(hours=step.hours)


def armed(clock: Clock, profile: Profile, working: WorkingTime, since: dt.datetime | None = None) -> Clock:
    """With the time of its next step. ``since``: reminders before the due time that fall before this moment are left out.

    A clock that stands still fires nothing.
    """
    if not clock.is_running:
        return msgspec.structs.replace(clock, next_fire_at=None)
    place, steps = clock.next_step, steps_of(clock.kind, profile)
    at = time_of(clock, place, profile, working)
    while since is not None and at is not None and at <= since and place < len(steps) and steps[place].hours < 0:
        place += 1
        at = time_of(clock, place, profile, working)
    return msgspec.structs.replace(clock, next_step=place, next_fire_at=at)


def fire(clock: Clock, profile: Profile, working: WorkingTime, now: dt.datetime) -> tuple[Clock, tuple[Fired, ...]]:
    """What is to be fired by ``now``, in order, and the clock after it.

    Of the daily ones that were missed only the newest is fired: one for a week in which the system was down, not seven.
    """
    steps = steps_of(clock.kind, profile)
    place, fired, known = clock.next_step, list[Fired](), times(clock.due_at, steps, working)
    at = _at(place, steps, known) if clock.is_running else None
    while at is not None and at <= now:
        if place >= len(steps) - 1 and steps[-1].repeat_daily:
            missed = (now - at) // _DAY
            place, at = place + missed, at + missed * _DAY
        fired.append(Fired(place, at, steps[min(place, len(steps) - 1)]))
        place += 1
        at = _at(place, steps, known)
    return msgspec.structs.replace(clock, next_step=place, next_fire_at=at), tuple(fired)

"""What a person sees of a clock: time left, overdue since, working days, the next holidays (TIM-36). Pure."""

from __future__ import annotations

import datetime as dt

import msgspec

from crm.clocks.clock import Clock
from crm.clocks.working import WorkingTime, date

_DAY = dt.timedelta(days=1)
_MOST = dt.timedelta(days=400)


class TimeLeft(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds`` are negative when it is overdue; ``working_days`` after today up to the due day; of a paused clock it is what
    was left then. ``next_holiday``: the first public holiday before the due time, by which it was moved on."""

    seconds: int
    working_seconds: int
    working_days: int
    overdue_since: dt.datetime | None = None
    next_holiday: dt.date | None = None
    is_paused: bool = False


def time_left(clock: Clock, working: WorkingTime, now: dt.datetime) -> TimeLeft | None:
    """None when it has stopped."""
    if clock.stopped_at is not None:
        return None
    since = clock.paused_at or now
    day, last = date(since), min(date(clock.due_at), date(since) + _MOST)
    days = [day + number * _DAY for number in range(1, (last - day).days + 1)]
    is_late = since > clock.due_at
    seconds = working.between(clock.due_at, since) if is_late else working.between(since, clock.due_at)
    return TimeLeft(
        seconds=round((clock.due_at - since).total_seconds()),
        working_seconds=round(-seconds if is_late else seconds),
        working_days=sum(working.is_working(one) for one in days),
        overdue_since=clock.due_at if is_late else None,
        next_holiday=next((one for one in days if working.is_holiday(one)), None),
        is_paused=clock.paused_at is not None,
    )

"""When a clock of a ticket runs out, and why: one function (TIM-01 to TIM-36). Pure.

``due`` is computed from the start, what is known of the ticket (``Facts``), the profile that was in force then (CFG-08) and the
calendar, and from nothing else: so it can be computed anew when the calendar changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec

from crm.clocks.kinds import KINDS
from crm.clocks.reasons import Reason
from crm.clocks.working import WorkingTime, at, date
from crm.profiles.profile import Nature, Profile
from hotline.clock import SHANGHAI
from hotline.settings import Calendar

_DAY = dt.timedelta(days=1)
_MOST_NAMED = 10
_MOST_COUNTED = dt.timedelta(days=1000)


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else decides. ``extensions``: days of each that was approved; ``pauses``: from, to; ``until``: a named time."""

    nature: Nature | None = None
    urgent: bool = False
    is_redo: bool = False
    until: dt.datetime | None = None
    regulatory_due_at: dt.datetime | None = None
    upstream_due_at: dt.datetime | None = None
    extensions: tuple[int, ...] = ()
    pauses: tuple[tuple[dt.datetime, dt.datetime], ...] = ()


class Due(msgspec.Struct, frozen=True):
    """``working_days`` after the day of the start; ``holidays``: public holidays that moved it on."""

    at: dt.datetime
    why: tuple[Reason, ...]
    working_days: int
    holidays: tuple[dt.date, ...] = ()


_Given = tuple[dt.datetime, list[Reason]]
_Rule = Callable[[dt.datetime, Facts, Profile, WorkingTime], _Given]


def working_time(profile: Profile, calendar: Calendar) -> WorkingTime:
    """The working time of a profile on the settings' calendar."""
    return WorkingTime(calendar, profile.office_begins, profile.office_ends)


def due(kind: str, started_at: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> Due:
    """When the clock ``kind`` (of ``KINDS``) that was started then runs out."""
    found, why = _RULES[kind](started_at, facts, profile, working)
    found = _with_pauses(kind, found, facts, working, why)
    if kind == "handle" and facts.upstream_due_at is not None and facts.upstream_due_at < found:
        found = facts.upstream_due_at
        why.append(Reason("upstream"))
    found = found.astimezone(dt.UTC)
    days, holidays = _counted(started_at, found, working, why)
    return Due(found, tuple(why), days, holidays)


def _dispatch(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    del facts
    if profile.lower_level:
        hours = profile.lower_level_dispatch_hours
        return started + dt.timedelta(hours=hours), [Reason("hours", {"hours": hours})]
    day, why = date(started), list[Reason]()
    if _desk_works(day, profile, working) and started >= _at(day, profile.overnight_to):
        last = last_of_the_day(day, profile)
        if started < last:
            return _at(day, profile.dispatch_cutoff), [Reason("by_cutoff", {"time": profile.dispatch_cutoff})]
        day += _DAY
        why = [Reason("next_window", {"time": f"{last.astimezone(SHANGHAI):%H:%M}"})]
    first = day if _desk_works(day, profile, working) else working.first(day)
    if first > day:
        why.append(Reason("desk_closed", {"days": (first - day).days}))
    return _at(first, profile.overnight_cutoff), [*why, Reason("overnight", {"time": profile.overnight_cutoff})]


def last_of_the_day(day: dt.date, profile: Profile) -> dt.datetime:
    """From when on a completed form counts in the next window (TIM-31)."""
    grace = dt.timedelta(minutes=profile.cutoff_grace_minutes)
    return min(_at(day, profile.dispatch_cutoff) - grace, _at(day, profile.overnight_from))


def _at(day: dt.date, clock: str) -> dt.datetime:
    return at(day, dt.time.fromisoformat(clock))


def _desk_works(day: dt.date, profile: Profile, working: WorkingTime) -> bool:
    return profile.dispatch_on == "every_day" or working.is_working(day)


def _return(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    """Same day: by the end of office hours (TIM-35). 24 hours of working days: what begins on a rest day begins with the next."""
    del facts
    if profile.return_limit == "same_day":
        first = working.first(date(started))
        if started >= working.end(first):
            first = working.first(first + _DAY)
        return working.end(first), [Reason("same_day"), *_moved(date(started), first)]
    day = date(started)
    first = working.first(day)
    begun = started if first == day else at(first, dt.time())
    following = working.first(first + _DAY)
    return begun + (following - first), [Reason("hours", {"hours": 24}), *_moved(day + _DAY, following)]


def _moved(wanted: dt.date, first: dt.date) -> list[Reason]:
    return [Reason("moved_on", {"date": str(first)})] if first > wanted else []


def _handle(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    if facts.until is not None or facts.regulatory_due_at is not None:
        found, why = _named(facts)
    else:
        found, why = _by_nature(started, facts, profile, working)
        if facts.urgent and profile.urgent_hours:
            soon = started + dt.timedelta(hours=profile.urgent_hours)
            if soon < found:
                found, why = soon, [Reason("urgent", {"hours": profile.urgent_hours})]
    return _extended(started, (found, why), facts, profile, working)


def _named(facts: Facts) -> _Given:
    """By a regulation (TKT-25), or by whoever gave the order (ESC-02): the sooner of them."""
    if facts.until is None or (facts.regulatory_due_at is not None and facts.regulatory_due_at < facts.until):
        assert facts.regulatory_due_at is not None
        return facts.regulatory_due_at, [Reason("regulatory")]
    return facts.until, [Reason("named")]


def _by_nature(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    if facts.nature in profile.limit_hours:
        hours = profile.limit_hours[facts.nature]
        return started + dt.timedelta(hours=hours), [
            Reason("nature", {"nature": facts.nature}),
            Reason("hours", {"hours": hours}),
        ]
    days = profile.default_limit if facts.nature is None else profile.limits.get(facts.nature, profile.default_limit)
    why = [Reason("no_nature") if facts.nature is None else Reason("nature", {"nature": facts.nature})]
    if facts.is_redo:
        days = profile.redo_days or days
        why.append(Reason("redo"))
    found, further = _days(started, days, profile, working)
    return found, [*why, *further]


def _days(started: dt.datetime, days: int, profile: Profile, working: WorkingTime) -> _Given:
    """The end of office hours of the n-th working day after (TIM-30); of 0 days: of the first day that has one to come."""
    day = working.after(date(started), days)
    if started > working.end(day):
        day = working.first(day + _DAY)
    return working.end(day), [Reason("working_days", {"days": days, "time": profile.office_ends})]


def _extended(started: dt.datetime, given: _Given, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    """EXT-03, EXT-10, EXT-13: what was approved is added; never beyond the longest, nor earlier than without."""
    found, why = given
    wanted = found
    for days in facts.extensions:
        if profile.extension_unit == "working":
            wanted = working.end(working.after(date(wanted), days))
            why.append(Reason("extension_working", {"days": days}))
        else:
            day = date(wanted) + days * _DAY
            why += [Reason("extension", {"days": days}), *_moved(day, working.first(day))]
            wanted = working.end(working.first(day))
    if facts.extensions and profile.max_total_days:
        longest = working.end(working.after(date(started), profile.max_total_days))
        if longest < wanted:
            return max(longest, found), [*why, Reason("longest", {"days": profile.max_total_days})]
    return wanted, why


def _callback(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    del facts
    days = profile.callback_days
    if profile.callback_unit == "working":
        return _days(started, days, profile, working)
    return started + days * _DAY, [Reason("calendar_days", {"days": days})]


def _supervision(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    if facts.until is not None:
        return facts.until, [Reason("named")]
    return _days(started, profile.supervision_days, profile, working)


def _promise(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
    return (facts.until, [Reason("named")]) if facts.until is not None else _by_nature(started, facts, profile, working)


def _hours(key: str) -> _Rule:
    def rule(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
        del facts
        hours: int = getattr(profile, key)
        return working.add(started, hours * 3600), [Reason("working_hours", {"hours": hours})]

    return rule


def _some_days(key: str) -> _Rule:
    def rule(started: dt.datetime, facts: Facts, profile: Profile, working: WorkingTime) -> _Given:
        del facts
        return _days(started, getattr(profile, key), profile, working)

    return rule


_RULES: Mapping[str, _Rule] = {
    "dispatch": _dispatch,
    "correct": _hours("correct_hours"),
    "receive": _hours("receive_hours"),
    "return": _return,
    "handle": _handle,
    "promise": _promise,
    "review": _some_days("review_days"),
    "callback": _callback,
    "judgement": _some_days("judgement_days"),
    "supervision": _supervision,
}


def _with_pauses(kind: str, found: dt.datetime, facts: Facts, working: WorkingTime, why: list[Reason]) -> dt.datetime:
    """TIM-34: the time that it stood still is added, in working time where days are working days."""
    in_working = KINDS[kind].pauses_in == "working"
    seconds = sum(working.between(a, b) if in_working else max(0.0, (b - a).total_seconds()) for a, b in facts.pauses)
    if not seconds:
        return found
    why.append(Reason("paused", {"minutes": round(seconds / 60)}))
    return working.add(found, seconds) if in_working else found + dt.timedelta(seconds=seconds)


def _counted(
    started: dt.datetime, found: dt.datetime, working: WorkingTime, why: list[Reason]
) -> tuple[int, tuple[dt.date, ...]]:
    """Working days and public holidays after the day of the start, up to the due day; unknown years are said."""
    day, count = date(started), 0
    last = min(date(found), day + _MOST_COUNTED)
    years = {day.year, last.year}
    holidays = []
    while day < last:
        day += _DAY
        count += working.is_working(day)
        if working.is_holiday(day):
            holidays.append(day)
    if holidays:
        named = [f"{one:%m-%d}" for one in holidays[:_MOST_NAMED]]
        why.append(Reason("holidays", {"dates": ", ".join(named) + (" …" if len(holidays) > _MOST_NAMED else "")}))
    why.extend(Reason("unknown_year", {"year": year}) for year in sorted(years) if not working.is_known(year))
    return count, tuple(holidays)

"""When one topic is suddenly heard of everywhere (REP-11): more than so many times what is usual, and not by chance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

WEEKS = 4
"""What is usual is the mean of the same weekday and hour of so many weeks."""


class Rules(msgspec.Struct, frozen=True):
    """``factor`` times what is usual, and at least ``least`` contacts in an hour; or ``at_place`` at one place on one day."""

    factor: float = 3.0
    least: int = 20
    at_place: int = 5


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """Beyond its limit: ``contacts`` in the last hour (``place``: there, on this day), ``baseline`` of them are usual."""

    topic: str
    place: str = ""
    contacts: int
    baseline: float
    limit: float


def of_hour(now: Mapping[str, int], before: Sequence[Mapping[str, int]], rules: Rules) -> list[Surge]:
    """Topics beyond their limit, the largest first. ``now``: topic to contacts of the last hour; ``before``: the same hour of the
    last weeks, a mapping each; a week of which nothing is known counts as none.
    """
    found = []
    for topic, contacts in now.items():
        usual = sum(week.get(topic, 0) for week in before) / WEEKS
        limit = max(float(rules.least), rules.factor * usual)
        if contacts >= limit:
            found.append(Surge(topic=topic, contacts=contacts, baseline=usual, limit=limit))
    return sorted(found, key=lambda surge: (-surge.contacts, surge.topic))


def at_places(counts: Iterable[tuple[str, str, int]], rules: Rules) -> list[Surge]:
    """``(topic, place, contacts of the day)`` beyond the limit for one place."""
    limit = float(rules.at_place)
    found = [
        Surge(topic=topic, place=place, contacts=contacts, baseline=0.0, limit=limit)
        for topic, place, contacts in counts
        if place and contacts >= limit
    ]
    return sorted(found, key=lambda surge: (-surge.contacts, surge.topic, surge.place))

"""Whether agents were paused for missed calls when, and only when, their telephones had rung in vain often enough (ORG-20).

By the telephones: who rang out ``limit`` times with no answer and no "ready" in between is paused within ``LATE``. A ring that
may be called something else as well (``also``), and whatever was near a gap, excuses either way.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from tests.truth import CallTruth, Window

LATE = dt.timedelta(seconds=8)
"""The database may have been slow, and acd be started again."""
_SOON = dt.timedelta(seconds=2)


class Noted(msgspec.Struct, frozen=True):
    """A line of the attendance: ``log_in``, ``log_out``, ``pause`` (``why``) or ``ready``."""

    agent: str
    at: dt.datetime
    what: str
    why: str


class _Seen(msgspec.Struct, frozen=True, order=True):
    """A ring by its beginning, or a new beginning that the attendance says; ``what``: missed, unsure or anew; a miss is known at
    ``until``."""

    at: dt.datetime
    what: str
    until: dt.datetime


def judge_pauses(truths: Iterable[CallTruth], notes: Iterable[Noted], gaps: Sequence[Window], limit: int) -> list[str]:
    """A line for each pause that was not due, and for each that was and did not come."""
    seen: defaultdict[str, list[_Seen]] = defaultdict(list)
    paused: defaultdict[str, list[dt.datetime]] = defaultdict(list)
    for truth in truths:
        excused = truth.cut_at is not None or truth.in_doubt
        for ring in truth.rang:
            what = _kind(ring.result, is_sure=ring.also is None and not excused)
            if what:
                seen[ring.agent].append(_Seen(ring.at, what, ring.until or ring.at))
    for note in notes:
        if note.what == "pause" and note.why == "no_answer":
            paused[note.agent].append(note.at)
        elif note.what != "pause":
            seen[note.agent].append(_Seen(note.at, "anew", note.at))
    return [
        fault
        for agent in sorted(seen.keys() | paused.keys())
        for fault in _of_agent(agent, sorted(seen[agent]), sorted(paused[agent]), gaps, limit)
    ]


def _kind(result: str, *, is_sure: bool) -> str:
    if not is_sure:
        return "unsure"
    return {"ring_no_answer": "missed", "answered": "anew"}.get(result, "")


def _of_agent(agent: str, seen: Sequence[_Seen], paused: Sequence[dt.datetime], gaps: Sequence[Window], limit: int) -> list[str]:
    found = []
    for at in paused:
        missed, is_sure = _run([one for one in seen if one.at <= at and (one.what == "anew" or one.until <= at + _SOON)])
        if missed < limit and is_sure and not _near(gaps, at):
            found.append(f"{agent} paused at {at:%T} after {missed} missed calls")
    for place, one in enumerate(seen):
        missed, is_sure = _run(seen[: place + 1])
        due = one.what == "missed" and missed == limit and is_sure
        calm = all(other.at > one.until + LATE or other.what == "missed" for other in seen[place + 1 :])
        is_paused = any(one.until - _SOON <= at <= one.until + LATE for at in paused)
        if due and calm and not is_paused and not _near(gaps, one.until):
            found.append(f"{agent} missed {limit} calls until {one.until:%T}, and was not paused")
    return found


def _run(seen: Sequence[_Seen]) -> tuple[int, bool]:
    """How many calls were missed in a row until now, and whether that is sure."""
    missed, is_sure = 0, True
    for one in reversed(seen):
        if one.what == "anew":
            break
        missed, is_sure = missed + (one.what == "missed"), is_sure and one.what != "unsure"
    return missed, is_sure


def _near(gaps: Sequence[Window], at: dt.datetime) -> bool:
    return any(gap.earliest - LATE <= at <= gap.latest + LATE for gap in gaps)

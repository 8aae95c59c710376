"""app_queue's own counters beside ours, and why they differ, call by call (metrics, sections 2 and 4). Pure.

Theory of operation. From the evidence of each visit of a queue follows what app_queue makes of it: it counts visits, not
requests; a conversation when it has ended; every wait in vain as abandoned, but for a key; in whole seconds; since Asterisk was
started. What the counters should be by that is ``expected``. The difference between ours and ``expected`` is the sum of the
reasons, each with its calls; what Asterisk says beyond ``expected`` is ``unexplained``: counters that somebody reset, or calls
from before the recording began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from ami_bridge.figures import metrics
from ami_bridge.lines import Request
from ami_bridge.recorded.replaying import Rows
from ami_bridge.visits import Visit

Count = Literal["", "completed", "abandoned"]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)
_SECOND_US = 1_000_000


class Counters(msgspec.Struct, frozen=True, rename={"perf": "servicelevel_perf", "perf2": "servicelevel_perf2"}):
    """As ``queue show`` prints them: counts, percentages, and seconds; None where there is nothing to say."""

    completed: int
    abandoned: int
    perf: float | None
    perf2: float | None
    holdtime: float | None

    def less(self, other: Counters) -> Counters:
        """The difference of each."""
        return Counters(
            self.completed - other.completed,
            self.abandoned - other.abandoned,
            _less(self.perf, other.perf),
            _less(self.perf2, other.perf2),
            _less(self.holdtime, other.holdtime),
        )


class Stay(msgspec.Struct, frozen=True):
    """One visit as both count it. ``theirs`` and ``ours``: in which counter; ``held``: seconds of waiting, by app_queue."""

    call_id: str
    queue: str
    counted_at: dt.datetime
    answered_at: dt.datetime | None
    theirs: Count
    ours: Count
    reason: str
    held: int
    in_time_theirs: bool
    in_time_ours: bool


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """How app_queue counts: ``since`` when (None: always), up to ``at``, in time within ``service_level`` seconds."""

    service_level: int
    answer_seconds: int
    since: dt.datetime | None
    at: dt.datetime


class Why(msgspec.Struct, frozen=True):
    """One reason: by how much it makes app_queue's counters larger than ours, and the calls."""

    reason: str
    completed: int
    abandoned: int
    in_time: int
    calls: list[str]


class Compared(msgspec.Struct, frozen=True):
    """One queue of one node. ``app_queue``: None when nobody asked Asterisk."""

    queue: str
    node: str
    since: dt.datetime | None
    service_level: int
    app_queue: Counters | None
    expected: Counters
    ours: Counters
    difference: Counters
    why: list[Why]
    unexplained: Counters | None


def compare(queue: str, rows: Sequence[Rows], rules: metrics.Rules, counting: Counting, told: Counters | None) -> Compared:
    """One queue: ``rows`` of its node, and what Asterisk ``told`` (None: nobody asked)."""
    found = [stay for one in rows for stay in stays(one, counting) if stay.queue == queue]
    mine = [request for one in rows for request in one.requests if request.queue == queue and one.is_inbound]
    expected, ours = _expected(found, counting.since), _ours(mine, rules)
    reasons = sorted({stay.reason for stay in found if stay.reason})
    return Compared(
        queue=queue,
        node=rows[0].node if rows else "",
        since=counting.since,
        service_level=counting.service_level,
        app_queue=told,
        expected=expected,
        ours=ours,
        difference=(told or expected).less(ours),
        why=[_why(reason, [stay for stay in found if stay.reason == reason]) for reason in reasons],
        unexplained=told.less(expected) if told else None,
    )


def stays(rows: Rows, counting: Counting) -> list[Stay]:
    """The visits of a call, in both ways of counting; of an agent's own call only app_queue counts any."""
    if not rows.is_inbound:
        return [_stay(rows, _own(rows, visit), visit, True, counting) for visit in rows.visits]
    found = []
    for index, request in enumerate(rows.requests):
        until = rows.requests[index + 1].requested_at if index + 1 < len(rows.requests) else None
        mine = [one for one in rows.visits if request.requested_at <= one.joined_at and (until is None or one.joined_at < until)]
        found += [_stay(rows, request, visit, visit is mine[-1], counting) for visit in mine]
    return found


def _stay(rows: Rows, request: Request, visit: Visit, is_last: bool, counting: Counting) -> Stay:
    theirs, counted_at = _theirs(rows, request, visit, is_last)
    answered_at = visit.connection.at if visit.connection else None
    is_counted = is_last and request.kind == "caller"
    ours: Count = _OURS.get(request.outcome, "") if is_counted else ""
    reason = ""
    if theirs and (counted_at is None or counted_at > counting.at):
        theirs, reason = "", "talking"
    elif theirs and counting.since is not None and counted_at is not None and counted_at < counting.since:
        theirs, reason = "", "restart"
    elif (theirs, ours) not in _SAME and request.outcome != "waiting":
        reason = _reason(request, visit, is_last) if rows.is_inbound else "agents_call"
    held = _whole(answered_at or counted_at or counting.at) - _whole(visit.joined_at)
    in_time_theirs = bool(theirs) and held <= counting.service_level
    in_time_ours = ours == "completed" and request.wait_us() <= counting.answer_seconds * _SECOND_US
    if not reason and theirs == "completed" and in_time_theirs is not in_time_ours:
        reason = "seconds"
    return Stay(
        call_id=rows.call_id,
        queue=visit.queue,
        counted_at=counted_at or counting.at,
        answered_at=answered_at,
        theirs=theirs,
        ours=ours,
        reason=reason,
        held=held,
        in_time_theirs=in_time_theirs,
        in_time_ours=in_time_ours,
    )


def _own(rows: Rows, visit: Visit) -> Request:
    """What stands for a request where an agent called a queue."""
    return Request(
        node=rows.node,
        call_id=rows.call_id,
        number=0,
        kind="transfer",
        caller=rows.caller,
        queue=visit.queue,
        first_queue=visit.queue,
        requested_at=visit.joined_at,
        ended_at=visit.left_at or visit.exited_at,
        outcome="answered" if visit.connection else "abandoned" if visit.is_over else "waiting",
    )


_OURS: Mapping[str, Count] = {"answered": "completed", "abandoned": "abandoned"}
_SAME = {("completed", "completed"), ("abandoned", "abandoned")}


def _theirs(rows: Rows, request: Request, visit: Visit, is_last: bool) -> tuple[Count, dt.datetime | None]:
    """In which counter app_queue puts a visit, and when; of a conversation that lasts, no time."""
    if visit.connection:
        talks = [turn for turn in rows.turns if turn.agent == visit.connection.agent and turn.connected_at == visit.connection.at]
        return "completed", talks[0].ended_at if talks else request.ended_at
    if visit.refused or visit.status.startswith("KEY") or (is_last and request.outcome == "waiting"):
        return "", None
    if is_last and request.outcome == "answered":
        return "completed", request.ended_at
    return "abandoned", visit.left_at or visit.exited_at or request.ended_at


def _reason(request: Request, visit: Visit, is_last: bool) -> str:
    """Why the two count a visit differently."""
    if visit.refused:
        return "refused"
    if request.kind == "transfer":
        return "transfer"
    if not is_last:
        return "hop"
    if visit.status.startswith("KEY"):
        return "key_exit"
    return request.outcome


def _why(reason: str, found: Sequence[Stay]) -> Why:
    return Why(
        reason=reason,
        completed=sum((stay.theirs == "completed") - (stay.ours == "completed") for stay in found),
        abandoned=sum((stay.theirs == "abandoned") - (stay.ours == "abandoned") for stay in found),
        in_time=sum((stay.in_time_theirs and stay.theirs == "completed") - stay.in_time_ours for stay in found),
        calls=[stay.call_id for stay in found],
    )


def _expected(found: Sequence[Stay], since: dt.datetime | None) -> Counters:
    """What app_queue's arithmetic makes of the visits. Its hold time is a moving average, of those answered since it started."""
    completed = [stay for stay in found if stay.theirs == "completed"]
    abandoned = [stay for stay in found if stay.theirs == "abandoned"]
    in_time = sum(stay.in_time_theirs for stay in completed)
    left_in_time = sum(stay.in_time_theirs for stay in abandoned)
    answered = sorted(
        (stay.answered_at, stay.held) for stay in found if stay.answered_at and (not since or stay.answered_at >= since)
    )
    holdtime = 0
    for _, held in answered:
        holdtime = (holdtime * 3 + held) >> 2
    return Counters(
        len(completed),
        len(abandoned),
        _percent(in_time, len(completed)),
        _percent(in_time + left_in_time, len(completed) + len(abandoned)),
        holdtime,
    )


def _ours(requests: Sequence[Request], rules: metrics.Rules) -> Counters:
    tally = metrics.of_requests(requests)
    found, counts = metrics.figures(tally, metrics.Calls(), rules), tally.counts()
    timely, offered = found["answer_timely_connected"], found["answer_timely_offered"]
    return Counters(
        counts["answered"],
        counts["abandoned"],
        _percent(timely.n, timely.d or 0),
        _percent(offered.n, offered.d or 0),
        metrics.waits(tally)["answered_mean"],
    )


def _percent(n: int, d: int) -> float | None:
    return round(100 * n / d, 1) if d else None


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one - other, 3)


def _whole(at: dt.datetime) -> int:
    """The second in which something happened, as ``time()`` says it."""
    return (at - _EPOCH) // _SECOND

"""Call by call: is what we say what the telephones saw? Each function gives a line for each difference; none is the aim.

``near_a_gap``: whether a call lasted while a recorded gap did, or just before or after one: there, and only there, a line may
differ, as long as it says that it was repaired and the sums still agree (metrics, section 6).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ami_bridge.lines import Request, Turn
from tests.truth import SLACK, Asked, CallTruth, Window

REPAIRED_SLACK = dt.timedelta(seconds=1)
"""What a second witness knows to the second only (metrics, section 6)."""


class CallSeen(msgspec.Struct, frozen=True):
    """A row of table ``calls``, as far as a telephone can know it."""

    caller: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    connected_at: dt.datetime | None
    repaired: bool


def near_a_gap(truth: CallTruth, gaps: Iterable[Window]) -> bool:
    """Whether a gap can have swallowed something of this call."""
    begin, end = truth.invited_at - SLACK, (truth.ended_at or truth.cut_at or truth.invited_at) + SLACK
    return any(gap.earliest <= end and begin <= gap.latest for gap in gaps)


def judge_calls(truths: Iterable[CallTruth], calls: Iterable[CallSeen]) -> list[str]:
    """Every citizen's call is there once, with its times."""
    seen: defaultdict[str, list[CallSeen]] = defaultdict(list)
    for call in calls:
        seen[call.caller].append(call)
    found = []
    for truth in truths:
        rows = seen[truth.caller]
        faults = _of_row(truth, rows[0]) if len(rows) == 1 else [f"one call, but we say {len(rows)}"]
        found += [f"{truth.caller} {truth.story}: {fault}" for fault in faults]
    return found


def _of_row(truth: CallTruth, row: CallSeen) -> list[str]:
    found = []
    slack = SLACK + (REPAIRED_SLACK if row.repaired else dt.timedelta(0))
    if abs(row.started_at - truth.invited_at) > slack:
        found.append(f"invited {truth.invited_at:%T.%f}, but we say {row.started_at:%T.%f}")
    if truth.cut_at is None and (row.connected_at is not None) != truth.connected:
        found.append(f"connected: {truth.connected}, but we say {row.connected_at}")
    if truth.ended_at and not truth.cut_at and not _ends_then(truth, row.ended_at, slack):
        found.append(f"ended {truth.ended_at:%T.%f}, but we say {row.ended_at}")
    return found


def _ends_then(truth: CallTruth, said: dt.datetime | None, slack: dt.timedelta) -> bool:
    """When the citizen hangs up, Asterisk may notice late (no sound, no frame that wakes the channel): never before."""
    assert truth.ended_at
    late = truth.ended_by == "self"
    return said is not None and truth.ended_at - slack <= said and (late or said <= truth.ended_at + slack)


def judge(truths: Iterable[CallTruth], requests: Iterable[Request], turns: Iterable[Turn]) -> list[str]:
    """Every difference between the truth and the rows; ``requests`` and ``turns`` are all rows of these callers' calls."""
    asked: defaultdict[str, list[Request]] = defaultdict(list)
    for request in requests:
        asked[request.caller].append(request)
    calls = {request.call_id: request.caller for rows in asked.values() for request in rows}
    rang: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        rang[calls.get(turn.call_id, "")].append(turn)
    found = []
    for truth in truths:
        rows = sorted(asked.pop(truth.caller, []), key=lambda row: (row.requested_at, row.number))
        found += [f"{truth.caller} {truth.story}: {fault}" for fault in _of_call(truth, rows, rang[truth.caller])]
    return found + [f"{caller}: a request of a call that nobody made" for caller in asked]


def _of_call(truth: CallTruth, rows: Sequence[Request], turns: Sequence[Turn]) -> list[str]:
    told = truth.requests
    if truth.cut_at and len(rows) == len(told) - 1 and told[-1].began.latest >= truth.cut_at:
        told = told[:-1]  # Asterisk died before it knew
    if len(rows) != len(told):
        said = ", ".join(f"{row.kind} {row.queue} {row.outcome}" for row in rows)
        return [f"{len(told)} requests, but we say {len(rows)}: {said}"]
    if len({row.call_id for row in rows}) > 1:
        return [f"one call, but we say {len({row.call_id for row in rows})}"]
    found = []
    for number, (asked, row) in enumerate(zip(told, rows, strict=True), start=1):
        if not _is_cut_short(truth, asked, row):
            found += [f"request {number}: {fault}" for fault in _of_request(asked, row)]
    if not truth.cut_at and not any(row.repaired for row in rows):
        found += _of_turns(truth, turns) or _of_talks(truth, turns)
    return found


def _is_cut_short(truth: CallTruth, asked: Asked, row: Request) -> bool:
    """Whether Asterisk died in the very moment in which this request ended: then nobody knows how it would have."""
    if truth.cut_at is None:
        return False
    if asked.ended is None:
        return row.ended_at is not None and row.ended_at >= truth.cut_at - SLACK
    return asked.ended.latest >= truth.cut_at


def _of_request(asked: Asked, row: Request) -> list[str]:
    wanted: Mapping[str, object] = {name: getattr(asked, name) for name in ("kind", "first_queue", "queue", "outcome", "hops")}
    if asked.outcome == "answered":
        wanted = {**wanted, "agent": asked.agent}
    found = [
        f"{name} was {value}, but we say {getattr(row, name)}" for name, value in wanted.items() if getattr(row, name) != value
    ]
    slack = REPAIRED_SLACK if row.repaired else dt.timedelta(0)
    if not _wider(asked.began, slack).holds(row.requested_at):
        found.append(f"began {asked.began.earliest:%T.%f} to {asked.began.latest:%T.%f}, but we say {row.requested_at:%T.%f}")
    if asked.ended is not None:
        shortest, longest = asked.wait_seconds()
        wait = row.wait_us() / 1e6
        if not shortest - slack.total_seconds() <= wait <= longest + slack.total_seconds():
            found.append(f"waited {shortest:.3f} to {longest:.3f} s, but we say {wait:.3f}")
    return found


def _of_turns(truth: CallTruth, turns: Sequence[Turn]) -> list[str]:
    wanted = sorted(truth.rang, key=lambda one: (one.agent, one.at))
    said = sorted(turns, key=lambda one: (one.agent, one.rang_at))
    pairs = zip(wanted, said, strict=False)
    if len(wanted) == len(said) and all(one.agent == turn.agent and turn.result in (one.result, one.also) for one, turn in pairs):
        return []
    return [f"rang {[(one.agent, one.result) for one in wanted]}, but we say {[(turn.agent, turn.result) for turn in said]}"]


def _of_talks(truth: CallTruth, turns: Sequence[Turn]) -> list[str]:
    """How long each agent had the citizen, and on hold."""
    found = []
    for told in truth.talked:
        turn = min(
            (turn for turn in turns if turn.agent == told.agent and turn.connected_at),
            key=lambda turn: abs((turn.connected_at or told.at) - told.at),
            default=None,
        )
        if turn is None:
            continue
        held, whole = turn.hold_us / 1e6, (turn.talk_us + turn.hold_us) / 1e6
        for what, (least, most), ours in (("talked", told.seconds, whole), ("held", told.held, held)):
            if not least <= ours <= most:
                found.append(f"{told.agent} {what} {least:.3f} to {most:.3f} s, but we say {ours:.3f}")
    return found


def _wider(window: Window, slack: dt.timedelta) -> Window:
    return Window(window.earliest - slack, window.latest + slack)

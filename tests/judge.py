"""Call by call: is what we say what the telephones saw? ``judge`` gives a line for each difference; none is the aim."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ami_bridge.lines import Request, Turn
from tests.truth import Asked, CallTruth, Window

REPAIRED_SLACK = dt.timedelta(seconds=1)
"""What a second witness knows to the second only (metrics, section 6)."""


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
    if len(rows) != len(truth.requests):
        said = ", ".join(f"{row.kind} {row.queue} {row.outcome}" for row in rows)
        return [f"{len(truth.requests)} requests, but we say {len(rows)}: {said}"]
    if len({row.call_id for row in rows}) > 1:
        return [f"one call, but we say {len({row.call_id for row in rows})}"]
    found = []
    for number, (asked, row) in enumerate(zip(truth.requests, rows, strict=True), start=1):
        found += [f"request {number}: {fault}" for fault in _of_request(asked, row)]
    if not truth.cut and not any(row.repaired for row in rows):
        found += _of_turns(truth, turns)
    return found


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
    wanted = sorted((one.agent, one.result) for one in truth.rang)
    said = sorted((turn.agent, turn.result) for turn in turns)
    return [] if said == wanted else [f"rang {wanted}, but we say {said}"]


def _wider(window: Window, slack: dt.timedelta) -> Window:
    return Window(window.earliest - slack, window.latest + slack)

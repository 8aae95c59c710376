"""The rows of a replay as JSON: figures, queues, agents, and a line per request that says why (interfaces, section 4). Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ami_bridge.figures import metrics, tally
from ami_bridge.figures.metrics import NAMES, Calls, Rules
from ami_bridge.lines import Request, Turn
from ami_bridge.recorded.replaying import Rows

Told = tuple[Rows, Request]


class Exclusion(msgspec.Struct, frozen=True):
    """A time that the net figures leave out (metrics, section 3), as ``GET /api/exclusions`` gives it; queue, node None: all."""

    from_at: dt.datetime
    reason: str
    to_at: dt.datetime | None = None
    queue: str | None = None
    node: str | None = None
    confirmed_by: str | None = None
    withdrawn_by: str | None = None

    def covers(self, request: Request) -> bool:
        """Whether it is in force and the request started in it."""
        return (
            self.confirmed_by is not None
            and self.withdrawn_by is None
            and self.queue in (None, request.queue)
            and self.node in (None, request.node)
            and self.from_at <= request.requested_at
            and (self.to_at is None or request.requested_at < self.to_at)
        )


Exclusions = Sequence[Exclusion]
_MILLISECOND = dt.timedelta(milliseconds=1)


def document(rows: Sequence[Rows], rules: Rules, queue: str = "", exclusions: Exclusions = ()) -> dict[str, object]:
    """All of it, or what concerns one queue. More keys than the interface names: transfers, waits, calls without a request.

    The sum over ``lines``, for the rates over all calls together with ``calls_without_request``, is the rate.
    """
    if queue:
        rows = [one for one in rows if any(request.queue == queue for request in one.requests)]
    told = [(one, request) for one in rows for request in one.requests if queue in ("", request.queue)]
    told.sort(key=lambda pair: (pair[1].requested_at, pair[1].node, pair[1].call_id, pair[1].number))
    lines = [pair for pair in told if pair[1].kind == "caller"]
    silent = [one for one in rows if not any(request.kind == "caller" for request in one.requests)]
    turns = [turn for one in rows for turn in one.turns if queue in ("", turn.queue)]
    return {
        "calls": len(rows),
        **figures(lines, silent, rules, exclusions),
        "queues": {name: _queue(name, told, rules, exclusions) for name in sorted({request.queue for _, request in told})},
        "agents": agents(turns),
        "lines": [_line(one, request, rules, exclusions) for one, request in lines],
        "transfers": [_line(one, request, rules, exclusions) for one, request in told if request.kind == "transfer"],
        "calls_without_request": [_silent(one) for one in silent],
        "repaired": sum(request.repaired for _, request in lines),
    }


def figures(lines: Sequence[Told], silent: Sequence[Rows], rules: Rules, exclusions: Exclusions) -> dict[str, object]:
    """Counts by outcome, rates (raw, and net of exclusions), and waits of these requests, and of calls without one."""
    found = metrics.of_requests(request for _, request in lines)
    net = metrics.of_requests(request for _, request in lines if not _excluded(request, exclusions))
    first = [one for one, request in lines if _is_first(one, request)]
    calls = Calls(
        calls=len(first) + len(silent),
        answered=sum(one.answered for one in [*first, *silent]),
        ivr_hangups=sum(one.ended_in_menu for one in silent),
    )
    return {
        "requests": found.counts(),
        "metrics": metrics.figures(found, calls, rules),
        "metrics_net": metrics.figures(net, calls, rules),
        "waits": metrics.waits(found),
    }


def agents(turns: Iterable[Turn]) -> dict[str, dict[str, int]]:
    """Of each agent: how often rung, with what result, and milliseconds of ringing, talk, hold and wrap-up."""
    found: dict[str, Counter[str]] = {}
    for turn in turns:
        sums = found.setdefault(turn.agent, Counter())
        sums["rung"] += 1
        sums[turn.result] += 1
        for name in ("ring", "talk", "hold", "wrapup"):
            sums[f"{name}_us"] += getattr(turn, f"{name}_us")
    counts = ("answered", "ring_no_answer", "rung", "other_answered", "caller_left", "ringing")
    return {
        agent: {name: sums[name] for name in counts}
        | {f"{name}_ms": sums[f"{name}_us"] // 1000 for name in ("talk", "hold", "ring", "wrapup")}
        for agent, sums in sorted(found.items())
    }


def _queue(queue: str, told: Sequence[Told], rules: Rules, exclusions: Exclusions) -> dict[str, object]:
    mine = [(one, request) for one, request in told if request.queue == queue]
    sent = tally.of((request.outcome, request.wait_us(), request.repaired) for _, request in mine if request.kind == "transfer")
    return {**figures([pair for pair in mine if pair[1].kind == "caller"], (), rules, exclusions), "transfers": sent.counts()}


def _line(one: Rows, request: Request, rules: Rules, exclusions: Exclusions) -> dict[str, object]:
    why = metrics.why(request, rules, is_first_of_call=_is_first(one, request), call_is_answered=one.answered)
    return {
        "call_id": request.call_id,
        "caller": request.caller,
        "queue": request.queue,
        "requested_at": request.requested_at,
        "ended_at": request.ended_at,
        "wait_ms": request.wait_us() // 1000,
        "outcome": request.outcome,
        "agent": request.agent,
        "hops": request.hops,
        "repaired": request.repaired,
        "why": why,
        "node": request.node,
        "number": request.number,
        "kind": request.kind,
        "first_queue": request.first_queue,
        "wait_us": request.wait_us(),
        "source": request.source,
        "precision_us": request.precision_us,
        "excluded": _excluded(request, exclusions),
    }


def _excluded(request: Request, exclusions: Exclusions) -> str | None:
    """Why the net figures leave it out; None: they do not."""
    return next((exclusion.reason for exclusion in exclusions if exclusion.covers(request)), None)


def _silent(one: Rows) -> dict[str, object]:
    """A call that never asked for an agent: it counts in the two rates over calls."""
    why = dict.fromkeys(NAMES, "excluded: no request for an agent")
    why |= metrics.why_of_call(is_answered=one.answered, is_menu_hangup=one.ended_in_menu)
    return {"call_id": one.call_id, "node": one.node, "caller": one.caller, "started_at": one.started_at, "why": why}


def _is_first(one: Rows, request: Request) -> bool:
    """Whether this is the caller's first request in the call."""
    return request.number == min((other.number for other in one.requests if other.kind == "caller"), default=0)

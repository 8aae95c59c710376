"""What the live figures are computed from: the rows of the last 24 hours in windows, who waits, agents, gaps, bridges. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from ami_bridge.figures.live_rows import AgentRow, BridgeRow, CallRow, GapRow, RequestRow, Row, TurnRow
from ami_bridge.figures.live_totals import (
    Asked,
    Called,
    CallKey,
    CallLine,
    Group,
    RequestLine,
    RowKey,
    Rung,
    TurnLine,
    request_line,
)
from ami_bridge.figures.windows import DAY, Windows, microseconds, spans

Stale = Literal["windows", "now", "agents", "gaps", "nodes"]
_SLACK_US = 3_600_000_000
"""For so long after the longest window a row is kept, for a clock that is set back."""


class State:
    """Rows are taken in any order, again or not; the newest version of each last. ``stale``: what else than windows changed."""

    def __init__(self, shifts: Sequence[str], at: dt.datetime) -> None:
        self._shifts, self.at = shifts, at
        where = spans(at, shifts)
        self.requests: Windows[RequestLine, Group, Asked] = Windows(Asked, where)
        self.calls: Windows[CallLine, str, Called] = Windows(Called, where)
        self.turns: Windows[TurnLine, tuple[str, str], Rung] = Windows(Rung, where)
        self.waiting: dict[RowKey, RequestLine] = {}
        self.agents: dict[tuple[str, str], AgentRow] = {}
        self.gaps: dict[str, GapRow] = {}
        self.bridges: dict[str, BridgeRow] = {}
        self.stale: set[Stale] = {"windows", "now", "agents", "gaps", "nodes"}
        self._asked: Counter[CallKey] = Counter()
        self._groups: dict[Group, Group] = {}
        self._take: dict[type, Callable[..., None]] = {
            RequestRow: self._request,
            CallRow: self._call,
            TurnRow: self._turn,
            AgentRow: self._agent,
            GapRow: self._gap,
            BridgeRow: self._bridge,
        }

    def apply(self, rows: Iterable[Row]) -> None:
        """Take rows."""
        for row in rows:
            self._take[type(row)](row)

    def tick(self, at: dt.datetime) -> None:
        """It is ``at`` now: windows move, and what has been outside of all of them for long is forgotten."""
        self.at = at
        where = spans(at, self._shifts)
        if where == self.requests.spans:
            return
        for windows in (self.requests, self.calls, self.turns):
            windows.move(where)
        self.stale |= {"windows", "now", "gaps"}
        self._forget(where[DAY][0] - _SLACK_US)

    def _forget(self, before_us: int) -> None:
        self.calls.forget(before_us)
        self.turns.forget(before_us)
        for line in self.requests.forget(before_us):
            self._asked_less(line.key[:2])
        self.gaps = {key: gap for key, gap in self.gaps.items() if gap.to_at is None or microseconds(gap.to_at) > before_us}

    def _request(self, row: RequestRow) -> None:
        key = (row.node, row.call_id, row.number, microseconds(row.requested_at))
        known = self.requests.get(key)
        if self.waiting.pop(key, None):
            self.stale.add("now")
        if row.void:
            self.requests.drop(key)
            if known:
                self._asked_less(key[:2])
                self._hung_up(key[:2])
            return
        group = Group(row.node, row.queue, row.skill, row.kind, row.excluded or "")
        line = request_line(row, key, self._groups.setdefault(group, group))
        self.requests.put(line)
        if row.outcome == "waiting":
            self.waiting[key] = line
            self.stale.add("now")
        if not known:
            self._asked[key[:2]] += 1
            self._hung_up(key[:2])

    def _call(self, row: CallRow) -> None:
        key = (row.node, row.call_id)
        answered, in_menu = row.connected_at is not None, row.disposition == "ivr_hangup"
        self.calls.put(CallLine(key, microseconds(row.started_at), row.node, answered, in_menu, key in self._asked))

    def _turn(self, row: TurnRow) -> None:
        start = microseconds(row.rang_at)
        key = (row.node, row.call_id, row.number, start)
        if row.void:
            self.turns.drop(key)
            return
        self.turns.put(TurnLine(key, start, (row.node, row.agent), row.result, row.talk_us, row.hold_us, row.wrapup_us))

    def _agent(self, row: AgentRow) -> None:
        self.agents[row.node, row.agent] = row
        self.stale.add("agents")

    def _gap(self, row: GapRow) -> None:
        self.gaps[row.gap_id] = row
        self.stale.add("gaps")

    def _bridge(self, row: BridgeRow) -> None:
        self.bridges[row.node] = row
        self.stale.add("nodes")

    def _asked_less(self, key: CallKey) -> None:
        self._asked[key] -= 1
        if not self._asked[key]:
            del self._asked[key]

    def _hung_up(self, key: CallKey) -> None:
        """A call that asked for an agent, or did not after all, is another kind of call."""
        line = self.calls.get(key)
        if line and line.asked != (key in self._asked):
            self.calls.put(CallLine(key, line.start_us, line.group, line.answered, line.in_menu, key in self._asked))

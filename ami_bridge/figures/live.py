"""The live figures: what is counted of the last 24 hours, kept up to date row by row, and what changed since any moment. Pure.

Rows come from the tables that the bridges write (``apply``), time from outside (``tick``). Rates, waits and counts are those of
``metrics.py`` over tallies that equal a recount from the rows, for every window and view (metrics, 7.1; KPI-01,
KPI-02). What clients see is a ``live_document.Document``: a snapshot with any changes merged into it is a fresh one (7.3).

Views: ``whole``, ``node:…``, ``queue:…``, ``skill:…``; of agents, their turns. Windows: ``windows.py``. A key of the
sections ``requests`` and ``waits`` is ``window/view``, of ``figures`` ``window/view/name``, of ``turns`` ``window/agent``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ami_bridge.figures import metrics, tally
from ami_bridge.figures.live_document import Document, Message
from ami_bridge.figures.live_now import WHOLE, node, states, touches, views, waiting
from ami_bridge.figures.live_rows import Row
from ami_bridge.figures.live_state import State
from ami_bridge.figures.live_totals import Asked, Group, RequestLine, agent
from ami_bridge.figures.tally import Tally
from ami_bridge.figures.windows import DAY, NAMES, moment

COMPARED = frozenset({"asterisk_sl", "asterisk_sl2", "wazo_qos", "wazo_answered_rate"})
"""Rates of other systems: in the history, not on a live screen."""
OF_CALLS = frozenset({metrics.LITERAL, metrics.MENU})
"""Over all calls: of the whole and of a node; a call that asked for nobody has no queue."""
_SHOWN = tuple(name for name in metrics.NAMES if name not in COMPARED)


class Rules(msgspec.Struct, frozen=True):
    """What the settings say: limits and goals, when shifts begin (``HH:MM``), and every queue's skill."""

    rates: metrics.Rules = metrics.Rules()
    shifts: tuple[str, ...] = ("08:00", "16:00", "00:00")
    queues: Mapping[str, str] = {}


class Pair(msgspec.Struct, frozen=True):
    """A figure as it is, and net of what exclusions in force take out (KPI-40)."""

    raw: object
    net: object


class Counts(msgspec.Struct, frozen=True):
    """The requests of a view in a window: ``total`` and each outcome; transfers by themselves.

    ``conserved``: each has exactly one known outcome (metrics, section 2); ``gap``: a gap touches the window; of the requests,
    so many are ``repaired``.
    """

    raw: dict[str, int]
    net: dict[str, int]
    repaired: int
    repaired_net: int
    transfers: dict[str, int]
    conserved: bool
    gap: bool


class _Sums(msgspec.Struct, frozen=True):
    """What is published of the same rows under one or several views."""

    figures: dict[str, Pair]
    waits: Pair
    counts: Counts


class Live:
    """Everything live, at the moment of the last ``tick``."""

    def __init__(self, rules: Rules, at: dt.datetime, after: int = -1) -> None:
        self._rules = rules
        self.state = State(rules.shifts, at)
        self.document = Document(after)
        self._views: set[str] = set()
        self._touched: set[tuple[str, str]] = set()

    def apply(self, rows: Iterable[Row]) -> None:
        """Take rows, in any order, again or not; the newest version of each one last."""
        self.state.apply(rows)

    def tick(self, at: dt.datetime) -> None:
        """It is ``at`` now."""
        self.state.tick(at)

    def snapshot(self) -> Message:
        """Everything, for a client that has nothing."""
        self.publish()
        return self.document.snapshot(self.state.at)

    def delta(self, since: int) -> Message:
        """What changed after the message ``since``; a snapshot when that is not known."""
        self.publish()
        return self.document.delta(since, self.state.at)

    def publish(self) -> int:
        """Bring the document up to date; returns the number of its newest change."""
        changed = self._counted() | self._new_views() | self._gapped()
        sums: dict[object, _Sums] = {}
        for window, view in changed:
            if view in self._views:
                self._put(window, view, sums)
        self._turns()
        self._windows()
        self._now()
        self._agents()
        self._nodes()
        self.state.stale.clear()
        self.document.close()
        return self.document.seq

    def _counted(self) -> set[tuple[str, str]]:
        """Windows and views in which a row came, changed or went."""
        requests, calls = self.state.requests.changed, self.state.calls.changed
        found = {(window, view) for window, group in requests for view in views(group)}
        found |= {(window, view) for window, node in calls for view in (WHOLE, f"node:{node}")}
        requests.clear()
        calls.clear()
        return found

    def _new_views(self) -> set[tuple[str, str]]:
        """Those of the settings, of the bridges, and of what happened in the last 24 hours."""
        state = self.state
        after = {WHOLE, *(f"node:{node}" for node in state.bridges.keys() | state.calls.cells[DAY].keys())}
        after |= {view for queue, skill in self._rules.queues.items() for view in (f"queue:{queue}", f"skill:{skill}")}
        after |= {view for group in state.requests.cells[DAY] for view in views(group)}
        for view in self._views - after:
            for window in NAMES:
                self._drop(window, view)
            self.document.drop("now", view)
            self.document.drop("states", view)
        if after != self._views:
            state.stale |= {"now", "agents", "gaps"}
        fresh, self._views = after - self._views, after
        return {(window, view) for window in NAMES for view in fresh}

    def _gapped(self) -> set[tuple[str, str]]:
        """Windows and views that a gap touches now or touched before, but not both."""
        state, document = self.state, self.document
        if "gaps" not in state.stale and "windows" not in state.stale:
            return set()
        spans = state.requests.spans
        shown = {key: gap for key, gap in state.gaps.items() if touches(gap, spans[DAY])}
        touched = set()
        for gap in shown.values():
            for window in [name for name, span in spans.items() if touches(gap, span)]:
                touched |= {(window, view) for view in self._views if view[:5] != "node:" or view[5:] == gap.node}
        for key in set(document.keys("gaps")) - shown.keys():
            document.drop("gaps", key)
        for key, gap in shown.items():
            document.put("gaps", key, gap)
        changed, self._touched = touched ^ self._touched, touched
        return changed

    def _put(self, window: str, view: str, known: dict[object, _Sums]) -> None:
        state, key = self.state, f"{window}/{view}"
        groups = tuple(group for group in state.requests.cells[window] if view == WHOLE or view in views(group))
        nodes = tuple(node for node in state.calls.cells[window] if view in (WHOLE, f"node:{node}"))
        sums = known.get((window, groups, nodes))
        if sums is None:
            sums = known[(window, groups, nodes)] = self._sums(window, groups, nodes)
        of_calls = view == WHOLE or view.startswith("node:")
        for name in _SHOWN:
            if of_calls or name not in OF_CALLS:
                self.document.put("figures", f"{key}/{name}", sums.figures[name])
        self.document.put("waits", key, sums.waits)
        gap = (window, view) in self._touched
        self.document.put("requests", key, msgspec.structs.replace(sums.counts, gap=gap))

    def _drop(self, window: str, view: str) -> None:
        for name in _SHOWN:
            self.document.drop("figures", f"{window}/{view}/{name}")
        self.document.drop("waits", f"{window}/{view}")
        self.document.drop("requests", f"{window}/{view}")

    def _sums(self, window: str, groups: tuple[Group, ...], nodes: tuple[str, ...]) -> _Sums:
        asked = {group: self._settled(window, group) for group in groups}
        tallies = {group: total.tally() for group, total in asked.items()}
        raw = tally.total(found for group, found in tallies.items() if group.kind == "caller")
        is_excluded = any(group.excluded for group in groups)
        net = (
            tally.total(f for group, f in tallies.items() if group.kind == "caller" and not group.excluded)
            if is_excluded
            else raw
        )
        calls = sum((self.state.calls.cells[window][node].calls() for node in nodes), metrics.Calls())
        transfers = tally.total(found for group, found in tallies.items() if group.kind != "caller")
        counts = Counts(
            raw=raw.counts(),
            net=net.counts(),
            repaired=raw.repaired,
            repaired_net=net.repaired,
            transfers=transfers.counts(),
            conserved=not any(total.odd for total in asked.values()),
            gap=False,
        )
        return _Sums(self._figures(raw, net, calls), _pair(metrics.waits, raw, net), counts)

    def _figures(self, raw: Tally, net: Tally, calls: metrics.Calls) -> dict[str, Pair]:
        whole = metrics.figures(raw, calls, self._rules.rates)
        left = whole if net is raw else metrics.figures(net, calls, self._rules.rates)
        return {name: Pair(whole[name], left[name]) for name in _SHOWN}

    def _settled(self, window: str, group: Group) -> Asked:
        total = self.state.requests.cells[window][group]
        if total.unsure:
            total.settle(line for line in self.state.requests.within(window) if line.group == group)
        return total

    def _turns(self) -> None:
        turns = self.state.turns
        for window, number in {(window, number) for window, (_, number) in turns.changed}:
            found = [rung for (_, who), rung in turns.cells[window].items() if who == number]
            if found:
                self.document.put("turns", f"{window}/{number}", agent(found))
            else:
                self.document.drop("turns", f"{window}/{number}")
        turns.changed.clear()

    def _windows(self) -> None:
        if "windows" in self.state.stale:
            for name, (begin, end) in self.state.requests.spans.items():
                self.document.put("windows", name, {"from": moment(begin), "to": moment(end)})

    def _now(self) -> None:
        """Transfers wait like callers; both are in ``longest``."""
        if "now" not in self.state.stale:
            return
        found: dict[str, list[RequestLine]] = {view: [] for view in self._views}
        for line in self.state.waiting.values():
            for view in views(line.group):
                found.setdefault(view, []).append(line)
        for view in self._views:
            self.document.put("now", view, waiting(found[view], self.state.at))

    def _agents(self) -> None:
        if "agents" not in self.state.stale:
            return
        for row in self.state.agents.values():
            self.document.put("agents", f"{row.node}/{row.agent}", row)
        for view in self._views:
            self.document.put("states", view, states(view, self.state.agents.values(), self._rules.queues))

    def _nodes(self) -> None:
        if self.state.stale & {"nodes", "gaps"}:
            for name, row in self.state.bridges.items():
                self.document.put("nodes", name, node(row, self.state.gaps.values()))


def _pair(of: Callable[[Tally], object], raw: Tally, net: Tally) -> Pair:
    found = of(raw)
    return Pair(found, found if net is raw else of(net))

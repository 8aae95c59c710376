"""Recordings to rows, by the same reducer as live; the queue log fills in what was missed (metrics, section 6). Pure.

Theory of operation. Facts are folded into one state per node. A call that the state lets go of is reckoned up once, so memory
holds the calls in progress and the rows. Lines of the queue log wait until the stream has come ten seconds further: by then it is
known whether they lie in a gap, or whether the call they speak of ended without a word why. All others are left out, so without a
gap, and with complete events, the log changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Mapping

import msgspec

from ami_bridge import calls, facts, queue_log, requests, turns, visits
from ami_bridge.calls import Call, CallLost, Origin, Source, State
from ami_bridge.facts import Fact
from ami_bridge.lines import Request, Turn
from ami_bridge.recorded.connections import NEVER, ClockSet, Item, Repairing, Restarted, Resumed
from ami_bridge.recorded.coverage import Coverage
from ami_bridge.requests import Rules
from ami_bridge.visits import Visit

_BEHIND = dt.timedelta(seconds=10)
_SAME_MOMENT = dt.timedelta(seconds=2)
_LOST_AFTER = dt.timedelta(hours=1)
"""A call that was in progress when a gap began, and of which nothing is heard for so long after it, ended within the gap."""
_SWEEP = 2048


class Rows(msgspec.Struct):
    """What a call amounts to. ``interface``: the telephone or trunk it came from."""

    node: str
    call_id: str
    caller: str
    started_at: dt.datetime
    interface: str
    is_inbound: bool
    answered: bool
    ended_in_menu: bool
    requests: tuple[Request, ...]
    turns: tuple[Turn, ...]
    visits: tuple[Visit, ...] = ()


class Node:
    """One node: its state, the rows of calls that are over, and the lines of its queue log that wait for the stream."""

    def __init__(
        self,
        name: str,
        coverage: Coverage,
        rules: Rules,
        origin: Origin,
        wrapup_us: int = 0,
        *,
        wrapups: Mapping[str, int] = {},
        with_visits: bool = False,
    ) -> None:
        self.name, self._coverage, self._rules, self._wrapup_us = name, coverage, rules, wrapup_us
        self.state = State(origin=origin)
        self._with_visits, self._wrapups = with_visits, wrapups
        self.rows: dict[str, Rows] = {}
        self.lines: deque[queue_log.Line] = deque()
        self._touched: dict[str, Call] = {}
        self._call_of: dict[str, str] = {}
        self._interfaces: set[str] = set()
        self._agents: set[str] = set()
        self._applied = self._spans = 0
        self._gap_until = NEVER

    def take(self, item: Item) -> None:
        """Fold one item in."""
        if self.lines:
            self._read_log(item.at)
        match item.fact:
            case None:
                return
            case Restarted():
                for call in self.state.open():
                    self._apply(CallLost(at=item.fact.at, call_id=call.call_id), Source.AMI)
            case ClockSet():
                calls.step_clock(self.state, dt.timedelta(microseconds=item.fact.microseconds))
            case Repairing():
                self.state.holds = item.fact.goes_on
            case Resumed():
                calls.resume(self.state, item.fact.calls)
                self._touched.update((call.call_id, call) for call in item.fact.calls)
            case fact:
                self._apply(fact, item.source)
                self._notice(fact)

    def _read_log(self, now: dt.datetime) -> None:
        """The lines of a gap are read as soon as it is over, before what follows it; others when the stream is ahead of them."""
        spans = len(self._coverage.spans.get(self.name, ()))
        if spans != self._spans:
            self._spans, self._gap_until = spans, now if self._spans else self._gap_until
        if self.lines[0].at <= self._gap_until:
            self.catch_up(now)
        elif self.lines[0].at + _BEHIND < now:
            self.catch_up(now - _BEHIND)

    def catch_up(self, until: dt.datetime | None) -> None:
        """Decide about the lines of the queue log up to ``until`` (None: all)."""
        while self.lines and (until is None or self.lines[0].at <= until):
            line = self.lines.popleft()
            if line.agent:
                self._agents.add(line.agent)
            call_id = self._call_of.get(line.uniqueid, line.uniqueid)
            call = self.state.calls.get(call_id)
            if line.event not in queue_log.EVENTS or not line.uniqueid:
                continue
            if self._coverage.gap_at(self.name, line.at) or (call and self._is_inside(line.at) and _needs(call, line)):
                self._repair(call, queue_log.evidence(line, call_id))

    def finish(self) -> None:
        """Nothing more comes: the rest of the log, calls whose end was missed, and the rows of all."""
        self.catch_up(None)
        last = self._coverage.last(self.name)
        for gap in self._coverage.gaps(self.name):
            if last is not None and gap.begin and gap.end and last - gap.end > _LOST_AFTER:
                for call in self.state.open():
                    if gap.begin <= call.last_at <= gap.end or (call.started.at < gap.begin and call.last_at < gap.begin):
                        self._apply(CallLost(at=gap.begin, call_id=call.call_id), Source.AMI)
        for call in self._touched.values():
            self._reckon(call)
        if self.state.origin is Origin.ANY:
            for rows in self.rows.values():
                rows.is_inbound &= bool(rows.requests) or not self._is_agents(rows.interface)

    def _is_inside(self, at: dt.datetime) -> bool:
        """Whether the stream goes on after this moment, so that AMI had told of it."""
        last = self._coverage.last(self.name)
        return last is not None and at + _SAME_MOMENT <= last

    def _is_agents(self, interface: str) -> bool:
        """Whether this telephone is a queue's member, itself or behind a Local channel that is named after it."""
        return interface in self._interfaces or f"Local/{interface.partition('/')[2]}" in self._interfaces

    def inbound(self) -> Iterator[Rows]:
        """The rows of citizens' calls."""
        return (rows for rows in self.rows.values() if rows.is_inbound)

    def _apply(self, fact: Fact, source: Source) -> None:
        call = calls.apply(self.state, fact, source)
        if call is None:
            return
        self._touched[call.call_id] = call
        self._applied += 1
        if self._applied % _SWEEP == 0:
            self._sweep()

    def _notice(self, fact: Fact) -> None:
        """What must be known later: which telephones are agents', and the calls of channels that are not named after them."""
        match fact:
            case facts.AgentCalled():
                self._interfaces.add(fact.interface.partition("@")[0])
                self._agents.add(fact.agent)
            case facts.CallerJoined() if fact.uniqueid != fact.call_id:
                self._call_of[fact.uniqueid] = fact.call_id
            case facts.Transferred() if fact.other_call and fact.other_call not in self.state.calls:
                self._touched.pop(fact.other_call, None)
                self.rows.pop(fact.other_call, None)
            case _:
                pass

    def _repair(self, call: Call | None, found: list[Fact]) -> None:
        """What the log alone knows. A call that nobody else told of is a citizen's, unless an agent made it."""
        known = self.state.origin
        for fact in found:
            if isinstance(fact, facts.ChannelStarted) and call is None and fact.caller_number not in self._agents:
                self.state.origin = Origin.ANY
            if call is None or not _is_told(call, fact):
                self._apply(fact, Source.QUEUE_LOG)
            self.state.origin = known

    def _sweep(self) -> None:
        """Reckon up the calls that the state let go of."""
        gone = [call_id for call_id in self._touched if call_id not in self.state.calls]
        for call_id in gone:
            self._reckon(self._touched.pop(call_id))
        self._call_of = {one: call for one, call in self._call_of.items() if call in self.state.calls}

    def _reckon(self, call: Call) -> None:
        """The rows of a call; one told of again long after its end changes nothing."""
        if call.call_id in self.rows or call.call_id in self.state.joined:
            return
        found = requests.of_call(call, self._rules, self.name)
        record = calls.record(call)
        self.rows[call.call_id] = Rows(
            node=self.name,
            call_id=call.call_id,
            caller=record.caller_number,
            started_at=record.started_at,
            interface=call.channel.rpartition("-")[0],
            is_inbound=call.is_inbound,
            answered=record.connected_at is not None,
            ended_in_menu=record.disposition == "ivr_hangup" and not found,
            requests=found,
            turns=turns.of_call(call, self.name, self._wrapup_us, self._wrapups) if call.is_inbound or self._with_visits else (),
            visits=tuple(visits.of_call(call)) if self._with_visits else (),
        )


def _needs(call: Call, line: queue_log.Line) -> bool:
    """Whether AMI did not tell what this line tells: a stream of another dialplan, or one with events left out.

    Every beginning is told by AMI, and every end, if not always why; only where it was not, the log speaks.
    """
    if any(source is Source.QUEUE_LOG for _, source, _ in call.told):
        return True
    if line.event == "ENTERQUEUE":
        return not any(_is_told(call, fact) for fact in queue_log.evidence(line) if isinstance(fact, facts.CallerJoined))
    return line.event in queue_log.ENDS and any(_is_unclear(call, visit) for visit in visits.of_call(call))


def _is_unclear(call: Call, visit: Visit) -> bool:
    """Whether this visit ended and nobody said how."""
    if visit.connection or visit.status or visit.refused:
        return False
    gone = call.ended.at if call.ended else call.asked
    return visit.left_at is None or gone is None or abs(gone - visit.left_at) > _SAME_MOMENT


def _is_told(call: Call, fact: Fact) -> bool:
    """Whether a better witness said the same."""
    if isinstance(fact, facts.HangupAsked):
        return call.asked is not None
    agent, queue = getattr(fact, "agent", ""), getattr(fact, "queue", "")
    return any(
        type(other) is type(fact)
        and source is not Source.QUEUE_LOG
        and visits.is_one_moment(other, Source.QUEUE_LOG, fact.at, at)
        and getattr(other, "agent", "") == agent
        and getattr(other, "queue", "") in (queue, "")
        for at, source, other in call.told
    )

"""Facts to call records: one record per inbound call, keyed by linkedid (metrics, section 1). Pure.

Theory of operation. A call is opened by the caller's channel (a citizen trunk channel that is its own linkedid) and gathers
evidence. Each piece is merged so that neither order nor repetition matters: "first" keeps the earliest, "last" the latest, by
the facts' own times, and what AMI said beats what the channel event log says about the same thing. The record is computed
from the evidence; it is emitted whenever it changed. A call that has ended stays for ``_LINGER`` of event time, because an
agent's completion or the exit of a queue may be told after the caller's hang-up.

Legal kinds of evidence are the keys of ``_MERGE``; a fact of any other kind, or about an unknown call, changes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable
from enum import IntEnum

import msgspec

from ami_bridge import facts, path
from ami_bridge.dispositions import Ending, codes, disposition, hung_up_by
from ami_bridge.facts import Fact
from ami_bridge.path import Step, Timed

_TRUNK, _CONTEXT = "PJSIP/citizens-", "citizens"
_LINGER = dt.timedelta(seconds=60)


class Source(IntEnum):
    """Who says so; the lower, the better."""

    AMI = 0
    CEL = 1


class Stamp(msgspec.Struct, frozen=True, order=True):
    """A time and who said it; the smallest is kept: AMI before the event log, then the earliest."""

    source: Source
    at: dt.datetime


class PathSeen(Fact, frozen=True):
    """The whole menu path so far (the channel's userfield, in the event log)."""

    path: str


class CallLost(Fact, frozen=True):
    """Asterisk no longer has the call and nobody saw its end: it is closed at the last time it was heard of."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence gathered about one call."""

    call_id: str
    started: Stamp
    last_at: dt.datetime
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    answered: Stamp | None = None
    walked: tuple[Timed, ...] = ()
    marks: frozenset[str] = frozenset()
    path_seen: str = ""
    joined: Stamp | None = None
    joined_last: tuple[dt.datetime, str] | None = None
    exited: tuple[dt.datetime, str, str] | None = None
    connected: Stamp | None = None
    agent: str | None = None
    completed: tuple[dt.datetime, str] | None = None
    asked: bool = False
    ended: Stamp | None = None
    cause: int | None = None
    lost: bool = False


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table ``calls``; ``ended_at`` and ``disposition`` are None while the call lasts. ``steps``: the whole path."""

    call_id: str
    caller_number: str
    caller_name: str
    dialled: str
    started_at: dt.datetime
    answered_at: dt.datetime | None
    menu_path: str
    queue: str | None
    queued_at: dt.datetime | None
    agent: str | None
    connected_at: dt.datetime | None
    ended_at: dt.datetime | None
    hangup_cause: int | None
    hung_up_by: str | None
    disposition: str | None
    source: str
    repaired: bool
    flow: str | None = None
    tags: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


class State(msgspec.Struct):
    """The calls in progress and those that ended a moment ago; owned by the caller of ``apply`` and changed in place."""

    calls: dict[str, Call] = msgspec.field(default_factory=dict)
    ended: deque[tuple[dt.datetime, str]] = msgspec.field(default_factory=deque)

    def open(self) -> list[Call]:
        """Calls whose end is not known."""
        return [call for call in self.calls.values() if not is_closed(call)]


def apply(state: State, fact: Fact, source: Source = Source.AMI) -> tuple[State, list[CallRecord]]:
    """Fold one fact in; returns the state and the records that it changed (none or one)."""
    call = state.calls.get(fact.call_id)
    if call is None:
        call = _opened(fact, source)
        if call is None:
            return state, []
        state.calls[call.call_id] = call
        return state, [record(call)]
    merge = _MERGE.get(type(fact))
    changed = merge(call, fact, source) if merge else call
    if changed == call:
        return state, []
    changed = msgspec.structs.replace(changed, last_at=max(call.last_at, fact.at))
    state.calls[fact.call_id] = changed
    if is_closed(changed) and not is_closed(call):
        state.ended.append((fact.at, fact.call_id))
        _forget(state, fact.at)
    before, after = record(call), record(changed)
    return state, [after] if after != before else []


def is_closed(call: Call) -> bool:
    """Whether the call's end is known, or it was given up."""
    return call.ended is not None or call.lost


def record(call: Call) -> CallRecord:
    """The row that the evidence amounts to."""
    seen = path.steps(call.path_seen)
    walked, marks = path.witnessed(call.walked, seen), path.marks(call.marks, seen)
    ending = _ending(call, marks)
    closed_at = (call.ended.at if call.ended else call.last_at) if is_closed(call) else None
    queued = None if ending.refused else call.joined
    stamps = (call.started, call.answered, queued, call.connected, call.ended)
    from_log = any(stamp is not None and stamp.source is Source.CEL for stamp in stamps)
    return CallRecord(
        call_id=call.call_id,
        caller_number=call.caller_number,
        caller_name=call.caller_name,
        dialled=call.dialled,
        started_at=call.started.at,
        answered_at=_at(call.answered),
        menu_path=path.menu(walked),
        queue=_queue(call),
        queued_at=_at(queued),
        agent=call.agent,
        connected_at=_at(call.connected),
        ended_at=max(closed_at, call.started.at) if closed_at else None,
        hangup_cause=call.cause,
        hung_up_by=hung_up_by(ending) if closed_at else None,
        disposition=disposition(ending) if closed_at else None,
        source=Source.CEL.name.lower() if from_log else Source.AMI.name.lower(),
        repaired=from_log or call.lost,
        flow=path.flow(walked),
        tags=path.tags(marks),
        steps=walked,
    )


def _ending(call: Call, marks: frozenset[str]) -> Ending:
    """What the table of dispositions needs to know."""
    exited = call.exited
    if exited and call.joined_last and call.joined_last[0] > exited[0]:
        exited = None
    status = exited[2] if exited else ""
    return Ending(
        connected=call.connected is not None,
        lost=call.lost and call.ended is None,
        codes=codes(marks),
        status=status,
        joined=call.joined is not None,
        caller_asked=call.asked,
        completed_by=call.completed[1] if call.completed else "",
    )


def _at(stamp: Stamp | None) -> dt.datetime | None:
    return stamp.at if stamp else None


def _queue(call: Call) -> str | None:
    """The queue that the caller was last sent to."""
    visits = [visit[:2] for visit in (call.joined_last, call.exited) if visit and visit[1]]
    return max(visits)[1] if visits else None


def _opened(fact: Fact, source: Source) -> Call | None:
    """A call, when the fact is the birth of a citizen's channel on the trunk."""
    match fact:
        case facts.ChannelStarted() if (
            fact.uniqueid == fact.call_id and fact.channel.startswith(_TRUNK) and fact.context == _CONTEXT
        ):
            return Call(
                call_id=fact.call_id,
                started=Stamp(source, fact.at),
                last_at=fact.at,
                caller_number=fact.caller_number,
                caller_name=fact.caller_name,
                dialled=fact.exten,
            )
        case _:
            return None


def _forget(state: State, now: dt.datetime) -> None:
    """Let go of calls that ended long ago, by the facts' clock."""
    while state.ended and now - state.ended[0][0] > _LINGER:
        state.calls.pop(state.ended.popleft()[1], None)


def _first(known: Stamp | None, source: Source, at: dt.datetime) -> Stamp:
    return Stamp(source, at) if known is None else min(known, Stamp(source, at))


def _start(call: Call, fact: facts.ChannelStarted, source: Source) -> Call:
    if fact.uniqueid != call.call_id:
        return call
    return msgspec.structs.replace(call, started=_first(call.started, source, fact.at))


def _answer(call: Call, fact: facts.ChannelAnswered, source: Source) -> Call:
    if fact.uniqueid != call.call_id:
        return call
    return msgspec.structs.replace(call, answered=_first(call.answered, source, fact.at))


def _ask(call: Call, fact: facts.HangupAsked, _: Source) -> Call:
    return msgspec.structs.replace(call, asked=call.asked or fact.uniqueid == call.call_id)


def _end(call: Call, fact: facts.ChannelEnded, source: Source) -> Call:
    if fact.uniqueid != call.call_id:
        return call
    ended = _first(call.ended, source, fact.at)
    return msgspec.structs.replace(call, ended=ended, cause=fact.cause if ended != call.ended else call.cause)


def _join(call: Call, fact: facts.CallerJoined, source: Source) -> Call:
    visit = (fact.at, fact.queue)
    latest = max(call.joined_last, visit) if call.joined_last else visit
    return msgspec.structs.replace(call, joined=_first(call.joined, source, fact.at), joined_last=latest)


def _exit(call: Call, fact: facts.QueueExited, _: Source) -> Call:
    exited = (fact.at, fact.queue, fact.status)
    return msgspec.structs.replace(call, exited=max(call.exited, exited) if call.exited else exited)


def _connect(call: Call, fact: facts.AgentConnected, source: Source) -> Call:
    connected = _first(call.connected, source, fact.at)
    return msgspec.structs.replace(call, connected=connected, agent=fact.agent if connected != call.connected else call.agent)


def _complete(call: Call, fact: facts.AgentCompleted, _: Source) -> Call:
    completed = (fact.at, fact.reason)
    return msgspec.structs.replace(call, completed=max(call.completed, completed) if call.completed else completed)


def _steps(call: Call, fact: facts.StepsTaken, _: Source) -> Call:
    walked, marks = path.joined(call.walked, fact.at, fact.steps), path.marks(call.marks, fact.steps)
    return msgspec.structs.replace(call, walked=walked, marks=marks)


def _path(call: Call, fact: PathSeen, _: Source) -> Call:
    return msgspec.structs.replace(call, path_seen=max(call.path_seen, fact.path, key=lambda seen: (len(seen), seen)))


def _lose(call: Call, _: CallLost, __: Source) -> Call:
    return msgspec.structs.replace(call, lost=True)


_MERGE: dict[type[Fact], Callable[..., Call]] = {
    facts.ChannelStarted: _start,
    facts.ChannelAnswered: _answer,
    facts.HangupAsked: _ask,
    facts.ChannelEnded: _end,
    facts.CallerJoined: _join,
    facts.QueueExited: _exit,
    facts.AgentConnected: _connect,
    facts.AgentCompleted: _complete,
    facts.StepsTaken: _steps,
    PathSeen: _path,
    CallLost: _lose,
}

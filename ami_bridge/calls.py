"""Facts to the evidence of each call, and to its record (metrics, section 1). Pure.

Theory of operation. A call is opened by the caller's channel and gathers evidence. Each piece is merged so that neither order nor
repetition matters: "first" keeps the earliest, the story of its queues is kept sorted by the facts' own times, and what AMI said
beats what a log says about the same thing. Everything else is computed from the evidence: the record here, requests in
``ami_bridge/requests.py``, agents' turns in ``ami_bridge/turns.py``. A call that has ended stays for ``_LINGER`` of event time,
because an agent's completion or the exit of a queue may be told after the caller's hang-up; and as long as a gap is being
repaired, because a log that is read again would else begin it anew and know less.

Legal kinds of evidence are the keys of ``_MERGE``; a fact of any other kind, or about an unknown call, changes nothing.
"""

from __future__ import annotations

import datetime as dt
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum, IntEnum
from typing import get_args

import msgspec

from ami_bridge import facts, path
from ami_bridge.dispositions import Ending, codes, disposition, hung_up_by
from ami_bridge.facts import Fact
from ami_bridge.path import Step, Timed

_TRUNK, _CONTEXT = "PJSIP/citizens-", "citizens"
_LINGER = dt.timedelta(seconds=60)
_MOST_TOLD = 2000
"""Pieces of the story of one call's queues that are kept: what decides outcomes first, then the earliest."""


class Source(IntEnum):
    """Who says so; the lower, the better. The queue log knows whole seconds only."""

    AMI = 0
    CEL = 1
    QUEUE_LOG = 2


_GUESSED = Source.QUEUE_LOG
"""The standing of a beginning that nobody told: whoever tells it knows better."""


class Origin(Enum):
    """Which channels are calls of citizens."""

    TRUNK = "trunk"
    """Those that come in over our trunk."""
    ANY = "any"
    """In a stream of another dialplan: those that ring in from outside and are no agent's, or that join a queue."""


class Stamp(msgspec.Struct, frozen=True, order=True):
    """A time and who said it; the smallest is kept: AMI before the event log, then the earliest."""

    source: Source
    at: dt.datetime


class PathSeen(Fact, frozen=True):
    """The whole menu path so far (the channel's userfield, in the event log)."""

    path: str


class CallLost(Fact, frozen=True):
    """Asterisk no longer has the call and nobody saw its end: it is closed at the last time it was heard of."""


Story = (
    facts.CallerJoined
    | facts.CallerLeft
    | facts.CallerAbandoned
    | facts.QueueAsked
    | facts.QueueExited
    | facts.AgentCalled
    | facts.RingNoAnswer
    | facts.AgentConnected
    | facts.AgentCompleted
    | facts.Transferred
    | facts.Held
    | facts.Unheld
    | facts.KeyPressed
    | facts.ChannelAnswered
)
"""What belongs to the story of a call's queues; an answer only on another channel than the caller's."""
Told = tuple[dt.datetime, Source, Story]
_RANK: dict[type[Fact], int] = {kind: rank for rank, kind in enumerate(get_args(Story))}
_DETAILS = frozenset({facts.AgentCalled, facts.RingNoAnswer, facts.Held, facts.Unheld, facts.KeyPressed, facts.ChannelAnswered})
"""What a telephone or a queue may tell without end, and what decides no outcome by itself."""


class Call(msgspec.Struct, kw_only=True):
    """The evidence gathered about one call; changed in place by ``apply`` alone.

    ``told``: the story of its queues, in the order of time. ``shift``: what to add to times told from now on, because the clock
    of Asterisk was set while the call lasted. ``is_inbound``: False for an agent's own call into a queue, which is no citizen's
    until a transfer makes it one.
    """

    call_id: str
    started: Stamp
    last_at: dt.datetime
    caller_number: str = ""
    caller_name: str = ""
    dialled: str = ""
    channel: str = ""
    is_inbound: bool = True
    answered: Stamp | None = None
    walked: tuple[Timed, ...] = ()
    marks: frozenset[str] = frozenset()
    path_seen: str = ""
    told: list[Told] = []
    asked: dt.datetime | None = None
    ended: Stamp | None = None
    cause: int | None = None
    lost: bool = False
    shift: dt.timedelta = dt.timedelta(0)


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
    joined: dict[str, str] = msgspec.field(default_factory=dict)
    """Consultations that became part of a call: their linkedid to the call's."""
    origin: Origin = Origin.TRUNK
    linger: dt.timedelta = _LINGER
    holds: bool = False
    """Nothing is let go of: while a gap is being repaired, the logs tell again of calls that are over."""

    def open(self) -> list[Call]:
        """Calls whose end is not known."""
        return [call for call in self.calls.values() if not is_closed(call)]


def apply(state: State, fact: Fact, source: Source = Source.AMI) -> Call | None:
    """Fold one fact in; returns the call that it changed, or None."""
    call_id = state.joined.get(fact.call_id, fact.call_id)
    call = state.calls.get(call_id)
    if call is None:
        call = _opened(state, fact, source)
        if call is None:
            return None
        state.calls[call_id] = call
        if type(fact) is facts.ChannelStarted:
            return call
    merge = _MERGE.get(type(fact))
    if merge is None:
        return None
    if call.shift:
        fact = msgspec.structs.replace(fact, at=fact.at + call.shift)
    was_closed = call.ended is not None or call.lost
    if not merge(call, fact, source):
        return None
    if fact.at > call.last_at and type(fact) is not CallLost:
        call.last_at = fact.at
    if type(fact) is facts.Transferred and fact.other_call:
        _join(state, call, fact.other_call)
    if not was_closed and is_closed(call):
        state.ended.append((fact.at, call_id))
        _forget(state, fact.at)
    return call


def step_clock(state: State, delta: dt.timedelta) -> None:
    """Asterisk's clock was set forward by ``delta`` (back: negative): calls in progress go on by the old one."""
    for call in state.open():
        call.shift -= delta


def resume(state: State, known: Iterable[Call]) -> None:
    """Calls as they are now, after a time of which nothing is known."""
    for call in known:
        before, at = state.calls.get(call.call_id), closed_at(call)
        if at is not None and (before is None or not is_closed(before)):
            state.ended.append((at, call.call_id))
        state.calls[call.call_id] = call


def is_closed(call: Call) -> bool:
    """Whether the call's end is known, or it was given up."""
    return call.ended is not None or call.lost


def closed_at(call: Call) -> dt.datetime | None:
    """When a closed call ended, or was last heard of; never before its start."""
    if not is_closed(call):
        return None
    return max(call.ended.at if call.ended else call.last_at, call.started.at)


def record(call: Call) -> CallRecord:
    """The row that the evidence amounts to."""
    seen = path.steps(call.path_seen)
    walked, marks = path.witnessed(call.walked, seen), path.marks(call.marks, seen)
    story = _story(call)
    ending = _ending(call, story, marks)
    queued = None if ending.refused else story.joined
    stamps = (call.started, call.answered, queued, story.connected, call.ended)
    worst = max(stamp.source for stamp in stamps if stamp is not None)
    ended_at = closed_at(call)
    return CallRecord(
        call_id=call.call_id,
        caller_number=call.caller_number,
        caller_name=call.caller_name,
        dialled=call.dialled,
        started_at=call.started.at,
        answered_at=_at(call.answered),
        menu_path=path.menu(walked),
        queue=story.queue,
        queued_at=_at(queued),
        agent=story.agent,
        connected_at=_at(story.connected),
        ended_at=ended_at,
        hangup_cause=call.cause,
        hung_up_by=hung_up_by(ending) if ended_at else None,
        disposition=disposition(ending) if ended_at else None,
        source=worst.name.lower(),
        repaired=worst is not Source.AMI or call.lost,
        flow=path.flow(walked),
        tags=path.tags(marks),
        steps=walked,
    )


class _Story(msgspec.Struct):
    """What the record needs to know of a call's queues."""

    joined: Stamp | None = None
    joined_last: tuple[dt.datetime, str] | None = None
    exited: tuple[dt.datetime, str, str] | None = None
    connected: Stamp | None = None
    agent: str | None = None
    completed: tuple[dt.datetime, str] | None = None

    @property
    def queue(self) -> str | None:
        """The queue that the caller was last sent to."""
        visits = [visit[:2] for visit in (self.joined_last, self.exited) if visit and visit[1]]
        return max(visits)[1] if visits else None


def _story(call: Call) -> _Story:
    story = _Story()
    for at, source, fact in call.told:
        if type(fact) not in _IN_THE_RECORD:
            continue
        match fact:
            case facts.CallerJoined():
                story.joined = _first(story.joined, source, at)
                story.joined_last = _last(story.joined_last, (at, fact.queue))
            case facts.QueueExited():
                exited = (at, fact.queue, fact.status)
                story.exited = max(story.exited, exited) if story.exited else exited
            case facts.AgentConnected():
                connected = _first(story.connected, source, at)
                if connected != story.connected:
                    story.connected, story.agent = connected, fact.agent
            case facts.AgentCompleted():
                story.completed = _last(story.completed, (at, fact.reason))
    return story


_IN_THE_RECORD = frozenset({facts.CallerJoined, facts.QueueExited, facts.AgentConnected, facts.AgentCompleted})


def _ending(call: Call, story: _Story, marks: frozenset[str]) -> Ending:
    """What the table of dispositions needs to know."""
    exited = story.exited
    if exited and story.joined_last and story.joined_last[0] > exited[0]:
        exited = None
    return Ending(
        connected=story.connected is not None,
        lost=call.lost and call.ended is None,
        codes=codes(marks),
        status=exited[2] if exited else "",
        joined=story.joined is not None,
        caller_asked=call.asked is not None,
        completed_by=story.completed[1] if story.completed else "",
    )


def _at(stamp: Stamp | None) -> dt.datetime | None:
    return stamp.at if stamp else None


def _opened(state: State, fact: Fact, source: Source) -> Call | None:
    """A call, when the fact is the birth of a citizen's channel, or tells of somebody in a queue whom we do not know yet."""
    match fact:
        case facts.ChannelStarted() if fact.uniqueid == fact.call_id and _is_citizens(state.origin, fact):
            return Call(
                call_id=fact.call_id,
                started=Stamp(source, fact.at),
                last_at=fact.at,
                caller_number=fact.caller_number,
                caller_name=fact.caller_name,
                dialled=fact.exten,
                channel=fact.channel,
            )
        case facts.CallerJoined():
            return Call(
                call_id=fact.call_id,
                started=Stamp(_GUESSED, fact.at),
                last_at=fact.at,
                caller_number=fact.caller_number,
                is_inbound=state.origin is Origin.ANY or fact.channel.startswith(_TRUNK),
            )
        case _:
            return None


def _is_citizens(origin: Origin, fact: facts.ChannelStarted) -> bool:
    if origin is Origin.TRUNK:
        return fact.channel.startswith(_TRUNK) and fact.context == _CONTEXT
    return fact.is_ringing_in and not fact.channel.startswith("Local/")


def _join(state: State, call: Call, other_id: str) -> None:
    """A consultation became part of the call: what its channel did in a queue is the call's from now on."""
    if other_id == call.call_id:
        return
    state.joined[other_id] = call.call_id
    other = state.calls.pop(other_id, None)
    if other is None or other is call:
        return
    for told in other.told:
        insort(call.told, told, key=_place)
    _shorten(call.told)
    call.last_at = max(call.last_at, other.last_at)


def _forget(state: State, now: dt.datetime) -> None:
    """Let go of calls that ended long ago, by the facts' clock."""
    while not state.holds and state.ended and now - state.ended[0][0] > state.linger:
        gone = state.ended.popleft()[1]
        state.calls.pop(gone, None)
        if state.joined:
            state.joined = {other: call for other, call in state.joined.items() if call != gone}


def _first(known: Stamp | None, source: Source, at: dt.datetime) -> Stamp:
    return Stamp(source, at) if known is None else min(known, Stamp(source, at))


def _last(known: tuple[dt.datetime, str] | None, more: tuple[dt.datetime, str]) -> tuple[dt.datetime, str]:
    return max(known, more) if known else more


def _start(call: Call, fact: facts.ChannelStarted, source: Source) -> bool:
    """The caller's channel: also of a call that was first heard of in a queue."""
    if fact.uniqueid != call.call_id:
        return False
    started = _first(call.started, source, fact.at)
    if call.channel == fact.channel and started == call.started:
        return False
    call.started = started
    if not call.channel:
        call.channel, call.dialled, call.caller_name = fact.channel, fact.exten, fact.caller_name
        call.caller_number = fact.caller_number or call.caller_number
        call.is_inbound = call.is_inbound or _is_citizens(Origin.TRUNK, fact)
    return True


def _answer(call: Call, fact: facts.ChannelAnswered, source: Source) -> bool:
    if fact.uniqueid != call.call_id:
        return _tell(call, fact, source)
    answered = _first(call.answered, source, fact.at)
    if answered == call.answered:
        return False
    call.answered = answered
    return True


def _ask(call: Call, fact: facts.HangupAsked, _: Source) -> bool:
    if fact.uniqueid != call.call_id or (call.asked is not None and call.asked <= fact.at):
        return False
    call.asked = fact.at
    return True


def _end(call: Call, fact: facts.ChannelEnded, source: Source) -> bool:
    if fact.uniqueid != call.call_id:
        return False
    ended = _first(call.ended, source, fact.at)
    if ended == call.ended:
        return False
    call.ended, call.cause = ended, fact.cause
    return True


def _tell(call: Call, fact: Story, source: Source) -> bool:
    """A piece of the story of its queues, put where it belongs in time."""
    told = (fact.at, source, fact)
    if not call.told or call.told[-1][0] < fact.at:
        call.told.append(told)
    elif told in call.told:
        return False
    else:
        insort(call.told, told, key=_place)
    return not _shorten(call.told) or any(piece is told for piece in reversed(call.told))


def _shorten(story: list[Told]) -> bool:
    """Leave out the latest details of a story that is too long, then the latest of all; whether it was."""
    is_long = len(story) > _MOST_TOLD
    while len(story) > _MOST_TOLD:
        details = (place for place in reversed(range(len(story))) if type(story[place][2]) in _DETAILS)
        del story[next(details, -1)]
    return is_long


def _place(told: Told) -> tuple[object, ...]:
    """A total order, so that the order of telling does not matter even for pieces of one moment."""
    at, source, fact = told
    return (at, source, _RANK[type(fact)], repr(fact))


def _steps(call: Call, fact: facts.StepsTaken, _: Source) -> bool:
    walked, marks = path.joined(call.walked, fact.at, fact.steps), path.marks(call.marks, fact.steps)
    if (walked, marks) == (call.walked, call.marks):
        return False
    call.walked, call.marks = walked, marks
    return True


def _path(call: Call, fact: PathSeen, _: Source) -> bool:
    seen = max(call.path_seen, fact.path, key=lambda seen: (len(seen), seen))
    if seen == call.path_seen:
        return False
    call.path_seen = seen
    return True


def _lose(call: Call, fact: CallLost, _: Source) -> bool:
    if call.lost:
        return False
    call.lost, call.last_at = True, max(call.last_at, fact.at)
    return True


_MERGE: dict[type[Fact], Callable[..., bool]] = {
    facts.ChannelStarted: _start,
    facts.ChannelAnswered: _answer,
    facts.HangupAsked: _ask,
    facts.ChannelEnded: _end,
    facts.StepsTaken: _steps,
    PathSeen: _path,
    CallLost: _lose,
    **dict.fromkeys(get_args(Story)[:-1], _tell),
}

"""The story of a call's queues, cut into visits: one for each run of ``Queue()`` (metrics, section 1). Pure.

Two witnesses of one moment are counted once: what the channel event log says within a quarter of a second of what AMI said about
the same thing, and the queue log within the second that it names. A visit whose beginning nobody saw is as old as app_queue's own
count of whole seconds says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from ami_bridge import facts
from ami_bridge.calls import Call, Source, Story, Told
from ami_bridge.dispositions import REFUSALS

_SAME_RING = dt.timedelta(seconds=2)
"""When an agent was rung, the queue log tells by the end of the ring and its length, both in whole seconds."""
_A_SECOND = dt.timedelta(seconds=1)
_LATENESS = dt.timedelta(milliseconds=250)
"""Between an event and its line in the log."""
_BY_ONE_THING = dt.timedelta(seconds=1)


class Connection(msgspec.Struct, frozen=True):
    """An agent took the call."""

    at: dt.datetime
    source: Source
    agent: str


class Visit(msgspec.Struct, kw_only=True):
    """One stay in one queue.

    ``refused``: it never began. ``sources``: who told its times. ``is_guessed``: nobody saw the beginning. ``status``: the
    ``QUEUESTATUS`` at ``exited_at``, or empty. ``is_withdrawn``: app_queue called its end an abandon, which says little.
    ``is_reached``: an agent's telephone (one of ``legs``) had answered, whether or not the two came to talk.
    """

    queue: str
    joined_at: dt.datetime
    channel: str
    sources: set[Source] = set()
    is_guessed: bool = False
    refused: bool = False
    left_at: dt.datetime | None = None
    is_withdrawn: bool = False
    connection: Connection | None = None
    exited_at: dt.datetime | None = None
    status: str = ""
    is_reached: bool = False
    legs: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether anything has said that the caller waits no longer."""
        return self.refused or self.connection is not None or bool(self.status) or self.left_at is not None


def of_call(call: Call) -> list[Visit]:
    """The visits of this call, in the order of time."""
    visits: list[Visit] = []
    asked: facts.QueueAsked | None = None
    for at, source, fact in agreed([piece for piece in call.told if type(piece[2]) in _OF_VISITS]):
        current = visits[-1] if visits else None
        match fact:
            case facts.CallerJoined():
                visits.append(Visit(queue=fact.queue, joined_at=at, channel=fact.uniqueid, sources={source}))
            case facts.QueueAsked():
                asked = fact
            case facts.QueueExited():
                _exit(visits, current, fact, source, asked)
            case facts.CallerLeft() | facts.CallerAbandoned():
                _leave(visits, current, fact, source)
            case facts.AgentConnected():
                _connect(visits, current, fact, source)
            case facts.AgentCompleted():
                _was_connected(visits, fact, source)
            case facts.AgentCalled() if current:
                current.legs.add(fact.leg)
            case facts.ChannelAnswered() if current:
                current.is_reached = current.is_reached or fact.uniqueid in current.legs
    return visits


_OF_VISITS = frozenset(
    {
        facts.CallerJoined,
        facts.QueueAsked,
        facts.QueueExited,
        facts.CallerLeft,
        facts.CallerAbandoned,
        facts.AgentConnected,
        facts.AgentCompleted,
        facts.AgentCalled,
        facts.ChannelAnswered,
    }
)


def agreed(told: Iterable[Told]) -> Iterator[Told]:
    """The story without what a lesser witness says again, and without a variable where the dialplan speaks for itself."""
    story = _placed(list(told))
    speaks = has_logs = False
    for _, source, fact in story:
        speaks = speaks or (type(fact) is facts.QueueExited and not fact.by_variable)
        has_logs = has_logs or source is not Source.AMI
    for piece in story:
        _, source, fact = piece
        if speaks and type(fact) is facts.QueueExited and fact.by_variable:
            continue
        if has_logs and source is not Source.AMI and any(_says_it_better(other, piece) for other in story):
            continue
        yield piece


def _placed(story: list[Told]) -> list[Told]:
    """The queue log knows whole seconds: what it tells comes after what must have been before it within the same second.

    Its own lines stay in their order; when an agent was rung is reckoned back from the end of the ring, and is where it is.
    """
    if all(source is not Source.QUEUE_LOG for _, source, _ in story):
        return story
    placed: list[tuple[dt.datetime, Source, int]] = []
    second = reached = story[0][0]
    for number, (at, source, fact) in enumerate(story):
        place = at
        if source is Source.QUEUE_LOG and type(fact) is not facts.AgentCalled:
            within = (other for other in story if other[1] is not source and at <= other[0] < at + _A_SECOND)
            place = max([at, *(other[0] for other in within if _is_before(other[2], fact))])
            if at - second < _A_SECOND:
                place = max(place, reached)
            second, reached = at.replace(microsecond=0), place
        placed.append((place, source, number))
    return [story[number] for _, _, number in sorted(placed)]


def _is_before(other: Story, fact: Story) -> bool:
    """Of two things within a second: a queue is entered after another one was left, and left after it was entered."""
    is_same = _agree(getattr(other, "queue", ""), getattr(fact, "queue", ""))
    is_entry = type(other) is facts.CallerJoined
    return is_entry is not (type(fact) is facts.CallerJoined) and is_same is is_entry


def _says_it_better(other: Told, piece: Told) -> bool:
    """Whether a better witness tells of the same thing."""
    (at, source, fact), (other_at, other_source, other_fact) = piece, other
    if other_source >= source or type(other_fact) is not type(fact):
        return False
    return (
        is_one_moment(fact, source, at, other_at)
        and _agree(getattr(fact, "queue", ""), getattr(other_fact, "queue", ""))
        and _agree(getattr(fact, "agent", ""), getattr(other_fact, "agent", ""))
    )


def is_one_moment(fact: Story, source: Source, at: dt.datetime, other_at: dt.datetime) -> bool:
    """Whether what ``source`` told for ``at`` may have been at ``other_at``: a second of the queue log is any moment in it."""
    if source is Source.QUEUE_LOG and type(fact) is not facts.AgentCalled:
        return -_LATENESS <= other_at - at <= _A_SECOND + _LATENESS
    return abs(other_at - at) <= (_SAME_RING if type(fact) is facts.AgentCalled else _LATENESS)


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other


def _exit(
    visits: list[Visit], current: Visit | None, fact: facts.QueueExited, source: Source, asked: facts.QueueAsked | None
) -> None:
    """``Queue()`` returned. A refusal is a visit of its own, unless a log took the attempt for a beginning."""
    if fact.status in REFUSALS and (current is None or current.is_over or Source.AMI in current.sources):
        if current and _is_told_twice(current, fact):
            return
        queue = fact.queue or (asked.queue if asked else "")
        visits.append(Visit(queue=queue, joined_at=fact.at, channel=fact.uniqueid, sources={source}, refused=True))
        visits[-1].exited_at, visits[-1].status = fact.at, fact.status
        return
    if current is None or current.status:
        current = Visit(queue=fact.queue, joined_at=fact.at, channel=fact.uniqueid, is_guessed=True)
        visits.append(current)
    if fact.status in REFUSALS:
        current.refused, current.joined_at = True, fact.at
    current.exited_at, current.status = fact.at, fact.status
    current.sources.add(source)


def _is_told_twice(refusal: Visit, fact: facts.QueueExited) -> bool:
    """Whether this is the refusal just heard of, told by the dialplan a second time."""
    same = refusal.refused and refusal.status == fact.status and _agree(refusal.queue, fact.queue)
    return same and fact.at - refusal.joined_at < _BY_ONE_THING and not fact.queue


def _leave(visits: list[Visit], current: Visit | None, fact: facts.CallerLeft | facts.CallerAbandoned, source: Source) -> None:
    """The caller waits no longer; why, is said by others."""
    withdrawn = isinstance(fact, facts.CallerAbandoned)
    if current is None:
        if not isinstance(fact, facts.CallerAbandoned):
            return
        current = _begun_before(fact.at, fact.queue, fact.uniqueid, fact.held_seconds)
        visits.append(current)
    current.is_withdrawn = current.is_withdrawn or withdrawn
    if current.left_at is None:
        current.left_at = fact.at
        current.sources.add(source)


def _connect(visits: list[Visit], current: Visit | None, fact: facts.AgentConnected, source: Source) -> None:
    if current is None or current.connection is not None or current.status or current.refused:
        current = _begun_before(fact.at, fact.queue, fact.uniqueid, fact.held_seconds)
        visits.append(current)
    current.connection = Connection(fact.at, source, fact.agent)
    current.sources.add(source)


def _was_connected(visits: list[Visit], fact: facts.AgentCompleted, source: Source) -> None:
    """A conversation whose beginning nobody told: reckoned back from its end, by app_queue's count of seconds."""
    if fact.talked_seconds is None or any(visit.connection and visit.connection.agent == fact.agent for visit in visits):
        return
    at = fact.at - dt.timedelta(seconds=fact.talked_seconds)
    visit = next((one for one in reversed(visits) if one.queue == fact.queue and not one.refused), None)
    if visit is None or visit.connection is not None:
        visit = _begun_before(at, fact.queue, fact.uniqueid, fact.held_seconds)
        visits.append(visit)
    visit.is_guessed = True
    visit.connection = Connection(max(at, visit.joined_at), source, fact.agent)
    visit.sources.add(source)


def _begun_before(at: dt.datetime, queue: str, channel: str, held_seconds: int) -> Visit:
    """A visit whose beginning was missed."""
    joined_at = at - dt.timedelta(seconds=held_seconds)
    return Visit(queue=queue, joined_at=joined_at, channel=channel, is_guessed=True)

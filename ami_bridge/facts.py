"""What happened, as frozen typed facts, from AMI events. Pure.

Times are the events' own ``Timestamp`` (``timestampevents=yes``), exact to the microsecond; an event without one (a stream
recorded elsewhere) takes the time at which it was received.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

import msgspec

from ami_bridge import path

Headers = Mapping[str, str]
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Fact(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something that happened at ``at`` (aware, UTC), in the call whose Asterisk linkedid is ``call_id``."""

    at: dt.datetime
    call_id: str


class ChannelStarted(Fact, frozen=True):
    """A channel came to life (``Newchannel``)."""

    uniqueid: str
    channel: str
    context: str
    exten: str
    caller_number: str
    caller_name: str


class ChannelAnswered(Fact, frozen=True):
    """A channel went up (``Newstate`` 6): on the caller's channel, the system answered."""

    uniqueid: str


class HangupAsked(Fact, frozen=True):
    """The telephone behind a channel hung up (``HangupRequest``)."""

    uniqueid: str


class ChannelEnded(Fact, frozen=True):
    """A channel is gone (``Hangup``); ``cause`` is Q.850."""

    uniqueid: str
    cause: int


class CallerJoined(Fact, frozen=True):
    """A caller began to wait in a queue."""

    uniqueid: str
    queue: str


class CallerLeft(Fact, frozen=True):
    """A caller no longer waits: connected, gone, or sent on; it does not say which."""

    uniqueid: str
    queue: str


class CallerAbandoned(Fact, frozen=True):
    """app_queue's word for every end of waiting without an agent, time-outs included: never an outcome by itself."""

    uniqueid: str
    queue: str


class AgentConnected(Fact, frozen=True):
    """The conversation with an agent began."""

    uniqueid: str
    queue: str
    agent: str


class AgentCompleted(Fact, frozen=True):
    """The conversation ended; ``reason`` is caller, agent or transfer."""

    uniqueid: str
    queue: str
    agent: str
    reason: str


class QueueExited(Fact, frozen=True):
    """``Queue()`` returned with this ``QUEUESTATUS`` (the dialplan's ``UserEvent(QueueExit, ...)``)."""

    uniqueid: str
    queue: str
    status: str


class StepsTaken(Fact, frozen=True):
    """Steps through the flow in their order, such as ``main:1`` (``UserEvent(HotlineStep, ...)``)."""

    uniqueid: str
    steps: tuple[str, ...]


class Booted(Fact, frozen=True):
    """Asterisk is up (``FullyBooted``, sent at each login): for ``uptime`` seconds."""

    uptime: int


class ShutDown(Fact, frozen=True):
    """Asterisk is stopping."""


def from_event(name: str, headers: Headers, received: dt.datetime) -> Fact | None:
    """The fact that an event states, or None when it states none that we use; a malformed event states none."""
    parse = _EVENTS.get(name)
    if parse is None:
        return None
    try:
        at = timestamp(headers["timestamp"]) if "timestamp" in headers else received
        return parse(headers, at)
    except (KeyError, ValueError, OverflowError):
        return None


def timestamp(text: str) -> dt.datetime:
    """``1700000000.123456`` as UTC, without a float in between; raises ``ValueError``."""
    seconds, _, fraction = text.partition(".")
    return _EPOCH + dt.timedelta(seconds=int(seconds), microseconds=int((fraction + "000000")[:6]))


def caller_name(text: str) -> str:
    """A caller's name as a person wrote it, from AMI's C escapes around SIP's quoted string."""
    return quoted_name(re.sub(r"\\(.)", lambda match: _C_ESCAPES.get(match[1], match[1]), text))


def quoted_name(text: str) -> str:
    """A caller's name from SIP's quoted string (Asterisk keeps the backslashes), cut at 256 characters, without null bytes."""
    return _known(re.sub(r"\\(.)", r"\1", text)).replace("\0", "")[:256]


def _known(text: str) -> str:
    """Asterisk writes ``<unknown>`` for nothing."""
    return "" if text == "<unknown>" else text


def _channel_started(h: Headers, at: dt.datetime) -> Fact:
    return ChannelStarted(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        channel=h["channel"],
        context=h["context"],
        exten=h["exten"],
        caller_number=_known(h["calleridnum"])[:64],
        caller_name=caller_name(h["calleridname"]),
    )


def _channel_answered(h: Headers, at: dt.datetime) -> Fact | None:
    return ChannelAnswered(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"]) if h["channelstate"] == "6" else None


def _hangup_asked(h: Headers, at: dt.datetime) -> Fact:
    return HangupAsked(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"])


def _channel_ended(h: Headers, at: dt.datetime) -> Fact:
    return ChannelEnded(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], cause=int(h["cause"]))


def _caller_joined(h: Headers, at: dt.datetime) -> Fact:
    return CallerJoined(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"])


def _caller_left(h: Headers, at: dt.datetime) -> Fact:
    return CallerLeft(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"])


def _caller_abandoned(h: Headers, at: dt.datetime) -> Fact:
    return CallerAbandoned(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"])


def _agent_connected(h: Headers, at: dt.datetime) -> Fact:
    return AgentConnected(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"], agent=h["membername"])


def _agent_completed(h: Headers, at: dt.datetime) -> Fact:
    return AgentCompleted(
        at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"], agent=h["membername"], reason=h["reason"]
    )


def _user_event(h: Headers, at: dt.datetime) -> Fact | None:
    match h["userevent"]:
        case "QueueExit":
            return QueueExited(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=h["queue"], status=h["status"].upper())
        case "HotlineStep":
            steps = path.steps(h["step"])
            return StepsTaken(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], steps=steps) if steps else None
        case _:
            return None


def _booted(h: Headers, at: dt.datetime) -> Fact:
    return Booted(at=at, call_id="", uptime=int(h["uptime"]))


def _shut_down(_: Headers, at: dt.datetime) -> Fact:
    return ShutDown(at=at, call_id="")


_C_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_EVENTS: dict[str, Callable[[Headers, dt.datetime], Fact | None]] = {
    "Newchannel": _channel_started,
    "Newstate": _channel_answered,
    "HangupRequest": _hangup_asked,
    "Hangup": _channel_ended,
    "QueueCallerJoin": _caller_joined,
    "QueueCallerLeave": _caller_left,
    "QueueCallerAbandon": _caller_abandoned,
    "AgentConnect": _agent_connected,
    "AgentComplete": _agent_completed,
    "UserEvent": _user_event,
    "FullyBooted": _booted,
    "Shutdown": _shut_down,
}
WANTED = tuple(_EVENTS)
"""The events that are read: the server-side filters of ``manager.conf`` are rendered from this list."""

"""What happened, as frozen typed facts, from AMI events. Pure.

Times are the events' own ``Timestamp`` (``timestampevents=yes``), exact to the microsecond; an event without one (a stream
recorded elsewhere) takes the time at which it was received.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Sequence

from ami_bridge import member_facts, path
from ami_bridge.fact import Fact as Fact  # noqa: PLC0414  facts are imported from here
from ami_bridge.fact import Headers, Parse, queue_of, whole

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HEARD = 1_000_000_000


class ChannelStarted(Fact, frozen=True):
    """A channel came to life (``Newchannel``); ``is_ringing_in``: a call that came from outside Asterisk."""

    uniqueid: str
    channel: str
    context: str
    exten: str
    caller_number: str
    caller_name: str
    is_ringing_in: bool = True


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
    """A caller began to wait in a queue; who it is, says the event too, for a call whose beginning was missed."""

    uniqueid: str
    queue: str
    channel: str = ""
    caller_number: str = ""


class CallerLeft(Fact, frozen=True):
    """A caller no longer waits: connected, gone, or sent on; it does not say which."""

    uniqueid: str
    queue: str


class CallerAbandoned(Fact, frozen=True):
    """app_queue's word for every end of waiting without an agent, time-outs included: never an outcome by itself.

    ``held_seconds``: how long the caller had waited, in whole seconds.
    """

    uniqueid: str
    queue: str
    held_seconds: int = 0


class QueueAsked(Fact, frozen=True):
    """The dialplan is about to run ``Queue()`` (``Newexten``, only in unfiltered streams); it may yet refuse the caller."""

    uniqueid: str
    queue: str


class AgentCalled(Fact, frozen=True):
    """An agent's telephone (``interface``) is rung; ``leg`` is the uniqueid of that channel."""

    uniqueid: str
    queue: str
    agent: str
    leg: str = ""
    interface: str = ""


class RingNoAnswer(Fact, frozen=True):
    """An agent was rung for ``ring_us`` microseconds and did not answer, or refused."""

    uniqueid: str
    queue: str
    agent: str
    ring_us: int


class AgentConnected(Fact, frozen=True):
    """The conversation with an agent began; ``held_seconds``: whole seconds of waiting before it, by app_queue's count."""

    uniqueid: str
    queue: str
    agent: str
    leg: str = ""
    held_seconds: int = 0


class AgentCompleted(Fact, frozen=True):
    """The conversation ended; ``reason`` is caller, agent or transfer.

    ``talked_seconds`` after ``held_seconds`` of waiting, by app_queue's count; None where nobody counted.
    """

    uniqueid: str
    queue: str
    agent: str
    reason: str
    held_seconds: int = 0
    talked_seconds: int | None = None


class Transferred(Fact, frozen=True):
    """The party on channel ``uniqueid`` was sent on by the one it talked to: ``blind``, or ``attended`` (after a consultation).

    ``other_call``: the linkedid under which the consultation ran, where it was a call of its own.
    """

    uniqueid: str
    kind: str
    target: str = ""
    other_call: str = ""


class Held(Fact, frozen=True):
    """The telephone on this channel put the other party on hold."""

    uniqueid: str


class Unheld(Fact, frozen=True):
    """And took it back."""

    uniqueid: str


class KeyPressed(Fact, frozen=True):
    """A key of the telephone on this channel (``DTMFEnd``, only in unfiltered streams)."""

    uniqueid: str
    digit: str


class QueueExited(Fact, frozen=True):
    """``Queue()`` returned with this ``QUEUESTATUS``: the dialplan's ``UserEvent(QueueExit, ...)``.

    ``by_variable``: read off the variable itself (``VarSet``, only in unfiltered streams of other dialplans).
    """

    uniqueid: str
    queue: str
    status: str
    by_variable: bool = False


class StepsTaken(Fact, frozen=True):
    """Steps through the flow in their order, such as ``main:1`` (``UserEvent(HotlineStep, ...)``)."""

    uniqueid: str
    steps: tuple[str, ...]


class AcdStep(Fact, frozen=True):
    """A step that the dialplan tells whoever answers calls (``UserEvent(AcdStep, ...)``): ``area:what`` and a word about it.

    ``number`` counts within the channel, so that the two witnesses of a step are told apart from two steps.
    """

    uniqueid: str
    number: int
    step: str
    detail: str


def sent_on(at: dt.datetime, call_id: str, uniqueid: str, target: str) -> Transferred:
    """The dialplan parted an agent from the call, by an order or because its telephone died: to the figures a transfer."""
    return Transferred(at=at, call_id=call_id, uniqueid=uniqueid, kind="blind", target=target)


def acd_step(at: dt.datetime, call_id: str, uniqueid: str, told: Sequence[str]) -> AcdStep | None:
    """The step that ``number``, ``step`` and ``detail`` tell; None when they are none."""
    number, step, detail = told
    fits = number.isascii() and number.isdigit() and int(number[:6]) > 0 and len(number) <= 6
    if not (fits and _ACD_STEP.fullmatch(step) and _ACD_DETAIL.fullmatch(detail)):
        return None
    return AcdStep(at=at, call_id=call_id, uniqueid=uniqueid, number=int(number), step=step, detail=detail)


_ACD_STEP = re.compile(r"[a-z_]{1,40}:[a-z_]{1,40}")
_ACD_DETAIL = re.compile(r"[A-Za-z0-9_.:@+=;/-]{0,256}")


class Booted(Fact, frozen=True):
    """Asterisk is up (``FullyBooted``, sent at each login): for ``uptime`` seconds."""

    uptime: int


class ShutDown(Fact, frozen=True):
    """Asterisk is stopping."""


def from_event(name: str, headers: Headers, received: dt.datetime) -> Fact | None:
    """The fact that an event states, or None when it states none that we use; a malformed event states none."""
    parse = _READ.get(name)
    if parse is None:
        return None
    try:
        stamp = headers.get("timestamp")
        return parse(headers, received if stamp is None else timestamp(stamp))
    except (KeyError, ValueError, OverflowError):
        return None


def timestamp(text: str) -> dt.datetime:
    """``1700000000.123456`` as UTC, from 1970 to 2286, without a float in between; raises ``ValueError``."""
    seconds, _, fraction = text.partition(".")
    return _second(seconds) + dt.timedelta(0, 0, int(fraction if len(fraction) == 6 else (fraction + "000000")[:6]))


@functools.lru_cache(maxsize=16)
def _second(text: str) -> dt.datetime:
    if len(text) > 10 or text[:1] == "-":
        raise ValueError(text)
    return _EPOCH + dt.timedelta(seconds=int(text))


def cause(number: int) -> int:
    """A cause of Q.850; 0 for anything else."""
    return number if 0 <= number < 256 else 0


def caller_name(text: str) -> str:
    """A caller's name as a person wrote it, from AMI's C escapes around SIP's quoted string."""
    if "\\" in text:
        text = re.sub(r"\\(.)", lambda match: _C_ESCAPES.get(match[1], match[1]), text)
    return quoted_name(text)


def quoted_name(text: str) -> str:
    """A caller's name from SIP's quoted string (Asterisk keeps the backslashes), cut at 256 characters, without null bytes."""
    if "\\" in text:
        text = re.sub(r"\\(.)", r"\1", text)
    return _known(text).replace("\0", "")[:256]


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
        is_ringing_in=h.get("channelstate", "4") == "4",
    )


def _channel_answered(h: Headers, at: dt.datetime) -> Fact | None:
    return ChannelAnswered(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"]) if h["channelstate"] == "6" else None


def _channel_ended(h: Headers, at: dt.datetime) -> Fact:
    return ChannelEnded(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], cause=cause(int(h["cause"])))


def _of_channel(kind: type[HangupAsked] | type[Held] | type[Unheld]) -> Parse:
    """An event that says no more than which channel it was."""
    return lambda h, at: kind(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"])


def _caller_joined(h: Headers, at: dt.datetime) -> Fact:
    return CallerJoined(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        queue=queue_of(h["queue"]),
        channel=h.get("channel", ""),
        caller_number=_known(h.get("calleridnum", ""))[:64],
    )


def _caller_left(h: Headers, at: dt.datetime) -> Fact:
    return CallerLeft(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=queue_of(h["queue"]))


def _caller_abandoned(h: Headers, at: dt.datetime) -> Fact:
    held = whole(h.get("holdtime"))
    return CallerAbandoned(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=queue_of(h["queue"]), held_seconds=held)


def _agent_called(h: Headers, at: dt.datetime) -> Fact:
    return AgentCalled(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        queue=queue_of(h["queue"]),
        agent=h["membername"],
        leg=h.get("destuniqueid", ""),
        interface=h.get("interface", ""),
    )


def _ring_no_answer(h: Headers, at: dt.datetime) -> Fact:
    return RingNoAnswer(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        queue=queue_of(h["queue"]),
        agent=h["membername"],
        ring_us=whole(h.get("ringtime")) * 1000,
    )


def _agent_connected(h: Headers, at: dt.datetime) -> Fact:
    return AgentConnected(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        queue=queue_of(h["queue"]),
        agent=h["membername"],
        leg=h.get("destuniqueid", ""),
        held_seconds=whole(h.get("holdtime")),
    )


def _agent_completed(h: Headers, at: dt.datetime) -> Fact:
    return AgentCompleted(
        at=at,
        call_id=h["linkedid"],
        uniqueid=h["uniqueid"],
        queue=queue_of(h["queue"]),
        agent=h["membername"],
        reason=h["reason"],
        held_seconds=whole(h.get("holdtime")),
        talked_seconds=whole(h["talktime"]) if "talktime" in h else None,
    )


def _blind_transfer(h: Headers, at: dt.datetime) -> Fact | None:
    if h.get("result", "Success") != "Success":
        return None
    return Transferred(
        at=at, call_id=h["transfereelinkedid"], uniqueid=h["transfereeuniqueid"], kind="blind", target=h.get("extension", "")
    )


def _attended_transfer(h: Headers, at: dt.datetime) -> Fact | None:
    if h.get("result", "Success") != "Success":
        return None
    call, other = h["origtransfererlinkedid"], h["secondtransfererlinkedid"]
    target = h.get("destapp") or h.get("transfertargetcalleridnum", "")
    return Transferred(
        at=at, call_id=call, uniqueid=h.get("transfereeuniqueid", call), kind="attended", target=target, other_call=other
    )


def _key_pressed(h: Headers, at: dt.datetime) -> Fact | None:
    if h.get("direction", "Received") != "Received":
        return None
    return KeyPressed(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], digit=h["digit"])


def _queue_asked(h: Headers, at: dt.datetime) -> Fact | None:
    if h["application"] != "Queue":
        return None
    return QueueAsked(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=queue_of(h["appdata"].split(",")[0].strip()))


def _variable_set(h: Headers, at: dt.datetime) -> Fact | None:
    if h["variable"] != "QUEUESTATUS" or not h["value"]:
        return None
    status = h["value"].upper()
    return QueueExited(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue="", status=status, by_variable=True)


def _user_event(h: Headers, at: dt.datetime) -> Fact | None:
    match h["userevent"]:
        case "QueueExit":
            return QueueExited(
                at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], queue=queue_of(h["queue"]), status=h["status"].upper()
            )
        case "HotlineStep":
            steps = path.steps(h["step"])
            return StepsTaken(at=at, call_id=h["linkedid"], uniqueid=h["uniqueid"], steps=steps) if steps else None
        case "AgentHold":
            kind = Held if h["state"] == "on" else Unheld
            return kind(at=at, call_id=h["linkedid"], uniqueid=h["leg"])
        case "SentOn":
            return sent_on(at, h["linkedid"], h["uniqueid"], h["target"])
        case "AcdStep":
            return acd_step(at, h["linkedid"], h["uniqueid"], (h["number"], h["step"], h.get("detail", "")))
        case _:
            return None


def _spied(h: Headers, at: dt.datetime) -> Fact:
    """A supervisor's telephone began to hear a channel: a step of its own, numbered beyond those of the dialplan by its time."""
    number = _HEARD + (at - _EPOCH) // dt.timedelta(milliseconds=1) % 86_400_000
    detail = f"call={h['spyeelinkedid']};leg={h['spyeeuniqueid']}"
    linkedid, unique = h["spyerlinkedid"], h["spyeruniqueid"]
    return AcdStep(at=at, call_id=linkedid, uniqueid=unique, number=number, step="supervise:hears", detail=detail)


def attended(name: str, h: Headers, received: dt.datetime) -> Fact | None:
    """A telephone has put another one in its place, beside what ``from_event`` says: a step of the one that is there now."""
    seat = _SEAT.match(h.get("transfertargetchannel", ""))
    if name != "AttendedTransfer" or h.get("result", "Success") != "Success" or seat is None or "transfertargetuniqueid" not in h:
        return None
    try:
        at = timestamp(h["timestamp"]) if "timestamp" in h else received
        citizen = f"citizen={h['transfereeuniqueid']};" if "transfereeuniqueid" in h else ""
        detail = f"{citizen}before={h['origtransfereruniqueid']};seat={seat[1]}"
        number = _HEARD + (at - _EPOCH) // dt.timedelta(milliseconds=1) % 86_400_000
        call, unique = h["origtransfererlinkedid"], h["transfertargetuniqueid"]
    except (KeyError, ValueError, OverflowError):
        return None
    return AcdStep(at=at, call_id=call, uniqueid=unique, number=number, step="call:attended", detail=detail)


_SEAT = re.compile(r"PJSIP/([0-9]{3,5})(?:@browser)?-[0-9a-f]{8}")


def _booted(h: Headers, at: dt.datetime) -> Fact:
    return Booted(at=at, call_id="", uptime=int(h["uptime"]))


def _shut_down(_: Headers, at: dt.datetime) -> Fact:
    return ShutDown(at=at, call_id="")


_C_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_EVENTS: dict[str, Parse] = {
    "Newchannel": _channel_started,
    "Newstate": _channel_answered,
    "HangupRequest": _of_channel(HangupAsked),
    "Hangup": _channel_ended,
    "Hold": _of_channel(Held),
    "Unhold": _of_channel(Unheld),
    "BlindTransfer": _blind_transfer,
    "AttendedTransfer": _attended_transfer,
    "QueueCallerJoin": _caller_joined,
    "QueueCallerLeave": _caller_left,
    "QueueCallerAbandon": _caller_abandoned,
    "AgentCalled": _agent_called,
    "AgentRingNoAnswer": _ring_no_answer,
    "AgentConnect": _agent_connected,
    "AgentComplete": _agent_completed,
    "UserEvent": _user_event,
    "ChanSpyStart": _spied,
    "FullyBooted": _booted,
    "Shutdown": _shut_down,
} | member_facts.EVENTS
_ONLY_IN_REPLAYS: dict[str, Parse] = {"DTMFEnd": _key_pressed, "Newexten": _queue_asked, "VarSet": _variable_set}
WANTED = tuple(_EVENTS)
"""The events that the bridge asks for: the server-side filters of ``manager.conf`` are rendered from this list."""
_READ = _EVENTS | member_facts.LISTED | _ONLY_IN_REPLAYS
READABLE = dict.fromkeys(_READ, "") | {"VarSet": "Variable: QUEUESTATUS", "Newexten": "Application: Queue\r\n"}
"""The events that say something in an unfiltered stream, whatever its dialplan; with the line in which they do."""

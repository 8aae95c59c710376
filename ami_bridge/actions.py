"""What may be asked of Asterisk, in which words, and how it is seen afterwards whether it was done. Pure.

One table: an action that is not in it, a parameter that is not listed, or a value that does not fit its grammar is refused,
whoever asks. No grammar lets a line break, a null byte or an expression (``${...}``, a ``/regex/`` of channels) through. What the
manager user of ``manager.conf`` may do (call, agent, originate) is a second, independent fence.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterable, Mapping

import msgspec

from ami_bridge import facts
from ami_bridge.codec import Frame
from ami_bridge.errors import CommandRefusedError
from ami_bridge.member_facts import MemberSeen

Value = str | int | bool | Mapping[str, str]
Parameters = Mapping[str, Value]
CONTEXTS = (
    "agents",
    "back",
    "consult",
    "control-over",
    "emergency",
    "flow",
    "handed",
    "handover",
    "hangup",
    "held",
    "holding",
    "outbound",
    "parked",
    "party",
    "party-citizen",
    "seats",
    "sent",
    "supervise",
    "survey",
    "threeway-back",
    "threeway-caller",
    "threeway-dial",
    "threeway-done",
    "threeway-enter",
    "threeway-join",
)
"""Where a channel may be sent: contexts of ``asterisk-conf`` (a test looks). Those that dial take nothing but digits for it."""
_CONTEXT = rf"(?:{'|'.join(CONTEXTS)})"
_SEAT = r"PJSIP/[0-9]{3,5}(?:@browser)?"
_NAME = r"(?:PJSIP|Local)/[A-Za-z0-9_.@+*-]{1,60}-[0-9a-f]{8}(?:;[12])?"
_UNIQUE = r"[A-Za-z][A-Za-z0-9_-]{0,31}-[0-9]{9,11}\.[0-9]{1,10}"
_CHANNEL = rf"{_NAME}|{_UNIQUE}|command-[0-9a-f]{{32}}"
_TEXT = r"[^\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff${}]{0,80}"
_SHOWN = r"(?:[^\W_][\w -]{0,30} <[0-9]{1,20}>|[0-9]{1,20})"
_ANSWER_SECONDS = 10.0
_RING_SECONDS = 30
_NO_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: the header that carries it, what it may be, and in words what it should be."""

    header: str
    grammar: str
    meaning: str
    required: bool = True


class Channel(msgspec.Struct, frozen=True):
    """A channel that Asterisk has now, and where in the dialplan it stands."""

    context: str
    exten: str


class Snapshot(msgspec.Struct, frozen=True):
    """What Asterisk has now: members by (queue, interface); channels by name and by uniqueid."""

    members: Mapping[tuple[str, str], MemberSeen]
    channels: Mapping[str, Channel]


Seen = Callable[[Mapping[str, str], Snapshot], bool]


class Action(msgspec.Struct, frozen=True):
    """An action: its parameters, headers that are always the same, and whether a snapshot shows that it was done (or None).

    ``together``: parameters that are given all or not at all.
    """

    parameters: Mapping[str, Parameter]
    fixed: Mapping[str, str] = msgspec.field(default_factory=dict)
    together: frozenset[str] = frozenset()
    seen: Seen | None = None


class Prepared(msgspec.Struct, frozen=True):
    """An action as it is sent; ``answer_seconds``: how long its answer may take. A call's answer is how the call went."""

    headers: dict[str, str]
    answer_seconds: float
    is_call: bool = False


def prepare(action: str, parameters: Parameters, command: uuid.UUID) -> Prepared:
    """The headers of an action; raises ``CommandRefusedError``, whose text says what is wrong and what would be right."""
    known = ACTIONS.get(action)
    if known is None:
        raise CommandRefusedError(f"{action!r} is no action that may be asked for; these may: {', '.join(ACTIONS)}")
    unknown = parameters.keys() - known.parameters.keys()
    if unknown:
        raise CommandRefusedError(f"{action}: no parameter {min(unknown)!r}; it has: {', '.join(known.parameters)}")
    if 0 < len(known.together & parameters.keys()) < len(known.together):
        raise CommandRefusedError(f"{action}: {', '.join(sorted(known.together))} are given together or not at all")
    headers = {"Action": action, "ActionID": str(command), **known.fixed}
    for name, parameter in known.parameters.items():
        if name in parameters:
            headers[parameter.header] = _checked(action, name, parameter, parameters[name])
        elif parameter.required:
            raise CommandRefusedError(f"{action}: the parameter {name!r} is missing: {parameter.meaning}")
    if action != "Originate":
        return Prepared(headers, _ANSWER_SECONDS)
    ring = int(headers.setdefault("Timeout", str(_RING_SECONDS)))
    unique = channel_id(command)
    ours = {"Timeout": str(ring * 1000), "ChannelId": unique, "OtherChannelId": f"{unique}-2"}
    return Prepared(headers | ours, ring + _ANSWER_SECONDS, is_call=True)


def channel_id(command: uuid.UUID) -> str:
    """The uniqueid of the channel that an ``Originate`` makes; Asterisk refuses a second one with it while the first lives."""
    return f"command-{command.hex}"


def is_seen(action: str, parameters: Parameters, command: uuid.UUID, now: Snapshot) -> bool:
    """Whether the state that was asked for holds. False says nothing: the action may have been done and undone, or come late."""
    seen = ACTIONS[action].seen if action in ACTIONS else None
    try:
        return seen is not None and seen(prepare(action, parameters, command).headers, now)
    except CommandRefusedError:
        return False


def snapshot(frames: Iterable[Frame]) -> Snapshot:
    """What the lists ``QueueStatus`` and ``CoreShowChannels`` say."""
    members: dict[tuple[str, str], MemberSeen] = {}
    channels: dict[str, Channel] = {}
    for frame in frames:
        if frame.name == "CoreShowChannel":
            h = frame.headers
            channels[h["channel"]] = channels[h["uniqueid"]] = Channel(h["context"], h["exten"])
        fact = facts.from_event(frame.name, frame.headers, _NO_TIME)
        if isinstance(fact, MemberSeen):
            members[fact.queue, fact.interface] = fact
    return Snapshot(members, channels)


def _checked(action: str, name: str, parameter: Parameter, value: Value) -> str:
    text = _variables(value) if isinstance(value, Mapping) else _plain(value)
    if text is None or not re.fullmatch(parameter.grammar, text):
        raise CommandRefusedError(f"{action}: {name!r} must be {parameter.meaning}; {str(value)[:80]!r} is not")
    return text


def _plain(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def _variables(value: Mapping[str, str]) -> str | None:
    """``A=1,B=2``; None when a value would not stay one."""
    plain = all(isinstance(one, str) and "," not in one for one in value.values())
    return ",".join(f"{name}={one}" for name, one in value.items()) if plain else None


def _of_member(h: Mapping[str, str], now: Snapshot) -> list[MemberSeen]:
    """The memberships that an action is about: in one queue, or in all."""
    wanted = h.get("Queue")
    return [seen for (queue, one), seen in now.members.items() if one == h["Interface"] and wanted in (None, queue)]


def _paused(h: Mapping[str, str], now: Snapshot) -> bool:
    found = _of_member(h, now)
    return bool(found) and all(seen.paused == (h["Paused"] == "true") for seen in found)


def _at_penalty(h: Mapping[str, str], now: Snapshot) -> bool:
    found = _of_member(h, now)
    return bool(found) and all(seen.penalty == int(h["Penalty"]) for seen in found)


def _added(h: Mapping[str, str], now: Snapshot) -> bool:
    return (h["Queue"], h["Interface"]) in now.members


def _removed(h: Mapping[str, str], now: Snapshot) -> bool:
    return not _added(h, now)


def _hung_up(h: Mapping[str, str], now: Snapshot) -> bool:
    return h["Channel"] not in now.channels


def _redirected(h: Mapping[str, str], now: Snapshot) -> bool:
    return all(
        now.channels.get(h[f"{extra}Channel"]) == Channel(h[f"{extra}Context"], h[f"{extra}Exten"])
        for extra in ("", "Extra")
        if f"{extra}Channel" in h
    )


def _originated(h: Mapping[str, str], now: Snapshot) -> bool:
    return h["ChannelId"] in now.channels


def _optional(parameter: Parameter) -> Parameter:
    return msgspec.structs.replace(parameter, required=False)


_CHANNEL_WORDS = "the name or uniqueid of a channel, such as 'PJSIP/1001-0000002a'"
_QUEUE = Parameter("Queue", r"[A-Za-z][A-Za-z0-9_-]{0,31}(?:\.[0-9]{3,5})?", "the name of a queue")
_INTERFACE = Parameter("Interface", _SEAT, "a seat's telephone, such as 'PJSIP/1001' or 'PJSIP/1001@browser'")
_ONE = Parameter("Channel", _CHANNEL, _CHANNEL_WORDS)
_CALLER = Parameter("Caller", _CHANNEL, _CHANNEL_WORDS)
_TO_CONTEXT = Parameter("Context", _CONTEXT, f"one of {', '.join(CONTEXTS)}")
_TO_EXTEN = Parameter("Exten", r"[A-Za-z0-9*#_.-]{1,79}", "an extension: letters, digits and *#_.-")
_PAUSED = Parameter("Paused", "true|false", "true or false")
_PENALTY = Parameter("Penalty", "[0-9]{1,3}", "a number from 0 to 999")
_REASON = Parameter("Reason", _TEXT, "at most 80 characters in one line")
_CONFERENCE = Parameter("Conference", r"[A-Za-z0-9_-]{1,64}", "the name of a conference")
_TRUE_FALSE = "0|1|true|false"

ACTIONS: Mapping[str, Action] = {
    "QueuePause": Action(
        {"interface": _INTERFACE, "paused": _PAUSED, "queue": _optional(_QUEUE), "reason": _optional(_REASON)}, seen=_paused
    ),
    "QueueAdd": Action(
        {
            "queue": _QUEUE,
            "interface": _INTERFACE,
            "member": Parameter("MemberName", "[0-9]{3,5}", "an agent's number"),
            "state_interface": Parameter("StateInterface", _SEAT, "a seat's telephone"),
            "penalty": _optional(_PENALTY),
            "paused": _optional(_PAUSED),
            "reason": _optional(_REASON),
        },
        seen=_added,
    ),
    "QueueRemove": Action({"queue": _QUEUE, "interface": _INTERFACE}, seen=_removed),
    "QueuePenalty": Action({"interface": _INTERFACE, "penalty": _PENALTY, "queue": _optional(_QUEUE)}, seen=_at_penalty),
    "QueueWithdrawCaller": Action({"queue": _QUEUE, "caller": _CALLER}),
    "QueueChangePriorityCaller": Action(
        {"queue": _QUEUE, "caller": _CALLER, "priority": Parameter("Priority", "[0-9]{1,4}", "a number from 0 to 9999")}
    ),
    "Hangup": Action(
        {"channel": _ONE, "cause": Parameter("Cause", "[0-9]{1,3}", "a Q.850 cause", required=False)}, seen=_hung_up
    ),
    "Redirect": Action(
        {
            "channel": _ONE,
            "context": _TO_CONTEXT,
            "exten": _TO_EXTEN,
            "extra_channel": Parameter("ExtraChannel", _CHANNEL, _CHANNEL_WORDS, required=False),
            "extra_context": Parameter("ExtraContext", _CONTEXT, f"one of {', '.join(CONTEXTS)}", required=False),
            "extra_exten": Parameter("ExtraExten", _TO_EXTEN.grammar, _TO_EXTEN.meaning, required=False),
        },
        fixed={"Priority": "1", "ExtraPriority": "1"},
        together=frozenset({"extra_channel", "extra_context", "extra_exten"}),
        seen=_redirected,
    ),
    "Bridge": Action(
        {
            "channel": Parameter("Channel1", _CHANNEL, _CHANNEL_WORDS),
            "other_channel": Parameter("Channel2", _CHANNEL, _CHANNEL_WORDS),
        },
        fixed={"Tone": "no"},
    ),
    "BlindTransfer": Action({"channel": _ONE, "context": _TO_CONTEXT, "exten": _TO_EXTEN}),
    "Atxfer": Action({"channel": _ONE, "context": _TO_CONTEXT, "exten": _TO_EXTEN}),
    "CancelAtxfer": Action({"channel": _ONE}),
    "Park": Action({"channel": _ONE, "announce_channel": Parameter("AnnounceChannel", _CHANNEL, _CHANNEL_WORDS, required=False)}),
    "Originate": Action(
        {
            "channel": Parameter(
                "Channel",
                rf"{_SEAT}|PJSIP/[0-9]{{3,20}}@units|Local/[0-9*#A-Za-z_-]{{1,32}}@{_CONTEXT}(?:/n)?",
                "a seat's telephone, 'PJSIP/<number>@units', or 'Local/<extension>@<context>'",
            ),
            "context": _TO_CONTEXT,
            "exten": _TO_EXTEN,
            "ring_seconds": Parameter("Timeout", "[1-9][0-9]?|1[01][0-9]|120", "1 to 120 seconds", required=False),
            "caller_id": Parameter("CallerID", _SHOWN, "a number of at most 20 digits, or a name <number>", required=False),
            "variables": Parameter(
                "Variable",
                r"(?:_{0,2}HOTLINE_[A-Z_]{1,30}=[A-Za-z0-9_.:@+-]{0,64}(?:,(?!$)|$)){1,10}",
                "variables of ours (HOTLINE_...), each a word of letters, digits and _.:@+-",
                required=False,
            ),
        },
        fixed={"Priority": "1", "Async": "true"},
        seen=_originated,
    ),
    "Setvar": Action(
        {
            "channel": _ONE,
            "variable": Parameter("Variable", r"_{0,2}HOTLINE_[A-Z_]{1,30}", "a variable of ours: HOTLINE_..."),
            "value": Parameter("Value", r"[A-Za-z0-9_.:@+-]{0,64}", "a word of letters, digits and _.:@+-"),
        }
    ),
    "PlayDTMF": Action(
        {
            "channel": _ONE,
            "digit": Parameter("Digit", "[0-9*#A-D]", "one key"),
            "milliseconds": Parameter("Duration", "[1-9][0-9]{1,3}", "10 to 9999 milliseconds", required=False),
        }
    ),
    "MixMonitorMute": Action(
        {
            "channel": _ONE,
            "direction": Parameter("Direction", "read|write|both", "read, write or both"),
            "muted": Parameter("State", _TRUE_FALSE, "true or false"),
        }
    ),
    "ConfbridgeKick": Action({"conference": _CONFERENCE, "channel": _ONE}),
    "ConfbridgeMute": Action({"conference": _CONFERENCE, "channel": _ONE}),
    "ConfbridgeUnmute": Action({"conference": _CONFERENCE, "channel": _ONE}),
}

"""Lines of Asterisk's channel event log (CEL) to facts. Pure.

The columns are those of ``asterisk-conf/cel_custom.conf``; times are ``seconds.microseconds`` since the epoch.
"""

from __future__ import annotations

import csv
import datetime as dt

import msgspec

from ami_bridge import facts
from ami_bridge.calls import PathSeen
from ami_bridge.fact import queue_of
from ami_bridge.facts import Fact

_AGENT_LEG = "AppQueue"


class Line(msgspec.Struct, frozen=True):
    """One event of the log, in the order of its columns."""

    at: dt.datetime
    event: str
    user_event: str
    linkedid: str
    uniqueid: str
    channel: str
    context: str
    exten: str
    caller_number: str
    caller_name: str
    application: str
    data: str
    userfield: str
    extra: str

    @property
    def is_caller(self) -> bool:
        """Whether this is the channel that began the call."""
        return self.uniqueid == self.linkedid


class _Extra(msgspec.Struct):
    """The JSON in the last column, as far as it is used."""

    hangupcause: int = 0
    hangupsource: str = ""
    extra: str = ""


def parse(raw: bytes) -> Line | None:
    """One line, or None for anything that is not one."""
    try:
        (row,) = csv.reader([raw.decode(errors="replace")], strict=True)
        return Line(facts.timestamp(row[0]), *row[1:])
    except (ValueError, TypeError, IndexError, OverflowError, csv.Error):
        return None


def evidence(line: Line) -> list[Fact]:
    """The facts that one line is evidence of. Which queue is only told where a caller enters one."""
    found: list[Fact] = []
    at, call_id, uniqueid = line.at, line.linkedid, line.uniqueid
    if line.is_caller and line.userfield:
        found.append(PathSeen(at=at, call_id=call_id, path=line.userfield))
    match line.event:
        case "CHAN_START":
            found.insert(0, _started(line))
        case "ANSWER":
            found.append(facts.ChannelAnswered(at=at, call_id=call_id, uniqueid=uniqueid))
        case "APP_START" if line.is_caller and line.application == "Queue":
            found.append(facts.CallerJoined(at=at, call_id=call_id, uniqueid=uniqueid, queue=queue_of(line.data.split(",")[0])))
        case "BRIDGE_ENTER" if not line.is_caller and line.application == _AGENT_LEG:
            agent = _telephone(line.channel)
            found.append(facts.AgentConnected(at=at, call_id=call_id, uniqueid=uniqueid, queue="", agent=agent))
        case "USER_DEFINED" if line.user_event == "QueueExit":
            status = _extra(line).extra.upper()
            found.append(facts.QueueExited(at=at, call_id=call_id, uniqueid=uniqueid, queue="", status=status))
        case "USER_DEFINED" if line.user_event == "SentOn":
            found.append(facts.sent_on(at, call_id, uniqueid, _extra(line).extra))
        case "USER_DEFINED" if line.user_event == "AcdStep":
            told = [*_extra(line).extra.split(" ", 2), "", ""][:3]
            step = facts.acd_step(at, call_id, uniqueid, told)
            found += [step] if step else []
        case "HANGUP":
            found += _ended(line)
        case _:
            pass
    return found


def _started(line: Line) -> Fact:
    return facts.ChannelStarted(
        at=line.at,
        call_id=line.linkedid,
        uniqueid=line.uniqueid,
        channel=line.channel,
        context=line.context,
        exten=line.exten,
        caller_number=line.caller_number[:64],
        caller_name=facts.quoted_name(line.caller_name),
    )


def _ended(line: Line) -> list[Fact]:
    """A hang-up, and who asked for it: ``hangupsource`` names the channel whose telephone hung up."""
    extra = _extra(line)
    at, call_id, uniqueid = line.at, line.linkedid, line.uniqueid
    by_itself = extra.hangupsource == line.channel
    found: list[Fact] = []
    if by_itself:
        found.append(facts.HangupAsked(at=at, call_id=call_id, uniqueid=uniqueid))
    if line.application == _AGENT_LEG:
        reason, agent = "agent" if by_itself else "caller", _telephone(line.channel)
        found.append(facts.AgentCompleted(at=at, call_id=call_id, uniqueid=uniqueid, queue="", agent=agent, reason=reason))
    found.append(facts.ChannelEnded(at=at, call_id=call_id, uniqueid=uniqueid, cause=facts.cause(extra.hangupcause)))
    return found


def _telephone(channel: str) -> str:
    """``PJSIP/1001-0000002a`` is telephone 1001."""
    return channel.partition("/")[2].rpartition("-")[0]


def _extra(line: Line) -> _Extra:
    try:
        return msgspec.json.decode(line.extra, type=_Extra)
    except msgspec.DecodeError:
        return _Extra()

"""Lines of Asterisk's queue log to facts: the second witness for what AMI did not tell (metrics, section 6). Pure.

A line is ``epoch|uniqueid|queue|agent|EVENT|data…`` (Asterisk 18 to 22; some writers put a fraction behind the seconds, or the
date and time of a database's table). ``uniqueid`` is the waiting channel's own, which is the call's linkedid unless the caller
came by a transfer: who reads the log together with a stream says under which call a channel is known.

What app_queue says of a waiting caller's end: ``CONNECT``, ``ABANDON`` (the channel went away while waiting),
``EXITWITHTIMEOUT``, ``EXITEMPTY``, ``EXITWITHKEY``, ``WITHDRAW``. A caller who is refused leaves no line, unless the dialplan
writes one (``QueueLog``), by custom under the value of ``QUEUESTATUS`` (``JOINEMPTY``, ``FULL``, …).
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ami_bridge import facts
from ami_bridge.fact import queue_of
from ami_bridge.facts import Fact

SECOND_US = 1_000_000
LONGEST_LINE = 16 * 1024
_BEIJING = dt.timezone(dt.timedelta(hours=8))
_NOBODY = frozenset({"", "NONE", "REALTIME"})


class Line(msgspec.Struct, frozen=True):
    """One line; ``uniqueid`` and ``agent`` are empty where the log says ``NONE``. ``precision_us``: what its time is exact to."""

    at: dt.datetime
    precision_us: int
    uniqueid: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]

    def datum(self, place: int) -> str:
        """The ``place``-th datum (from 0, or from the end), empty where there is none."""
        try:
            return self.data[place]
        except IndexError:
            return ""

    def number(self, place: int) -> int:
        """The same as a whole number, 0 where it is none."""
        text = self.datum(place)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def parse(raw: bytes, zone: dt.tzinfo = _BEIJING) -> Line | None:
    """One line, or None for anything that is not one; ``zone`` is that of a time written as a date."""
    if len(raw) > LONGEST_LINE:
        return None
    fields = raw.decode(errors="replace").rstrip("\r\n").split("|")
    if len(fields) < 5 or not fields[4]:
        return None
    try:
        at, precision_us = _time(fields[0], zone)
    except (ValueError, OverflowError):
        return None
    uniqueid, queue, agent = ("" if field in _NOBODY else field for field in fields[1:4])
    return Line(at, precision_us, uniqueid, queue_of(queue), agent, fields[4].upper(), tuple(fields[5:]))


def lines(raws: Iterable[bytes]) -> Iterator[Line]:
    """The lines among these, in their order; lines of one channel within one second are a microsecond apart, to stay in order."""
    second: dt.datetime | None = None
    told: Counter[str] = Counter()
    for raw in raws:
        line = parse(raw)
        if line is None:
            continue
        if line.at != second:
            second = line.at
            told.clear()
        if before := told[line.uniqueid]:
            line = msgspec.structs.replace(line, at=line.at + dt.timedelta(microseconds=before))
        told[line.uniqueid] += 1
        yield line


def evidence(line: Line, call_id: str = "") -> list[Fact]:
    """The facts that one line is evidence of, in the call ``call_id`` (without one: that of the channel itself)."""
    tell = _TOLD.get(line.event)
    return tell(line, call_id or line.uniqueid) if tell and line.uniqueid else []


def _time(text: str, zone: dt.tzinfo) -> tuple[dt.datetime, int]:
    """A time and what it is exact to; raises ``ValueError`` or ``OverflowError``."""
    if text[:1] == "-" or not text.isascii():
        raise ValueError(text)
    _, dot, fraction = text.partition(".")
    precision_us = SECOND_US // 10 ** min(len(fraction), 6) if dot else SECOND_US
    if "-" not in text:
        return facts.timestamp(text), precision_us
    at = dt.datetime.fromisoformat(text)
    if not 1970 < at.year < 2286:
        raise ValueError(text)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(dt.UTC), precision_us


Tell = Callable[[Line, str], list[Fact]]


def _entered(line: Line, call_id: str) -> list[Fact]:
    """``url|caller|position``: a channel that nobody else may have told of, and its wait."""
    channel = facts.ChannelStarted(
        at=line.at,
        call_id=call_id,
        uniqueid=line.uniqueid,
        channel="",
        context="",
        exten="",
        caller_number=line.datum(1)[:64],
        caller_name="",
    )
    joined = facts.CallerJoined(
        at=line.at, call_id=call_id, uniqueid=line.uniqueid, queue=line.queue, caller_number=channel.caller_number
    )
    return [channel, joined]


def _connected(line: Line, call_id: str) -> list[Fact]:
    """``holdtime|agent's uniqueid|ring time``: seconds of waiting, and of the last ring."""
    at, leg = line.at, line.datum(1)
    rang = facts.AgentCalled(
        at=at - dt.timedelta(seconds=line.number(2)),
        call_id=call_id,
        uniqueid=line.uniqueid,
        queue=line.queue,
        agent=line.agent,
        leg=leg,
    )
    return [
        rang,
        facts.AgentConnected(
            at=at,
            call_id=call_id,
            uniqueid=line.uniqueid,
            queue=line.queue,
            agent=line.agent,
            leg=leg,
            held_seconds=line.number(0),
        ),
    ]


def _completed(reason: str, *, transfer: str = "") -> Tell:
    """The conversation's end; of a transfer also that the caller went on."""

    def tell(line: Line, call_id: str) -> list[Fact]:
        at, uniqueid = line.at, line.uniqueid
        found: list[Fact] = [
            facts.AgentCompleted(at=at, call_id=call_id, uniqueid=uniqueid, queue=line.queue, agent=line.agent, reason=reason)
        ]
        if transfer:
            target = line.datum(0) if transfer == "blind" else ""
            found.append(facts.Transferred(at=at, call_id=call_id, uniqueid=uniqueid, kind=transfer, target=target))
        return found

    return tell


def _rang(line: Line, call_id: str) -> list[Fact]:
    """``milliseconds``: an agent was rung so long, and did not answer (or, RINGCANCELED, the caller left first)."""
    ring = dt.timedelta(milliseconds=line.number(0))
    called = facts.AgentCalled(at=line.at - ring, call_id=call_id, uniqueid=line.uniqueid, queue=line.queue, agent=line.agent)
    if line.event == "RINGCANCELED":
        return [called]
    missed = facts.RingNoAnswer(
        at=line.at,
        call_id=call_id,
        uniqueid=line.uniqueid,
        queue=line.queue,
        agent=line.agent,
        ring_us=line.number(0) * 1000,
    )
    return [called, missed]


def _abandoned(line: Line, call_id: str) -> list[Fact]:
    """``position|first position|seconds``: the channel went away while it waited; time-outs have their own line."""
    held = line.number(2)
    return [
        facts.CallerAbandoned(at=line.at, call_id=call_id, uniqueid=line.uniqueid, queue=line.queue, held_seconds=held),
        facts.HangupAsked(at=line.at, call_id=call_id, uniqueid=line.uniqueid),
    ]


def _exited(status: str) -> Tell:
    """The queue let the caller go with this status; of a key, with the key."""

    def tell(line: Line, call_id: str) -> list[Fact]:
        said = status + line.datum(0) if status == "KEY" else status
        return [facts.QueueExited(at=line.at, call_id=call_id, uniqueid=line.uniqueid, queue=line.queue, status=said)]

    return tell


_TOLD: dict[str, Tell] = {
    "ENTERQUEUE": _entered,
    "CONNECT": _connected,
    "COMPLETECALLER": _completed("caller"),
    "COMPLETEAGENT": _completed("agent"),
    "BLINDTRANSFER": _completed("transfer", transfer="blind"),
    "ATTENDEDTRANSFER": _completed("transfer", transfer="attended"),
    "TRANSFER": _completed("transfer", transfer="blind"),
    "RINGNOANSWER": _rang,
    "RINGCANCELED": _rang,
    "ABANDON": _abandoned,
    "EXITWITHTIMEOUT": _exited("TIMEOUT"),
    "EXITEMPTY": _exited("LEAVEEMPTY"),
    "EXITWITHKEY": _exited("KEY"),
    "WITHDRAW": _exited("WITHDRAW"),
    **{status: _exited(status) for status in ("FULL", "JOINEMPTY", "JOINUNAVAIL", "LEAVEEMPTY", "LEAVEUNAVAIL", "TIMEOUT")},
}
"""Of everything else (members, pauses, restarts, what a dialplan adds) the requests know nothing."""
EVENTS = frozenset(_TOLD)
"""The events that are evidence of a request."""
ENDS = {
    "CONNECT": "answered",
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timed_out",
    "EXITEMPTY": "no_agents",
    "EXITWITHKEY": "key_exit",
    "WITHDRAW": "timed_out",
}
"""What ended a wait, in app_queue's words."""

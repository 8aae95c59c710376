"""The lines that our SIPp scenarios log, folded into one record a call. Pure.

A line is ``event;call number;Call-ID;party;seconds;microseconds;detail`` with event one of invited, answered, tagged, ended,
closed, refused (and registered, unanswered for REGISTER), called (who calls this telephone), and what a directed telephone did:
pressed, held, resumed, referred. Times are SIPp's own: when it sent the INVITE, had the 200 or the ACK, sent or had the BYE.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from hotline.phones.plan import Report

_DONE = frozenset({"pressed", "held", "resumed", "referred"})
_EVENTS = frozenset({"invited", "called", "answered", "tagged", "ended", "closed", "refused", "registered", "unanswered"}) | _DONE


class LogLine(msgspec.Struct, frozen=True):
    """One line; ``party`` is the citizen's number or the seat's user."""

    event: str
    call_id: str
    party: str
    at: dt.datetime
    detail: str


class Done(msgspec.Struct, frozen=True):
    """What a directed telephone did during a call: ``pressed`` a key, ``held``, ``resumed``, or ``referred`` the other side."""

    event: str
    at: dt.datetime
    detail: str


class Call(msgspec.Struct, kw_only=True):
    """One call as one telephone saw it; ``ended_by`` is ``self`` or ``other``, and ``sound`` is known after its end.

    ``closed``: the last SIP message has gone out or come in. ``tags``: its own and the other side's, by which SIP knows the call.
    ``caller``: the number that called it. ``peer``: where a directed telephone sends its sound (``host:port``).
    """

    call_id: str
    party: str
    port: int
    invited_at: dt.datetime
    answered_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    ended_by: str | None = None
    refused_at: dt.datetime | None = None
    closed: bool = False
    sound: Report | None = None
    tags: tuple[str, str] | None = None
    caller: str = ""
    peer: str = ""
    done: list[Done] = []

    @property
    def setup_ms(self) -> float | None:
        """From the INVITE to the 200, in milliseconds."""
        return (self.answered_at - self.invited_at) / dt.timedelta(milliseconds=1) if self.answered_at else None

    @property
    def prompt_ms(self) -> float | None:
        """From the INVITE to the first sound that can be heard, in milliseconds."""
        if self.sound is None or self.sound.first_audible_at is None:
            return None
        return (dt.datetime.fromisoformat(self.sound.first_audible_at) - self.invited_at) / dt.timedelta(milliseconds=1)


def parse(line: str) -> LogLine | None:
    """One line of a log; ``None`` for anything else that SIPp prints."""
    parts = line.strip().split(";", 6)
    if len(parts) != 7 or parts[0] not in _EVENTS:
        return None
    event, _, call_id, party, seconds, microseconds, detail = parts
    try:
        at = dt.datetime.fromtimestamp(int(float(seconds)), dt.UTC) + dt.timedelta(microseconds=int(float(microseconds)))
    except ValueError:
        return None
    return LogLine(event, call_id, party, at, detail)


def apply(calls: dict[str, Call], line: LogLine) -> None:
    """Enter one line into the calls by Call-ID; a line about a call that was never invited changes nothing."""
    if line.event == "invited":
        calls.setdefault(line.call_id, Call(call_id=line.call_id, party=line.party, port=int(line.detail), invited_at=line.at))
        return
    call = calls.get(line.call_id)
    if call is None:
        return
    match line.event:
        case "answered":
            call.answered_at, call.peer = line.at, line.detail
        case "tagged":
            own, _, other = line.detail.partition(" ")
            call.tags = own, other
        case "ended":
            call.ended_at, call.ended_by = line.at, line.detail
        case "refused":
            call.refused_at = line.at
        case "closed":
            call.closed = True
        case "called":
            call.caller = line.detail
        case event if event in _DONE:
            call.done.append(Done(event, line.at, line.detail))
        case _:
            pass


def attach(calls: list[Call], reports: list[Report]) -> None:
    """Give each call the report of its sound: same port, first packet between invitation and end (half a second of slack)."""
    slack = dt.timedelta(milliseconds=500)
    for report in reports:
        if report.first_packet_at is None:
            continue
        first = dt.datetime.fromisoformat(report.first_packet_at)
        for call in calls:
            fits = call.port == report.port and call.sound is None and call.invited_at - slack <= first
            if fits and (call.ended_at is None or first <= call.ended_at + slack):
                call.sound = report
                break

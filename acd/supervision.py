"""Supervision of live calls: what each mode takes, what a telephone is told, what its steps make of it (QUA-03, IVR-26). Pure.

A supervision is asked for, goes on with one mode after another, and ends; ``asterisk-conf/supervise.conf.j2`` carries it out and
tells steps (``supervise:started``, ``mode``, ``hears``, ``ended``), at least once and late after a gap. An end is final, but what
is told late of the time before it is still entered. Who is named for a trainee follows that trainee, never a call: the call may
go on with somebody else.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec

from acd.errors import RefusedError
from acd.permissions import Person, may

Mode = Literal["monitor", "caller", "agent", "whisper", "barge", "take_over"]
Target = Literal["call", "agent", "queue"]

RIGHTS: Mapping[str, str] = {
    "monitor": "call.listen",
    "caller": "call.listen",
    "agent": "call.listen",
    "whisper": "call.whisper",
    "barge": "call.barge",
    "take_over": "call.take_over",
}
"""Mode -> the action of ``permissions.RIGHTS`` that it is."""
OF_ONE_CALL = frozenset({"barge", "take_over"})
"""Modes that are about one call, whatever else is listened to."""
_LEVELS = ("call.listen", "call.whisper", "call.barge")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,60}")
_REASON = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to hear: a call (its uniqueid), an agent (number) or a queue (name), and how."""

    target: Target
    whom: str
    mode: Mode = "monitor"
    reason: str


class Found(msgspec.Struct, frozen=True):
    """What there is now: the agent concerned ('': none), its mentor and telephone, the call that it is in."""

    agent: str = ""
    mentor: str = ""
    seat: str = ""
    call_id: str = ""


class Order(msgspec.Struct, frozen=True):
    """What is done about a wish: ``may`` up to which level, and what the telephone is told."""

    target: Target
    whom: str
    may: int
    variables: dict[str, str]


def reason(text: str) -> str:
    """The reason as it is written down; raises ``RefusedError`` when there is none, or not one line of at most 200 letters."""
    kept = text.strip()
    if not _REASON.fullmatch(kept):
        raise RefusedError("reason_missing")
    return kept


def level(person: Person, found: Found) -> int:
    """0: nothing, 1: listen, 2: and whisper, 3: everything."""
    allowed = [may(person, action, found.agent, found.mentor) for action in _LEVELS]
    return allowed.index(False) if False in allowed else len(allowed)


def order(wish: Wish, found: Found, person: Person, supervision: uuid.UUID) -> Order:
    """What to do about a wish that is permitted; raises ``RefusedError`` (``not_in_a_call``, ``unknown_call``)."""
    target, whom = wish.target, wish.whom
    if target == "agent" and wish.mode in OF_ONE_CALL:
        if not found.call_id:
            raise RefusedError("not_in_a_call", agent=whom)
        target, whom = "call", found.call_id
    if target == "queue" and wish.mode in OF_ONE_CALL:
        raise RefusedError("unknown_call", queue=whom)
    if target == "call" and not may(person, RIGHTS["monitor"]):
        target, whom = "agent", found.agent
    if target == "call" and not _CHANNEL.fullmatch(whom):
        raise RefusedError("unknown_call")
    told = {"ID": supervision.hex, "MODE": wish.mode, "MAY": str(level(person, found))}
    if target == "call":
        told["CALL"] = whom
    else:
        told["GROUP"] = f"{target}-{whom}"
        if target == "agent" and found.seat:
            told["SEAT"] = f"seat-{found.seat}"
    return Order(target, whom, int(told["MAY"]), {f"HOTLINE_SPY_{name}": value for name, value in told.items()})


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a supervision stands: in ``mode`` (the last one, when it has ended), since ``started_at``."""

    mode: Mode
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    ended: str = ""


class Change(msgspec.Struct, frozen=True):
    """What a step made of it: how it stands now, the event to enter (mode or call), and the line for the audit log."""

    now: Standing
    mode: str = ""
    call_id: str = ""
    line: str = ""


def hear(now: Standing, what: str, words: Mapping[str, str], at: dt.datetime) -> Change:
    """Take a step in; one that is unknown, repeated or malformed changes nothing."""
    match what:
        case "started":
            begun = min(now.started_at or at, at)
            return Change(msgspec.structs.replace(now, started_at=begun), line="" if now.started_at else "started")
        case "mode" if (mode := words.get("mode", "")) in RIGHTS:
            return Change(now if now.ended_at else msgspec.structs.replace(now, mode=mode), mode=mode, line="mode")
        case "hears" if words.get("call"):
            return Change(now, call_id=words["call"], line="")
        case "ended":
            return end(now, at, "hung_up" if now.started_at else "not_answered")
        case _:
            return Change(now)


def end(now: Standing, at: dt.datetime, how: str) -> Change:
    """It is over; one that was lost sight of ended when its telephone says, if it says so later."""
    if now.ended_at is not None and (now.ended != "lost" or how == "lost"):
        return Change(now)
    at = max(at, now.started_at or at)
    return Change(msgspec.structs.replace(now, ended_at=at, ended=how), line="ended")

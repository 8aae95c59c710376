"""When an agent may end a call first, and what it means when a caller is malicious for the first, second and third time. Pure.

IVR-22, IVR-23: the cases in which an agent hangs up are a table; everywhere else the caller hangs up first, and a call that the
agent ended all the same is flagged for the quality desk, not prevented. CAL-07, CAL-08: marks are made by agents alone and
counted within a window; nothing is ever blocked by a count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from acd.errors import RefusedError

Disposition = Literal["silent", "malicious", "long_occupation"]
"""Why an agent ends a call: nobody speaks, a malicious caller, the line held long after a polite explanation (CAL-06)."""
Level = Literal[1, 2, 3]
SAYS: Mapping[Level, str] = {1: "normal", 2: "warn", 3: "warn_with_police"}
"""What the agent does at each level; the third and all later ones are reported to the shift leader after the call."""
WARNED: Level = 2
REPORTED: Level = 3


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule of hanging up has to know of a call. ``explained``: the agent says that the polite explanation was given."""

    silent_since: dt.datetime | None = None
    level: int = 0
    explained: bool = False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's part in a call that has ended. ``went_on``: others talked on, or the citizen came back to the queue."""

    ended_by: str
    dispositions: frozenset[str] = frozenset()
    went_on: bool = False


def check_hang_up(disposition: Disposition, call: Call, now: dt.datetime, silence_seconds: int) -> None:
    """Raise ``RefusedError`` unless the agent may end the call first for this reason (IVR-23)."""
    match disposition:
        case "silent":
            since = call.silent_since
            if since is None or now < since + dt.timedelta(seconds=silence_seconds):
                raise RefusedError("not_silent_yet", seconds=silence_seconds)
        case "malicious":
            if call.level < WARNED:
                raise RefusedError("not_warned_yet", level=call.level)
        case "long_occupation":
            if not call.explained:
                raise RefusedError("not_explained_yet")


def is_flagged(turn: Turn) -> bool:
    """Whether the agent hung up first although no case of the table was given (IVR-23)."""
    return turn.ended_by == "agent" and not turn.dispositions and not turn.went_on


def level(earlier: Iterable[dt.datetime], now: dt.datetime, window: dt.timedelta) -> Level:
    """The level of a mark made now, after those made ``earlier`` that were not reset (CAL-07)."""
    known = sum(1 for at in earlier if now - window <= at <= now)
    return 1 if known == 0 else 2 if known == 1 else 3


def block_ends(until: dt.datetime, now: dt.datetime, longest: dt.timedelta = dt.timedelta(days=30)) -> dt.datetime:
    """A block is for a time (CAL-08); raises ``RefusedError`` when it is over already, or longer than ``longest``."""
    if not now < until <= now + longest:
        raise RefusedError("bad_time", longest_days=longest.days)
    return until

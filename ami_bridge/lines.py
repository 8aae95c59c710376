"""The rows behind every figure: a line per request for an agent, a turn per agent who was rung (metrics, sections 1 to 5). Pure.

Derived from the evidence of a call by ``ami_bridge/requests.py`` and ``ami_bridge/turns.py``; the same rows live, in PostgreSQL
(tables ``requests`` and ``agent_turns``) and in a replay.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

OUTCOMES = (
    "answered",
    "short_abandoned",
    "abandoned",
    "timed_out",
    "no_agents",
    "queue_full",
    "key_exit",
    "callback",
    "system_fault",
    "waiting",
)
"""Every request ends with exactly one of these (metrics, section 2); the last one has not ended."""
ENDED = OUTCOMES[:-1]
Kind = Literal["caller", "transfer"]
_MICROSECOND = dt.timedelta(microseconds=1)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request for an agent (人工请求). ``number`` counts within the call, from 1, in the order of their starts.

    ``kind`` ``transfer``: an agent sent the caller into the queue; such a request is in no caller-facing rate. ``queue`` is the
    one in which the request ended, or waits now. ``ended_at``: when waiting ended (the connection, for an answered one); None
    while waiting. ``repaired``: a time or the outcome comes from ``source`` (``cel``, ``queue_log``, ``clock``), exact to
    ``precision_us``.
    """

    node: str
    call_id: str
    number: int
    kind: Kind
    caller: str
    queue: str
    first_queue: str
    requested_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str
    agent: str | None = None
    hops: int = 0
    repaired: bool = False
    source: str = "ami"
    precision_us: int = 1

    def wait_us(self, at: dt.datetime | None = None) -> int:
        """Microseconds of waiting, so far when it has not ended and ``at`` is given; never below 0."""
        end = self.ended_at or at or self.requested_at
        return max(0, (end - self.requested_at) // _MICROSECOND)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's part in a request: rung, and what came of it. ``number`` counts within the call.

    ``result``: ``answered``; ``ring_no_answer`` (missed or refused); ``other_answered`` (rung together with others, and another
    was faster); ``caller_left`` (the caller was gone before the agent answered); ``ringing``. Lengths in microseconds;
    ``talk_us`` without ``hold_us``; both grow until ``ended_at`` is known. ``wrapup_us``: the wrap-up time given afterwards.
    ``ended_by``: ``caller``, ``agent``, ``transfer`` or empty.
    """

    node: str
    call_id: str
    number: int
    agent: str
    queue: str
    rang_at: dt.datetime
    result: str
    connected_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    ring_us: int = 0
    talk_us: int = 0
    hold_us: int = 0
    wrapup_us: int = 0
    ended_by: str = ""
    repaired: bool = False


class Gap(msgspec.Struct, frozen=True):
    """A time in which a node's events were not heard (metrics, section 6); ``begin`` None: nothing is known from before."""

    node: str
    begin: dt.datetime | None = msgspec.field(name="from")
    end: dt.datetime | None = msgspec.field(name="to")
    cause: str = ""

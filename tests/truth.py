"""What is true about a call by the telephones alone (SIPp's logs), to be compared with what the bridge says.

A story (tests/stories.py) knows by construction what each request comes to; when it began and ended is bounded by what SIPp
logged: a key pressed, a 200, a BYE.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from hotline.phones.directed import Line

SLACK = dt.timedelta(seconds=1.5)
"""How long a busy machine may take from a key to the queue, from a ring to the telephone and back."""

Result = Literal["answered", "ring_no_answer", "other_answered", "caller_left"]


class Window(msgspec.Struct, frozen=True):
    """A moment, known to lie between two others."""

    earliest: dt.datetime
    latest: dt.datetime

    def holds(self, at: dt.datetime) -> bool:
        """Whether it can have been then."""
        return self.earliest <= at <= self.latest


def about(at: dt.datetime, *, before: dt.timedelta = dt.timedelta(milliseconds=100), after: dt.timedelta = SLACK) -> Window:
    """Soon after something that was seen at ``at``."""
    return Window(at - before, at + after)


class Asked(msgspec.Struct, kw_only=True):
    """One request for an agent as it was. ``ended`` is None while it waits; ``agent`` the one who answered."""

    kind: Literal["caller", "transfer"]
    first_queue: str
    queue: str
    began: Window
    ended: Window | None = None
    outcome: str = "waiting"
    agent: str | None = None
    hops: int = 0

    def ends(self, outcome: str, ended: Window, agent: str | None = None) -> None:
        """It came to this."""
        self.outcome, self.ended, self.agent = outcome, ended, agent

    def moves(self, queue: str) -> None:
        """It overflows to another queue."""
        self.queue, self.hops = queue, self.hops + 1

    def wait_seconds(self) -> tuple[float, float]:
        """The shortest and the longest wait that the telephones allow."""
        if self.ended is None:
            return 0.0, float("inf")
        shortest = (self.ended.earliest - self.began.latest).total_seconds()
        return max(0.0, shortest), (self.ended.latest - self.began.earliest).total_seconds()


class Rang(msgspec.Struct, frozen=True):
    """One telephone that was rung: who, from when, and what came of it.

    ``also``: what it may be called as well: Asterisk does not always notice at once that a caller hung up, and lets it ring out.
    ``until``: when it was quiet again, unless it was answered.
    """

    agent: str
    at: dt.datetime
    result: Result
    also: Result | None = None
    until: dt.datetime | None = None


class Talked(msgspec.Struct, frozen=True):
    """How long one agent of a queue had the citizen, in seconds: at least and at most, hold included; and how long on hold."""

    agent: str
    at: dt.datetime
    seconds: tuple[float, float]
    held: tuple[float, float]


class Hold(msgspec.Struct):
    """How long an agent has kept the citizen on hold, at least and at most, and since when (if still so)."""

    least: dt.timedelta = dt.timedelta(0)
    most: dt.timedelta = dt.timedelta(0)
    since: Window | None = None

    def begins(self, earliest: dt.datetime, latest: dt.datetime) -> None:
        """On hold from a moment between these."""
        self.since = Window(earliest, latest)

    def ends(self, earliest: dt.datetime, latest: dt.datetime) -> None:
        """Until a moment between these."""
        if self.since is not None:
            self.least += max(dt.timedelta(0), earliest - self.since.latest)
            self.most += latest - self.since.earliest
            self.since = None


class CallTruth(msgspec.Struct, kw_only=True):
    """One citizen's call: ``connected``: an agent talked to it; ``cut_at``: when Asterisk died under it.

    ``in_doubt``: something was ordered of which nobody can say whether it was carried out.
    """

    caller: str
    story: str
    invited_at: dt.datetime
    ended_at: dt.datetime | None = None
    ended_by: str | None = None
    connected: bool = False
    cut_at: dt.datetime | None = None
    requests: list[Asked] = []
    rang: list[Rang] = []
    talked: list[Talked] = []
    in_doubt: bool = False


def rang(lines: list[Line], refused: set[str], left: list[dt.datetime]) -> list[Rang]:
    """What became of the telephones that rang for a citizen.

    ``refused``: Call-IDs of those told to refuse; ``left``: when the citizen hung up, or pressed a key to leave a queue.
    """
    near = dt.timedelta(milliseconds=500)
    answers = [line.call.answered_at for line in lines if line.call.answered_at]
    found = []
    for line in sorted(lines, key=lambda line: line.call.invited_at):
        call = line.call
        ended = call.refused_at
        result: Result = "ring_no_answer"
        also: Result | None = None
        if call.answered_at:
            result = "answered"
        elif call.call_id in refused:
            pass
        elif ended and any(abs(ended - at) < near for at in answers):
            result = "other_answered"
        elif any(_while(call.invited_at, ended, at, near if at == max(left) else dt.timedelta(0)) for at in left):
            result, also = "caller_left", "ring_no_answer"
        found.append(Rang(call.party, call.invited_at, result, also, ended))
    return found


def _while(begun: dt.datetime, ended: dt.datetime | None, at: dt.datetime, slack: dt.timedelta) -> bool:
    """Whether it rang then, or (by ``slack``) had just been made to ring."""
    return begun - slack <= at and (ended is None or at <= ended + dt.timedelta(milliseconds=500))


def talked(lines: list[Line], holds: dict[str, Hold]) -> list[Talked]:
    """What the agents of queues had of the citizen; ``holds`` by Call-ID, for those who kept the citizen waiting."""
    found = []
    for line in lines:
        begun, ended = line.call.answered_at, line.call.ended_at
        if begun is None or ended is None:
            continue
        hold = holds.get(line.call.call_id, Hold())
        for done in line.call.done:
            if done.event in ("held", "resumed"):
                (hold.begins if done.event == "held" else hold.ends)(done.at, done.at)
        hold.ends(ended, ended)
        spoken, slack = (ended - begun).total_seconds(), SLACK.total_seconds()
        held = max(0.0, hold.least.total_seconds() - slack), hold.most.total_seconds() + (slack if hold.most else 0.0)
        found.append(Talked(line.call.party, begun, (max(0.0, spoken - slack), spoken + slack), held))
    return found

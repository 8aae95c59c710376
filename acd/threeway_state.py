"""A three-way call as it stands: where the three are, what TWC-15 wants to know, what can happen and what is to be done. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Caller = Literal["waiting", "room", "queue", "agent", "gone"]
Agent = Literal["dialling", "room", "caller", "gone"]
Unit = Literal["away", "room", "gone"]
Phase = Literal["dialling", "private", "joined", "farewell", "without_agent", "held", "closing", "over"]
"""farewell: the citizen has left, agent and unit take leave (TWC-14). without_agent: citizen and unit talk on. held: the citizen
is back in the queue and the unit waits for the next agent. closing: between two phases."""
Disposition = Literal["", "declined", "wrong_unit", "not_competent", "machine", "fax", "cancelled"]
"""What the agent said of the unit."""
Outcome = Literal["answered", "not_competent", "declined", "unreachable", "caller_left", "no_consent", "failed", "cancelled"]

ATTEMPTS = 2


class Dialled(msgspec.Struct, frozen=True):
    """A number to dial; at one that is no service line the unit hangs up first (TWC-12)."""

    number: str
    is_service_line: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the unit was dialled: Dial's word (``BUSY``) and the network's cause (``17``)."""

    number: str
    dialled_at: dt.datetime
    ended_at: dt.datetime | None = None
    result: str = ""
    cause: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A three-way call: who it is about, where everybody is, and what TWC-15 wants to know. ``agent``: whose it is now.

    ``heard``: the number of the last step of each channel. ``asked``: an order whose effect has not been seen. ``left``: who
    left, first first.
    """

    threeway_id: int
    node: str
    call_id: str
    caller_channel: str
    agent: str
    agent_channel: str
    unit: str
    unit_name: str
    numbers: Sequence[Dialled]
    begun_at: dt.datetime
    caller_is: Caller = "waiting"
    agent_is: Agent = "dialling"
    unit_is: Unit = "away"
    unit_channel: str = ""
    attempts: Sequence[Attempt] = ()
    connected_at: dt.datetime | None = None
    joined_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    disposition: Disposition = ""
    outcome: Outcome | None = None
    left: Sequence[str] = ()
    asked: str = ""
    asked_at: dt.datetime | None = None
    heard: Mapping[str, int] = {}

    @property
    def phase(self) -> Phase:
        """Where the three-way call stands."""
        return "over" if self.ended_at else PHASES.get((self.caller_is, self.agent_is, self.unit_is), "closing")

    @property
    def is_service_line(self) -> bool:
        """Whether the unit was reached at one."""
        reached = [attempt.number for attempt in self.attempts if attempt.result == "ANSWER"]
        return any(one.is_service_line for one in self.numbers if one.number in reached)


class Told(msgspec.Struct, frozen=True):
    """A step: what the channel told about itself."""

    what: str
    words: Mapping[str, str]
    channel: str
    number: int
    at: dt.datetime


class Order(msgspec.Struct, frozen=True):
    """What a person wants. ``is_solved``: the unit is let go with the matter done; ``is_firm``: though it should go first.

    ``agent``: who takes it up.
    """

    what: str
    at: dt.datetime
    agent: str = ""
    is_solved: bool = False
    is_firm: bool = False


class Send(msgspec.Struct, frozen=True):
    """Ask Asterisk for an action of ``ami_bridge.actions``."""

    action: str
    parameters: Mapping[str, str]


class Write(msgspec.Struct, frozen=True):
    """It is over: write the draft of a ticket (TWC-08, TWC-15)."""


class Alarm(msgspec.Struct, frozen=True):
    """The agent's telephone is gone and two others are there; or that is over."""

    is_on: bool


Effect = Send | Write | Alarm

PHASES: Mapping[tuple[Caller, Agent, Unit], Phase] = {
    ("waiting", "dialling", "away"): "dialling",
    ("waiting", "room", "room"): "private",
    ("room", "room", "room"): "joined",
    ("gone", "room", "room"): "farewell",
    ("room", "gone", "room"): "without_agent",
    ("waiting", "gone", "room"): "held",
    ("queue", "gone", "room"): "held",
}

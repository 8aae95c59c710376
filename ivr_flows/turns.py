"""What the engine and the telephone side tell each other: instructions, events, and where a call waits. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from ivr_flows.lookups import Answer


class Moment(msgspec.Struct, frozen=True):
    """The hotline's time: the wall clock, whether agents are on duty, and the situation (``flow.SITUATIONS``)."""

    at: dt.datetime
    staffed: bool
    situation: str


# --- instructions: what the telephone side has to do ---


class Play(msgspec.Struct, frozen=True):
    """Play these prompts to their end."""

    prompts: tuple[str, ...]


class Ask(msgspec.Struct, frozen=True):
    """Play prompts, which any key interrupts, and take up to ``longest`` keys; each may take ``timeout_ms``, ``#`` ends them."""

    prompts: tuple[str, ...]
    longest: int
    timeout_ms: int


class Note(msgspec.Struct, frozen=True):
    """One more step of the path, like ``main:1``."""

    step: str


class Speak(msgspec.Struct, frozen=True):
    """From now on the prompts are those of this language."""

    language: str


class Look(msgspec.Struct, frozen=True):
    """Ask the data; when the answer takes longer, play ``prompts``."""

    what: str
    arguments: Mapping[str, str]
    prompts: tuple[str, ...]


class Keep(msgspec.Struct, frozen=True):
    """Store this where it cannot be lost. ``waits`` is false when the caller is gone and nothing follows."""

    kind: str
    values: Mapping[str, str]
    waits: bool = True


class Give(msgspec.Struct, frozen=True):
    """The dialplan goes on at this context with these variables: agents, message, transfer, fax or hangup."""

    context: str
    variables: Mapping[str, str] = {}


Instruction = Play | Ask | Note | Speak | Look | Keep | Give


# --- events: what is answered ---


class Pressed(msgspec.Struct, frozen=True):
    """The keys of an ``Ask``; none and ``timed_out`` when none came, none and not ``timed_out`` for a lone ``#``."""

    keys: str
    timed_out: bool = False


class Kept(msgspec.Struct, frozen=True):
    """Whether a ``Keep`` succeeded."""

    safe: bool


class Ended(msgspec.Struct, frozen=True):
    """The dialplan gives the call back after a ``Give``: with ``QUEUESTATUS``, ``DIALSTATUS``, saved, sent and the like."""

    result: str


class HungUp(msgspec.Struct, frozen=True):
    """The caller is gone."""


Event = Pressed | Answer | Kept | Ended | HungUp


class State(msgspec.Struct, frozen=True, array_like=True):
    """Where a call waits. ``flow`` is name@version; ``tries`` counts failures at this node, ``visits`` those of limited nodes."""

    flow: str
    node: str
    variables: dict[str, str]
    visits: dict[str, int] = {}
    steps: int = 0
    tries: int = 0
    asked: str = ""
    """What a survey heard, while it is being stored."""


Turn = tuple[State | None, tuple[Instruction, ...]]

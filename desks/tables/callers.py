"""Malicious callers and blocks, and calls that agents ended first (IVR-23, CAL-07, CAL-08)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

from acd import control_callers, quality
from acd.control_callers import Mark
from acd.permissions import Person
from acd.quality import Block, Flag, Marked
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, PhoneNumber, ordered
from desks.parameters import within

_TIME = (parameters.FROM, parameters.TO)


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happened, in a few words."""

    note: Line = ""


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A caller."""

    number: PhoneNumber


class NewBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The office's decision: who, until when, why."""

    number: PhoneNumber
    until: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    reason: Annotated[Line, msgspec.Meta(min_length=1)]


class Callers(msgspec.Struct, frozen=True):
    """Callers whose marks count now, the latest first."""

    callers: list[Marked]


class Blocks(msgspec.Struct, frozen=True):
    """Decisions in force."""

    blocks: list[Block]


class Flags(msgspec.Struct, frozen=True):
    """Calls to look at, the latest first."""

    flags: list[Flag]


class Changed(msgspec.Struct, frozen=True):
    """So many marks or decisions hold no more."""

    count: int


class Made(msgspec.Struct, frozen=True):
    """The decision's number."""

    block_id: int


async def mark(ask: Ask, person: Person, *, agent: str, note: str) -> Mark:
    """``POST /api/agents/{agent}/call/malicious``: what the agent is to do now."""
    return await control_callers.mark_malicious(ask.parts.acd, person, agent, note)


async def marked(ask: Ask, person: Person) -> Callers:
    """``GET /api/malicious``."""
    return Callers(await quality.marked(ask.parts.acd, person))


async def reset(ask: Ask, person: Person, *, number: str) -> Changed:
    """``POST /api/malicious/reset``."""
    return Changed(await control_callers.reset_malicious(ask.parts.acd, person, number))


async def blocks(ask: Ask, person: Person) -> Blocks:
    """``GET /api/blocks``."""
    return Blocks(await quality.blocks(ask.parts.acd, person))


async def block(ask: Ask, person: Person, *, number: str, until: dt.datetime, reason: str) -> Made:
    """``POST /api/blocks``."""
    return Made(await control_callers.block(ask.parts.acd, person, number, within("until", until), reason))


async def unblock(ask: Ask, person: Person, *, number: str) -> Changed:
    """``POST /api/blocks/lift``."""
    return Changed(await control_callers.unblock(ask.parts.acd, person, number))


async def flags(ask: Ask, person: Person, *, agent: str | None, **time: dt.datetime) -> Flags:
    """``GET /api/quality-flags``."""
    return Flags(await quality.flags(ask.parts.acd, person, time["from"], time["to"], agent or ""))


_MARKS, _RESETS, _BLOCKS, _LISTS = "caller.mark_malicious", "caller.reset_malicious", "caller.block", "caller.list"
_OF = "/api/agents/{agent}/call/malicious"
ROUTES: tuple[Route, ...] = (
    ordered("POST", _OF, mark, _MARKS, ("标记恶意来电", "The caller is malicious"), body=Note, answer=Mark),
    ordered("GET", "/api/malicious", marked, _LISTS, ("恶意来电", "Malicious callers"), answer=Callers),
    ordered("POST", "/api/malicious/reset", reset, _RESETS, ("重新计数", "Count anew"), body=Number, answer=Changed),
    ordered("GET", "/api/blocks", blocks, _LISTS, ("停接名单", "Who is not taken"), answer=Blocks),
    ordered("POST", "/api/blocks", block, _BLOCKS, ("决定停接", "Decide a block"), body=NewBlock, answer=Made),
    ordered("POST", "/api/blocks/lift", unblock, _BLOCKS, ("解除停接", "Lift a block"), body=Number, answer=Changed),
    ordered(
        "GET",
        "/api/quality-flags",
        flags,
        "quality.see",
        ("质检标记", "Calls to look at"),
        query=(*_TIME, parameters.AGENT),
        answer=Flags,
    ),
)

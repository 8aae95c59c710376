"""The morning's work list: messages that citizens left, and who works on them (IVR-08 to IVR-11, TIM-02)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from acd.permissions import Person
from crm.messages import worklist
from crm.messages.worklist import Message, Messages, Wanted
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, ordered
from desks.parameters import Parameter, one_of

_STATES = ("waiting", "set_aside", "done")
_KINDS = ("message", "mailbox", "complaint")
_STATE = Parameter(
    name="state",
    read=one_of(_STATES),
    schema={"type": "string", "enum": list(_STATES), "default": "waiting"},
    chinese="待办、已搁置、已办",
    english="Waiting, set aside, done",
    default="waiting",
)
_CLAIMED = Parameter(
    name="claimed",
    read=one_of(("me", "nobody")),
    schema={"type": "string", "enum": ["me", "nobody"]},
    chinese="本人认领的，或无人认领的",
    english="One's own, or nobody's",
)
_KIND = Parameter(
    name="kind",
    read=one_of(_KINDS),
    schema={"type": "string", "enum": list(_KINDS)},
    chinese="普通留言、市长信箱、投诉录音",
    english="Message, mayor's mailbox, complaint",
)


def _perhaps(name: str, chinese: str, english: str) -> Parameter:
    return Parameter(name=name, read=parameters.yes_no, schema={"type": "boolean"}, chinese=chinese, english=english)


_LIST = (
    _STATE,
    _perhaps("urgent", "只要紧急(或不紧急)的", "Urgent ones alone, or the others"),
    _CLAIMED,
    _KIND,
    _perhaps("transcribed", "只要已(未)转写的", "Transcribed ones alone, or the others"),
    parameters.flag("overdue", "只要已过截止时间的", "Only those past their due time", default=False),
    parameters.PAGE,
    parameters.LIMIT,
)


class Aside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is no matter for a ticket."""

    reason: Annotated[Line, msgspec.Meta(min_length=1)]


async def everything(
    ask: Ask,
    person: Person,
    *,
    state: Literal["waiting", "set_aside", "done"],
    urgent: bool | None,
    claimed: str | None,
    kind: str | None,
    transcribed: bool | None,
    overdue: bool,
    page: int,
    limit: int,
) -> Messages:
    """``GET /api/messages``."""
    whose = {"me": person.username, "nobody": ""}.get(claimed or "")
    wanted = Wanted(state=state, urgent=urgent, claimed_by=whose, kind=kind, transcribed=transcribed, overdue=overdue)
    return await worklist.listed(ask.parts.acd, person, wanted, limit=limit, page=page)


async def one(ask: Ask, person: Person, *, message: int) -> Message:
    """``GET /api/messages/{message}``."""
    return await worklist.one(ask.parts.acd, person, message)


async def claim(ask: Ask, person: Person, *, message: int) -> Message:
    """``POST /api/messages/{message}/claim``."""
    return await worklist.claim(ask.parts.acd, person, message)


async def release(ask: Ask, person: Person, *, message: int) -> Message:
    """``POST /api/messages/{message}/release``."""
    return await worklist.release(ask.parts.acd, person, message)


async def set_aside(ask: Ask, person: Person, *, message: int, reason: str) -> Message:
    """``POST /api/messages/{message}/set-aside``."""
    return await worklist.set_aside(ask.parts.acd, person, message, reason)


async def bring_back(ask: Ask, person: Person, *, message: int) -> Message:
    """``POST /api/messages/{message}/bring-back``."""
    return await worklist.bring_back(ask.parts.acd, person, message)


async def done(ask: Ask, person: Person, *, message: int) -> Message:
    """``POST /api/messages/{message}/done``."""
    return await worklist.done(ask.parts.acd, person, message)


_SEE, _WORK = "message.list", "message.work"
_ONE = "/api/messages/{message}"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/messages", everything, _SEE, ("留言待办清单", "Messages to work on"), query=_LIST, answer=Messages),
    ordered("GET", _ONE, one, _SEE, ("一条留言", "A message"), answer=Message),
    ordered("POST", f"{_ONE}/claim", claim, _WORK, ("认领留言", "Take a message on"), answer=Message),
    ordered("POST", f"{_ONE}/release", release, _WORK, ("放回留言", "Give a message back"), answer=Message),
    ordered("POST", f"{_ONE}/set-aside", set_aside, _WORK, ("搁置留言", "Set a message aside"), body=Aside, answer=Message),
    ordered("POST", f"{_ONE}/bring-back", bring_back, _WORK, ("恢复留言", "Bring a message back"), answer=Message),
    ordered("POST", f"{_ONE}/done", done, _WORK, ("留言办结", "A message is dealt with"), answer=Message),
)

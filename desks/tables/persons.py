"""Persons who call, who the citizen of a ticket is, duplicates, retaliation (IVR-24, CAL-01 to CAL-15, SEC-02 to SEC-13)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm.callers import archive, identities, persons, pop, repeats
from crm.callers.archive import Archive, Wanted
from crm.callers.identities import Misses, Reported, Reports, WhoItIs
from crm.callers.persons import Caller, Changes, Page
from crm.callers.pop import Pop
from crm.callers.repeats import Duplicates
from crm.tickets import numbering
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, PhoneNumber, Said, Word, ordered
from desks.parameters import Parameter

_PAGED = (parameters.PAGE, parameters.LIMIT)
_NUMBER = Parameter(
    name="number",
    read=parameters.words,
    schema={"type": "string", "maxLength": 100},
    chinese="电话号码",
    english="Telephone number",
    default="",
)
_NAME = Parameter(
    name="name",
    read=parameters.words,
    schema={"type": "string", "maxLength": 100},
    chinese="姓名开头",
    english="A name's beginning",
    default="",
)
_CLOSED = parameters.flag("closed", "包括已查结的", "Also those that were looked into", default=False)
_AGENT = Parameter(
    name="agent", read=parameters.name_of, schema={"type": "string"}, chinese="受理坐席", english="Accepting agent", default=""
)
_PLACE = Parameter(
    name="place",
    read=parameters.words,
    schema={"type": "string", "maxLength": 100},
    chinese="地点或属地代码",
    english="Place, or a territory's code",
    default="",
)
_BEFORE = Parameter(
    name="before",
    read=parameters.name_of,
    schema={"type": "string"},
    chinese="上一页的 next",
    english="The page before's next",
    default="",
)
Telephones = Annotated[tuple[PhoneNumber, ...], msgspec.Meta(max_length=20)]


class PersonChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known better now; null: stays as it is. ``version``: that was seen."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None
    name: Line | None = None
    title: Line | None = None
    workplace: Line | None = None
    home_address: Line | None = None
    special_group: Line | None = None
    note: Said | None = None
    add_numbers: Telephones = ()
    end_numbers: Telephones = ()


class MergeOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``gone`` is the same person, and goes into the one of the path."""

    gone: uuid.UUID
    reason: Line = ""


class Retaliation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the caller says was done to them, by whom; and in which call."""

    said: Said
    against: Line = ""
    node: Word | None = None
    call_id: Word | None = None


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the inquiry found."""

    finding: Said


async def search(ask: Ask, person: Person, *, number: str, name: str, page: int, limit: int) -> Page:
    """``GET /api/callers``."""
    return await persons.search(ask.parts.acd, person, number=number, name=name, page=page, limit=limit)


async def get(ask: Ask, person: Person, *, id: uuid.UUID, page: int, limit: int) -> Caller:
    """``GET /api/callers/{id}``."""
    return await persons.get(ask.parts.acd, person, id, page=page, limit=limit)


async def edit(ask: Ask, person: Person, *, id: uuid.UUID, version: int | None, **changes: object) -> Caller:
    """``PATCH /api/callers/{id}``."""
    return await persons.edit(ask.parts.acd, person, id, msgspec.convert(changes, Changes), version=version)


async def merge(ask: Ask, person: Person, *, id: uuid.UUID, gone: uuid.UUID, reason: str) -> Caller:
    """``POST /api/callers/{id}/merge``."""
    return await persons.merge(ask.parts.acd, person, id, gone, reason)


async def unmerge(ask: Ask, person: Person, *, id: uuid.UUID) -> Caller:
    """``POST /api/caller-merges/{id}/undo``."""
    return await persons.unmerge(ask.parts.acd, person, id)


async def popped(ask: Ask, person: Person, *, number: str, limit: int) -> Pop:
    """``GET /api/callers/pop``."""
    return await pop.pop(ask.parts.acd, person, number, limit=min(limit, pop.LARGEST))


async def identity(ask: Ask, person: Person, *, number: str) -> WhoItIs:
    """``GET /api/tickets/{number}/identity``."""
    return await identities.of_ticket(ask.parts.acd, person, numbering.id_of(number))


async def duplicates(ask: Ask, person: Person, *, number: str) -> Duplicates:
    """``GET /api/tickets/{number}/duplicates``."""
    return await repeats.of_ticket(ask.parts.acd, person, numbering.id_of(number))


async def retaliation(
    ask: Ask, person: Person, *, number: str, said: str, against: str, node: str | None, call_id: str | None
) -> Reported:
    """``POST /api/tickets/{number}/retaliation``."""
    where = {"node": node or "", "call_id": call_id or ""}
    return await identities.report_retaliation(
        ask.parts.acd, person, numbering.id_of(number), said=said, against=against, **where
    )


async def retaliations(ask: Ask, person: Person, *, closed: bool, page: int, limit: int) -> Reports:
    """``GET /api/retaliations``."""
    return await identities.retaliations(ask.parts.acd, person, closed=closed, page=page, limit=limit)


async def looked_into(ask: Ask, person: Person, *, id: uuid.UUID, finding: str) -> None:
    """``POST /api/retaliations/{id}/close``."""
    await identities.close_retaliation(ask.parts.acd, person, id, finding)


async def missed(ask: Ask, person: Person, *, agent: str, page: int, limit: int, **time: dt.datetime) -> Misses:
    """``GET /api/missed-confidentiality``."""
    return await identities.missed_questions(ask.parts.acd, person, time["from"], time["to"], agent, page=page, limit=limit)


async def archived(
    ask: Ask, person: Person, *, number: str, name: str, place: str, category: str, before: str, limit: int, **time: dt.datetime
) -> Archive:
    """``GET /api/archive``."""
    wanted = Wanted(begin=time["from"], end=time["to"], number=number, name=name, place=place, category=category)
    begin = numbering.id_of(before) if before else 0
    return await archive.search(ask.parts.acd, person, wanted, before=begin, limit=limit)


_ONE, _TICKET = "/api/callers/{id}", "/api/tickets/{number}"
_TIME = (parameters.FROM, parameters.TO)
_SEARCH = (_NUMBER, _NAME, *_PAGED)
_ARCHIVE = (*_TIME, _NUMBER, _NAME, _PLACE, parameters.CATEGORY, _BEFORE, parameters.LIMIT)
_MISSED = (*_TIME, _AGENT, *_PAGED)
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/callers", search, "caller.read", ("查找来电人", "Find callers"), query=_SEARCH, answer=Page),
    ordered(
        "GET", "/api/callers/pop", popped, "caller.read", ("来电弹屏", "Who calls"), query=(_NUMBER, parameters.LIMIT), answer=Pop
    ),
    ordered("GET", _ONE, get, "caller.read", ("来电人及其历史", "A caller with history"), query=_PAGED, answer=Caller),
    ordered("PATCH", _ONE, edit, "caller.edit", ("更正来电人", "Correct a caller"), body=PersonChanges, answer=Caller),
    ordered("POST", f"{_ONE}/merge", merge, "caller.merge", ("合并来电人", "Merge callers"), body=MergeOrder, answer=Caller),
    ordered("POST", "/api/caller-merges/{id}/undo", unmerge, "caller.merge", ("撤销合并", "Undo a merge"), answer=Caller),
    ordered("GET", f"{_TICKET}/identity", identity, "ticket.identity", ("来电人身份", "Who the citizen is"), answer=WhoItIs),
    ordered(
        "GET", f"{_TICKET}/duplicates", duplicates, "ticket.duplicates", ("疑似重复", "Likely duplicates"), answer=Duplicates
    ),
    ordered(
        "POST",
        f"{_TICKET}/retaliation",
        retaliation,
        "ticket.retaliation",
        ("登记打击报复", "Report retaliation"),
        body=Retaliation,
        answer=Reported,
    ),
    ordered(
        "GET",
        "/api/retaliations",
        retaliations,
        "retaliation.list",
        ("打击报复登记", "Reports of retaliation"),
        query=(_CLOSED, *_PAGED),
        answer=Reports,
    ),
    ordered("POST", "/api/retaliations/{id}/close", looked_into, "retaliation.close", ("查结", "Looked into"), body=Finding),
    ordered(
        "GET", "/api/archive", archived, "archive.search", ("档案检索", "Search the archive"), query=_ARCHIVE, answer=Archive
    ),
    ordered(
        "GET",
        "/api/missed-confidentiality",
        missed,
        "quality.see",
        ("漏问保密", "Confidentiality not asked"),
        query=_MISSED,
        answer=Misses,
    ),
)

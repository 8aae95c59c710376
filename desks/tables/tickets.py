"""Tickets: opened, read, listed, and a route for each action of the life cycle, so that each describes its own values (LIF-40).

The routes of actions are made of ``crm.tickets.orders.VALUES``; who may use them, of the same table as everything else.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, get_args
from urllib.parse import quote

import msgspec
from aiohttp import web

from acd.permissions import Person
from crm.errors import RefusedError
from crm.profiles.profile import Nature
from crm.tickets import attachments, cases, contacts, history, intake, lists
from crm.tickets.attachments import Attached, Kind, Offered, Withdrawal
from crm.tickets.cases import Done
from crm.tickets.contacts import NewContact
from crm.tickets.history import Contacts, History, View
from crm.tickets.intake import Code, Opening
from crm.tickets.lists import AdriftLines, Lines, Wanted
from crm.tickets.numbering import id_of
from crm.tickets.orders import VALUES
from crm.tickets.ticket import STATES
from desks import answers, ordering, parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError as BadRequestError
from desks.ordering import ordered
from desks.parameters import Parameter
from desks.tables.ticket_words import CALLED

Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_ONE = "/api/tickets/{number}"
_PIECE = 1 << 18


def _before(name: str, text: str) -> int:
    """A ticket's number, as a page's ``next`` gives it."""
    try:
        return id_of(text)
    except RefusedError:
        raise BadRequestError("bad_cursor", parameter=name) from None


def _line(name: str, text: str) -> int:
    """The number of a line of the history."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRequestError("bad_number", parameter=name, least=1, most=10**9)
    return int(text)


def _word(name: str, chinese: str, english: str) -> Parameter:
    return Parameter(name=name, read=parameters.name_of, schema={"type": "string"}, chinese=chinese, english=english)


_KINDS = get_args(Kind)
_STATE = Parameter(
    name="state",
    read=parameters.words_of(STATES),
    schema={"type": "string"},
    chinese="状态,逗号分隔",
    english="States, with commas",
)
_NATURE = Parameter(
    name="nature",
    read=parameters.one_of(get_args(Nature)),
    schema={"type": "string", "enum": list(get_args(Nature))},
    chinese="性质",
    english="Nature",
)
_DUE = Parameter(
    name="due_before",
    read=parameters.moment,
    schema={"type": "string", "format": "date-time"},
    chinese="此时以前到期",
    english="Due before this",
)
_URGENT = Parameter(name="urgent", read=parameters.yes_no, schema={"type": "boolean"}, chinese="紧急", english="Urgent")
_GREEN = Parameter(
    name="green_channel",
    read=parameters.yes_no,
    schema={"type": "boolean"},
    chinese="绿色通道(信访积案)",
    english="Green channel: petition cases that wait for long",
)
_MINE = parameters.flag("mine", "只要本人受理的", "Only those that I accepted", default=False)
_BEFORE = Parameter(
    name="before", read=_before, schema={"type": "string"}, chinese="上一页的 next", english="The page before's next"
)
_LIST = (
    _STATE,
    _word("unit", "主办单位或其上级", "The unit that leads, or one above it"),
    _word("agent", "受理人", "Who accepted it"),
    _NATURE,
    _word("category", "分类,如 C1.03 或 C1", "Category, such as C1.03 or C1"),
    _DUE,
    _URGENT,
    _GREEN,
    _MINE,
    _BEFORE,
    parameters.LIMIT,
)
_LINE = Parameter(
    name="before", read=_line, schema={"type": "integer", "minimum": 1}, chinese="上一页的 next", english="The page before's next"
)
_PAGED = (parameters.PAGE, parameters.LIMIT)
_FILE = (
    Parameter(
        name="name",
        read=parameters.words,
        schema={"type": "string", "maxLength": 100},
        chinese="文件名",
        english="Its name",
        needed=True,
    ),
    Parameter(
        name="kind",
        read=parameters.one_of(_KINDS),
        schema={"type": "string", "enum": list(_KINDS), "default": "other"},
        chinese="种类",
        english="What it is",
        default="other",
    ),
    parameters.flag("for_units", "承办单位可见", "Units may see it", default=True),
)


async def open_ticket(ask: Ask, person: Person, **values: Any) -> Done:
    """``POST /api/tickets``."""
    return await intake.open_ticket(ask.parts.acd, person, Opening(**values))


async def listed(ask: Ask, person: Person, *, state: Any, mine: bool, agent: str | None, limit: int, **given: Any) -> Lines:
    """``GET /api/tickets``."""
    before = given.pop("before")
    wanted = Wanted(states=state, agent=person.username if mine else agent, **given)
    return await lists.listed(ask.parts.acd, person, wanted, before=before, limit=limit)


async def get(ask: Ask, person: Person, *, number: str) -> View:
    """``GET /api/tickets/{number}``."""
    return await history.view(ask.parts.acd, person, id_of(number))


async def past(ask: Ask, person: Person, *, number: str, before: int | None, limit: int) -> History:
    """``GET /api/tickets/{number}/history``."""
    return await history.history(ask.parts.acd, person, id_of(number), before=before, limit=limit)


async def got_in_touch(ask: Ask, person: Person, *, number: str) -> Contacts:
    """``GET /api/tickets/{number}/contacts``."""
    return await history.contacts(ask.parts.acd, person, id_of(number))


async def add_contact(ask: Ask, person: Person, *, number: str, **values: Any) -> Done:
    """``POST /api/tickets/{number}/contacts``."""
    return await contacts.add(ask.parts.acd, person, id_of(number), NewContact(**values))


async def issue_code(ask: Ask, person: Person, *, number: str) -> Code:
    """``POST /api/tickets/{number}/code``."""
    return await intake.issue_code(ask.parts.acd, person, id_of(number))


async def of_unit(ask: Ask, person: Person, *, unit: str, limit: int, page: int) -> Lines:
    """``GET /api/units/{unit}/tickets``."""
    return await lists.of_unit(ask.parts.acd, person, unit, limit=limit, page=page)


async def to_dispatch(ask: Ask, person: Person, *, limit: int, page: int) -> Lines:
    """``GET /api/lists/dispatch``."""
    return await lists.to_dispatch(ask.parts.acd, person, limit=limit, page=page)


async def to_call_back(ask: Ask, person: Person, *, limit: int, page: int) -> Lines:
    """``GET /api/lists/callbacks``."""
    return await lists.to_call_back(ask.parts.acd, person, limit=limit, page=page)


async def to_correct(ask: Ask, person: Person, *, limit: int, page: int) -> Lines:
    """``GET /api/lists/returned``."""
    return await lists.to_correct(ask.parts.acd, person, limit=limit, page=page)


async def adrift(ask: Ask, person: Person, *, limit: int, page: int) -> AdriftLines:
    """``GET /api/tickets/adrift``."""
    return await lists.adrift(ask.parts.acd, person, limit=limit, page=page)


async def attach(ask: Ask) -> web.Response:
    """``POST /api/tickets/{number}/attachments``: the body is the file, as it comes."""
    ticket_id = id_of(ask.request.match_info["number"])
    chunks: AsyncIterator[bytes] = ask.request.content.iter_chunked(_PIECE)
    attached = await attachments.attach(ask.parts.acd, ordering.person(ask), ticket_id, Offered(**ask.query), chunks)
    response = answers.json(attached)
    response.headers["ETag"] = f'"{attached.version}"'
    return response


async def download(ask: Ask) -> web.StreamResponse:
    """``GET /api/tickets/{number}/attachments/{id}``: to be saved, never shown in place."""
    place = ask.request.match_info
    try:
        attachment_id = uuid.UUID(place["id"])
    except ValueError:
        raise web.HTTPNotFound from None
    found, file = await attachments.read(ask.parts.acd, ordering.person(ask), id_of(place["number"]), attachment_id)
    headers = {
        "Content-Type": found.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
    }
    return web.FileResponse(file, headers=headers)


async def withdraw_file(ask: Ask, person: Person, *, number: str, id: uuid.UUID, reason: str) -> Done:
    """``POST /api/tickets/{number}/attachments/{id}/withdraw``."""
    return await attachments.withdraw(ask.parts.acd, person, id_of(number), id, reason)


def _acting(action: str) -> Callable[..., Awaitable[Done]]:
    async def carry_out(ask: Ask, person: Person, *, number: str, version: int | None, **values: Any) -> Done:
        return await cases.act(ask.parts.acd, person, id_of(number), action, VALUES[action](**values), version=version)

    return carry_out


def _body(action: str) -> type:
    """The values of the action, and the version that was seen."""
    name = "".join(word.capitalize() for word in action.split("_")) + "Order"
    fields = [("version", Version | None, None)]
    return msgspec.defstruct(
        name, fields, bases=(VALUES[action],), module=__name__, frozen=True, kw_only=True, forbid_unknown_fields=True
    )


_ACTIONS = tuple(
    ordered(
        "POST",
        f"{_ONE}/{action}",
        _acting(action),
        f"ticket.{action}",
        CALLED[action],
        answer=Done,
        body=_body(action),
        claims=True,
    )
    for action in VALUES
)
_READ, _ATTACH = "ticket.read", "ticket.attach"
ROUTES: tuple[Route, ...] = (
    ordered(
        "POST", "/api/tickets", open_ticket, "ticket.open", ("登记工单", "Open a ticket"), answer=Done, body=Opening, claims=True
    ),
    ordered("GET", "/api/tickets", listed, "ticket.list", ("工单列表", "Tickets"), query=_LIST, answer=Lines),
    ordered(
        "GET",
        "/api/tickets/adrift",
        adrift,
        "ticket.adrift",
        ("无人负责的工单", "Tickets adrift"),
        query=_PAGED,
        answer=AdriftLines,
    ),
    ordered("GET", _ONE, get, _READ, ("一张工单", "A ticket"), answer=View),
    ordered("GET", f"{_ONE}/history", past, _READ, ("办理过程", "Its history"), query=(_LINE, parameters.LIMIT), answer=History),
    ordered("GET", f"{_ONE}/contacts", got_in_touch, "ticket.contact", ("来电记录", "Who got in touch"), answer=Contacts),
    ordered(
        "POST",
        f"{_ONE}/contacts",
        add_contact,
        "ticket.contact",
        ("记入再次来电", "Somebody got in touch again"),
        answer=Done,
        body=NewContact,
        claims=True,
    ),
    ordered("POST", f"{_ONE}/code", issue_code, "ticket.code", ("发放查询码", "A query code"), answer=Code, is_secret=True),
    Route(
        "POST",
        f"{_ONE}/attachments",
        attach,
        _ATTACH,
        "上传附件",
        "Attach a file",
        query=_FILE,
        body="application/octet-stream",
        answer=Attached,
        claims=True,
    ),
    Route(
        "GET",
        f"{_ONE}/attachments/{{id}}",
        download,
        _READ,
        "下载附件",
        "A file",
        answer="application/octet-stream",
    ),
    ordered(
        "POST",
        f"{_ONE}/attachments/{{id}}/withdraw",
        withdraw_file,
        _ATTACH,
        ("撤回附件", "Withdraw a file"),
        answer=Done,
        body=Withdrawal,
        claims=True,
    ),
    *_ACTIONS,
    ordered(
        "GET",
        "/api/units/{unit}/tickets",
        of_unit,
        "ticket.list",
        ("单位待办", "What a unit has to do"),
        query=_PAGED,
        answer=Lines,
    ),
    ordered(
        "GET", "/api/lists/dispatch", to_dispatch, "ticket.dispatch", ("待转办", "To be dispatched"), query=_PAGED, answer=Lines
    ),
    ordered(
        "GET",
        "/api/lists/callbacks",
        to_call_back,
        "ticket.call_back",
        ("待回访", "To be called back"),
        query=_PAGED,
        answer=Lines,
    ),
    ordered(
        "GET",
        "/api/lists/returned",
        to_correct,
        "ticket.accept",
        ("本人待处理", "One's own to see to"),
        query=_PAGED,
        answer=Lines,
    ),
)

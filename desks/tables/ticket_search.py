"""Tickets found by their words (KBA-05, TKT-16), those like them that ended (LIF-08), and what becomes knowledge of them."""

from __future__ import annotations

import re
from typing import get_args

import msgspec

from acd.permissions import Person
from crm.knowledge import published, ticket_search
from crm.knowledge.entries import Saved
from crm.knowledge.ticket_search import Filters, Hits, Similar
from crm.profiles.profile import Nature
from crm.tickets.numbering import id_of
from crm.tickets.ticket import STATES
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import ordered
from desks.parameters import Parameter, choice, word, words_of
from desks.tables.knowledge import CLASS, TERM

_LONGEST = 2000


class Likes(msgspec.Struct, frozen=True):
    """Tickets that ended, the likest first."""

    tickets: list[Similar]


def _text(name: str, given: str) -> str:
    if len(given) > _LONGEST or not given.replace("\n", "").isprintable():
        raise RefusedError("bad_text", parameter=name)
    return given


def _before(name: str, given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,14}", given):
        raise RefusedError("bad_cursor", parameter=name)
    return int(given)


_BEFORE = Parameter(
    name="before",
    read=_before,
    schema={"type": "integer", "minimum": 1},
    chinese="上一页的 next",
    english="The page before's next",
)
_LONG_TEXT = Parameter(
    name="text", read=_text, schema={"type": "string", "maxLength": _LONGEST}, chinese="所反映的内容", english="What is reported",
    needed=True,
)  # fmt: skip
_STATES = Parameter(
    name="states",
    read=words_of(STATES),
    schema={"type": "string"},
    chinese="状态,逗号分隔",
    english="States, with commas",
    default=(),
)
_NATURE = choice("nature", get_args(Nature), "性质", "Nature")
_TERRITORY = word("territory", "地域", "Territory")
_UNIT = word("unit", "经办单位(含下级)", "A unit that has or had it, or one below")
_TICKET = word("ticket", "正在办理的工单号", "The ticket that is being answered")
_TICKETS = (parameters.TEXT, CLASS, _NATURE, _TERRITORY, TERM, _UNIT, _STATES, _BEFORE, parameters.LIMIT)


async def publish(ask: Ask, person: Person, *, number: str) -> Saved:
    """``POST /api/tickets/{number}/knowledge``."""
    async with ask.parts.pool.acquire() as connection:
        return await published.from_ticket(connection, person, id_of(number))


async def find_tickets(
    ask: Ask,
    person: Person,
    *,
    text: str,
    category: str,
    nature: str,
    territory: str,
    term: str,
    unit: str,
    states: tuple[str, ...],
    before: int | None,
    limit: int,
) -> Hits:
    """``GET /api/tickets/search``."""
    filters = Filters(category=category, nature=nature, territory=territory, term=term, unit=unit, states=states)
    async with ask.parts.pool.acquire() as connection:
        return await ticket_search.search_tickets(connection, person, text, filters, before=before, limit=limit)


async def like(ask: Ask, person: Person, *, text: str, category: str, ticket: str, limit: int) -> Likes:
    """``GET /api/tickets/similar``."""
    but = id_of(ticket) if ticket else 0
    async with ask.parts.pool.acquire() as connection:
        return Likes(await ticket_search.like(connection, person, text, category, limit=limit, but=but))


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/tickets/search", find_tickets, "ticket.search", ("按内容查找工单", "Find tickets by their words"),
            query=_TICKETS, answer=Hits),
    ordered("GET", "/api/tickets/similar", like, "ticket.similar", ("相似的已办结工单", "Tickets like it that ended"),
            query=(_LONG_TEXT, CLASS, _TICKET, parameters.LIMIT), answer=Likes),
    ordered("POST", "/api/tickets/{number}/knowledge", publish, "knowledge.from_ticket",
            ("办理结果转为知识草稿", "Make a draft of a ticket's result"), answer=Saved),
)  # fmt: skip

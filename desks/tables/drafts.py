"""Ticket drafts: what calls leave to be done (TWC-05, TWC-08, TWC-15)."""

from __future__ import annotations

import uuid

import msgspec

from acd import drafts
from acd.drafts import Draft, Page
from acd.permissions import Person
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import PhoneNumber, Said, ordered

_TAKEN = parameters.flag("taken", "包括已生成工单的", "Also those of which a ticket was made", default=False)
_LIST = (_TAKEN, parameters.PAGE, parameters.LIMIT)


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the citizen said besides; null: stays as it is."""

    contact_number: PhoneNumber | None = None
    question: Said | None = None
    further_questions: Said | None = None


async def everything(ask: Ask, person: Person, *, taken: bool, page: int, limit: int) -> Page:
    """``GET /api/drafts``."""
    return await drafts.listed(ask.parts.pool, person, taken=taken, limit=limit, page=page)


async def get(ask: Ask, person: Person, *, id: uuid.UUID) -> Draft:
    """``GET /api/drafts/{id}``."""
    return await drafts.get(ask.parts.pool, person, id)


async def amend(
    ask: Ask, person: Person, *, id: uuid.UUID, contact_number: str | None, question: str | None, further_questions: str | None
) -> Draft:
    """``PATCH /api/drafts/{id}``."""
    return await drafts.amend(
        ask.parts.pool, person, id, contact_number=contact_number, question=question, further_questions=further_questions
    )


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/drafts", everything, "draft.read", ("工单草稿", "Ticket drafts"), query=_LIST, answer=Page),
    ordered("GET", "/api/drafts/{id}", get, "draft.read", ("一份工单草稿", "A ticket draft"), answer=Draft),
    ordered("PATCH", "/api/drafts/{id}", amend, "ticket.draft", ("补充工单草稿", "Amend a draft"), body=Amendment, answer=Draft),
)

"""A ticket's result as knowledge (KBA-05, RPL-12, CH-22): a draft without who the citizen is, for an editor to finish.

What the ticket knows of the citizen is taken out of the texts, and of the question every long number; the editor and who
releases it look again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import asyncpg

from acd.permissions import Person
from crm import permissions
from crm.callers import viewer
from crm.errors import RefusedError
from crm.knowledge import entries
from crm.knowledge.entries import Saved
from crm.knowledge.entry import Content
from crm.knowledge.spoken import QUERIES
from crm.tickets import content as texts
from crm.tickets import store
from crm.tickets.ticket import Identity
from crm.units import tree

_ENDED = ("answered", "closed", "archived")
_LONG_DIGITS = re.compile(r"\+?[0-9](?:[0-9 \-]{5,}[0-9Xx])")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
MASK = "＊＊"
_FIELDS = ("caller_name", "workplace", "home_address", "caller_phone", "calling_number", "callback_phone")


async def from_ticket(connection: asyncpg.Connection, person: Person, ticket_id: int) -> Saved:
    """The draft, owned by the unit that answered.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_ticket``, ``wrong_state``, ``not_for_publication``,
    ``nothing_to_publish``, ``citizen_named``.
    """
    permissions.check(person, "knowledge.from_ticket")
    async with viewer.staff(connection):
        row = await connection.fetchrow(QUERIES["result_of"], ticket_id)
        if row is None:
            raise RefusedError("unknown_ticket")
        if row["state"] not in _ENDED:
            raise RefusedError("wrong_state", state=row["state"])
        if not row["publishable"] or row["hidden"]:
            raise RefusedError("not_for_publication")
        answer = row["result"] or row["answer"]
        if not answer.strip():
            raise RefusedError("nothing_to_publish")
        identity = await store.identity(connection, ticket_id)
        content = _content(row, answer, identity)
        if texts.names_citizen(identity, ("all",), (content.title, content.body, content.answer)):
            raise RefusedError("citizen_named")
        unit = row["unit"] or row["lead_unit"]
        owner = unit if unit and await tree.is_active(connection, unit) else ""
    return await _drafted(connection, person, content, owner, ticket_id)


async def _drafted(connection: asyncpg.Connection, person: Person, content: Content, owner: str, ticket_id: int) -> Saved:
    """Everybody who may publish may make this draft, whoever may edit it then."""
    editor = Person(person.username, "editor", person.agent, person.unit)
    return await entries.create(connection, editor, content, owner, f"ticket {ticket_id}", ticket_id=ticket_id)


def _content(row: asyncpg.Record, answer: str, identity: Identity) -> Content:
    named = [getattr(identity, field) for field in _FIELDS]
    question = _LONG_DIGITS.sub(MASK, _masked(row["content"], named))
    title = _LONG_DIGITS.sub(MASK, _masked(row["demand"] or row["content"], named)).replace("\n", " ")
    return Content(
        kind="answer",
        topic="everyday",
        title=title[:60].strip() or str(row["category"]),
        body=question[:20_000],
        answer=_masked("\n".join(filter(None, (answer, row["policy"]))), named)[:4000],
        category=row["category"],
        subject_terms=tuple(row["subject_terms"]),
    )


def _masked(text: str, named: Iterable[str]) -> str:
    plain = _CONTROL.sub(" ", text)
    for value in sorted((one for one in named if len(one) > 1), key=len, reverse=True):
        plain = plain.replace(value, MASK)
    return plain

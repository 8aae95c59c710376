"""Finding tickets by what is in them: content, demand, place, subject terms, answers; never by who the citizen is (SEC-03).

``index_ticket`` keeps the words of a ticket and is called in the transaction that changes it. A search wants every word and walks
from the newest ticket to the oldest. What is frequent is found by reading the newest tickets; what is rare, by the index, a few
half-years at a time, twice as many at each step. A walk that has taken long enough says where it goes on.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.callers import masks, viewer
from crm.knowledge import words
from crm.knowledge.words import Spot
from crm.tickets import numbering
from crm.tickets.ticket import Identity, Ticket, number
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "words.sql")
ACTION = "ticket.search"
LARGEST_PAGE = 100
PATIENCE_SECONDS = 0.1
"""How long a search walks before it shows what it has; the page's ``next`` goes on."""
_READ_ONE_BY_ONE = 3000
_COMPARED = 1000
_END = 10**14
_HALF_YEARS = (1, 7)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket must be besides; empty: anything. ``category``: a leaf or a class; ``unit``: with it or below it, ever."""

    category: str = ""
    nature: str = ""
    territory: str = ""
    term: str = ""
    unit: str = ""
    states: tuple[str, ...] = ()


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that was found: a piece of its content, and where the words stand in the piece."""

    number: str
    state: str
    category: str
    made_at: dt.datetime
    lead_unit: str
    subject_terms: list[str]
    piece: str
    spots: list[Spot]


class Hits(msgspec.Struct, frozen=True):
    """A page, the newest first. ``next``: before which the next page begins; null: there is nothing more."""

    tickets: list[Hit]
    next: int | None


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that ended, and its result: what may be told to the next caller (LIF-08, TKT-16). ``score``: the likest first."""

    number: str
    state: str
    category: str
    made_at: dt.datetime
    unit: str
    piece: str
    answer: str
    policy: str
    score: float


async def index_ticket(connection: asyncpg.Connection, ticket: Ticket) -> None:
    """Keep the words of this ticket, in the transaction that changed it; also after a reply, and when a unit gets it."""
    beside = await connection.fetchrow(_QUERIES["beside"], ticket.ticket_id)
    texts = (ticket.content, ticket.demand, ticket.event_place, ticket.answer, *ticket.subject_terms, *beside["replies"])
    found = [word for text in texts for word in words.words(text)]
    marks = [words.mark(kind, value) for kind, value in _marks(ticket, beside["units"])]
    await connection.execute(_QUERIES["put"], ticket.ticket_id, [*words.without_numbers(found), *marks])


async def ensure_partitions(connection: asyncpg.Connection, now: dt.datetime) -> None:
    """The partitions of now and of a month from now, so that none is made while tickets are written."""
    for at in (now, now + dt.timedelta(days=31)):
        await connection.execute(_QUERIES["ensure"], numbering.first_since(at))


async def search_tickets(
    connection: asyncpg.Connection,
    person: Person,
    text: str,
    filters: Filters | None = None,
    *,
    before: int | None = None,
    limit: int = 20,
) -> Hits:
    """Tickets with every word of ``text`` that the person may see; units see their own, and as much as they may (SEC-02).

    ``before``: the ``next`` of the page before. A page that is not full, with a ``next``, took long: ask on. Who searched for
    what found what is in the audit log. Raises ``RefusedError``: ``not_allowed``.
    """
    permissions.check(person, ACTION)
    chosen = filters or Filters()
    asked = words.query(text, _wanted(person, chosen))
    limit = min(max(limit, 1), LARGEST_PAGE)
    rows: list[asyncpg.Record] = []
    ends: int | None = None
    if asked:
        async with viewer.unit(connection, person.unit):
            await connection.execute(_QUERIES["plan_anew"])
            rows, ends = await _walk(
                connection, person, asked, states=list(chosen.states) or None, before=before or _END, limit=limit
            )
    found = [_hit(row, text, person) for row in rows]
    await orders.audit(
        connection, person, "ticket.search", "tickets", {"text": text[:200], "found": [hit.number for hit in found]}
    )
    return Hits(found, ends)


async def like(
    connection: asyncpg.Connection, person: Person, text: str, leaf: str = "", *, limit: int = 5, but: int = 0
) -> list[Similar]:
    """``similar``, for a person. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "ticket.similar")
    found = await similar(connection, text, leaf, limit=limit, but=but)
    detail = {"found": [one.number for one in found]}
    await orders.audit(connection, person, "ticket.similar", f"ticket:{but}" if but else "tickets", detail)
    return found


async def similar(connection: asyncpg.Connection, text: str, leaf: str = "", *, limit: int = 5, but: int = 0) -> list[Similar]:
    """Tickets of this class (``''``: of any) that ended with a result and share words with ``text``, the likest first; none with
    somebody to protect (SEC-02, SEC-04).

    Who may see them is decided by whoever asks; ``but``: the ticket that is being answered.
    """
    asked = words.telling(text)
    if not asked:
        return []
    async with connection.transaction():
        await connection.execute(_QUERIES["plan_anew"])
        compared = await connection.fetch(_QUERIES["compared"], leaf.replace("\x00", ""), asked, _COMPARED, but)
    scores = likeness({row["ticket_id"]: row["shared"] for row in compared})
    likest = sorted(scores, key=lambda one: (scores[one], one), reverse=True)[: min(limit, 20)]
    tickets = {row["ticket_id"]: row for row in await connection.fetch(_QUERIES["ended"], likest)}
    replies = {row["ticket_id"]: row for row in await connection.fetch(_QUERIES["results"], likest)}
    return [_similar(tickets[one], replies.get(one), text, scores[one]) for one in likest]


def likeness(shared: Mapping[int, Sequence[str]]) -> dict[int, float]:
    """How much each shares, of those that share anything: a word counts the more, the fewer of them have it."""
    known = Counter(word for found in shared.values() for word in found)
    weights = {word: math.log((len(shared) + 1) / count) for word, count in known.items()}
    return {one: sum(weights[word] for word in found) for one, found in shared.items() if found}


async def _walk(
    connection: asyncpg.Connection, person: Person, asked: str, *, states: list[str] | None, before: int, limit: int
) -> tuple[list[asyncpg.Record], int | None]:
    """The rows of a page, and where the next begins."""
    began = clock.monotonic()
    rows: list[asyncpg.Record] = []
    is_unit = _is_unit(person)
    if not is_unit:
        rows = await connection.fetch(_QUERIES["newest"], before, _READ_ONE_BY_ONE, asked, states, limit)
        if len(rows) < limit:
            floor = await connection.fetchval(_QUERIES["floor"], before, _READ_ONE_BY_ONE)
            if floor is None:
                return rows, None
            before = floor
    oldest = await connection.fetchval(_QUERIES["oldest"]) if len(rows) < limit else None
    for lowest in _steps(before):
        if len(rows) >= limit or oldest is None or before <= oldest:
            break
        if clock.monotonic() - began > PATIENCE_SECONDS:
            return _ordered(rows), before
        query = _QUERIES["within_units" if is_unit else "within"]
        rows += await connection.fetch(query, lowest, before, asked, states, limit - len(rows))
        before = lowest
    rows = _ordered(rows)
    return rows, rows[-1]["ticket_id"] if len(rows) >= limit else None


def _ordered(rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    return sorted(rows, key=lambda row: int(row["ticket_id"]), reverse=True)


def _steps(before: int) -> Iterator[int]:
    """Lowest ids of one step after another: the half-year in which ``before`` is, and then twice as many each time."""
    year, half = (before - 1) // 10**9, 0 if (before - 1) // 10**7 % 100 < 7 else 1
    if year > 2099:  # from the newest on
        year, half = clock.shanghai_now().year, 1
    index, step = 2 * year + half, 1
    while index >= 2 * 2000:
        yield (index // 2 * 100 + _HALF_YEARS[index % 2]) * 10**7
        index, step = index - step, step * 2
    yield 0


def _is_unit(person: Person) -> bool:
    return permissions.MATRIX[ACTION].get(person.role) == "unit"


def _wanted(person: Person, filters: Filters) -> list[str]:
    """Marks that every ticket found must have; of a unit's people, their unit's."""
    chosen = [("c", filters.category), ("n", filters.nature), ("t", filters.territory), ("s", filters.term), ("u", filters.unit)]
    marks = [words.mark(kind, value) for kind, value in chosen if value]
    return [*marks, words.mark("u", person.unit)] if _is_unit(person) else marks


def _marks(ticket: Ticket, units: list[str]) -> Iterator[tuple[str, str]]:
    for category in {ticket.category, ticket.category.partition(".")[0], ticket.related_category} - {""}:
        yield "c", category
    if ticket.nature:
        yield "n", ticket.nature
    if ticket.territory:
        yield "t", ticket.territory
    yield from (("s", term) for term in ticket.subject_terms)
    yield from (("u", unit) for unit in units)


def _hit(row: asyncpg.Record, text: str, person: Person) -> Hit:
    """Who may not know citizens is told no telephone number by a piece either (SEC-13)."""
    may_know = _is_unit(person) or masks.knows(person.role)
    piece, spots = words.snippet(row["content"] if may_know else masks.text(row["content"], Identity()), text)
    same = ("state", "category", "made_at", "lead_unit", "subject_terms")
    return Hit(number=number(row["ticket_id"], row["channel"]), piece=piece, spots=spots, **{name: row[name] for name in same})


def _similar(row: asyncpg.Record, reply: asyncpg.Record | None, text: str, score: float) -> Similar:
    piece, _ = words.snippet(row["content"], text)
    return Similar(
        number=number(row["ticket_id"], row["channel"]),
        state=row["state"],
        category=row["category"],
        made_at=row["made_at"],
        unit=reply["unit"] if reply else row["lead_unit"],
        piece=piece,
        answer=reply["result"] if reply else row["answer"],
        policy=reply["policy"] if reply else "",
        score=round(score, 2),
    )

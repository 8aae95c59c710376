"""What a message may be about, by what a machine heard and what the database knows, each with its reasons (TKT-16, TKT-30).

Nothing of it is in the ticket: whoever listens to the message takes it over, or not.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from crm.callers import repeats, rules
from crm.messages import said, tables, urgent
from crm.messages.said import NatureSuggested
from crm.profiles.profile import Profile
from crm.units import places, suggest, suggestions, taxonomy
from hotline import numbers, sql

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "messages.sql")
_MOST_TEXT = 1000
_MOST_PLACES, _MOST_UNITS, _MOST_KNOWN = 3, 3, 5


class CategorySuggested(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf of the taxonomy; ``words``: those of it that were said."""

    code: str
    zh: str
    en: str
    words: tuple[str, ...]


class PlaceSuggested(msgspec.Struct, frozen=True, kw_only=True):
    """A place whose name was said; ``unit``: whose it is."""

    code: str
    name: str
    territory: str
    unit: str = ""
    unit_name: str = ""


class KnownTicket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that the message may belong to (TKT-16 to TKT-19); ``advice``: what to do by the city's rules."""

    number: str
    kind: rules.Kind
    score: float
    reasons: tuple[rules.Reason, ...]
    advice: rules.Do


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """The likeliest of each first. ``same_number``: messages that this number left within a week before."""

    nature: NatureSuggested | None = None
    categories: tuple[CategorySuggested, ...] = ()
    places: tuple[PlaceSuggested, ...] = ()
    units: tuple[suggest.Suggestion, ...] = ()
    terms: tuple[str, ...] = ()
    tickets: tuple[KnownTicket, ...] = ()
    same_number: tuple[int, ...] = ()


async def make(connection: asyncpg.Connection, message: Any, text: str, profile: Profile, *, ticket_id: int = 0) -> Suggestions:
    """For a row with ``message_id``, ``caller_number``, ``left_at`` and ``kind``; an empty ``text``: nothing was heard yet."""
    plain = urgent.plain(text).replace("\x00", " ")[:_MOST_TEXT]
    leaves = await _categories(connection, plain, profile) if plain else ()
    found = await _places(connection, plain)
    category, territory = leaves[0].code if leaves else "", found[0].territory if found else ""
    units = suggestions.Suggested((), ())
    if plain:
        matter = suggest.Matter(category=category, territory=territory, text=plain)
        units = await suggestions.found(connection, matter, ticket_id)
    number: str = message["caller_number"]
    return Suggestions(
        nature=said.nature(plain, message["kind"], tables.read().nature, profile),
        categories=leaves,
        places=found,
        units=units.units[:_MOST_UNITS],
        terms=units.terms,
        tickets=await _tickets(connection, ticket_id, number, text, category, profile),
        same_number=await _same_number(connection, message["message_id"], number, message["left_at"]),
    )


async def _categories(connection: asyncpg.Connection, text: str, profile: Profile) -> tuple[CategorySuggested, ...]:
    day = taxonomy.today()
    rows = await connection.fetch(QUERIES["leaves"], await taxonomy.version_on(connection, day), profile.name, day, text)
    return tuple(CategorySuggested(**{**row, "words": tuple(row["words"])}) for row in rows)


async def _places(connection: asyncpg.Connection, text: str) -> tuple[PlaceSuggested, ...]:
    """By the whole text as one word: the gazetteer finds its names in it."""
    rows = await places.search(connection, "".join(text.split()), _MOST_PLACES)
    return tuple(
        PlaceSuggested(code=one.code, name=one.name, territory=one.territory, unit=one.unit, unit_name=one.unit_name)
        for one in rows
    )


async def _tickets(  # noqa: PLR0917
    connection: asyncpg.Connection, ticket_id: int, number: str, text: str, category: str, profile: Profile
) -> tuple[KnownTicket, ...]:
    own = frozenset(filter(None, (numbers.normal(number),)))
    matter = rules.Matter(ticket_id=ticket_id, numbers=own, category=category, text=text[:_MOST_TEXT])
    found = await repeats.suggest_duplicates(connection, matter, profile, _MOST_KNOWN)
    return tuple(
        KnownTicket(number=one.number, kind=one.kind, score=one.score, reasons=one.reasons, advice=one.advice)
        for one in found.tickets
    )


async def _same_number(connection: asyncpg.Connection, message: int, number: str, left_at: dt.datetime) -> tuple[int, ...]:
    return tuple(row["message_id"] for row in await connection.fetch(QUERIES["same_number"], number, message, left_at))

"""Suggestions for dispatch with what the database knows, kept beside what was chosen, and how often they were right (DSP-14)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.units import suggest, taxonomy
from crm.units.suggest import Evidence, Facts, Matter, Past, Rule, Suggestion
from crm.units.tree import Database
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "suggestions.sql")
_RECENT = 400
"""Newest tickets of a leaf that are looked at."""
_MOST_TEXT = 1000
_LONGEST_KEYWORD = 12
"""Characters of a text in which keywords are looked for, and of a keyword."""
_KEPT = 5


class Suggested(msgspec.Struct, frozen=True):
    """Units that fit, the best first, and the controlled words in the text (TKT-26)."""

    units: tuple[Suggestion, ...]
    terms: tuple[str, ...]


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Of an interval. ``first``, ``first_three``: the chosen unit was suggested first, or among three; shares of ``suggested``.

    ``dispatch_accuracy``: 1 − returns that were right / dispatches (KPI-25, DSP-14); null: nothing was dispatched.
    """

    dispatches: int
    suggested: int
    first: int
    first_three: int
    first_share: float | None
    first_three_share: float | None
    dispatched: int
    returned: int
    dispatch_accuracy: float | None


async def of_fields(database: Database, person: Person, matter: Matter) -> Suggested:
    """For a ticket that is being written. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "dispatch.suggest")
    return await found(database, matter)


async def of_ticket(database: Database, person: Person, ticket_id: int) -> Suggested:
    """For a ticket. Raises ``RefusedError``: ``not_allowed``, ``unknown_ticket``."""
    permissions.check(person, "dispatch.suggest")
    row = await database.fetchrow(_QUERIES["matter"], ticket_id)
    if row is None:
        raise RefusedError("unknown_ticket", ticket=ticket_id)
    return await found(database, _matter(row), ticket_id)


async def note_dispatch(connection: asyncpg.Connection, person: Person, ticket_id: int, unit: str, now: dt.datetime) -> None:
    """Keep what is suggested for this ticket beside the unit that was chosen, in the transaction of the dispatch.

    To be called for each lead unit that a ticket gets, also by a leader's instruction; before or after the ticket is saved.
    """
    row = await connection.fetchrow(_QUERIES["matter"], ticket_id)
    if row is None:
        raise RefusedError("unknown_ticket", ticket=ticket_id)
    units = (await found(connection, _matter(row), ticket_id)).units[:_KEPT]
    rank = next((place for place, one in enumerate(units, 1) if one.unit == unit), None)
    kept = [{"unit": one.unit, "score": one.score, "reasons": [reason.code for reason in one.reasons]} for one in units]
    said = msgspec.json.encode(kept).decode()
    await connection.execute(_QUERIES["note"], ticket_id, now, person.username, row["category"], said, unit, rank)


async def accuracy(database: Database, person: Person, begin: dt.datetime, end: dt.datetime) -> Accuracy:
    """From ``begin`` until before ``end``. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "dispatch.accuracy")
    row = dict(await database.fetchrow(_QUERIES["accuracy"], begin, end))
    return Accuracy(
        **row,
        first_share=_share(row["first"], row["suggested"]),
        first_three_share=_share(row["first_three"], row["suggested"]),
        dispatch_accuracy=_share(row["dispatched"] - row["returned"], row["dispatched"]),
    )


async def found(database: Database, matter: Matter, ticket_id: int = 0) -> Suggested:
    """What ``suggest`` makes of what the database knows; ``ticket_id`` is not its own past."""
    day = taxonomy.today()
    item = await taxonomy.known(database, matter.category) if matter.category else None
    text = matter.text.replace("\x00", " ").lower()[:_MOST_TEXT]
    terms = tuple(row["term"] for row in await database.fetch(_QUERIES["terms"], text)) if text else ()
    whole = msgspec.structs.replace(
        matter, label=item.zh if item and item.parent else "", text=text, terms=tuple(dict.fromkeys((*matter.terms, *terms)))
    )
    evidence = await _evidence(database, whole, item.units if item else (), day, ticket_id)
    named = {*evidence.defaults, *evidence.past, *(rule.unit for rule in evidence.rules)}
    rows = await database.fetch(
        _QUERIES["candidates"], sorted(named), suggest.categories(whole), whole.territory, _parts(text), day
    )
    return Suggested(suggest.suggest(whole, [_facts(row) for row in rows], evidence), terms)


async def _evidence(database: Database, matter: Matter, defaults: tuple[str, ...], day: dt.date, ticket_id: int) -> Evidence:
    rules = [
        msgspec.convert({name: row[name] for name in Rule.__struct_fields__}, Rule)
        for row in await database.fetch(_QUERIES["rules"], suggest.categories(matter), day)
    ]
    past = await database.fetch(_QUERIES["past"], matter.category, matter.territory, list(matter.terms), _RECENT, ticket_id)
    returned = await database.fetch(_QUERIES["returned"], matter.category, _RECENT, ticket_id)
    return Evidence(
        rules=tuple(rule for rule in rules if suggest.fits(rule, matter)),
        defaults=defaults,
        past={row["unit"]: Past(row["tickets"], row["near"], row["alike"]) for row in past},
        returned={row["unit"]: row["tickets"] for row in returned},
    )


def _parts(text: str) -> list[str]:
    """Every part that may be a keyword: to look 10,000 of them up is quicker than to look for 60,000 keywords in the text."""
    lengths = range(2, _LONGEST_KEYWORD + 1)
    return sorted({text[at : at + length] for length in lengths for at in range(len(text) - length + 1)})


def _matter(row: asyncpg.Record) -> Matter:
    values: dict[str, Any] = {name: row[name] for name in ("category", "territory", "text", "accused_unit")}
    return Matter(**values, terms=tuple(row["terms"]))


def _facts(row: asyncpg.Record) -> Facts:
    return msgspec.convert(dict(row), Facts)


def _share(part: int, whole: int) -> float | None:
    return max(0.0, part / whole) if whole else None

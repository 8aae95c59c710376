"""The archive by person, place, class and period (ARC-07, TKT-06); who searches leaves an audit line (SEC-11, SEC-12)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import viewer
from crm.tickets import numbering
from crm.tickets import ticket as tickets
from crm.tickets.work import begun
from hotline import numbers, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "archive.sql")
LARGEST_PAGE = 100
_AFTER_ALL = 2**62


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that fits; ``content`` is its beginning."""

    number: str
    state: str
    made_at: dt.datetime
    nature: str | None
    category: str
    territory: str
    event_place: str
    hidden: list[str]
    content: str


class Archive(msgspec.Struct, frozen=True):
    """The newest first. ``next``: before which ticket the next page begins; null: there is nothing more."""

    tickets: list[Kept]
    next: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for; empty: any. ``place``: a part of the place, or the beginning of a territory's code."""

    begin: dt.datetime
    end: dt.datetime
    number: str = ""
    name: str = ""
    place: str = ""
    category: str = ""


async def search(parts: Parts, person: Person, wanted: Wanted, *, before: int = 0, limit: int = 20) -> Archive:
    """Tickets of these days that fit. Refused: ``not_allowed``."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    first = numbering.first_since(wanted.begin)
    last = numbering.first_past(wanted.end)
    number = numbers.normal(wanted.number) or wanted.number
    async with begun(parts, person, "archive.search", "archive") as work, viewer.staff(work.connection):
        permissions.check(person, "archive.search")
        await work.connection.execute(_QUERIES["plan_each"])
        values = (first, last, number, wanted.name, wanted.place, wanted.category, before or _AFTER_ALL, limit)
        rows = await work.connection.fetch(_QUERIES["search"], *values)
        found = [_kept(dict(row)) for row in rows]
        detail = {**msgspec.to_builtins(wanted), "tickets": [one.number for one in found]}
        await orders.audit(work.connection, person, "archive.search", "archive", detail)
    return Archive(found, found[-1].number if len(found) == limit else None)


def _kept(row: dict[str, Any]) -> Kept:
    return Kept(number=tickets.number(row.pop("ticket_id"), row.pop("channel")), **row)

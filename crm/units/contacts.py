"""Whom to reach in a unit: the person who answers for tickets, and the telephone to dial now (TKT-05, DSP-10, GEN-15, ORG-06)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from acd import units
from acd.unit_numbers import Number, numbers_now
from crm.errors import RefusedError
from crm.units.tree import QUERIES, Database
from hotline import clock
from hotline.settings import Calendar

_ORDINARY = Calendar()


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of a unit."""

    name: str
    role: str
    deputy: str = ""
    position: str = ""
    duty: str = ""
    number: str = ""
    username: str = ""


class Contact(msgspec.Struct, frozen=True):
    """Whom to ask for and where; empty: nobody is named, no telephone may be dialled now."""

    person: str = ""
    number: str = ""


class UnitProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A unit with its people, those who answer first first; ``contact``: now."""

    code: str
    name: str
    name_en: str
    parent: str
    path: list[str]
    level: str
    is_territorial: bool
    territories: list[str]
    keywords: list[str]
    categories: list[str]
    competence: str
    handling_section: str
    responsible_leader: str
    unit_group: str
    active_from: dt.date | None
    active_to: dt.date | None
    staff: list[Staff]
    numbers: list[Number]
    contact: Contact


async def staff(database: Database, unit: str) -> list[Staff]:
    """The people of a unit: A before B, clerks before leaders."""
    rows = await database.fetch(QUERIES["staff"], unit)
    return [Staff(**{name: row[name] for name in Staff.__struct_fields__}) for row in rows]


async def contact(database: Database, unit: str, *, days: Calendar = _ORDINARY, now: dt.datetime | None = None) -> Contact:
    """Who answers for the unit's tickets, and the telephone that is dialled first at ``now``, else that person's own."""
    found, people = await units.get(database, unit), await staff(database, unit)
    dialled = numbers_now(found, now or clock.now(), days) if found else []
    first = people[0] if people else None
    return Contact(first.name if first else "", dialled[0].number if dialled else first.number if first else "")


async def profile(database: Database, unit: str, *, days: Calendar = _ORDINARY) -> UnitProfile:
    """The whole unit; raises ``RefusedError``: ``unknown_unit``."""
    row, dialled = await database.fetchrow(QUERIES["profile"], unit), await units.get(database, unit)
    if row is None or dialled is None:
        raise RefusedError("unknown_unit", unit=unit)
    values: dict[str, Any] = dict(row)
    reached = await contact(database, unit, days=days)
    return UnitProfile(**values, staff=await staff(database, unit), numbers=dialled.numbers, contact=reached)

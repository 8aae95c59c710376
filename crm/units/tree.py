"""The tree of undertaking units (GEN-14): who is above and below whom, whether a unit is there, and whom to reach in it.

The directory keeps the units (``hotline directory import units``); the database keeps each one's path and refuses a circle.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from pathlib import Path
from typing import TypeAlias

import asyncpg

from hotline import clock, sql

Database: TypeAlias = "asyncpg.Pool | asyncpg.Connection"
QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "units.sql")


async def above(database: Database, unit: str) -> tuple[str, ...]:
    """The units above this one, the nearest first; nothing for one that nobody knows."""
    return tuple(row["code"] for row in await database.fetch(QUERIES["above"], unit))


async def below(database: Database, unit: str) -> frozenset[str]:
    """The unit itself and all below it, also those that have ended: their tickets are still theirs."""
    return frozenset(row["code"] for row in await database.fetch(QUERIES["below"], unit))


async def is_below(database: Database, unit: str, above: str) -> bool:
    """Whether ``unit`` stands somewhere below ``above``: the only place where a unit may give a ticket on (LIF-34)."""
    return bool(await database.fetchval(QUERIES["is_below"], unit, above))


async def with_above(database: Database, units: Collection[str]) -> frozenset[str]:
    """These units and all above them: whose people may see what these units have."""
    return frozenset(units) | {row[0] for row in await database.fetch(QUERIES["with_above"], list(units))}


async def active(database: Database, units: Collection[str] | None = None, on: dt.date | None = None) -> frozenset[str]:
    """Which of these (None: of all) the directory holds on that day (None: today)."""
    day = on or clock.now().astimezone(clock.SHANGHAI).date()
    return frozenset(row["code"] for row in await database.fetch(QUERIES["active"], None if units is None else list(units), day))


async def is_active(database: Database, unit: str, on: dt.date | None = None) -> bool:
    """Whether a ticket may be given to this unit on that day."""
    return bool(await active(database, (unit,), on))


async def first_receiver(database: Database, ticket_id: int) -> str:
    """The unit that got the ticket first, leads it, and may not pass it on for overlap (LIF-19, RET-06); empty: none yet."""
    return str(await database.fetchval(QUERIES["first_receiver"], ticket_id) or "")

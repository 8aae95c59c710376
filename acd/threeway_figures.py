"""What three-way calls amount to: answered at the front desk (TWC-16), wrong units of agents (TWC-07), units that are reached."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import asyncpg
import msgspec

from hotline import sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "threeway_figures.sql")


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All three-way calls of a time. ``answered_calls``: calls in which citizen and unit talked, and it was the right one; each
    once, the subtotal of what the front desk answered (TWC-16). ``outcomes``: outcome to number.
    """

    threeways: int
    calls: int
    answered_calls: int
    without_consent: int
    still_open: int
    outcomes: dict[str, int]


class OfAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Of one agent: three-way calls in which a unit was dialled, in which it proved to be the wrong one (TWC-07), and calls that
    a unit answered."""

    agent: str
    dialled: int
    wrong_units: int
    answered_calls: int


class OfUnit(msgspec.Struct, frozen=True, kw_only=True):
    """Of one unit: three-way calls in which it was dialled, in how many somebody answered (``reached``), or nobody or a machine
    did (``out_of_reach``). ``attempts``: Dial's word (``BUSY``; ``OPEN``: not over) to number of attempts.
    """

    unit: str
    unit_name: str
    dialled: int
    reached: int
    out_of_reach: int
    wrong_units: int
    attempts: dict[str, int]

    @property
    def reachability(self) -> float | None:
        """The part that was reached, of what could be told; None without any."""
        known = self.reached + self.out_of_reach
        return self.reached / known if known else None


async def total(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime) -> Total:
    """Three-way calls that began from ``since`` until before ``until``."""
    counted = await pool.fetchrow(_QUERIES["total"], since, until)
    outcomes = await pool.fetch(_QUERIES["outcomes"], since, until)
    return Total(**counted, outcomes=dict(map(tuple, outcomes)))


async def by_agent(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime) -> list[OfAgent]:
    """The same for each agent, by number."""
    return [OfAgent(**row) for row in await pool.fetch(_QUERIES["by_agent"], since, until)]


async def by_unit(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime) -> list[OfUnit]:
    """The same for each unit that was dialled, by code; the name is the latest."""
    attempts: dict[str, dict[str, int]] = {}
    for unit, result, count in await pool.fetch(_QUERIES["attempts"], since, until):
        attempts.setdefault(unit, {})[result] = count
    rows = await pool.fetch(_QUERIES["by_unit"], since, until)
    return [OfUnit(**row, attempts=attempts.get(row["unit"], {})) for row in rows]

"""Three-way calls counted, on a real PostgreSQL: front-desk answered (TWC-16), wrong units (TWC-07), who is reached (TWC-08)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg

from acd import threeway_figures
from acd.threeway_figures import OfAgent, OfUnit, Total
from hotline import database

if TYPE_CHECKING:
    from tests.conftest import Postgres

DAY = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
NEXT = DAY + dt.timedelta(days=1)
INSERT = """
    INSERT INTO threeways (node, call_id, agent, unit, unit_name, consent, attempts, begun_at, connected_at, ended_at,
                           disposition, outcome, caller_channel, agent_channel, caller_is, agent_is, unit_is)
    VALUES ('node1', $1, $2, $3, 'CITY', $4, $5, $6, $7, $8, $9, $10, 'c', 'a', 'gone', 'gone', 'gone')
"""


async def threeway(
    pool: asyncpg.Pool,
    call: str,
    results: str,
    outcome: str | None,
    *,
    agent: str = "1001",
    unit: str = "CG",
    disposition: str = "",
    at: dt.datetime = DAY,
) -> None:
    """One row; ``results``: Dial's words, of which ANSWER connects."""
    attempts = json.dumps([{"number": "83120001", "dialled_at": at.isoformat(), "result": result} for result in results.split()])
    connected, ended = (at if "ANSWER" in results.split() else None), (at if outcome else None)
    consent = outcome != "no_consent"
    await pool.execute(INSERT, call, agent, unit, consent, attempts, at, connected, ended, disposition, outcome)


async def fill(pool: asyncpg.Pool) -> None:
    await threeway(pool, "1", "BUSY ANSWER", "not_competent", disposition="wrong_unit")
    await threeway(pool, "1", "ANSWER", "answered", unit="GS")
    await threeway(pool, "2", "ANSWER", "answered", agent="1002")
    await threeway(pool, "3", "BUSY NOANSWER", "unreachable")
    await threeway(pool, "4", "CANCEL", "caller_left")
    await threeway(pool, "5", "", "no_consent", unit="")
    await threeway(pool, "6", "ANSWER", "unreachable", disposition="machine")
    await threeway(pool, "7", "ANSWER", "answered", agent="1002", unit="GS")
    await threeway(pool, "7", "ANSWER", "answered", agent="1002")
    await threeway(pool, "8", "", None)
    await threeway(pool, "9", "ANSWER", "answered", at=NEXT)


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await fill(pool)
            await work(pool)

    asyncio.run(run())


def test_a_call_that_a_unit_answered_counts_once_as_answered_at_the_front_desk(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        assert await threeway_figures.total(pool, DAY, NEXT) == Total(
            threeways=10,
            calls=8,
            answered_calls=3,
            without_consent=1,
            still_open=1,
            outcomes={"answered": 4, "caller_left": 1, "no_consent": 1, "not_competent": 1, "unreachable": 2},
        )
        nothing = await threeway_figures.total(pool, NEXT + dt.timedelta(days=1), NEXT + dt.timedelta(days=2))
        assert nothing == Total(threeways=0, calls=0, answered_calls=0, without_consent=0, still_open=0, outcomes={})

    with_pool(empty_database, work)


def test_wrong_units_are_counted_for_each_agent(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        assert await threeway_figures.by_agent(pool, DAY, NEXT) == [
            OfAgent(agent="1001", dialled=5, wrong_units=1, answered_calls=1),
            OfAgent(agent="1002", dialled=3, wrong_units=0, answered_calls=2),
        ]

    with_pool(empty_database, work)


def test_a_unit_is_reached_when_somebody_answers_and_out_of_reach_when_nobody_or_a_machine_does(empty_database: Postgres) -> None:
    """A citizen who gives up while the unit is dialled says nothing about the unit."""

    async def work(pool: asyncpg.Pool) -> None:
        city, water = await threeway_figures.by_unit(pool, DAY, NEXT)
        assert city == OfUnit(
            unit="CG",
            unit_name="CITY",
            dialled=6,
            reached=3,
            out_of_reach=2,
            wrong_units=1,
            attempts={"ANSWER": 4, "BUSY": 2, "CANCEL": 1, "NOANSWER": 1},
        )
        assert city.reachability == 0.6
        assert (water.unit, water.reachability) == ("GS", 1.0)

    with_pool(empty_database, work)

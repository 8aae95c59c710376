"""Tickets and the citizens behind them, written straight into the tables: what tests of who may see whom begin with."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

from acd.parts import Parts
from crm.callers import viewer
from hotline import database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

AT = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
ZHANG = {
    "caller_name": "张三丰",
    "caller_title": "先生",
    "workplace": "德州第二棉纺厂",
    "home_address": "湖滨北路88号2单元301",
    "caller_phone": "13905340001",
    "calling_number": "13905340002",
    "callback_phone": "13905340003",
}
"""A citizen, none of whose words stands anywhere else."""


def ticket_id(number: int, day: str = "20261122") -> int:
    """The id of the ``number``-th ticket of a day."""
    return int(f"{day}{number:05d}")


async def ticket(connection: asyncpg.Connection, number: int, *, day: str = "20261122", **values: Any) -> int:
    """A ticket with its identity: names of both tables' columns; without any of the identity's there is none."""
    made = dt.datetime.strptime(day, "%Y%m%d").replace(hour=1, tzinfo=dt.UTC)
    one = ticket_id(number, day)
    row = {"ticket_id": one, "channel": "telephone", "state": "pending_dispatch", "profile": "dezhou", "made_at": made}
    row |= {"made_by": "1001", "updated_at": made, "content": "路灯不亮", "nature": "help", "category": "C1.03"}
    identity = {name: values.pop(name) for name in [*ZHANG, "caller_id"] if name in values}
    await _insert(connection, "tickets", row | values)
    if identity:
        async with viewer.staff(connection):
            await _insert(connection, "ticket_identities", {"ticket_id": one} | identity)
    return one


async def task(connection: asyncpg.Connection, one: int, unit: str, **values: Any) -> uuid.UUID:
    """A unit's task."""
    task_id = uuid.uuid4()
    row = {"task_id": task_id, "ticket_id": one, "unit": unit, "kind": "lead", "given_by": "d1", "given_at": AT} | values
    if row.get("ended_by"):
        row.setdefault("ended_at", AT + dt.timedelta(hours=1))
    await _insert(connection, "ticket_tasks", row)
    return task_id


async def units(connection: asyncpg.Connection, tree: dict[str, str | None]) -> None:
    """Units by code, each with the one above it."""
    numbers = '[{"number": "83120000"}]'
    for code, parent in tree.items():
        await _insert(connection, "units", {"code": code, "name": f"单位{code}", "parent": parent, "numbers": numbers})


async def _insert(connection: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${n + 1}" for n in range(len(row)))
    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


def with_parts(server: Postgres, work: Callable[[Parts], Awaitable[None]]) -> None:
    """Run ``work`` as the application does, with its role."""

    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(Parts(Settings(), pool, "node1"))

    asyncio.run(run())

"""Whose eyes a transaction has: row security shows who citizens are to the hotline's staff alone (SEC-03, SEC-13, TKT-13).

The setting ``hotline.viewer`` is of the transaction and ends with it; where nothing is set, nobody is seen. Units look through
views of their own (``unit_tickets``, ``unit_ticket_identities``), which read ``hotline.unit``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "viewer.sql")


async def set_staff(connection: asyncpg.Connection) -> None:
    """Until the transaction ends, its statements see citizens. For use cases that have checked ``ticket.identity``, or intake.

    Raises ``RuntimeError`` outside of a transaction, where it would have no effect.
    """
    await _set(connection, "hotline.viewer", "staff")


@asynccontextmanager
async def staff(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Citizens are seen within the block, which is a transaction, or a part of one."""
    async with connection.transaction():
        before = await _set(connection, "hotline.viewer", "staff")
        yield
        await _set(connection, "hotline.viewer", before)


@asynccontextmanager
async def unit(connection: asyncpg.Connection, code: str) -> AsyncIterator[None]:
    """Within the block the views for units show what this unit may see, and citizens are not seen otherwise."""
    async with connection.transaction():
        whose = await _set(connection, "hotline.viewer", "")
        before = await _set(connection, "hotline.unit", code.replace("\x00", ""))
        yield
        await _set(connection, "hotline.unit", before)
        await _set(connection, "hotline.viewer", whose)


async def _set(connection: asyncpg.Connection, name: str, value: str) -> str:
    """Of this transaction; returns what was set before."""
    if not connection.is_in_transaction():
        raise RuntimeError(f"{name} is set for a transaction, and there is none")
    return str(await connection.fetchval(_QUERIES["set"], name, value) or "")

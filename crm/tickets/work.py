"""What every step of a use case is given: who does it, when, and the transaction in which all of it is done or nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm.errors import RefusedError
from hotline import clock


@dataclass
class Work:
    """One use case: ``now`` is the same for all that it writes, and not before the ticket was locked: no line of its history is
    older than the one before it, however long the people who want it at once wait for each other.
    """

    parts: Parts
    connection: asyncpg.Connection
    person: Person
    now: dt.datetime


@asynccontextmanager
async def begun(parts: Parts, person: Person, right: str, subject: str) -> AsyncIterator[Work]:
    """A transaction for a use case. What the person may not do is undone, and leaves a line in the audit log (SEC-12)."""
    try:
        async with parts.pool.acquire() as connection, connection.transaction():
            yield Work(parts, connection, person, clock.now())
    except RefusedError as refused:
        if refused.code == "not_allowed":
            await orders.audit(parts.pool, person, f"{right}.refused", subject, {"role": person.role})
        raise

"""Calls with requests made up for the tests of what is stored and counted, and a store for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from ami_bridge.calls import CallRecord
from ami_bridge.lines import Request
from ami_bridge.rows import CallFacts
from ami_bridge.store import Position, Store
from hotline import database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)


def record(call_id: str, started_at: dt.datetime, disposition: str | None = None, **changes: Any) -> CallRecord:
    """A call that has ended a minute later when it has a disposition."""
    plain: dict[str, Any] = {
        "call_id": call_id,
        "caller_number": "13800138000",
        "caller_name": "",
        "dialled": "12345",
        "started_at": started_at,
        "answered_at": started_at,
        "menu_path": "",
        "queue": None,
        "queued_at": None,
        "agent": None,
        "connected_at": None,
        "ended_at": started_at + MINUTE if disposition else None,
        "hangup_cause": None,
        "hung_up_by": None,
        "disposition": disposition,
        "source": "ami",
        "repaired": False,
    }
    return CallRecord(**(plain | changes))


def request(call_id: str, requested_at: dt.datetime, outcome: str = "answered", wait_us: int = 0, **changes: Any) -> Request:
    """A request of the queue ``hotline``."""
    ended_at = None if outcome == "waiting" else requested_at + dt.timedelta(microseconds=wait_us)
    queue = changes.get("queue", "hotline")
    plain: dict[str, Any] = {
        "node": "n",
        "call_id": call_id,
        "number": 1,
        "kind": "caller",
        "caller": "13800138000",
        "queue": queue,
        "first_queue": queue,
        "requested_at": requested_at,
        "ended_at": ended_at,
        "outcome": outcome,
    }
    return Request(**(plain | changes))


def call(call_id: str, started_at: dt.datetime, *requests: Request, disposition: str | None = None, **changes: Any) -> CallFacts:
    """A call with these requests; an agent's answer to one is the call's."""
    connected_at = next((one.ended_at for one in requests if one.outcome == "answered"), None)
    return CallFacts(record(call_id, started_at, disposition, connected_at=connected_at, **changes), requests)


class Kept:
    """Stores of nodes, and the database as another program sees it."""

    def __init__(self, server: Postgres, folder: Path, pool: asyncpg.Pool) -> None:
        self.server, self.folder, self.pool = server, folder, pool
        self.stores: dict[str, Store] = {}

    async def put(self, *found: CallFacts, node: str = "n") -> None:
        """Through the store of a node, at once."""
        if node not in self.stores:
            copy = self.folder / f"{node}.json"
            self.stores[node] = Store(node, self.server.dsn, copy, lambda: Position(1), Settings().skill)
        for one in found:
            self.stores[node].put(one)
        assert await self.stores[node].flush()

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return [tuple(row) for row in await self.pool.fetch(query, *arguments)]

    async def close(self) -> None:
        """Every connection."""
        for store in self.stores.values():
            await store.close()
        await self.pool.close()


@asynccontextmanager
async def opened(server: Postgres, folder: Path) -> AsyncIterator[Kept]:
    """A database to store in and to ask."""
    kept = Kept(server, folder, await database.pool(server.dsn, name="trial"))
    try:
        yield kept
    finally:
        await kept.close()

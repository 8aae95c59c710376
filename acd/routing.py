"""Routes calls: reads what PostgreSQL knows of a caller and of who waits, asks ``policy.route``, and notes the decision.

A call is never held up: what cannot be read within ``READ_SECONDS`` is not waited for, and while the database is away nobody
tries. Then the decision rests on what Asterisk itself says of its queues.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from acd import policy
from acd.policy import Asked, History, Plan, Route, Standing, Waiting
from hotline import clock, database, numbers, sql
from hotline.settings import Settings

READ_SECONDS = 0.7
"""No call waits longer for what is known of it."""
AWAY_SECONDS = 5.0
"""After a failure nobody tries for so long."""
_NOTE_SECONDS = 5.0
_QUERIES = sql.load(Path(__file__).parent / "sql" / "routing.sql")
_log = structlog.get_logger("acd")

Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
_Known = tuple[Asked, History, Mapping[str, Standing]]


@asynccontextmanager
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections of routing's own: nobody else's slow question holds up a call. PostgreSQL may be away."""
    made = await database.pool(dsn, name="route", largest=4, connect_seconds=READ_SECONDS)
    try:
        yield made
    finally:
        made.terminate()


class Router:
    """Decides for the calls of one node; ``spawn`` runs what no call waits for."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, spawn: Spawn) -> None:
        self._plan: Plan = policy.plan(settings)
        self._node = settings.asterisk.node
        self._pool, self._spawn = pool, spawn
        self._away_until = 0.0

    async def route(self, asked: Asked, floor: Mapping[str, Standing], caller: str, call_id: str) -> Route:
        """Where this call goes; ``floor`` is what Asterisk knows of its queues. Raises nothing that the database can cause."""
        known = None if self._seems_away() else await self._known(asked, floor, caller, call_id)
        asked, history, floor = known or (asked, History(), floor)
        found = policy.route(self._plan, asked, clock.shanghai_now(), floor, history)
        if not self._seems_away():
            self._spawn(self._note(asked, history, found, call_id))
        return found

    def _seems_away(self) -> bool:
        return clock.monotonic() < self._away_until

    async def _known(self, asked: Asked, floor: Mapping[str, Standing], caller: str, call_id: str) -> _Known | None:
        """What the database knows, if it says so in time; giving up a connection that hangs hangs too, so nobody waits for it."""
        reading = self._spawn(self._read(asked, floor, caller, call_id))
        done, _ = await asyncio.wait({reading}, timeout=READ_SECONDS)
        if done:
            known: _Known | None = reading.result()
            return known
        reading.cancel()
        self._is_away(TimeoutError("no answer in time"))
        return None

    async def _read(self, asked: Asked, floor: Mapping[str, Standing], caller: str, call_id: str) -> _Known | None:
        try:
            async with self._pool.acquire() as connection:
                asked, history = await self._caller(connection, asked, caller, call_id)
                if self._place_matters(asked, history):
                    floor = await self._with_waiting(connection, floor, call_id)
        except database.TROUBLE as error:
            self._is_away(error)
            return None
        return asked, history, floor

    async def _caller(self, connection: asyncpg.Connection, asked: Asked, caller: str, call_id: str) -> tuple[Asked, History]:
        """Group and history of the number. Who goes on in the same request has no other history than the wait so far."""
        routing = self._plan.routing
        row = await connection.fetchrow(
            _QUERIES["caller"],
            caller,
            numbers.normal(caller),
            call_id,
            float(routing.same_agent_minutes),
            float(routing.keep_place_minutes),
        )
        asked = msgspec.structs.replace(asked, group=row["group"], overdue=row["overdue"])
        if asked.left:
            return asked, History()
        return asked, History(
            agent=row["agent"], is_ready=row["is_ready"], kept_seconds=row["kept_seconds"], blocked=row["blocked"]
        )

    def _place_matters(self, asked: Asked, history: History) -> bool:
        may_go_ahead = self._plan.routing.priority and (asked.group or asked.overdue)
        return bool(asked.waited_seconds or history.kept_seconds or may_go_ahead)

    async def _with_waiting(
        self, connection: asyncpg.Connection, floor: Mapping[str, Standing], call_id: str
    ) -> dict[str, Standing]:
        known: defaultdict[str, list[Waiting]] = defaultdict(list)
        for row in await connection.fetch(_QUERIES["waiting"], self._node, call_id):
            known[row["queue"]].append(Waiting(row["seconds"], row["priority"]))
        return {queue: msgspec.structs.replace(standing, known=tuple(known[queue])) for queue, standing in floor.items()}

    async def _note(self, asked: Asked, history: History, found: Route, call_id: str) -> None:
        kept, why = int(history.kept_seconds), list(found.why)
        what = (asked.queue, found.queue, found.priority, kept, found.place, found.first_agent, why)
        try:
            await self._pool.execute(_QUERIES["note"], self._node, call_id, *what, timeout=_NOTE_SECONDS)
        except database.TROUBLE as error:
            self._is_away(error)

    def _is_away(self, error: Exception) -> None:
        _log.warning("calls are routed without their history", why=f"{type(error).__name__}: {error}")
        self._away_until = clock.monotonic() + AWAY_SECONDS


def floor_of(text: str) -> dict[str, Standing]:
    """``NAME:waiting:ready:logged in`` of each queue, with ``/`` between them; what does not read so is left out."""
    found: dict[str, Standing] = {}
    for part in text.split("/"):
        name, *counts = part.split(":")
        if len(counts) == 3 and all(count.isascii() and count.isdigit() for count in counts):
            waiting, ready, logged_in = map(int, counts)
            found[name] = Standing(waiting=waiting, ready=ready, logged_in=logged_in)
    return found


def seconds_of(seconds: str) -> float:
    """A wait as the dialplan counts it, 0 for what is none."""
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= 6 else 0.0

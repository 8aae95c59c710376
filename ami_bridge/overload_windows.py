"""Windows of overload into the database, as exclusions set by the system (metrics, section 3; KPI-40).

What was marked waits here until the database has taken it, in order; it may come and go. The database's own list of open windows
is asked before each, so what was written by a commit of which nobody heard is not written twice. A bridge that dies leaves its
windows open; the next one ends them where Asterisk was last heard of.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections import deque

import asyncpg
import structlog

from ami_bridge import overload
from ami_bridge.errors import ExclusionError
from ami_bridge.figures import exclusions
from ami_bridge.figures.exclusions import Exclusion, Scope
from ami_bridge.overload import Effect, Opened
from hotline import clock, database

_log = structlog.get_logger()
_LONGEST_WAIT = 5.0
_MICROSECOND = dt.timedelta(microseconds=1)


class Windows:
    """The windows of one node's queues."""

    def __init__(self, node: str, dsn: str) -> None:
        self._node, self._dsn = node, dsn
        self._marked: deque[Effect] = deque()
        self._work = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many are not in the database yet."""
        return len(self._marked)

    def put(self, effect: Effect) -> None:
        """Take a window's beginning or end."""
        _log.warning("overload", queue=effect.queue, at=effect.at.isoformat(), begins=isinstance(effect, Opened))
        self._marked.append(effect)
        self._work.set()

    async def run(self, heard_at: dt.datetime | None) -> None:
        """Close what an earlier bridge left open (it last heard of Asterisk at ``heard_at``), then write for ever."""
        wait, is_resumed = 0.25, False
        async with await database.pool(self._dsn, name="overload", largest=1) as pool:
            while True:
                try:
                    if not is_resumed:
                        await self._resume(pool, heard_at or clock.now())
                        is_resumed = True
                    await self._write(pool)
                    await self._work.wait()
                    self._work.clear()
                    wait = 0.25
                except database.TROUBLE as error:
                    database.stop_if_cancelled()
                    _log.warning("windows of overload wait for PostgreSQL", error=str(error) or type(error).__name__)
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, _LONGEST_WAIT)

    async def _resume(self, pool: asyncpg.Pool, heard_at: dt.datetime) -> None:
        left = {one.queue or "": one.from_at for one in await self._open(pool)}
        for effect in reversed(overload.resume(left, heard_at)):
            self._marked.appendleft(effect)

    async def _write(self, pool: asyncpg.Pool) -> None:
        while self._marked:
            effect = self._marked[0]
            found = [one for one in await self._open(pool) if one.queue == effect.queue]
            if not isinstance(effect, Opened):
                for one in found:
                    with contextlib.suppress(ExclusionError):  # somebody has just withdrawn it
                        await exclusions.end(pool, one.exclusion_id, max(effect.at, one.from_at + _MICROSECOND))
            elif all(one.from_at != effect.at for one in found):
                await exclusions.overload(pool, Scope(effect.at, None, effect.queue, self._node))
            self._marked.popleft()

    async def _open(self, pool: asyncpg.Pool) -> list[Exclusion]:
        """This node's windows that have no end."""
        now = clock.now()
        found = await exclusions.overlapping(pool, now, now + _MICROSECOND)
        return [
            one for one in found if one.reason == "overload" and one.node == self._node and one.to_at is None and one.is_in_force
        ]

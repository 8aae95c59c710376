"""What agents' desks show, kept fresh: states, the calls in their hands, who calls, three-way calls, call-backs (SEC-12).

One document for all, read a moment after a bridge, or whoever answers calls, has told something, and every second; each desk is
shown its own part (``desks/desk_live.py``). While PostgreSQL is away the last one stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from acd import control, sessions, threeway_store
from acd.parts import Parts
from acd.permissions import Person
from ami_bridge.figures.live_document import Document
from desks.desk_pops import Pops
from hotline import clock, database, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "desk.sql")
_TICKETS = "tickets"
_CHANNELS = ("figures", "control", _TICKETS)
_POLL_SECONDS, _PACE_SECONDS = 1.0, 0.2
_READER = Person("desks", "supervisor")
_MINUTE = 60


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The call in an agent's hands: who calls, how often before today, how many marks of malice count; ``place`` as in
    ``acd.control``. ``speak_at``: when to speak to a citizen who waits for an answer (IVR-21); ``silent_since``: IVR-22."""

    node: str
    call_id: str
    state: str
    caller: str
    since: dt.datetime | None
    earlier_today: int
    malicious: int
    place: str
    colleague: str
    slot: str
    result: str
    emergency: str
    speak_at: dt.datetime | None
    silent_since: dt.datetime | None


class CallBack(msgspec.Struct, frozen=True):
    """The entry of the call-back list that an agent has taken."""

    entry_id: uuid.UUID
    number: str
    queue: str
    waiting_since: dt.datetime
    state: str
    tries: int


class DeskFeed:
    """``await run()`` for ever; ``document`` is what is known, by section and agent. ``watchers``: connections served from it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.document = Document()
        self._wake, self._published = asyncio.Event(), asyncio.Event()
        self.pops = Pops(parts, _QUERIES["opened"])
        self.watchers = 0
        self.is_closing = False
        self._said = self.document.seq
        self._noted: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Ends only by cancellation."""
        is_away = False
        while True:
            try:
                async with self._parts.pool.acquire() as connection:
                    await self._follow(connection)
            except database.TROUBLE as error:
                database.stop_if_cancelled()
                if not is_away:
                    _log.warning("desks keep what they show", error=str(error) or type(error).__name__)
                is_away = True
            await asyncio.sleep(_POLL_SECONDS)

    async def newer(self, than: int) -> None:
        """Wait until there is something newer."""
        while self.document.seq <= than and not self.is_closing:
            await self._published.wait()

    def close(self) -> None:
        """Nobody is to be served any more."""
        self.is_closing = True
        self._published.set()

    async def note(self, username: str, call: Call) -> None:
        """Somebody is shown a caller's number: a line in the audit log, once for each call (SEC-12)."""
        subject = f"call:{call.node}/{call.call_id}"
        if not call.caller or (username, subject) in self._noted:
            return
        await self._parts.pool.execute(_QUERIES["seen"], username, subject)
        if len(self._noted) > 100_000:
            self._noted.clear()
        self._noted.add((username, subject))

    async def _follow(self, connection: asyncpg.Connection) -> None:
        try:
            for channel in _CHANNELS:
                await connection.add_listener(channel, self._told)
            while True:
                self._wake.clear()
                await self._read(connection)
                await asyncio.sleep(_PACE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()
        finally:
            connection.terminate()  # the pool takes back no connection that listens

    def _told(self, connection: Any, process: int, channel: str, words: object) -> None:
        del connection, process, words
        if channel == _TICKETS:
            self.pops.renew()
            if self.pops.is_empty:
                return
        self._wake.set()

    async def _read(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(_QUERIES["entries"])
        names = CallBack.__struct_fields__
        agents = {one.agent: _steady(one) for one in await sessions.list_agents(self._parts, _READER)}
        calls = await self._calls(connection)
        found: dict[str, Mapping[str, object]] = {
            "agents": agents,
            "calls": calls,
            "pop": await self.pops.read(connection, calls, {agent: one.state for agent, one in agents.items()}),
            "threeways": await _threeways(connection),
            "callbacks": {row["agent"]: CallBack(**{name: row[name] for name in names}) for row in rows},
        }
        for section, values in found.items():  # at once: nobody is shown half of a change
            self._put(section, values)
        self.document.close()
        if self.document.seq != self._said:
            self._said = self.document.seq
            self._published.set()
            self._published = asyncio.Event()

    async def _calls(self, connection: asyncpg.Connection) -> dict[str, Call]:
        now, chosen = clock.shanghai_now(), self._parts.settings.control
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        found = {}
        for row in await connection.fetch(_QUERIES["calls"], day, now - dt.timedelta(days=chosen.malicious_days)):
            values = dict(row)
            agent, since = values.pop("agent"), values.pop("searching_since")
            stand = control.Stand(node="", citizen="", call_id="", searching_since=since)
            found[agent] = Call(**values, speak_at=control.reminder(stand, chosen.search_seconds))
        return found

    def _put(self, section: str, values: Mapping[str, object]) -> None:
        for gone in set(self.document.keys(section)) - values.keys():
            self.document.drop(section, gone)
        for key, value in values.items():
            self.document.put(section, key, value)


async def _threeways(connection: asyncpg.Connection) -> dict[str, threeway_store.Threeway]:
    found = {}
    for row in await connection.fetch(_QUERIES["threeways"]):
        state, words = await threeway_store.load(connection, row["threeway_id"])
        found[state.agent] = threeway_store.shown(state, words)
    return found


def _steady(agent: sessions.AgentNow) -> sessions.AgentNow:
    """Whole minutes: nobody is told every second how late somebody is."""
    late, over = agent.late_seconds // _MINUTE * _MINUTE, agent.over_seconds // _MINUTE * _MINUTE
    return msgspec.structs.replace(agent, late_seconds=late, over_seconds=over)

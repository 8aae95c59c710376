"""Keeps the live figures fed: what each bridge commits is read a moment later (``LISTEN figures``), and looked for every second.

While PostgreSQL is away the last figures stay and grow old, which is said; when it is back, only what is missing is read. A node
whose version went backwards is a database that was restored: everything is read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from ami_bridge.figures.alarm_rules import Node, Readings
from ami_bridge.figures.live import Live, Rules
from ami_bridge.figures.live_document import Message
from ami_bridge.figures.live_rows import AgentRow, BridgeRow, CallRow, GapRow, RequestRow, Row, TurnRow
from ami_bridge.figures.metrics import Figure
from ami_bridge.figures.windows import DAY, moment
from hotline import clock, database, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "feed.sql")
_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 0.01
"""Between two looks, so that a storm of commits is read in bunches."""
_AWAY_SECONDS = 1.0
_AT_ONCE = 1000
_KEPT = dt.timedelta(hours=25)
_VERSIONED: Sequence[tuple[str, type]] = (("requests", RequestRow), ("turns", TurnRow), ("calls", CallRow), ("agents", AgentRow))
_ALL: Sequence[tuple[str, type]] = (("bridges", BridgeRow), ("gaps", GapRow))


class Feed:
    """``await run()`` for ever; ``live`` is what is known. ``watchers``: how many connections are served from it."""

    def __init__(self, pool: asyncpg.Pool, rules: Rules) -> None:
        self._pool, self._rules = pool, rules
        self.live = Live(rules, clock.now())
        self._versions: dict[str, int] = {}
        self._wake, self._published = asyncio.Event(), asyncio.Event()
        self._said: dict[int, bytes] = {}
        self._said_seq = -1
        self.watchers = 0
        self.is_away = self.is_closing = False
        self._say("loading")

    async def run(self) -> None:
        """Ends only by cancellation."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._follow(connection)
            except database.AWAY as error:
                if not database.is_away(error):
                    raise
                if not self.is_away:
                    _log.warning("PostgreSQL is away; the last figures stay", error=str(error) or type(error).__name__)
                self.is_away = True
                self._say("away")
            await asyncio.sleep(_AWAY_SECONDS)

    def message(self, since: int | None) -> tuple[bytes, int]:
        """A snapshot (None), or what changed since; and its number. Those who are equally far share the bytes."""
        seq = self.live.document.seq
        if seq != self._said_seq:
            self._said, self._said_seq = {}, seq
        key = -1 if since is None else since
        if key not in self._said:
            self._said[key] = msgspec.json.encode(self.message_now(since))
        return self._said[key], seq

    def message_now(self, since: int | None) -> Message:
        """The same, not yet in bytes."""
        document, at = self.live.document, self.live.state.at
        return document.snapshot(at) if since is None else document.delta(since, at)

    async def newer(self, than: int) -> None:
        """Wait until there is something newer."""
        while self.live.document.seq <= than and not self.is_closing:
            await self._published.wait()

    def close(self) -> None:
        """Nobody is to be served any more."""
        self.is_closing = True
        self._published.set()

    def readings(self) -> Readings | None:
        """What alarms look at: today's figures, net of exclusions (KPI-40, KPI-43); None while nothing is known or it is old."""
        document = self.live.document
        counts = document.get("requests", "today/whole")
        if counts is None or self.is_away or not self._versions:
            return None
        found = {key[len("today/whole/") :]: document.get("figures", key) for key in document.keys("figures", "today/whole/")}
        figures = {name: pair.net for name, pair in found.items() if isinstance(pair.net, Figure)}  # type: ignore[attr-defined]
        nodes = tuple(self._node(row) for row in self.live.state.bridges.values())
        return Readings(figures, counts.net["total"], nodes)  # type: ignore[attr-defined]

    def age_seconds(self, node: str) -> float | None:
        """How old a node's figures are."""
        known = self.live.document.get("nodes", node)
        as_of: dt.datetime | None = getattr(known, "as_of", None)
        return (clock.now() - as_of).total_seconds() if as_of else None

    def _node(self, row: BridgeRow) -> Node:
        """What the bridge says of itself; and what its rows say against it."""
        counts = self.live.document.get("requests", f"{DAY}/node:{row.node}")
        return Node(
            node=row.node,
            lag_seconds=max(self.age_seconds(row.node) or 0.0, (row.event_lag_ms or 0) / 1000),
            gaps_open=row.gaps_open,
            violations=row.conservation_violations + (not getattr(counts, "conserved", True)),
            journal_failing=row.journal_failing_since is not None,
            backlog=row.backlog,
            refused=row.refused,
        )

    async def _follow(self, connection: asyncpg.Connection) -> None:
        """As long as the connection lasts."""
        await connection.add_listener("figures", self._told)
        try:
            while True:
                self._wake.clear()
                await self._catch_up(connection)
                self.is_away = False
                self._say("live")
                await asyncio.sleep(_PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()
        finally:
            with contextlib.suppress(*database.AWAY):
                await connection.remove_listener("figures", self._told)

    async def _catch_up(self, connection: asyncpg.Connection) -> None:
        """Read what is newer than what is known; a row that is committed meanwhile is read again the next time, without harm."""
        versions = {row["node"]: row["version"] for row in await connection.fetch(_QUERIES["versions"])}
        if any(versions.get(node, -1) < version for node, version in self._versions.items()):
            _log.warning("the database is older than the figures: everything is read again")
            self._versions = {}
        if not self._versions and versions:
            await self._load(connection)
        for node, version in versions.items():
            known = self._versions.get(node, -1)
            if version > known:
                since = self._since()
                for name, kind in _VERSIONED:
                    await self._take(kind, await connection.fetch(_QUERIES[f"newer_{name}"], node, known, since))
        for name, kind in _ALL:
            await self._take(kind, await connection.fetch(_QUERIES[name], clock.now() - _KEPT))
        self._versions = versions

    def _since(self) -> dt.datetime:
        """What began earlier counts in no window, and nobody waits since then."""
        waiting = (moment(line.start_us) for line in self.live.state.waiting.values())
        return min([clock.now() - _KEPT, *waiting])

    async def _load(self, connection: asyncpg.Connection) -> None:
        """Everything of the last day, in bunches: others are served meanwhile."""
        began, since = clock.monotonic(), clock.now() - _KEPT
        fresh = Live(self._rules, clock.now(), after=self.live.document.seq)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            versions = {row["node"]: row["version"] for row in await connection.fetch(_QUERIES["versions"])}
            for name, kind in _VERSIONED:
                rows = []
                async for row in connection.cursor(_QUERIES[f"all_{name}"], since, prefetch=_AT_ONCE):
                    rows.append(_row(kind, row))
                    if len(rows) >= _AT_ONCE:
                        fresh.apply(rows)
                        rows.clear()
                        await asyncio.sleep(0)
                fresh.apply(rows)
        self.live, self._versions = fresh, versions
        _log.info("figures loaded", requests=len(fresh.state.requests), seconds=round(clock.monotonic() - began, 2))

    async def _take(self, kind: type, rows: list[asyncpg.Record]) -> None:
        """In bunches: an exclusion may change many at once."""
        for first in range(0, len(rows), _AT_ONCE):
            self.live.apply([_row(kind, row) for row in rows[first : first + _AT_ONCE]])
            await asyncio.sleep(0)

    def _told(self, *_: Any) -> None:
        self._wake.set()

    def _say(self, state: str) -> None:
        """Publish; how the figures are fed is a part of them."""
        self.live.tick(clock.now())
        before = self.live.document.seq
        if getattr(self.live.document.get("source", "database"), "state", "") != state:
            self.live.document.put("source", "database", Source(state, clock.now()))
        if self.live.publish() != before:
            self._published.set()
            self._published = asyncio.Event()


class Source(msgspec.Struct, frozen=True):
    """``loading``, ``live``, or ``away``: the database does not answer, since when."""

    state: str
    since: dt.datetime


def _row(kind: type, row: asyncpg.Record) -> Row:
    made: Row = kind(*row.values())
    return made

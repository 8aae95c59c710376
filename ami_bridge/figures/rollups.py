"""Facts to roll-ups: the tallies of every quarter-hour, day, month and year of Shanghai, per node, queue, skill, kind, exclusion.

Theory of operation. Whoever changes a fact marks its quarter-hour in the same transaction, with a version that grows. ``fold``
recounts marked quarter-hours that are over, and the spans that hold them, from one snapshot, and in a second transaction writes
the cells and removes the marks whose version is still the one of the snapshot. A fact that changes in between leaves its mark;
the cells of a marked quarter-hour, and of spans that hold one, are never read (``history.py``), so they may be old.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import asyncpg
import msgspec
import structlog

from ami_bridge.figures import spans, tally
from ami_bridge.figures.metrics import Calls
from ami_bridge.figures.tally import Tally
from hotline import clock, database, sql

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "rollups.sql")
_EVERY_SECONDS = 10.0
_FIRST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
LONGEST_CALL = dt.timedelta(days=2)
_CELLS = ("level", "start", "node", "queue", "skill", "kind", "excluded", "tally")
_CALL_CELLS = ("level", "start", "node", "calls", "answered", "ivr_hangups")

Place = tuple[dt.datetime, str]
"""When a span begins, and a node."""
Cell = tuple[dt.datetime, str, str, str, str, str]
"""The columns of a roll-up's key after the level: start, node, queue, skill, kind, excluded."""


class _Level(msgspec.Struct):
    """What was recounted of one level: at ``places``, there is this and nothing else."""

    level: int
    places: set[Place]
    cells: dict[Cell, Tally] = msgspec.field(default_factory=dict)
    calls: dict[Place, Calls] = msgspec.field(default_factory=dict)


async def run(dsn: str) -> None:
    """Fold for ever, every ten seconds; the database may come and go."""
    pool = await database.pool(dsn, name="rollups", largest=1)
    failing = False
    try:
        while True:
            try:
                await fold(pool, clock.now())
                failing = False
            except database.TROUBLE as error:
                database.stop_if_cancelled()
                if not failing:
                    _log.warning("roll-ups wait for PostgreSQL", error=str(error) or type(error).__name__)
                failing = True
            await asyncio.sleep(_EVERY_SECONDS)
    finally:
        pool.terminate()


async def fold(pool: asyncpg.Pool, now: dt.datetime) -> int:
    """Roll up every marked quarter-hour that is over, month by month; returns how many marks went. One process at a time."""
    cleared, since = 0, _FIRST
    before = spans.begin(spans.QUARTER, now)
    async with pool.acquire() as connection:
        if not await connection.fetchval(_QUERIES["one_at_a_time"]):
            return 0
        try:
            while (first := await connection.fetchval(_QUERIES["first_mark"], since, before)) is not None:
                since = min(spans.end(spans.MONTH, first), before)
                cleared += await _fold(connection, first, since)
        finally:
            await connection.execute(_QUERIES["next_may"])
    return cleared


async def _fold(connection: asyncpg.Connection, begin: dt.datetime, end: dt.datetime) -> int:
    """The marked quarter-hours of one interval."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_QUERIES["plan"])
        marks = [tuple(row) for row in await connection.fetch(_QUERIES["marks"], begin, end)]
        levels = [await _quarters(connection, {(quarter, node) for quarter, node, _ in marks})]
        for _ in spans.LEVELS[1:]:
            levels.append(await _above(connection, levels[-1]))
    async with connection.transaction():
        await connection.execute(_QUERIES["plan_to_write"])
        for level in levels:
            await _write(connection, level)
        cleared: int = await connection.fetchval(
            _QUERIES["clear"], begin, end, *(list(column) for column in zip(*marks, strict=True))
        )
    return cleared


async def _quarters(connection: asyncpg.Connection, places: set[Place]) -> _Level:
    """Quarter-hours from the facts."""
    found = _Level(spans.QUARTER, places)
    for begin, end in _runs(sorted({start for start, _ in places})):
        for row in await connection.fetch(_QUERIES["facts"], begin, end):
            if (row["start"], row["node"]) in places:
                found.cells[row[:6]] = tally.of(zip(*row[6:], strict=True))
        around = (begin - LONGEST_CALL, end + LONGEST_CALL)
        for row in await connection.fetch(_QUERIES["calls"], begin, end, *around):
            if (row["start"], row["node"]) in places:
                found.calls[row[:2]] = Calls(*row[2:])
    return found


async def _above(connection: asyncpg.Connection, below: _Level) -> _Level:
    """The spans that hold those below, from everything that they hold."""
    level = below.level + 1
    found = _Level(level, {(spans.begin(level, start), node) for start, node in below.places})
    cells = dict(below.cells)
    calls = dict(below.calls)
    for begin in {start for start, _ in found.places}:
        interval = (begin, spans.end(level, begin), below.level)
        for row in await connection.fetch(_QUERIES["cells"], *interval):
            if (row["start"], row["node"]) not in below.places:
                cells[row[:6]] = tally.unpack(row["tally"])
        for row in await connection.fetch(_QUERIES["call_cells"], *interval):
            if (row["start"], row["node"]) not in below.places:
                calls[row[:2]] = Calls(*row[2:])
    _sum(found, cells, calls)
    return found


def _sum(found: _Level, cells: dict[Cell, Tally], calls: dict[Place, Calls]) -> None:
    """Add up what belongs to the places of ``found``."""
    parts: dict[Cell, list[Tally]] = {}
    for (start, node, *rest), counted in cells.items():
        above = spans.begin(found.level, start)
        if (above, node) in found.places:
            parts.setdefault((above, node, *rest), []).append(counted)  # type: ignore[arg-type]
    found.cells = {cell: tally.total(tallies) for cell, tallies in parts.items()}
    for (start, node), counted_calls in calls.items():
        place = (spans.begin(found.level, start), node)
        if place in found.places:
            found.calls[place] = found.calls.get(place, Calls()) + counted_calls


async def _write(connection: asyncpg.Connection, found: _Level) -> None:
    """Instead of what was at these places."""
    starts = [start for start, _ in found.places]
    which = (min(starts), spans.end(found.level, max(starts)), found.level, starts, [node for _, node in found.places])
    await connection.execute(_QUERIES["forget_cells"], *which)
    await connection.execute(_QUERIES["forget_call_cells"], *which)
    cells = ((found.level, *cell, tally.pack(counted)) for cell, counted in found.cells.items())
    await connection.copy_records_to_table("rollups", records=cells, columns=_CELLS)
    calls = ((found.level, *place, *msgspec.structs.astuple(counted)) for place, counted in found.calls.items())
    await connection.copy_records_to_table("call_rollups", records=calls, columns=_CALL_CELLS)


def _runs(quarters: Sequence[dt.datetime]) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Neighbouring quarter-hours of a day as intervals."""
    for day in _days(quarters):
        for span in spans.cover(day[0], spans.end(spans.QUARTER, day[-1]), day):
            if span.level == 0:
                yield span.begin, span.end


def _days(quarters: Iterable[dt.datetime]) -> Iterator[list[dt.datetime]]:
    found: dict[dt.datetime, list[dt.datetime]] = {}
    for quarter in quarters:
        found.setdefault(spans.begin(spans.DAY, quarter), []).append(quarter)
    yield from found.values()

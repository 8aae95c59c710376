"""Figures of any interval, from roll-ups and facts in one snapshot, and the requests behind each of them (metrics 4, 5; KPI-45).

Theory of operation. The interval is cut into the largest whole spans that hold no quarter-hour whose facts have changed since it
was rolled up; what is left over is counted from the facts. So an answer is exact whatever state the roll-ups are in, and equals
``from_facts`` bit for bit (metrics, section 7.1), because both add up tallies of the same requests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec

from ami_bridge.figures import spans, tally
from ami_bridge.figures.metrics import Calls
from ami_bridge.figures.rollups import LONGEST_CALL
from ami_bridge.figures.spans import Span
from ami_bridge.figures.tally import Tally
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "history.sql")


class Part(msgspec.Struct, frozen=True):
    """Callers' requests, all of them (``raw``) and without the excluded ones (``net``); ``transfers`` are in no rate."""

    raw: Tally = tally.EMPTY
    net: Tally = tally.EMPTY
    transfers: Tally = tally.EMPTY


class History(msgspec.Struct, frozen=True):
    """The whole of an interval, and its queues. ``calls`` counts nothing where one queue or skill was asked for."""

    whole: Part
    calls: Calls
    queues: Mapping[str, Part]


class Only(msgspec.Struct, frozen=True):
    """What to count; None: all of them."""

    queue: str | None = None
    skill: str | None = None
    node: str | None = None

    @property
    def has_calls(self) -> bool:
        """Whether calls can be counted: one that asked for nobody belongs to no queue."""
        return self.queue is None and self.skill is None


EVERYTHING = Only()
_Group = tuple[str, str, str]
"""Queue, kind and exclusion."""
_Tallies = dict[_Group, list[Tally]]


async def figures(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime, only: Only = EVERYTHING) -> History:
    """What is counted of requests and calls that started at ``since`` or later, before ``until``."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_QUERIES["plan"])
        first = spans.begin(spans.QUARTER, since)
        dirty = [row["quarter"] for row in await connection.fetch(_QUERIES["dirty"], first, until, only.node)]
        return await _history(connection, spans.cover(since, until, dirty), only)


async def from_facts(pool: asyncpg.Pool, since: dt.datetime, until: dt.datetime, only: Only = EVERYTHING) -> History:
    """The same without roll-ups, a day at a time: slow."""
    cut: list[Span] = []
    at = since
    while at < until:
        following = min(spans.end(spans.DAY, at), until)
        cut.append(Span(0, at, following))
        at = following
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_QUERIES["plan"])
        return await _history(connection, cut, only)


async def _history(connection: asyncpg.Connection, cut: Sequence[Span], only: Only) -> History:
    """Add up the spans."""
    whole = [span for span in cut if span.level]
    found: _Tallies = {}
    calls = Calls()
    columns = [[span.level for span in whole], [span.begin for span in whole], [span.end for span in whole]]
    for *group, packed in await connection.fetch(_QUERIES["cells"], *columns, only.queue, only.skill, only.node):
        _keep(found, group, map(tally.unpack, packed))
    if only.has_calls:
        calls += Calls(*await connection.fetchrow(_QUERIES["call_cells"], *columns, only.node))
    for span in cut:
        if span.level == 0:
            interval = (span.begin, span.end)
            for *group, outcomes, waits, repaired in await connection.fetch(
                _QUERIES["facts"], *interval, only.queue, only.skill, only.node
            ):
                _keep(found, group, [tally.of(zip(outcomes, waits, repaired, strict=True))])
            if only.has_calls:
                around = (span.begin - LONGEST_CALL, span.end + LONGEST_CALL)
                calls += Calls(*await connection.fetchrow(_QUERIES["calls"], *interval, only.node, *around))
    summed = {group: tally.total(tallies) for group, tallies in found.items()}
    queues = sorted({queue for queue, _, _ in summed})
    return History(_part(summed), calls, {queue: _part(summed, queue) for queue in queues})


def _keep(found: _Tallies, group: Iterable[str], counted: Iterable[Tally]) -> None:
    queue, kind, excluded = group
    found.setdefault((queue, kind, excluded), []).extend(counted)


def _part(summed: Mapping[_Group, Tally], only: str | None = None) -> Part:
    """Of one queue, or of all."""
    of_callers, transfers = (
        {group: counted for group, counted in summed.items() if group[1] == kind and only in (None, group[0])}
        for kind in ("caller", "transfer")
    )
    net = [counted for (_, _, excluded), counted in of_callers.items() if not excluded]
    return Part(tally.total(of_callers.values()), tally.total(net), tally.total(transfers.values()))

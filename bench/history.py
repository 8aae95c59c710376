"""Figures of any period of a hotline's life, 48 million calls (KPI-45): roll-ups against a plain GROUP BY over the same facts.

By default a tenth is loaded (``BENCH_HISTORY_CALLS``: any number), all of it with ``BENCH_ALL=1`` (40 GB of a temporary folder).
The cluster is one of its own with the options that we ship. Periods are as likely hours as years, to the microsecond; most ask
for one queue, skill or node, too. The roll-ups are not finished: the last hour and some late facts are still to be rolled up.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ami_bridge.figures import history, rollups, spans, tally
from ami_bridge.figures.history import History, Only, Part
from bench import life
from bench.figure import Figure, say
from bench.load import percentile
from hotline import clock, database
from tests.conftest import Postgres

ALL = 48_000_000
CALLS = ALL if os.environ.get("BENCH_ALL") == "1" else int(os.environ.get("BENCH_HISTORY_CALLS", str(ALL // 10)))
LIMIT_MS = 200.0
QUERIES, COMPARED, WARM = 300, 24, 20
_BYTES_A_CALL = 900
_LATE = 4
_GROUP_BY = """
SELECT queue, kind, coalesce(excluded::text, '') AS excluded, outcome, count(*) AS n, sum(wait_us)::bigint AS sum_us,
       max(wait_us) AS max_us, count(*) FILTER (WHERE wait_us <= 15000000) AS within, count(*) FILTER (WHERE repaired) AS repaired
FROM requests
WHERE requested_at >= $1 AND requested_at < $2 AND NOT void
  AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR skill = $4) AND ($5::text IS NULL OR node = $5)
GROUP BY 1, 2, 3, 4
"""
_CALLS = """
SELECT count(*) AS calls, count(connected_at) AS answered FROM calls
WHERE direction = 'inbound' AND started_at >= $1 AND started_at < $2 AND ($3::text IS NULL OR node = $3)
"""
_MARK = """
INSERT INTO dirty_quarters
SELECT quarter, node, 1 FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', '15 minutes') AS quarter,
                             unnest($3::text[]) AS node
ON CONFLICT DO NOTHING
"""
_SIZES = """
SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('requests'))::bigint
           + pg_total_relation_size('calls') AS facts,
       pg_total_relation_size('rollups') + pg_total_relation_size('call_rollups') AS rollups
"""


class Query(msgspec.Struct, frozen=True):
    """A period, and what of it."""

    since: dt.datetime
    until: dt.datetime
    only: Only


def measure() -> list[Figure]:
    """Load, roll up, ask; an answer that is not that of the facts is an error."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    try:
        free = shutil.disk_usage(folder).free
        if free < CALLS * _BYTES_A_CALL:
            raise RuntimeError(f"{folder}: {free >> 30} GiB free, {CALLS * _BYTES_A_CALL >> 30} GiB needed for {CALLS} calls")
        server = Postgres(folder / "postgres")
        server.start()
        try:
            return asyncio.run(_measure(server))
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(server: Postgres) -> list[Figure]:
    owner = await asyncpg.connect(server.owner)
    pool = await database.pool(server.dsn, name="bench")
    try:
        await database.migrate(owner)
        loaded, load_seconds, fold_seconds = await _load(owner, server, pool)
        sizes = await owner.fetchrow(_SIZES)
        say(f"history: facts {sizes['facts'] >> 20} MiB, roll-ups {sizes['rollups'] >> 20} MiB")
        figures = await _ask(pool, owner, f"{CALLS} calls asked for, {loaded} requests")
    finally:
        await pool.close()
        await owner.close()
    return [
        *figures,
        Figure(name="history_load", ours=loaded / load_seconds, unit="requests/s", note=f"{load_seconds:.0f} s, calls included"),
        Figure(
            name="history_roll_up", ours=loaded / fold_seconds, unit="requests/s", note=f"{fold_seconds:.0f} s, calls included"
        ),
        Figure(
            name="history_roll_up_size",
            ours=sizes["rollups"] / 2**20,
            peer=sizes["facts"] / 2**20,
            unit="MiB",
            note="peer: the facts",
        ),
    ]


async def _load(owner: asyncpg.Connection, server: Postgres, pool: asyncpg.Pool) -> tuple[int, float, float]:
    """Month by month: COPY, then the roll-ups; the next month is made meanwhile by another process."""
    requests, load_seconds, fold_seconds = 0, 0.0, 0.0
    other = await asyncpg.connect(server.owner)
    loop = asyncio.get_running_loop()
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor(1) as maker, Progress(*shown, console=Console(stderr=True)) as progress:
        task = progress.add_task("months loaded and rolled up", total=len(life.months()))
        made = [loop.run_in_executor(maker, life.make, *month, CALLS) for month in life.months()[:2]]
        for place, (year, month) in enumerate(life.months()):
            rows = await made.pop(0)
            if place + 2 < len(life.months()):
                made.append(loop.run_in_executor(maker, life.make, *life.months()[place + 2], CALLS))
            began = clock.monotonic()
            await owner.execute("SELECT ensure_months($1, $1)", life.begin(year, month))
            await asyncio.gather(
                _copy(owner, "requests", life.REQUEST_COLUMNS, rows.requests),
                _copy(other, "calls", life.CALL_COLUMNS, rows.calls),
            )
            load_seconds += clock.monotonic() - began
            requests += rows.requests_made
            fold_seconds += await _roll_up(owner, pool, life.begin(year, month), life.begin(year, month + 1))
            progress.advance(task)
            if month == 12:
                say(f"history: {year} loaded: {requests} requests; COPY {load_seconds:.0f} s, roll-ups {fold_seconds:.0f} s")
    await owner.execute("ANALYZE")
    await other.close()
    return requests, load_seconds, fold_seconds


async def _copy(connection: asyncpg.Connection, table: str, columns: Sequence[str], days: list[bytes]) -> None:
    async def chunks() -> Any:
        for day in days:
            yield day

    await connection.copy_to_table(table, source=chunks(), columns=list(columns), format="text", timeout=600)


async def _roll_up(owner: asyncpg.Connection, pool: asyncpg.Pool, begin: dt.datetime, end: dt.datetime) -> float:
    """The month's quarter-hours, but for the last hour of all; returns the seconds."""
    began = clock.monotonic()
    await owner.execute(_MARK, begin, end, list(life.NODES))
    is_last = end == life.begin(*life.months()[-1][:1], 13)
    await rollups.fold(pool, end - dt.timedelta(hours=1) if is_last else end)
    return clock.monotonic() - began


def queries(count: int, dice: random.Random) -> list[Query]:
    """Periods from five minutes to the whole life, each length as likely as its double."""
    first, last = life.begin(*life.months()[0]), life.begin(life.YEARS[-1], 13)
    whole = (last - first).total_seconds()
    found = []
    for _ in range(count):
        length = 300 * (whole / 300) ** dice.random()
        since = first + dt.timedelta(seconds=dice.random() * (whole - length))
        some = [dice.choice((None, None, *names)) for names in (life.QUEUES, life.SKILLS, life.NODES)]
        found.append(Query(since, since + dt.timedelta(seconds=length), Only(*some)))
    return found


async def _ask(pool: asyncpg.Pool, owner: asyncpg.Connection, note: str) -> list[Figure]:
    """Our answers, then those of GROUP BY to some of the same questions."""
    dice = random.Random(20100101)
    asked = queries(QUERIES, dice)
    for late in queries(_LATE, dice):
        quarter = spans.begin(spans.QUARTER, late.since)
        await owner.execute(_MARK, quarter, quarter + dt.timedelta(minutes=15), ["node1"])
    for query in asked[:WARM]:
        await _figures(pool, query)
    times: list[float] = []
    answers: list[History] = []
    for query in asked:
        seconds, answer = await _timed(lambda query=query: _figures(pool, query))  # type: ignore[misc]
        times.append(seconds * 1000)
        answers.append(answer)
    say(f"history: {len(times)} questions, p50 {percentile(times, 0.5):.1f} ms, longest {max(times):.1f} ms")
    ours = theirs = 0.0
    compared = sorted(range(QUERIES), key=lambda place: asked[place].until - asked[place].since)[:: QUERIES // COMPARED]
    for place in compared:
        query = asked[place]
        seconds, (rows, calls) = await _timed(lambda query=query: _group_by(owner, query))  # type: ignore[misc]
        _check(answers[place], rows, calls, query)
        if query.until - query.since < dt.timedelta(days=40) and answers[place] != await history.from_facts(
            pool, query.since, query.until, query.only
        ):
            raise RuntimeError(f"{query}: not what the facts say")
        ours, theirs = ours + times[place], theirs + seconds * 1000
        say(f"history: {query.until - query.since!s:>27}: {times[place]:6.1f} ms, GROUP BY {seconds * 1000:9.1f} ms, equal")
    return [
        Figure(
            name="history_question_p95",
            ours=percentile(times, 0.95),
            unit="ms",
            limit=LIMIT_MS,
            note=f"{QUERIES} questions; {note}",
        ),
        Figure(name="history_question_p50", ours=percentile(times, 0.5), unit="ms"),
        Figure(
            name="history_against_group_by",
            ours=ours / len(compared),
            peer=theirs / len(compared),
            unit="ms",
            note=f"mean of {len(compared)} of the same questions, shortest to longest period; answers equal",
        ),
    ]


async def _figures(pool: asyncpg.Pool, query: Query) -> History:
    return await history.figures(pool, query.since, query.until, query.only)


async def _group_by(owner: asyncpg.Connection, query: Query) -> tuple[list[asyncpg.Record], asyncpg.Record | None]:
    """What anybody would write: requests grouped, and calls counted where they can be."""
    rows = await owner.fetch(_GROUP_BY, query.since, query.until, *msgspec.structs.astuple(query.only))
    counted = query.only.has_calls
    return rows, await owner.fetchrow(_CALLS, query.since, query.until, query.only.node) if counted else None


async def _timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    began = clock.monotonic()
    found = await work()
    return clock.monotonic() - began, found


def _check(found: History, rows: Sequence[asyncpg.Record], calls: asyncpg.Record | None, query: Query) -> None:
    """Raise ``RuntimeError`` unless what GROUP BY counted is what we counted."""
    parts: dict[str, Callable[[asyncpg.Record], bool]] = {
        "raw": lambda row: row["kind"] == "caller",
        "net": lambda row: row["kind"] == "caller" and not row["excluded"],
        "transfers": lambda row: row["kind"] == "transfer",
    }
    for name, belongs in parts.items():
        for queue in (None, *life.QUEUES):
            of_queue = [row for row in rows if belongs(row) and queue in (None, row["queue"])]
            part = found.whole if queue is None else found.queues.get(queue, Part())
            counted: tally.Tally = getattr(part, name)
            if _told(counted) != _grouped(of_queue):
                raise RuntimeError(f"{query}, {name} of {queue or 'all queues'}: {_told(counted)} is not {_grouped(of_queue)}")
    if (found.calls.calls, found.calls.answered) != (tuple(calls) if calls else (0, 0)):
        raise RuntimeError(f"{query}: {found.calls} is not {calls}")


def _told(counted: tally.Tally) -> tuple[int, dict[str, tuple[int, int, int, int]]]:
    return counted.repaired, {
        outcome: (waits.n, waits.sum_us, waits.max_us, waits.within(15)) for outcome, waits in counted.outcomes.items()
    }


def _grouped(rows: Sequence[asyncpg.Record]) -> tuple[int, dict[str, tuple[int, int, int, int]]]:
    found: dict[str, tuple[int, int, int, int]] = {}
    for row in rows:
        n, sum_us, max_us, within = found.get(row["outcome"], (0, 0, 0, 0))
        found[row["outcome"]] = (n + row["n"], sum_us + row["sum_us"], max(max_us, row["max_us"]), within + row["within"])
    return sum(row["repaired"] for row in rows), found

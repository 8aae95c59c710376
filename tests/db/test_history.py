"""Figures of any interval equal those of the facts, bit for bit, whatever the roll-ups hold (metrics 5, 7.1; KPI-40, KPI-45)."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ami_bridge.figures import drill_down, exclusions, history, metrics, rollups, spans, tally
from ami_bridge.figures.drill_down import Wanted
from ami_bridge.figures.exclusions import Scope
from ami_bridge.figures.history import Only
from ami_bridge.figures.metrics import Calls, Rules
from ami_bridge.lines import OUTCOMES, Request
from ami_bridge.rows import CallFacts
from tests.stored_calls import MINUTE, SECOND, Kept, call, opened, request

if TYPE_CHECKING:
    from tests.conftest import Postgres

US = dt.timedelta(microseconds=1)
MIDNIGHT = dt.datetime(2025, 12, 31, 16, 0, tzinfo=dt.UTC)
"""The year 2026 begins in Shanghai."""
QUARTER = 15 * MINUTE
NODES, QUEUES = ("n", "m"), ("hotline", "english")


def near(spread: dt.timedelta) -> st.SearchStrategy[dt.datetime]:
    """Times around the year's beginning: on the edge of a quarter-hour, a microsecond beside it, or anywhere."""
    edges = st.tuples(st.integers(-spread // QUARTER, spread // QUARTER), st.sampled_from([-1, 0, 1]))
    anywhere = st.integers(-spread // US, spread // US)
    return edges.map(lambda edge: MIDNIGHT + edge[0] * QUARTER + edge[1] * US) | anywhere.map(lambda us: MIDNIGHT + us * US)


AT = near(dt.timedelta(hours=2)) | near(dt.timedelta(days=12))
WAITS = st.integers(0, 30_000_000) | st.sampled_from([0, 14_999_999, 15_000_000, 15_000_001, 5_000_000, 7_300_000_000])


@st.composite
def calls_of(draw: st.DrawFn) -> tuple[str, CallFacts]:
    """A node and what it says of a call, of few, so that later ones correct earlier ones."""
    node, call_id, started_at = draw(st.sampled_from(NODES)), draw(st.sampled_from("abcdef")), draw(AT)
    requests: list[Request] = []
    at = started_at
    for number in range(1, draw(st.integers(0, 2)) + 1):
        outcome, wait_us = draw(st.sampled_from(OUTCOMES)), draw(WAITS)
        kind, is_repaired = draw(st.sampled_from(["caller", "caller", "transfer"])), draw(st.booleans())
        queue = draw(st.sampled_from(QUEUES))
        one = request(call_id, at, outcome, wait_us, number=number, kind=kind, repaired=is_repaired, queue=queue)
        requests.append(msgspec.structs.replace(one, node=node))
        at += wait_us * US
    return node, call(call_id, started_at, *requests, disposition="ivr_hangup")


SCOPES = st.tuples(AT, AT, st.none() | st.sampled_from(QUEUES), st.none() | st.sampled_from(NODES)).map(
    lambda drawn: Scope(min(drawn[:2]), max(drawn[:2]) + US, *drawn[2:])
)
ACTS = st.lists(
    st.tuples(st.just("put"), st.lists(calls_of(), min_size=1, max_size=5))
    | st.tuples(st.just("fold"), AT)
    | st.tuples(st.just("exclude"), SCOPES)
    | st.tuples(st.just("withdraw"), st.integers(0, 3)),
    min_size=2,
    max_size=7,
)
ASKED = st.lists(
    st.tuples(AT, AT, st.builds(Only, *(st.none() | st.sampled_from(some) for some in (QUEUES, QUEUES, NODES)))), min_size=3
)


def in_shanghai_skill(only: Only) -> Only:
    """The skill of a queue instead of the queue's name."""
    return msgspec.structs.replace(only, skill={"hotline": "mandarin", "english": "english", None: None}[only.skill])


async def emptied(kept: Kept) -> None:
    connection = await asyncpg.connect(kept.server.owner)
    await connection.execute(
        "TRUNCATE calls, requests, agent_turns, exclusions, rollups, call_rollups, dirty_quarters, bridge_positions"
    )
    await connection.close()


async def act(kept: Kept, name: str, what: object, made: list[uuid.UUID]) -> None:
    match name, what:
        case "put", list():
            for node, facts in what:
                await kept.put(facts, node=node)
        case "fold", dt.datetime():
            await rollups.fold(kept.pool, what)
        case "exclude", Scope():
            made.append(await exclusions.propose(kept.pool, what, "sudden_event", "leader"))
            await exclusions.confirm(kept.pool, made[-1], "office")
        case "withdraw", int() if what < len(made):
            await exclusions.withdraw(kept.pool, made.pop(what), "office")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, asked=ASKED)
def test_any_interval_equals_the_recomputation_from_the_facts(
    postgres_server: Postgres, folder: Path, acts: list[tuple[str, object]], asked: list[tuple[dt.datetime, dt.datetime, Only]]
) -> None:
    async def work() -> None:
        async with opened(postgres_server, folder) as kept:
            await emptied(kept)
            made: list[uuid.UUID] = []
            for name, what in acts:
                await act(kept, name, what, made)
                for one, other, some in asked:
                    since, until, only = min(one, other), max(one, other), in_shanghai_skill(some)
                    found = await history.figures(kept.pool, since, until, only)
                    assert found == await history.from_facts(kept.pool, since, until, only)

    asyncio.run(work())


def counted(stored: list[CallFacts], since: dt.datetime, until: dt.datetime) -> tally.Tally:
    return metrics.of_requests(one for facts in stored for one in facts.requests if since <= one.requested_at < until)


def test_what_is_counted_is_what_the_requests_say(empty_database: Postgres, tmp_path: Path) -> None:
    dice = random.Random(7)
    stored = []
    for number in range(300):
        at = MIDNIGHT + dice.randrange(-3 * 86_400, 3 * 86_400) * SECOND + dice.randrange(1_000_000) * US
        outcome, wait = dice.choice(OUTCOMES), dice.choice([15_000_000, 15_000_001, dice.randrange(90_000_000)])
        stored.append(call(f"c{number}", at, request(f"c{number}", at + SECOND, outcome, wait), disposition="answered"))
    menu = [call(f"m{number}", MIDNIGHT + number * MINUTE, disposition="ivr_hangup") for number in range(9)]

    async def work() -> None:
        async with opened(empty_database, tmp_path) as kept:
            await kept.put(*stored, *menu)
            await rollups.fold(kept.pool, MIDNIGHT + dt.timedelta(days=1))
            for since, until in [
                (MIDNIGHT - dt.timedelta(days=4), MIDNIGHT + dt.timedelta(days=4)),
                (MIDNIGHT - 7 * MINUTE, MIDNIGHT + 400 * MINUTE + US),
                (MIDNIGHT, MIDNIGHT + dt.timedelta(days=1)),
            ]:
                found = await history.figures(kept.pool, since, until)
                assert found.whole.raw == found.whole.net == found.queues["hotline"].raw == counted(stored, since, until)
                began = [facts for facts in stored + menu if since <= facts.record.started_at < until]
                answered = [facts for facts in began if facts.record.connected_at]
                hangups = [facts for facts in began if not facts.requests]
                assert found.calls == Calls(len(began), len(answered), len(hangups))

    asyncio.run(work())


class _OneSnapshot:
    """Gives out one connection that is inside a transaction: two questions about the same moment."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        """The connection."""
        yield self._connection


def test_at_every_moment_of_writing_and_rolling_up_the_figures_are_those_of_the_facts(
    empty_database: Postgres, tmp_path: Path
) -> None:
    dice = random.Random(11)

    async def write(kept: Kept, node: str) -> None:
        for _ in range(40):
            call_id, at = f"c{dice.randrange(30)}", MIDNIGHT + dice.randrange(-120, 120) * MINUTE
            outcome = dice.choice(OUTCOMES)
            await kept.put(call(call_id, at, request(call_id, at, outcome, dice.randrange(60_000_000))), node=node)

    async def fold(kept: Kept, writers: list[asyncio.Task[None]]) -> None:
        while not all(writer.done() for writer in writers):
            await rollups.fold(kept.pool, MIDNIGHT + dt.timedelta(days=1))

    async def exclude(kept: Kept) -> None:
        for minute in range(-100, 100, 40):
            scope = Scope(MIDNIGHT + minute * MINUTE, MIDNIGHT + (minute + 30) * MINUTE)
            made = await exclusions.propose(kept.pool, scope, "system_fault", "leader")
            await exclusions.confirm(kept.pool, made, "office")
            await exclusions.withdraw(kept.pool, made, "office")

    async def look(kept: Kept, writers: list[asyncio.Task[None]]) -> None:
        edges = (MIDNIGHT - dt.timedelta(days=1), MIDNIGHT + dt.timedelta(days=1))
        while not all(writer.done() for writer in writers):
            async with kept.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
                snapshot = _OneSnapshot(connection)
                assert await history.figures(snapshot, *edges) == await history.from_facts(snapshot, *edges)

    async def work() -> None:
        async with opened(empty_database, tmp_path) as kept, asyncio.TaskGroup() as tasks:
            writers = [tasks.create_task(write(kept, node)) for node in NODES]
            others = [
                tasks.create_task(fold(kept, writers)),
                tasks.create_task(look(kept, writers)),
                tasks.create_task(exclude(kept)),
            ]
            await asyncio.gather(*writers, *others)

    asyncio.run(work())


def many(count: int) -> list[CallFacts]:
    """Calls a minute apart, of every outcome, some with a second request and some sent on by an agent."""
    found = []
    for number in range(count):
        at, call_id = MIDNIGHT + number * MINUTE, f"c{number:04d}"
        first = request(call_id, at, OUTCOMES[number % len(OUTCOMES)], number * 500_000 % 40_000_000)
        more = [request(call_id, at + 50 * SECOND, "answered", 3, number=2)] if number % 3 == 0 else []
        sent = [request(call_id, at + 55 * SECOND, "answered", 3, number=3, kind="transfer")] if number % 7 == 0 else []
        found.append(call(call_id, at, first, *more, *sent))
    return found


@pytest.mark.parametrize("net", [False, True])
def test_the_sum_over_the_lines_is_each_rate_raw_and_net(empty_database: Postgres, tmp_path: Path, net: bool) -> None:
    edges = (MIDNIGHT, MIDNIGHT + dt.timedelta(days=1))

    async def pages(kept: Kept, wanted: Wanted) -> int:
        seen: set[tuple[dt.datetime, str, int]] = set()
        after = None
        while True:
            found, after = await drill_down.lines(kept.pool, *edges, wanted, after=after, limit=13)
            keys = [(line.request.requested_at, line.request.call_id, line.request.number) for line in found]
            assert keys == sorted(keys)
            assert not seen & set(keys)
            seen |= set(keys)
            if after is None:
                return len(seen)

    async def work() -> None:
        async with opened(empty_database, tmp_path) as kept:
            await kept.put(*many(60))
            made = await exclusions.propose(
                kept.pool, Scope(MIDNIGHT + 5 * MINUTE, MIDNIGHT + 20 * MINUTE), "sudden_event", "leader"
            )
            await exclusions.confirm(kept.pool, made, "office")
            whole = (await history.figures(kept.pool, *edges)).whole
            figures = metrics.figures(whole.net if net else whole.raw, Calls(), Rules())
            for name in metrics.RATES:
                numerator = await pages(kept, Wanted(rate=name, part="counted", net=net))
                rest = await pages(kept, Wanted(rate=name, part="counted_in_denominator", net=net))
                excluded = await pages(kept, Wanted(rate=name, part="excluded", net=net))
                assert (numerator, numerator + rest) == (figures[name].n, figures[name].d)
                assert numerator + rest + excluded == await pages(kept, Wanted())

    asyncio.run(work())


def test_a_line_says_why_and_of_which_call_it_is_the_first(empty_database: Postgres, tmp_path: Path) -> None:
    async def work() -> None:
        async with opened(empty_database, tmp_path) as kept:
            await kept.put(*many(1))
            (first, second, sent), after = await drill_down.lines(kept.pool, MIDNIGHT, MIDNIGHT + QUARTER, Wanted())
            assert after is None
            assert first.request == many(1)[0].requests[0]
            assert (first.why["answer_timely_connected"], first.why[metrics.LITERAL]) == ("counted", "counted")
            assert second.why[metrics.LITERAL] == "excluded: another request of the same call"
            assert set(sent.why.values()) == {"excluded: transfer"}
            only = await drill_down.lines(kept.pool, MIDNIGHT, MIDNIGHT + QUARTER, Wanted(), only=Only(queue="english"))
            assert only == ([], None)

    asyncio.run(work())


def test_an_answer_reads_no_facts_but_those_of_edges_and_changed_quarter_hours(empty_database: Postgres, tmp_path: Path) -> None:
    """Facts that the roll-ups do not know of, put in behind their back, are not seen: the roll-ups were asked."""

    async def work() -> None:
        async with opened(empty_database, tmp_path) as kept:
            await kept.put(*many(60))
            await rollups.fold(kept.pool, MIDNIGHT + dt.timedelta(days=1))
            before = await history.figures(kept.pool, MIDNIGHT, MIDNIGHT + dt.timedelta(hours=1))
            await kept.pool.execute("UPDATE requests SET outcome = 'system_fault', ended_at = requested_at")
            edge = MIDNIGHT + dt.timedelta(hours=1)
            assert await history.figures(kept.pool, MIDNIGHT, edge) == before
            assert (await history.figures(kept.pool, MIDNIGHT, edge - US)).whole.raw != before.whole.raw
            assert spans.cover(MIDNIGHT, edge, []) == [spans.Span(spans.QUARTER, MIDNIGHT, edge)]

    asyncio.run(work())

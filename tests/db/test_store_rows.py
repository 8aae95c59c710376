"""Requests, turns, gaps, agents, a bridge's status in PostgreSQL: versions, what is taken back, what wakes (metrics 1, 2, 6)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from ami_bridge.calls import CallRecord
from ami_bridge.lines import Gap, Request, Turn
from ami_bridge.members import AgentState
from ami_bridge.rows import CallFacts
from ami_bridge.store import Position, Status, Store
from hotline.settings import Settings
from tests.ami_peer import until

if TYPE_CHECKING:
    from tests.conftest import Postgres

START = dt.datetime(2026, 1, 2, 3, 14, 59, 678901, tzinfo=dt.UTC)
QUARTER = dt.timedelta(minutes=15)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


CALL = CallRecord(
    call_id="n-1.0",
    caller_number="13800138000",
    caller_name="",
    dialled="12345",
    started_at=START,
    answered_at=START,
    menu_path="main:1",
    queue="hotline",
    queued_at=at(1),
    agent=None,
    connected_at=None,
    ended_at=None,
    hangup_cause=None,
    hung_up_by=None,
    disposition=None,
    source="ami",
    repaired=False,
)
ENDED = msgspec.structs.replace(CALL, agent="1001", connected_at=at(9), ended_at=at(60), disposition="answered")
WAITS = Request(
    node="n",
    call_id="n-1.0",
    number=1,
    kind="caller",
    caller="13800138000",
    queue="hotline",
    first_queue="hotline",
    requested_at=at(1),
    ended_at=None,
    outcome="waiting",
)
ANSWERED = msgspec.structs.replace(WAITS, outcome="answered", ended_at=at(9), agent="1001")
TIMED_OUT = msgspec.structs.replace(WAITS, outcome="timed_out", ended_at=at(9))
OVERFLOWED = msgspec.structs.replace(WAITS, queue="english", hops=1)
SECOND = msgspec.structs.replace(WAITS, number=2, requested_at=at(30))
RINGS = Turn(node="n", call_id="n-1.0", number=1, agent="1001", queue="hotline", rang_at=at(5), result="ringing")
TALKED = msgspec.structs.replace(
    RINGS, result="answered", connected_at=at(9), ended_at=at(60), talk_us=51_000_000, ended_by="agent"
)
READY = AgentState(
    agent="1001", state="ready", since=START, paused=False, pause_reason="", call_id=None, queues=("english", "hotline"), at=START
)
STATUS = Status(
    at=START,
    connected=True,
    connected_since=START,
    event_lag_ms=3,
    journal_segment=1,
    journal_bytes=2,
    journal_failing_since=None,
    calls_open=4,
    events=5,
    unwanted=6,
    undecodable=0,
    oversized=0,
    conservation_violations=0,
    gaps_open=1,
    rss_bytes=7,
)


class Kept:
    """A store, and the database seen by somebody else."""

    def __init__(self, store: Store, other: asyncpg.Connection) -> None:
        self.store, self.other = store, other

    async def put(self, *found: Any) -> None:
        for item in found:
            self.store.put(item)
        assert await self.store.flush()

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.other.fetch(query)]

    async def whole(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that the store writes but the position's own time."""
        tables = ("calls", "requests", "agent_turns", "gaps", "agent_states", "dirty_quarters")
        found = {table: await self.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables}
        return found | {"version": await self.rows("SELECT node, version FROM bridge_positions")}


@asynccontextmanager
async def opened(server: Postgres, folder: Path) -> AsyncIterator[Kept]:
    made = Store("n", server.dsn, folder / "position.json", lambda: Position(1), Settings().skill)
    other = await asyncpg.connect(server.dsn)
    try:
        yield Kept(made, other)
    finally:
        await other.close()
        await made.close()


def in_a_store(server: Postgres, folder: Path, work: Callable[[Kept], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(server, folder) as kept:
            await work(kept)

    asyncio.run(run())


REQUESTS = "SELECT number, outcome, queue, hops, wait_us, void FROM requests ORDER BY requested_at, number"


def test_a_call_is_stored_with_its_requests_and_turns_in_the_month_that_they_began_in(
    empty_database: Postgres, tmp_path: Path
) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(CallFacts(ENDED, (ANSWERED,), (TALKED,)))
        (request,) = await kept.other.fetch("SELECT *, tableoid::regclass::text AS part FROM requests")
        shown = {field: request[field] for field in Request.__struct_fields__}
        assert Request(**shown) == ANSWERED
        assert (request["wait_us"], request["skill"], request["excluded"], request["void"], request["version"]) == (
            8_000_000,
            "mandarin",
            None,
            False,
            1,
        )
        (turn,) = await kept.other.fetch("SELECT *, tableoid::regclass::text AS part FROM agent_turns")
        assert Turn(**{field: turn[field] for field in Turn.__struct_fields__}) == TALKED
        assert (request["part"], turn["part"], turn["version"]) == ("requests_2026_01", "agent_turns_2026_01", 1)
        assert await kept.rows("SELECT version FROM calls") == [(1,)]

    in_a_store(empty_database, tmp_path, work)


def test_the_same_once_more_changes_nothing_not_even_a_version(empty_database: Postgres, tmp_path: Path) -> None:
    found = (CallFacts(ENDED, (TIMED_OUT, SECOND), (TALKED,)), Gap("n", START, at(1), "link"), READY)

    async def work(kept: Kept) -> None:
        await kept.put(*found)
        first = await kept.whole()
        assert first["version"] == [("n", 1)]
        await kept.put(*found)
        assert await kept.whole() == first
        later = msgspec.structs.replace(READY, state="paused", paused=True)
        await kept.put(later)
        assert (await kept.whole())["version"] == [("n", 2)]

    in_a_store(empty_database, tmp_path, work)


def test_a_row_carries_the_version_of_the_commit_that_changed_it(empty_database: Postgres, tmp_path: Path) -> None:
    other = msgspec.structs.replace(CALL, call_id="n-2.0")

    async def work(kept: Kept) -> None:
        await kept.put(CallFacts(CALL, (TIMED_OUT, SECOND), (RINGS,)), CallFacts(other))
        await kept.put(
            CallFacts(CALL, (TIMED_OUT, msgspec.structs.replace(SECOND, outcome="abandoned", ended_at=at(40))), (RINGS,))
        )
        assert await kept.rows("SELECT call_id, version FROM calls ORDER BY 1") == [("n-1.0", 1), ("n-2.0", 1)]
        assert await kept.rows("SELECT number, version FROM requests ORDER BY 1") == [(1, 1), (2, 2)]
        assert await kept.rows("SELECT number, version FROM agent_turns") == [(1, 1)]
        assert kept.store.version == 2

    in_a_store(empty_database, tmp_path, work)


def test_what_evidence_takes_back_is_void_and_may_come_back(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(CallFacts(CALL, (TIMED_OUT, SECOND), (RINGS,)))
        await kept.put(CallFacts(CALL, (OVERFLOWED,)))  # it was one request: the caller went on to another queue
        assert await kept.rows(REQUESTS) == [(1, "waiting", "english", 1, 0, False), (2, "waiting", "hotline", 0, 0, True)]
        assert await kept.rows("SELECT void, version FROM agent_turns") == [(True, 2)]
        await kept.put(CallFacts(CALL, (TIMED_OUT, SECOND), (RINGS,)))  # a key had been pressed in between: two, after all
        assert await kept.rows(REQUESTS) == [
            (1, "timed_out", "hotline", 0, 8_000_000, False),
            (2, "waiting", "hotline", 0, 0, False),
        ]
        assert await kept.rows("SELECT void, version FROM agent_turns") == [(False, 3)]

    in_a_store(empty_database, tmp_path, work)


def test_a_request_whose_beginning_is_corrected_is_counted_once(empty_database: Postgres, tmp_path: Path) -> None:
    early = msgspec.structs.replace(TIMED_OUT, requested_at=at(-5))

    async def work(kept: Kept) -> None:
        await kept.put(CallFacts(CALL, (TIMED_OUT,)))
        await kept.put(CallFacts(CALL, (early,)))
        assert await kept.rows("SELECT requested_at, void FROM requests ORDER BY 1") == [(at(-5), False), (at(1), True)]

    in_a_store(empty_database, tmp_path, work)


@pytest.mark.parametrize(
    ("before", "after", "kept_request"),
    [
        (CallFacts(ENDED, (ANSWERED,)), CallFacts(CALL, (WAITS,)), ANSWERED),
        (CallFacts(ENDED, (ANSWERED,)), CallFacts(CALL), ANSWERED),
        (CallFacts(CALL, (ANSWERED,)), CallFacts(CALL, (WAITS,)), ANSWERED),
        (CallFacts(ENDED, (ANSWERED,)), CallFacts(msgspec.structs.replace(ENDED, repaired=True), is_heard=False), ANSWERED),
        (CallFacts(ENDED, (TIMED_OUT,)), CallFacts(msgspec.structs.replace(ENDED, repaired=True), (ANSWERED,)), ANSWERED),
        (CallFacts(CALL, (TIMED_OUT,)), CallFacts(CALL, (OVERFLOWED,)), OVERFLOWED),
        (CallFacts(ENDED, (TIMED_OUT,)), CallFacts(ENDED, (ANSWERED,)), ANSWERED),
    ],
)
def test_a_request_never_goes_backwards_but_follows_better_evidence(
    empty_database: Postgres, tmp_path: Path, before: CallFacts, after: CallFacts, kept_request: Request
) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(before)
        await kept.put(after)
        (row,) = await kept.other.fetch("SELECT * FROM requests WHERE NOT void")
        assert Request(**{field: row[field] for field in Request.__struct_fields__}) == kept_request

    in_a_store(empty_database, tmp_path, work)


def test_the_quarters_of_old_and_new_times_are_marked_with_the_version(empty_database: Postgres, tmp_path: Path) -> None:
    moved = msgspec.structs.replace(TIMED_OUT, requested_at=at(-10_000))

    async def work(kept: Kept) -> None:
        first = dt.datetime(2026, 1, 2, 3, 0, tzinfo=dt.UTC)
        await kept.put(CallFacts(CALL, (TIMED_OUT,)))  # the call began in the quarter-hour before that of its request
        marks = "SELECT quarter, version FROM dirty_quarters ORDER BY quarter"
        assert await kept.rows(marks) == [(first, 1), (first + QUARTER, 1)]
        await kept.other.execute("DELETE FROM dirty_quarters")
        await kept.put(CallFacts(CALL, (TIMED_OUT,)))
        assert await kept.rows(marks) == []
        await kept.put(CallFacts(CALL, (moved,)))
        assert await kept.rows(marks) == [(first - 11 * QUARTER, 2), (first, 2), (first + QUARTER, 2)]
        await kept.put(CallFacts(msgspec.structs.replace(CALL, started_at=at(-1000)), (moved,)))
        assert await kept.rows(marks) == [
            (first - 11 * QUARTER, 2),
            (first - QUARTER, 3),
            (first, 3),
            (first + QUARTER, 2),
        ]

    in_a_store(empty_database, tmp_path, work)


def test_a_request_that_starts_inside_an_exclusion_in_force_is_excluded_by_the_earliest_set(
    empty_database: Postgres, tmp_path: Path
) -> None:
    query = """
        INSERT INTO exclusions (exclusion_id, from_at, to_at, queue, node, reason, person, set_at, confirmed_by, confirmed_at,
                                withdrawn_by, withdrawn_at)
        VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8, $7, $9, $10)
    """

    async def work(kept: Kept) -> None:
        async def exclude(begin: float, end: float | None, reason: str, set_at: float, **how: str | None) -> None:
            person, office = ("system", "system") if reason == "overload" else ("leader", "office")
            withdrawn = how.get("withdrawn")
            until_at = None if end is None else at(end)
            extra = (withdrawn, withdrawn and at(set_at))
            await kept.other.execute(
                query, at(begin), until_at, how.get("queue"), how.get("node"), reason, person, at(set_at), office, *extra
            )

        await exclude(0, 1, "sudden_event", 1)  # ends as the first request begins
        await exclude(1, None, "overload", 5, queue="hotline")
        await exclude(0, 100, "system_fault", 3, queue="english")
        await exclude(0, 100, "sudden_event", 2, node="elsewhere")
        await exclude(0, 100, "sudden_event", 2, withdrawn="office")
        await kept.put(CallFacts(CALL, (TIMED_OUT, msgspec.structs.replace(SECOND, queue="english"))))
        excluded = "SELECT number, excluded FROM requests ORDER BY number"
        assert await kept.rows(excluded) == [(1, "overload"), (2, "system_fault")]
        await exclude(0, 100, "system_fault", 4, node="n")
        await kept.put(CallFacts(CALL, (TIMED_OUT, SECOND)))
        assert await kept.rows(excluded) == [(1, "system_fault"), (2, "system_fault")]

    in_a_store(empty_database, tmp_path, work)


def test_a_gap_is_closed_once_and_told_under_its_beginning(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await kept.put(Gap("n", START, None, "link"), Gap("n", None, None, "nothing known"))
        await kept.put(Gap("n", START, at(5), "link"), Gap("n", None, at(1), "first start"))
        await kept.put(Gap("n", START, None, "link"))
        found = await kept.rows("SELECT node, from_at, to_at, cause FROM gaps ORDER BY from_at")
        assert found == [("n", START, at(5), "link"), ("n", None, at(1), "first start")]

    in_a_store(empty_database, tmp_path, work)


def test_agents_and_the_status_are_kept_as_they_are_now(empty_database: Postgres, tmp_path: Path) -> None:
    talking = msgspec.structs.replace(READY, state="talking", call_id="n-1.0", at=at(3))

    async def work(kept: Kept) -> None:
        await kept.put(READY, STATUS, msgspec.structs.replace(READY, agent="1002"))
        await kept.put(talking, msgspec.structs.replace(STATUS, at=at(1)), msgspec.structs.replace(READY, agent="1002", at=at(9)))
        states = "SELECT agent, state, call_id, queues, at, version FROM agent_states ORDER BY agent"
        queues = ["english", "hotline"]
        assert await kept.rows(states) == [
            ("1001", "talking", "n-1.0", queues, at(3), 2),
            ("1002", "ready", None, queues, START, 1),
        ]
        (row,) = await kept.other.fetch("SELECT * FROM bridge_status")
        assert (row["at"], row["node"], row["calls_open"], row["backlog"], row["version"]) == (at(1), "n", 4, 0, 2)

    in_a_store(empty_database, tmp_path, work)


def test_who_listens_is_woken_with_node_and_version_after_a_change_only(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        heard: list[str] = []
        await kept.other.add_listener("figures", lambda *told: heard.append(str(told[-1])))
        await kept.put(CallFacts(CALL, (WAITS,)))
        await kept.put(CallFacts(CALL, (WAITS,)), STATUS)
        await kept.put(CallFacts(ENDED, (ANSWERED,)))
        await until(lambda: heard == ["n 1", "n 2"])
        await kept.other.reset()

    in_a_store(empty_database, tmp_path, work)


def test_a_request_that_the_database_refuses_holds_up_no_other_call(empty_database: Postgres, tmp_path: Path) -> None:
    bad = CallFacts(CALL, (msgspec.structs.replace(WAITS, outcome="lost", ended_at=at(3)),))
    other = msgspec.structs.replace(CALL, call_id="n-2.0")

    async def work(kept: Kept) -> None:
        await kept.put(bad, CallFacts(other, (msgspec.structs.replace(WAITS, call_id="n-2.0"),)), READY, STATUS)
        assert await kept.rows("SELECT call_id FROM calls") == [("n-2.0",)]
        assert len(await kept.rows("SELECT agent FROM agent_states")) == 1
        assert kept.store.backlog == 0

    in_a_store(empty_database, tmp_path, work)


def test_a_time_that_no_calendar_holds_is_stored_all_the_same(empty_database: Postgres, tmp_path: Path) -> None:
    began = dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    call = msgspec.structs.replace(CALL, started_at=began)

    async def work(kept: Kept) -> None:
        await kept.put(CallFacts(call, (msgspec.structs.replace(WAITS, requested_at=began),)))
        assert await kept.rows("SELECT tableoid::regclass::text, requested_at FROM requests") == [("requests_default", began)]

    in_a_store(empty_database, tmp_path, work)

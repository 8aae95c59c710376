"""Where a call goes, asked over FastAGI with a real database: what is known of the caller, and a database away or slow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import pytest

from acd import routing
from acd.parts import Parts
from agi.answers import SystemAnswers
from agi.lookup import Lookups
from agi.routing import RouteSession
from agi.server import Server
from hotline import settings
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

CALLER = "13800138000"
FLOOR, FREE = "hotline:3:1:9/english:0:0:0", "hotline:0:1:9/english:0:0:0"
EARLIER = """
INSERT INTO calls (node, call_id, started_at, ended_at, source)
SELECT 'node1', $1, at, at, 'ami' FROM (SELECT now() - $2 * interval '1 minute') AS moment (at)
"""
REQUEST = """
INSERT INTO requests (node, call_id, number, kind, caller, queue, first_queue, skill, requested_at, ended_at, outcome, wait_us,
                      agent, source, version)
VALUES ('node1', $1, 1, 'caller', $2, $7, $7, 'mandarin', now() - $3 * interval '1 minute',
        CASE WHEN $4 <> 'waiting' THEN now() - $3 * interval '1 minute' END, $4, $5, $6, 'ami', 1)
"""
ROUTED = """
INSERT INTO call_routes (node, call_id, asked_queue, queue, priority, kept_seconds, place, first_agent, why)
VALUES ('node1', $1, 'hotline', 'hotline', 0, $2, 0, '', '{}')
"""
READY = """
INSERT INTO agent_states (node, agent, state, since, at, version) VALUES ('node1', $1, $2, now(), now(), 1)
"""


class House:
    """A server with a router, and its database."""

    def __init__(self, port: int, connection: asyncpg.Connection) -> None:
        self.port, self.database = port, connection

    async def asks(self, caller: str = CALLER, *, floor: str = FLOOR, waited: str = "0", left: str = "") -> dict[str, str]:
        """What the dialplan is told: variables and their values; nothing when nothing is told."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        said = {"network_script": "route", "uniqueid": "node1-9.9", "callerid": caller}
        said |= {f"arg_{place}": text for place, text in enumerate(("hotline", floor, waited, left), start=1)}
        writer.write("".join(f"agi_{name}: {text}\n" for name, text in said.items()).encode() + b"\n")
        line = (await reader.readline()).decode()
        writer.write(b"200 result=1\n")
        assert await reader.read() == b"", "one command, and the end"
        writer.close()
        return dict(re.findall(r'(\w+)=\\"([^"\\]*)\\"', line))

    async def request(self, call: str, minutes: float, outcome: str, **more: Any) -> None:
        """A request that began, and ended, so long ago: ``caller``, ``wait`` in seconds, ``agent``, ``queue``."""
        await self.database.execute(EARLIER, call, minutes)
        wait_us, queue = int(more.get("wait", 0) * 1e6), more.get("queue", "hotline")
        values = (call, more.get("caller", CALLER), minutes, outcome, wait_us, more.get("agent"), queue)
        await self.database.execute(REQUEST, *values)


@asynccontextmanager
async def house(server: Postgres, dsn: str = "", chosen: Settings | None = None) -> AsyncIterator[House]:
    """``dsn``: where the router looks, the server itself unless told otherwise."""
    connection = await asyncpg.connect(server.owner)
    async with routing.pool(dsn or server.dsn) as pool, asyncio.TaskGroup() as group:
        router = routing.Router(chosen or Settings(), pool, group.create_task)
        agi = Server(RouteSession, SystemAnswers(cast(Lookups, None), router, cast(Parts, None)), group)
        yield House(await agi.listen("127.0.0.1", 0), connection)
        await agi.drain(1)
    await connection.close()


PLAIN = {
    "HOTLINE_QUEUE": "hotline",
    "QUEUE_PRIO": "0",
    "HOTLINE_RULE": "",
    "HOTLINE_PLACE": "",
    "HOTLINE_FIRST": "",
    "HOTLINE_WAIT": "600",
    "HOTLINE_OVERFLOWS": "",
    "HOTLINE_WAITED": "0",
    "HOTLINE_BLOCKED": "",
    "HOTLINE_ROUTED": "1",
}


def test_a_caller_of_whom_nothing_is_known_goes_to_the_end_and_it_is_noted(empty_database: Postgres) -> None:
    async def play() -> None:
        async with house(empty_database) as one:
            assert await one.asks() == PLAIN
            assert await one.asks("") == PLAIN, "a withheld number"
        async with house(empty_database) as one:
            noted = await one.database.fetch("SELECT call_id, asked_queue, queue, place, why FROM call_routes")
            assert [tuple(row) for row in noted] == [("node1-9.9", "hotline", "hotline", 0, [])] * 2

    asyncio.run(play())


@pytest.mark.parametrize(
    ("minutes", "state", "floor", "agent"),
    [
        (5, "ready", FREE, "1003"),
        (5, "talking", FREE, ""),
        (45, "ready", FREE, ""),
        (5, "ready", FLOOR, ""),
    ],
    ids=["ready", "busy", "long ago", "others wait"],
)
def test_who_calls_again_gets_the_same_agent(
    empty_database: Postgres, minutes: float, state: str, floor: str, agent: str
) -> None:
    async def play() -> None:
        async with house(empty_database) as one:
            await one.request("a", minutes, "answered", agent="1003")
            await one.database.execute(READY, "1003", state)
            assert (await one.asks(floor=floor))["HOTLINE_FIRST"] == agent
            assert (await one.asks("13900139000", floor=floor))["HOTLINE_FIRST"] == ""

    asyncio.run(play())


def test_who_gave_up_keeps_the_wait_and_comes_behind_who_has_waited_longer(empty_database: Postgres) -> None:
    async def play() -> None:
        async with house(empty_database) as one:
            await one.request("given-up", 3, "abandoned", wait=20)
            await one.database.execute(ROUTED, "given-up", 15)
            for call, minutes, kept in (("w1", 2.0, 0), ("w2", 0.1, 0), ("w3", 0.05, 300)):
                await one.request(call, minutes, "waiting", caller=f"139{call[1]}")
                await one.database.execute(ROUTED, call, kept)
            found = await one.asks()
            assert (found["HOTLINE_WAITED"], found["HOTLINE_PLACE"]) == ("35", "3"), "behind 120 s and 300 s, before 6 s"
            await one.request("waits-too", 0.01, "waiting")
            assert (await one.asks())["HOTLINE_WAITED"] == "0", "the same number has its place in the queue already"

    asyncio.run(play())


def test_a_wait_that_was_given_up_long_ago_counts_no_more(empty_database: Postgres) -> None:
    async def play() -> None:
        async with house(empty_database) as one:
            await one.request("given-up", 11, "abandoned", wait=20)
            assert await one.asks() == PLAIN

    asyncio.run(play())


def test_who_is_taken_over_by_another_queue_keeps_the_wait_of_this_call(empty_database: Postgres) -> None:
    tables = {"queue": {"overflow_to": "north", "overflow_seconds": 60}, "queues": {"north": {"wait_seconds": 200}}}

    async def play() -> None:
        async with house(empty_database, chosen=settings.parse(tables, source="test")) as one:
            found = await one.asks()
            assert (found["HOTLINE_QUEUE"], found["HOTLINE_WAIT"], found["HOTLINE_OVERFLOWS"]) == ("hotline", "60", "1")
            await one.request("other", 0.5, "waiting", caller="1", queue="north")
            found = await one.asks(waited="61", left="left", floor="hotline:3:0:1/north:1:0:1")
            assert (found["HOTLINE_QUEUE"], found["HOTLINE_WAIT"], found["HOTLINE_PLACE"]) == ("north", "200", "1")
            assert (found["HOTLINE_WAITED"], found["HOTLINE_OVERFLOWS"]) == ("61", "")

    asyncio.run(play())


@pytest.mark.parametrize("table", ["INSERT INTO caller_groups VALUES ($1, 'elderly')", "INSERT INTO overdue_callers VALUES ($1)"])
def test_special_groups_and_overdue_tickets_go_ahead_when_that_is_on(empty_database: Postgres, table: str) -> None:
    on = settings.parse({"routing": {"priority": True}}, source="test")

    async def play() -> None:
        async with house(empty_database, chosen=on) as one:
            await one.database.execute(table, CALLER)
            await one.request("w", 0.5, "waiting", caller="1")
            found = await one.asks(f"+86{CALLER}")
            assert (found["QUEUE_PRIO"], found["HOTLINE_RULE"]) == ("1", "hotline.priority")
            assert (await one.asks("13900139000"))["QUEUE_PRIO"] == "0"
        async with house(empty_database) as one:
            assert (await one.asks())["QUEUE_PRIO"] == "0"

    asyncio.run(play())


BLOCK = """
INSERT INTO caller_blocks (number, from_at, until_at, reason, set_by, lifted_at, lifted_by)
SELECT $1, at + $2 * interval '1 hour', at + $3 * interval '1 hour', 'threats', 'office',
       CASE WHEN $4 THEN at END, CASE WHEN $4 THEN 'office' END
FROM (SELECT now()) AS moment (at)
"""


@pytest.mark.parametrize(
    ("begin", "end", "lifted", "blocked"),
    [(-1, 1, False, "1"), (-2, -1, False, ""), (1, 2, False, ""), (-1, 1, True, "")],
    ids=["in force", "over", "to come", "taken back"],
)
def test_a_number_that_the_office_blocks_is_not_put_through_for_that_time(
    empty_database: Postgres, begin: float, end: float, lifted: bool, blocked: str
) -> None:
    """CAL-08: however the trunk writes the number; nobody else is meant, and it is noted."""

    async def play() -> None:
        async with house(empty_database) as one:
            await one.database.execute(BLOCK, CALLER, begin, end, lifted)
            for caller in (CALLER, f"+86{CALLER}", f"0{CALLER}"):
                assert (await one.asks(caller))["HOTLINE_BLOCKED"] == blocked
            for other in ("13900139000", "anonymous", ""):
                assert (await one.asks(other))["HOTLINE_BLOCKED"] == ""
            assert (await one.asks(waited="61", left="left"))["HOTLINE_BLOCKED"] == "", "who waits already goes on waiting"
        assert await _noted(empty_database) == (3 if blocked else 0)

    asyncio.run(play())


async def _noted(server: Postgres) -> int:
    """How often it was noted that a caller was blocked."""
    connection = await asyncpg.connect(server.owner)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM call_routes WHERE 'blocked' = ANY (why)"))
    finally:
        await connection.close()


def test_nobody_is_blocked_while_the_database_is_away(empty_database: Postgres) -> None:
    async def play() -> None:
        async with house(empty_database, "postgresql://hotline@127.0.0.1:1/hotline") as one:
            assert (await one.asks())["HOTLINE_BLOCKED"] == ""

    asyncio.run(play())


def test_without_a_database_the_queues_as_asterisk_knows_them_decide(empty_database: Postgres) -> None:
    tables = {"queue": {"overflow_to": "english", "overflow_waiting": 3}}

    async def play() -> None:
        nowhere = "postgresql://hotline@127.0.0.1:1/hotline"
        async with house(empty_database, nowhere, settings.parse(tables, source="test")) as one:
            assert (await one.asks())["HOTLINE_QUEUE"] == "hotline"
            assert (await one.asks(floor="hotline:3:0:1/english:0:1:1"))["HOTLINE_QUEUE"] == "english"

    asyncio.run(play())


def test_a_database_that_does_not_answer_holds_up_nobody(empty_database: Postgres) -> None:
    """The answers come while it still hangs."""

    async def play() -> None:
        async with house(empty_database) as one:
            await one.request("a", 5, "answered", agent="1003")
            await one.database.execute(READY, "1003", "ready")
            async with one.database.transaction():
                await one.database.execute("LOCK TABLE requests")
                assert [await one.asks(floor=FREE) for _ in range(3)] == [PLAIN] * 3

    asyncio.run(play())


def test_what_is_no_number_of_callers_is_left_out() -> None:
    assert routing.floor_of("a:1:2:3/b:1:2/c:x:1:1/d:1:1:²//e:0:0:0").keys() == {"a", "e"}

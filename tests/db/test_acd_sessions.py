"""Agents' sessions on a real PostgreSQL: one telephone each, one agent each, the plan, missed calls, the first start."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from acd import membership, missed, sessions, shifts
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from hotline import database
from hotline.directory import kinds, store
from hotline.settings import Agents, Settings
from tests.desks_peer import eventually

if TYPE_CHECKING:
    from tests.conftest import Postgres

LEADER = Person("leader", "shift_leader")
NOW = dt.datetime.now(dt.UTC)  # noqa: TID251  the plan is compared with the database's clock


@pytest.fixture(autouse=True)
def of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))


def on_shift(server: Postgres, work: Callable[[Parts], Awaitable[None]], **more: Any) -> None:
    """Agents 1001 to 1005 after the first start; Asterisk is not there, and no node is known."""

    async def run() -> None:
        settings = Settings(agents=Agents(**{"last": 1005, **more}))
        async with await database.pool(server.dsn, name="test", largest=8) as pool:
            async with pool.acquire() as connection:
                await membership.seed(connection, settings)
            await work(Parts(settings, pool, "n"))

    asyncio.run(run())


def test_from_the_first_start_each_telephone_has_its_agent_and_a_second_start_changes_nothing(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async def open_seats() -> list[tuple[str, str]]:
            rows = await parts.pool.fetch("SELECT agent, seat FROM agent_sessions WHERE until IS NULL ORDER BY agent")
            return [tuple(row) for row in rows]

        assert await open_seats() == [(str(n), str(n)) for n in range(1001, 1006)]
        await sessions.log_out(parts, LEADER, "1003")
        async with parts.pool.acquire() as connection:
            await membership.seed(connection, parts.settings)
            assert "1003" not in [agent for agent, _ in await open_seats()], "who logged out stays out"
            await membership.seed(connection, Settings(agents=Agents(last=1002)))
        assert await open_seats() == [("1001", "1001"), ("1002", "1002")]
        ended = await parts.pool.fetch("SELECT agent, closed_how FROM agent_sessions WHERE until IS NOT NULL ORDER BY agent")
        assert [tuple(row) for row in ended] == [("1003", "api"), ("1004", "inactive"), ("1005", "inactive")]

    on_shift(empty_database, work)


def test_who_is_not_in_the_list_of_agents_stays_out_of_service_over_a_start(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            listed = [kinds.AgentEntry(agent="1001", name="王芳")]
            await store.put(connection, "agents", listed, actor="root", file="agents.toml")
            await membership.seed(connection, parts.settings)
        assert [one.agent for one in await sessions.list_agents(parts, LEADER)] == ["1001"]
        with pytest.raises(RefusedError, match="unknown_agent"):
            await sessions.log_in(parts, LEADER, "1002")

    on_shift(empty_database, work)


def test_with_codes_nobody_is_logged_in_until_they_log_in(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        assert {one.state for one in await sessions.list_agents(parts, LEADER)} == {"offline"}
        now = await sessions.log_in(parts, LEADER, "1001")
        assert (now.state, now.seat) == ("unreachable", "1001")

    on_shift(empty_database, work, login="code")


def test_many_who_log_in_at_one_seat_at_once_are_one_and_refusals(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_pin(*_: object) -> None:
        """This is about the seats."""

    monkeypatch.setattr(sessions, "_check_pin", no_pin)

    async def work(parts: Parts) -> None:
        agents = ("1001", "1002", "1003", "1004")
        said = await asyncio.gather(*(sessions.log_in(parts, LEADER, agent, "1005") for agent in agents), return_exceptions=True)
        refused = [one.code for one in said if isinstance(one, RefusedError)]
        assert refused == ["seat_taken"] * 3, said
        rows = await parts.pool.fetch("SELECT agent FROM agent_sessions WHERE until IS NULL AND seat = '1005'")
        assert len(rows) == 1

    on_shift(empty_database, work)


def test_many_who_log_in_at_one_free_seat_at_once_are_one_and_refusals(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_pin(*_: object) -> None:
        """This is about the seats."""

    monkeypatch.setattr(sessions, "_check_pin", no_pin)

    async def work(parts: Parts) -> None:
        await sessions.log_out(parts, LEADER, "1005")
        agents = ("1001", "1002", "1003", "1004")
        async with parts.pool.acquire() as connection, connection.transaction():
            await connection.execute(membership.QUERIES["correction_begins"])
            coming = asyncio.gather(*(sessions.log_in(parts, LEADER, agent, "1005") for agent in agents), return_exceptions=True)

            async def have_all_come() -> bool:
                waiting = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
                return coming.done() or waiting == len(agents)

            await eventually(have_all_come)
        said = await coming
        refused = [one.code for one in said if isinstance(one, RefusedError)]
        assert refused == ["seat_taken"] * 3, said
        rows = await parts.pool.fetch("SELECT seat FROM agent_sessions WHERE until IS NULL ORDER BY seat")
        assert len(rows) == 4 and rows[-1]["seat"] == "1005", "who was refused stays where they are"

    on_shift(empty_database, work)


def test_nobody_else_and_nobody_unknown_is_logged_in_and_each_refusal_leaves_a_line(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        for order, code in (
            (sessions.log_out(parts, Person("1002", "agent", "1002"), "1001"), "not_allowed"),
            (sessions.force_out(parts, Person("1001", "agent", "1001"), "1001"), "not_allowed"),
            (sessions.set_skills(parts, Person("1001", "agent", "1001"), "1001", {}), "not_allowed"),
            (sessions.set_skills(parts, LEADER, "1001", {"english": 6}), "bad_skills"),
            (sessions.log_in(parts, LEADER, "1001", "2001"), "unknown_seat"),
            (sessions.pause(parts, LEADER, "9999", "meal"), "unknown_agent"),
            (sessions.my_state(parts, LEADER, "9999"), "unknown_agent"),
        ):
            with pytest.raises(RefusedError) as error:
                await order
            assert error.value.code == code
        rows = await parts.pool.fetch("SELECT actor, action FROM audit_log ORDER BY entry_id")
        assert [tuple(row) for row in rows] == [
            ("1002", "agent.work.refused"),
            ("1001", "agent.lead.refused"),
            ("1001", "agent.keep.refused"),
        ]

    on_shift(empty_database, work)


async def turn(parts: Parts, agent: str, number: int, result: str, version: int) -> None:
    rang_at = "clock_timestamp()"
    await parts.pool.execute(
        f"INSERT INTO agent_turns (node, call_id, number, agent, queue, rang_at, result, version) "
        f"VALUES ('n', 'n-1.0', $1, $2, 'hotline', {rang_at}, $3, $4)",
        number,
        agent,
        result,
        version,
    )


def test_calls_not_answered_one_after_another_pause_and_an_answered_one_or_ready_begins_anew(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async def looked(connection: asyncpg.Connection) -> list[str]:
            return await missed.read(connection, parts)

        async with parts.pool.acquire() as connection:
            await turn(parts, "1001", 1, "ring_no_answer", 1)
            assert await looked(connection) == []
            await turn(parts, "1001", 2, "answered", 2)
            await turn(parts, "1001", 3, "ring_no_answer", 3)
            assert await looked(connection) == [], "an answered call lies between"
            await turn(parts, "1002", 4, "ring_no_answer", 4)
            await turn(parts, "1001", 5, "ring_no_answer", 5)
            assert await looked(connection) == ["1001"]
            now = await sessions.my_state(parts, LEADER, "1001")
            assert (now.paused, now.pause_reason) == (True, "no_answer")
            assert await looked(connection) == [], "each turn is looked at once"
            await sessions.ready(parts, LEADER, "1001")
            await turn(parts, "1001", 6, "ring_no_answer", 6)
            assert await looked(connection) == []
            await turn(parts, "1001", 7, "ring_no_answer", 7)
            assert await looked(connection) == ["1001"]

    on_shift(empty_database, work)


def test_who_outlasts_the_shift_is_logged_out_but_not_out_of_a_call(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        hour = dt.timedelta(hours=1)
        await parts.pool.execute("UPDATE agent_sessions SET since = now() - interval '5 hours'")
        plan = [("1001", NOW - 4 * hour, NOW - hour), ("1002", NOW - 4 * hour, NOW - hour), ("1003", NOW - 4 * hour, NOW + hour)]
        plan += [("1004", NOW - 4 * hour, NOW - hour), ("1004", NOW - hour, NOW + hour)]
        await parts.pool.executemany("INSERT INTO shift_plan VALUES ($1, $2, $3)", plan)
        await parts.pool.execute(
            "INSERT INTO agent_states (node, agent, state, since, at, version) VALUES ('n', '1002', 'talking', now(), now(), 1)"
        )
        known = {one.agent: one for one in await sessions.list_agents(parts, LEADER)}
        assert known["1001"].over_seconds >= 3600 and known["1003"].over_seconds == 0
        async with parts.pool.acquire() as connection:
            assert await shifts.look(connection, parts) == ["1001"]
        await sessions.force_out(parts, LEADER, "1003")
        known = {one.agent: one for one in await sessions.list_agents(parts, LEADER)}
        assert {agent: one.state for agent, one in known.items()} == {
            "1001": "offline",
            "1002": "talking",
            "1003": "offline",
            "1004": "unreachable",
            "1005": "unreachable",
        }
        assert known["1003"].late_seconds >= 4 * 3600 and known["1001"].late_seconds == 0

    on_shift(empty_database, work, shift_grace_minutes=10)

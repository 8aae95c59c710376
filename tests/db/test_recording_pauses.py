"""Pauses of a call's recording over a real database: what Asterisk is asked for, and how they end (QUA-01)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd import pauses
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from hotline import clock, database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

CALL, LEG, LATE = "n-1795318125.7", "n-1795318125.8", "n-1795318125.9"
AGENT = Person("1001", "agent", "1001")
TALKS = """
    INSERT INTO agents (agent, origin) VALUES ('1001', 'directory') ON CONFLICT DO NOTHING;
    INSERT INTO agent_states (node, agent, state, since, at, version, call_id, channel)
    VALUES ('n', '1001', 'talking', now(), now(), 1, 'n-1795318125.7', 'n-1795318125.8');
    INSERT INTO acd_steps (node, uniqueid, number, call_id, at, step, detail, version)
    VALUES ('n', 'n-1795318125.8', 1, 'n-1795318125.7', now(), 'record:on', 'call=n-1795318125.7', 1)
"""


def keeping(server: Postgres, work: Callable[[Parts], Awaitable[None]], answer: str = "done", message: str = "") -> None:
    """With a bridge that settles every command so."""

    async def bridge(parts: Parts) -> None:
        settle = "UPDATE commands SET state = $1, answer = $2::jsonb, sent_at = now(), settled_at = now() WHERE state = 'waiting'"
        while True:
            await parts.pool.execute(settle, answer, msgspec.json.encode({"message": message}).decode())
            await asyncio.sleep(0.01)

    async def run() -> None:
        async with await database.pool(server.dsn, name="trial", largest=6) as pool:
            parts = Parts(Settings(), pool, "n")
            await pool.execute(TALKS)
            async with asyncio.TaskGroup() as tasks:
                settling = tasks.create_task(bridge(parts))
                await work(parts)
                settling.cancel()

    asyncio.run(run())


async def asked(parts: Parts) -> list[tuple[str, str, Any]]:
    """The commands: action, channel and what is set."""
    rows = await parts.pool.fetch("SELECT action, parameters FROM commands ORDER BY asked_at, command_id")
    found = [(row["action"], msgspec.json.decode(row["parameters"])) for row in rows]
    return [(action, given["channel"], given.get("value", given.get("muted"))) for action, given in found]


async def joins(parts: Parts) -> None:
    step = Step(
        node="n", call_id=LATE, uniqueid=LATE, number=1, at=clock.now(), step="record:on", detail=f"call={CALL}"
    )  # fmt: skip
    async with parts.pool.acquire() as connection, connection.transaction():
        await pauses.hear(connection, parts, step)


async def open_ones(parts: Parts) -> int:
    return int(await parts.pool.fetchval("SELECT count(*) FROM recording_pauses WHERE resumed_at IS NULL"))


async def until_none(parts: Parts) -> None:
    """The loop ends every pause."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(pauses.run(parts))
        for _ in range(500):
            if not await open_ones(parts):
                break
            await asyncio.sleep(0.02)
        running.cancel()


def test_every_recorder_of_the_call_is_muted_and_sounds_again(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        made = await pauses.pause(parts, AGENT, reason="card")
        assert (made.call_id, made.agent, made.reason, made.resumed_at) == (CALL, "1001", "card", None)
        assert made.until == made.paused_at + dt.timedelta(seconds=300)
        everywhere = {(action, channel, True) for action in ("MixMonitorMute",) for channel in (CALL, LEG)}
        assert {one for one in await asked(parts) if one[0] == "MixMonitorMute"} == everywhere
        assert ("Setvar", CALL, "yes") in await asked(parts)
        with pytest.raises(RefusedError, match="recording_paused"):
            await pauses.pause(parts, AGENT)
        ended = await pauses.resume(parts, AGENT)
        assert ended.resumed_at and ended.resumed_at >= made.paused_at
        assert {(action, channel, False) for action, channel, _ in everywhere} <= set(await asked(parts))
        with pytest.raises(RefusedError, match="recording_not_paused"):
            await pauses.resume(parts, AGENT)
        lines = [row["action"] for row in await parts.pool.fetch("SELECT action FROM audit_log ORDER BY entry_id")]
        assert lines == ["call.pause_recording", "call.resume_recording"]

    keeping(empty_database, work)


def test_whoever_joins_a_paused_call_is_muted_and_nobody_else(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        await joins(parts)
        assert await asked(parts) == []
        await pauses.pause(parts, AGENT)
        await joins(parts)
        assert ("MixMonitorMute", LATE, True) in await asked(parts)
        assert ("Setvar", LATE, "yes") in await asked(parts)

    keeping(empty_database, work)


@pytest.mark.parametrize(
    "what",
    [
        "UPDATE recording_pauses SET paused_at = now() - interval '301 seconds'",
        "UPDATE agent_states SET state = 'ready', call_id = NULL; UPDATE control_calls SET agent = '1002'",
        "UPDATE agent_states SET state = 'ready', call_id = NULL; UPDATE control_calls SET place = 'parked'",
        "INSERT INTO calls (node, call_id, started_at, ended_at, source) VALUES ('n', 'n-1795318125.7', now(), now(), 'ami')",
    ],
    ids=["too long", "sent on", "parked", "the end of the call"],
)
def test_a_pause_ends_by_itself(empty_database: Postgres, what: str) -> None:
    async def work(parts: Parts) -> None:
        await pauses.pause(parts, AGENT)
        await parts.pool.execute(what)
        await until_none(parts)
        row = await parts.pool.fetchrow("SELECT resumed_by, resumed_at >= paused_at AS later FROM recording_pauses")
        assert (row["resumed_by"], row["later"]) == ("", True)

    keeping(empty_database, work)


def test_a_pause_that_asterisk_refuses_is_none(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        with pytest.raises(RefusedError, match="asterisk_refused"):
            await pauses.pause(parts, AGENT)

    keeping(empty_database, work, "refused", "Permission denied")


def test_a_channel_that_is_gone_has_nothing_to_mute(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        await pauses.pause(parts, AGENT)
        assert await open_ones(parts) == 1

    keeping(empty_database, work, "refused", "No such channel")


@pytest.mark.parametrize("who", [Person("1002", "agent", "1002"), Person("wang", "office"), Person("wu", "quality")])
def test_nobody_else_pauses_the_recording_of_an_agent(empty_database: Postgres, who: Person) -> None:
    async def work(parts: Parts) -> None:
        for order in (pauses.pause, pauses.resume):
            with pytest.raises(RefusedError, match="not_allowed"):
                await order(parts, who, "1001")
        assert await open_ones(parts) == 0

    keeping(empty_database, work)

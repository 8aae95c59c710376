"""The sender of faxes with a real PostgreSQL; Asterisk's part is played by the files that it would leave (IVR-07)."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agi import fax_sender, fax_spool
from agi.fax_spool import Result
from hotline.settings import Settings, parse
from tests.conftest import Postgres

SETTINGS = parse({"fax": {"retry_seconds": 3600}}, source="test")
AT_ONCE = parse({"fax": {"retry_seconds": 1}}, source="test")
Work = Callable[[asyncpg.Pool], Coroutine[Any, Any, None]]


@pytest.fixture
def pooled(empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], None]:
    """Runs a test's steps with a pool, folders of its own, and no Asterisk."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    fax_spool.outgoing().mkdir(parents=True)
    fax_spool.results().mkdir(parents=True)

    async def steps(work: Work) -> None:
        async with asyncpg.create_pool(empty_database.dsn, min_size=0, max_size=4) as pool:
            await work(pool)

    return lambda work: asyncio.run(steps(work))


async def an_hour_passes(owner: str) -> None:
    """Since everything that is in the audit log."""
    connection = await asyncpg.connect(owner)
    await connection.execute("SET hotline.maintenance = 'on'")
    await connection.execute("UPDATE audit_log SET at = at - interval '1 hour'")
    await connection.close()


async def job(pool: asyncpg.Pool, number: str = "02012345678", *, node: str = "node1", ago: int = 0) -> uuid.UUID:
    """A job that was asked for so many seconds ago."""
    key = uuid.uuid4()
    query = (
        "INSERT INTO fax_jobs (job_id, node, call_id, number, document, asked_at)"
        " VALUES ($1, $2, 'call', $3, 'welcome-guide', now() - make_interval(secs => $4))"
    )
    await pool.execute(query, key, node, number, float(ago))
    return key


async def row(pool: asyncpg.Pool, key: uuid.UUID) -> tuple[str, int, str]:
    """State, attempts and result."""
    return tuple(await pool.fetchrow("SELECT state, attempts, result FROM fax_jobs WHERE job_id = $1", key))


def orders() -> list[str]:
    """The orders that wait for Asterisk."""
    return sorted(file.name for file in fax_spool.outgoing().iterdir())


def answer(key: uuid.UUID, attempt: int, result: Result) -> None:
    """What Asterisk does at the end of a call."""
    fax_spool.report(key, attempt, result)
    (fax_spool.outgoing() / f"{key}.{attempt}.call").unlink()


def test_a_job_is_ordered_once_and_settled_once(pooled: Callable[[Work], None]) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        key = await job(pool)
        await fax_sender.work(pool, SETTINGS)
        await fax_sender.work(pool, SETTINGS)
        assert orders() == [f"{key}.1.call"]
        assert await row(pool, key) == ("sending", 1, "")
        answer(key, 1, Result(sent=True))
        await fax_sender.work(pool, SETTINGS)
        await fax_sender.work(pool, SETTINGS)
        assert await row(pool, key) == ("sent", 1, "OK")
        (logged,) = await pool.fetch("SELECT actor, action, detail FROM audit_log WHERE subject = $1", f"fax:{key}")
        assert (logged["actor"], logged["action"]) == ("fax", "fax_attempt")
        assert orders() == []
        assert list(fax_spool.results().iterdir()) == []

    pooled(work)


def test_the_next_attempt_waits_for_its_pause_and_there_are_three(
    pooled: Callable[[Work], None], postgres_server: Postgres
) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        key = await job(pool)
        for attempt in (1, 2, 3):
            await fax_sender.work(pool, SETTINGS)
            assert orders() == [f"{key}.{attempt}.call"]
            answer(key, attempt, Result(sent=False, error="NOANSWER"))
            await fax_sender.work(pool, SETTINGS)
            await fax_sender.work(pool, SETTINGS)
            assert orders() == []
            assert await row(pool, key) == ("failed" if attempt == 3 else "waiting", attempt, "NOANSWER")
            await an_hour_passes(postgres_server.owner)
        await fax_sender.work(pool, SETTINGS)
        assert orders() == []
        assert await pool.fetchval("SELECT count(*) FROM audit_log") == 3

    pooled(work)


def test_an_order_that_was_placed_before_a_death_is_not_placed_again(pooled: Callable[[Work], None]) -> None:
    """Killed between the order and its row: the next process finds the order, or the result of a call that is over already."""

    async def work(pool: asyncpg.Pool) -> None:
        for over in (False, True):
            key = await job(pool)
            fax_spool.place(
                fax_spool.Order(job_id=key, attempt=1, number="02012345678", document="welcome-guide", caller="12345")
            )
            if over:
                answer(key, 1, Result(sent=True))
            await fax_sender.work(pool, AT_ONCE)
            assert orders() == ([] if over else [f"{key}.1.call"])
            if not over:
                answer(key, 1, Result(sent=True))
            await fax_sender.work(pool, AT_ONCE)
            assert await row(pool, key) == ("sent", 1, "OK")

    pooled(work)


def test_an_order_that_is_gone_without_a_result_is_a_lost_attempt(pooled: Callable[[Work], None]) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        key = await job(pool)
        await fax_sender.work(pool, SETTINGS)
        (fax_spool.outgoing() / f"{key}.1.call").unlink()
        await fax_sender.work(pool, SETTINGS)
        assert await row(pool, key) == ("waiting", 1, "NO_RESULT")

    pooled(work)


def test_the_oldest_come_first_and_few_at_once_and_other_nodes_jobs_are_theirs(pooled: Callable[[Work], None]) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        await job(pool, node="node2", ago=1000)
        keys = [await job(pool, ago=ago) for ago in range(100, 100 - fax_sender.AT_ONCE - 2, -1)]
        await asyncio.gather(*(fax_sender.work(pool, SETTINGS) for _ in range(2)))
        await fax_sender.work(pool, SETTINGS)
        placed = {uuid.UUID(name.partition(".")[0]) for name in orders()}
        assert set(keys[: fax_sender.AT_ONCE]) <= placed <= set(keys)
        assert {name.split(".")[1] for name in orders()} == {"1"}, "no job is begun twice"

    pooled(work)


@pytest.mark.parametrize("number", ["", "12", "1 2 3 4", "12&PJSIP/1001", "1" * 21, "０２０１２３４"])
def test_what_is_no_number_is_never_dialled(pooled: Callable[[Work], None], number: str) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        key = await job(pool, number)
        await fax_sender.work(pool, SETTINGS)
        assert orders() == []
        await fax_sender.work(pool, SETTINGS)
        assert await row(pool, key) == ("failed", 1, "INVALID")

    pooled(work)


def test_an_order_that_cannot_be_written_leaves_the_job_waiting(pooled: Callable[[Work], None]) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        key = await job(pool)
        fax_spool.outgoing().rmdir()
        with pytest.raises(OSError, match="outgoing"):
            await fax_sender.work(pool, SETTINGS)
        assert await row(pool, key) == ("waiting", 0, "")

    pooled(work)


def test_the_settings_of_a_development_profile_are_two_retries_after_five_minutes() -> None:
    assert (Settings().fax.attempts, Settings().fax.retry_seconds) == (3, 300)


def test_a_number_abroad_is_not_dialled(pooled: Callable[[Work], None]) -> None:
    async def steps(pool: asyncpg.Pool) -> None:
        abroad = await job(pool, "0085212345678")
        await fax_sender.work(pool, SETTINGS)
        await fax_sender.work(pool, SETTINGS)
        assert await row(pool, abroad) == ("failed", 1, "INVALID")
        assert orders() == []

    pooled(steps)


def test_nobody_orders_faxes_without_end(pooled: Callable[[Work], None]) -> None:
    """Five a day for one caller to whatever numbers, and five a day for one number from whatever callers."""

    async def steps(pool: asyncpg.Pool) -> None:
        for number in ("13800000001", "13800000002"):
            query = "INSERT INTO calls (node, call_id, caller_number, started_at, source) VALUES ('node1', $1, $1, now(), 'ami')"
            await pool.execute(query, number)
        by_caller = [await job(pool, f"0201111111{n}", ago=100 - n) for n in range(6)]
        by_number = [await job(pool, "02022222222", ago=50 - n) for n in range(6)]
        await pool.execute("UPDATE fax_jobs SET call_id = '13800000001' WHERE job_id = ANY ($1)", by_caller)
        for _ in range(12):
            await fax_sender.work(pool, SETTINGS)
            for name in orders():
                key, attempt = re.findall(r"([0-9a-f-]{36}).*?([0-9]+)", name)[0]
                answer(uuid.UUID(key), int(attempt), Result(sent=True, error=""))
        states = [(await row(pool, key))[0::2] for key in (*by_caller, *by_number)]
        assert states == [*[("sent", "OK")] * 5, ("failed", "TOO_MANY")] * 2

    pooled(steps)

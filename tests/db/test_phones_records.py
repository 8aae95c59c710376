"""How many calls reached an agent: asked of the call records, waiting for them, or honestly unknown."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from hotline.phones.records import answered_by_agent

if TYPE_CHECKING:
    from tests.conftest import Postgres

START = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
NUMBERS = ["13800000001", "13800000002"]


@pytest.fixture
def database(empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The stack's folder names this database."""
    file = tmp_path / "credentials.json"
    file.touch(mode=0o600)
    file.write_bytes(msgspec.json.encode(empty_database.credentials))
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return empty_database


async def _store(dsn: str, *calls: tuple[str, int, bool, bool]) -> None:
    """``calls``: number, seconds after the start, an agent answered, the call has ended."""
    connection = await asyncpg.connect(dsn)
    for place, (number, seconds, connected, ended) in enumerate(calls):
        at = START + dt.timedelta(seconds=seconds)
        await connection.execute(
            "INSERT INTO calls (node, call_id, caller_number, started_at, connected_at, ended_at, source)"
            " VALUES ('node1', $1, $2, $3, $4, $5, 'ami')",
            f"{seconds}.{place}",
            number,
            at,
            at if connected else None,
            at if ended else None,
        )
    await connection.close()


def test_only_the_calls_of_this_run_are_counted(database: Postgres) -> None:
    calls = [
        (NUMBERS[0], 1, True, True),
        (NUMBERS[1], 2, False, True),
        ("13900000000", 1, True, True),
        (NUMBERS[0], -60, True, True),
    ]
    asyncio.run(_store(database.owner, *calls))
    assert asyncio.run(answered_by_agent(NUMBERS, START, 2, within=5)) == (1, "")


def test_a_record_that_is_late_is_waited_for(database: Postgres) -> None:
    async def late() -> tuple[int | None, str]:
        await _store(database.owner, (NUMBERS[0], 1, True, True))
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(answered_by_agent(NUMBERS, START, 2, within=20))
            group.create_task(_store(database.owner, (NUMBERS[1], 2, True, True)))
        return asking.result()

    assert asyncio.run(late()) == (2, "")


def test_records_that_do_not_come_make_the_figure_unknown(database: Postgres) -> None:
    asyncio.run(_store(database.owner, (NUMBERS[0], 1, True, False)))
    assert asyncio.run(answered_by_agent(NUMBERS, START, 1, within=0.3)) == (
        None,
        "only 0 of 1 call records were complete after 0 s",
    )


def test_without_a_database_the_figure_is_unknown_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    count, reason = asyncio.run(answered_by_agent(NUMBERS, START, 1, within=1))
    assert count is None
    assert "credentials.json" in reason

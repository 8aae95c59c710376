"""kill -9 of the bridge at every step of journal, apply and store: the rows are those of a bridge left alone (metrics 7)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from hotline import paths

if TYPE_CHECKING:
    from tests.conftest import Postgres

STREAM = paths.TREE / "tests" / "traces" / "queue_full.ami"
EVERY = 4
"""Each such step is tried; beginning at another one for each stream, all kinds of them are met."""
ROWS = {
    "calls": "SELECT * FROM calls ORDER BY call_id",
    "requests": "SELECT * FROM requests WHERE NOT void ORDER BY call_id, number",
    "agent_turns": "SELECT * FROM agent_turns WHERE NOT void ORDER BY call_id, number",
}


def feed(postgres: Postgres, folder: Path, first: int, *, kill_at: int = 10**9) -> tuple[int, int]:
    """Run the bridge until its end or its death; the number of the batch that it heard last, and its exit status."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.killer", str(kill_at), "tests.bridge_feed", str(STREAM), str(folder), postgres.dsn]
    done = subprocess.run([*command, str(first)], cwd=paths.TREE, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, -9), done.stderr
    said = done.stdout.split()
    return (int(said[-1]) if said else first), done.returncode


async def _rows(postgres: Postgres) -> dict[str, list[dict[str, Any]]]:
    """What is stored, without what tells how often and when it was."""
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return {
            table: [{key: value for key, value in row.items() if key not in ("version", "updated_at")} for row in found]
            for table, found in [(table, await connection.fetch(query)) for table, query in ROWS.items()]
        }
    finally:
        await connection.close()


async def _forget(postgres: Postgres) -> None:
    """An empty database."""
    connection = await asyncpg.connect(postgres.owner)
    try:
        await connection.execute("TRUNCATE calls, requests, agent_turns, bridge_positions, dirty_quarters")
    finally:
        await connection.close()


def test_a_bridge_killed_at_any_step_stores_the_same_rows_after_it(empty_database: Postgres, tmp_path: Path) -> None:
    empty = empty_database
    feed(empty, tmp_path / "whole", 0)
    truth = asyncio.run(_rows(empty))
    assert [len(found) for found in truth.values()] == [2, 2, 0]
    step, killed = 1, 0
    while True:
        asyncio.run(_forget(empty))
        reached, status = feed(empty, tmp_path / f"at{step}", 0, kill_at=step)
        if status == 0:
            break
        killed += 1
        feed(empty, tmp_path / f"at{step}", reached)
        assert asyncio.run(_rows(empty)) == truth, f"killed at step {step}"
        step += EVERY
    assert killed > 20

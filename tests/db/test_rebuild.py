"""Rows of the index that were lost are made again of what lies beside each recording (SEC-15, QUA-01)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hotline import credentials, database
from hotline.settings import Settings
from recordings import commands
from recordings.storage import opening, rebuild
from recordings.storage.opening import Storages
from recordings.storage.rebuild import Rebuilt
from tests.sealed_calls import both, speech, taken_in

if TYPE_CHECKING:
    from tests.conftest import Postgres

SAME = (
    "node, call_id, kind, file, started_at, length_ms, channels, sha256, state, quality, voices, manifest, storage, object,"
    " object_bytes, object_sha256, key_id, wrapped_key"
)


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return tmp_path


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(pool)

    asyncio.run(run())


async def rows(pool: asyncpg.Pool, what: str = SAME) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await pool.fetch(f"SELECT {what} FROM recordings ORDER BY call_id")]


async def sealed(pool: asyncpg.Pool, var: Path) -> None:
    """A conversation, two messages, of which the last has lost nothing."""
    async with pool.acquire() as connection:
        await taken_in(connection, var, "c1", both(), sealed=pool)
        await taken_in(connection, var, "m1", (speech("lamp"),), sealed=pool)
        await taken_in(connection, var, "m2", (speech("pension"),), sealed=pool)


async def lose(server: Postgres) -> None:
    """What the application itself may not do."""
    owner = await asyncpg.connect(server.owner)
    for query in (
        "DELETE FROM pgqueuer",
        "DELETE FROM transcripts WHERE recording_id IN (SELECT recording_id FROM recordings WHERE call_id <> 'm2')",
        "DELETE FROM recordings WHERE call_id <> 'm2'",
    ):
        await owner.execute(query)
    await owner.close()


async def again(pool: asyncpg.Pool) -> Rebuilt:
    return await rebuild.rebuild(pool, Storages(Settings()), await opening.keyring(pool), Settings(), by="test")


def test_rows_that_were_lost_come_back_as_they_were_and_those_that_are_there_stay(empty_database: Postgres, var: Path) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        await sealed(pool, var)
        before, kept = await rows(pool), (await rows(pool, "recordings.*"))[-1]
        await lose(empty_database)
        found = await again(pool)
        assert (found.recordings, found.restored, found.findings) == (3, 2, [])
        assert await rows(pool) == before and (await rows(pool, "recordings.*"))[-1] == kept
        states = await pool.fetch("SELECT state FROM transcripts")
        assert [row["state"] for row in states] == ["waiting"] * 3
        assert await pool.fetchval("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'transcribe:n1'") == 2
        assert (await again(pool)).restored == 0 and len(await rows(pool)) == 3
        lines = await pool.fetch("SELECT detail FROM audit_log WHERE action = 'recording.rebuild' ORDER BY at")
        assert [json.loads(line["detail"])["restored"] for line in lines] == [2, 0]

    with_pool(empty_database, work)


def test_what_cannot_be_made_again_is_named_and_the_rest_is_what_was_deleted_stays_so(
    empty_database: Postgres, var: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def prepare(pool: asyncpg.Pool) -> None:
        await sealed(pool, var)
        await lose(empty_database)
        await pool.execute("UPDATE recordings SET state = 'deleted', object = '', wrapped_key = NULL, key_id = ''")

    with_pool(empty_database, prepare)
    (beside,) = (var / "recordings").rglob("n1-m1.manifest")
    whole = beside.read_bytes()
    credentials._write(empty_database.credentials)
    capsys.readouterr()
    for content in (whole[:-40], whole.replace(b"m1.opus", b"c1.opus"), b""):
        beside.write_bytes(content)
        assert command("--json") == 1
        found = json.loads(capsys.readouterr().out)
        assert [(one["wrong"], one["object"]) for one in found["findings"]] == [("bad_envelope", "2026/11/22/n1-m1.opus")]
    beside.unlink()
    assert command() == 1 and "n1-m1.opus" in capsys.readouterr().out
    beside.write_bytes(whole)
    assert command() == 0

    async def finished(pool: asyncpg.Pool) -> None:
        assert await rows(pool, "call_id, state") == [("c1", "stored"), ("m1", "stored"), ("m2", "deleted")]

    with_pool(empty_database, finished)


def command(*words: str) -> int:
    chosen = commands.parser().parse_args(("rebuild", *words))
    return int(chosen.run(chosen))

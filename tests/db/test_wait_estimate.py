"""The wait that a waiting caller hears: joined from the installed prompts, true, or silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from agi import wait_estimate
from hotline import database, g711, sounds
from ivr_flows import saying
from tests.trial import wait_until

if TYPE_CHECKING:
    from tests.conftest import Postgres

CALLS = """
INSERT INTO calls (node, call_id, started_at, queued_at, connected_at, source)
SELECT 'node1', n::text, now(), now() - interval '20 minutes', now() - interval '20 minutes' + make_interval(secs => $1), 'ami'
FROM generate_series(1, 3) AS n
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The installed sounds of an installation of the test's own."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    sounds.install(tmp_path / "asterisk", None)
    return tmp_path / "asterisk" / "sounds"


def with_pool(dsn: str, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(dsn, name="trial", connect_seconds=1) as pool:
            await work(pool)

    asyncio.run(run())


def waited(server: Postgres, seconds: float) -> None:
    """Three callers of the last half hour waited so long."""

    async def fill() -> None:
        connection = await asyncpg.connect(server.owner)
        await connection.execute("DELETE FROM calls")
        await connection.execute(CALLS, seconds)
        await connection.close()

    asyncio.run(fill())


def heard(folder: Path, language: str) -> bytes:
    """What the queue plays; both formats are the same sound."""
    linear = sounds.samples(folder / language / "wait-estimate.wav")
    assert (folder / language / "wait-estimate.alaw").read_bytes() == g711.encode(linear)
    return linear


def spoken(folder: Path, language: str, minutes: int) -> bytes:
    names = ("wait-estimate-begin", *saying.say("minutes", str(minutes), language))
    return b"".join(sounds.samples(folder / language / f"{name}.wav") for name in names)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("seconds", "minutes"), [(5, 1), (61, 2), (900, 15)])
def test_the_mean_wait_is_spoken_in_whole_minutes(
    empty_database: Postgres, folder: Path, language: str, seconds: int, minutes: int
) -> None:
    waited(empty_database, seconds)
    with_pool(empty_database.dsn, wait_estimate.renew)
    assert heard(folder, language) == spoken(folder, language, minutes)


def test_nothing_is_said_when_nobody_knows_or_postgresql_is_away(empty_database: Postgres, folder: Path) -> None:
    waited(empty_database, 60)
    with_pool(empty_database.dsn, wait_estimate.renew)
    assert heard(folder, "zh") != sounds.SILENCE
    with_pool("postgresql://hotline:x@127.0.0.1:1/hotline", wait_estimate.renew)
    assert heard(folder, "zh") == heard(folder, "en") == sounds.SILENCE


def test_a_prompt_that_is_missing_silences_its_language_alone(empty_database: Postgres, folder: Path) -> None:
    waited(empty_database, 60)
    (folder / "zh" / "wait-estimate-begin.wav").unlink()
    with_pool(empty_database.dsn, wait_estimate.renew)
    assert heard(folder, "zh") == sounds.SILENCE
    assert heard(folder, "en") == spoken(folder, "en", 1)


def test_an_installation_of_the_sounds_leaves_the_estimate_alone(empty_database: Postgres, folder: Path) -> None:
    waited(empty_database, 60)
    with_pool(empty_database.dsn, wait_estimate.renew)
    sounds.install(folder.parent, None)
    assert heard(folder, "zh") == spoken(folder, "zh", 1)


def test_without_folders_there_is_nothing_to_do(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "nothing"))
    with_pool(empty_database.dsn, wait_estimate.renew)
    assert not (tmp_path / "nothing").exists()


def test_who_keeps_it_true_leaves_silence_behind(empty_database: Postgres, folder: Path) -> None:
    waited(empty_database, 60)

    async def work(pool: asyncpg.Pool) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(wait_estimate.run(pool))
            alaw = folder / "en" / "wait-estimate.alaw"  # the last one written
            await asyncio.to_thread(wait_until, lambda: alaw.read_bytes() != g711.encode(sounds.SILENCE))
            task.cancel()

    with_pool(empty_database.dsn, work)
    assert heard(folder, "zh") == sounds.SILENCE

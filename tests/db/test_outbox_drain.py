"""The outbox drains into PostgreSQL: nothing lost, nothing doubled, whoever is killed when (IVR-07, IVR-18, IVR-20)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
import structlog

from agi import outbox_drain
from hotline import clock, database, outbox, paths

if TYPE_CHECKING:
    from tests.conftest import Postgres

SINCE = "2026-11-18T12:00:00+08:00"
CALLBACK = {"call_id": "1.1", "number": "13800138000", "queue": "hotline", "waiting_since": SINCE}
SURVEY = {"call_id": "1.2", "agent": "1001", "direction": "inbound", "rating": "satisfied"}
FAX = {"call_id": "1.3", "number": "", "document": "pension.pdf"}
COUNTS = "SELECT (SELECT count(*) FROM callback_requests), (SELECT count(*) FROM survey_ratings), (SELECT count(*) FROM fax_jobs)"


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return tmp_path


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="trial", largest=2) as pool:
            await work(pool)

    asyncio.run(run())


def drained(server: Postgres) -> None:
    with_pool(server, lambda pool: outbox_drain.drain(pool, "node1"))


def waiting() -> list[str]:
    return sorted(file.name for file in outbox.folder().iterdir() if file.is_file())


def refused() -> list[str]:
    place = outbox.folder() / "refused"
    return sorted(file.name for file in place.iterdir()) if place.is_dir() else []


def counts(server: Postgres) -> tuple[int, ...]:
    async def ask() -> tuple[int, ...]:
        connection = await asyncpg.connect(server.owner)
        row = tuple(await connection.fetchrow(COUNTS))
        await connection.close()
        return row

    return asyncio.run(ask())


def test_each_kind_becomes_its_row_and_the_file_goes(empty_database: Postgres) -> None:
    for kind, values in (("callback", CALLBACK), ("survey", SURVEY), ("fax", FAX)):
        outbox.put(kind, values)
    drained(empty_database)
    assert waiting() == refused() == []

    async def work(pool: asyncpg.Pool) -> None:
        request = await pool.fetchrow("SELECT node, call_id, number, queue, waiting_since FROM callback_requests")
        assert tuple(request)[:4] == ("node1", "1.1", "13800138000", "hotline")
        assert request["waiting_since"].isoformat() == "2026-11-18T04:00:00+00:00"
        rating = await pool.fetchrow("SELECT node, call_id, direction, agent, rating FROM survey_ratings")
        assert tuple(rating) == ("node1", "1.2", "inbound", "1001", "satisfied")
        job = await pool.fetchrow("SELECT call_id, number, document, attempts, state FROM fax_jobs")
        assert tuple(job) == ("1.3", "", "pension.pdf", 0, "waiting")

    with_pool(empty_database, work)


def test_a_file_that_comes_again_changes_nothing(empty_database: Postgres) -> None:
    outbox.put("survey", SURVEY)
    (file,) = outbox.folder().iterdir()
    content = file.read_bytes()
    drained(empty_database)
    file.write_bytes(content)  # killed after the row was there and before the file went
    drained(empty_database)
    assert counts(empty_database) == (0, 1, 0)
    assert waiting() == []


def _name(kind: str) -> str:
    return f"{uuid.uuid4()}.{kind}.json"


def _file(name: str, **values: str) -> tuple[str, bytes]:
    return name, json.dumps({"id": name[:36], "at": SINCE} | values).encode()


MALFORMED = {
    "no JSON": (_name("survey"), b"{"),
    "empty": (_name("survey"), b""),
    "no object": (_name("survey"), b"[1]"),
    "no UTF-8": (_name("survey"), b'{"id": "\xff"}'),
    "another uuid": (_name("survey"), json.dumps(SURVEY | {"id": str(uuid.uuid4()), "at": SINCE}).encode()),
    "no time": _file(_name("survey"), **(SURVEY | {"at": "noon"})),
    "a time without a zone": _file(_name("callback"), **(CALLBACK | {"waiting_since": "2026-11-18T12:00:00"})),
    "a field missing": _file(_name("callback"), call_id="1"),
    "an unknown rating": _file(_name("survey"), **(SURVEY | {"rating": "splendid"})),
    "an unknown direction": _file(_name("survey"), **(SURVEY | {"direction": "up"})),
    "no number to call": _file(_name("callback"), **(CALLBACK | {"number": ""})),
    "a zero character": _file(_name("fax"), **(FAX | {"document": "a\0b"})),
    "an unknown kind": _file(_name("letter"), **SURVEY),
    "a strange name": ("readme.txt", b"hello"),
    "a number instead of text": (_name("survey"), b'{"id": 1, "at": 2, "call_id": 3, "rating": 4}'),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_or_refused_is_set_aside_with_an_alarm_and_the_others_go_on(
    empty_database: Postgres, case: str
) -> None:
    name, content = MALFORMED[case]
    outbox.folder().mkdir()
    (outbox.folder() / name).write_bytes(content)
    os.utime(outbox.folder() / name, (1, 1))
    outbox.put("survey", SURVEY)
    with structlog.testing.capture_logs() as logs:
        drained(empty_database)
    assert refused() == [name]
    assert waiting() == []
    assert (outbox.folder() / "refused" / name).read_bytes() == content
    assert [line["log_level"] for line in logs] == ["critical"]
    assert counts(empty_database) == (0, 1, 0)


def test_while_postgresql_is_away_everything_waits(empty_database: Postgres) -> None:
    outbox.put("survey", SURVEY)
    before = waiting()

    async def away() -> None:
        async with await database.pool("postgresql://hotline:x@127.0.0.1:1/hotline", name="trial") as pool:
            await outbox_drain.drain(pool, "node1")

    with pytest.raises(OSError, match=r"."):
        asyncio.run(away())
    assert waiting() == before
    drained(empty_database)
    assert counts(empty_database) == (0, 1, 0)


def test_a_table_that_is_not_there_yet_refuses_nothing(new_postgres: type[Postgres], tmp_path: Path) -> None:
    server = new_postgres(tmp_path / "pg" / "postgres")
    (tmp_path / "pg").mkdir()
    server.start()
    try:
        outbox.put("survey", SURVEY)
        with pytest.raises(asyncpg.UndefinedTableError):
            drained(server)
        assert len(waiting()) == 1
        assert refused() == []
    finally:
        server.stop()


def test_what_was_never_finished_is_removed_after_an_hour_and_never_drained(empty_database: Postgres) -> None:
    outbox.put("survey", SURVEY)
    (file,) = outbox.folder().iterdir()
    old, young = outbox.folder() / f".{_name('survey')}", outbox.folder() / f".{_name('survey')}"
    for unfinished in (old, young):
        unfinished.write_bytes(file.read_bytes()[:20])
    past = clock.now().timestamp() - 2 * 3600
    os.utime(old, (past, past))
    drained(empty_database)
    assert waiting() == [young.name]
    assert refused() == []


KEEPER = """
import itertools
from hotline import outbox
for n in itertools.count():
    outbox.put("survey", {"call_id": f"PREFIX-{n}", "agent": "1001", "direction": "inbound", "rating": "satisfied"})
    print(f"PREFIX-{n}", flush=True)
"""
DRAINER = """
import asyncio, sys
from agi import outbox_drain
from hotline import database
async def run():
    async with await database.pool(sys.argv[1], name="trial") as pool:
        print("draining", flush=True)
        while True:
            await outbox_drain.drain(pool, "node1")
asyncio.run(run())
"""


def _started(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=paths.TREE, stdout=subprocess.PIPE, text=True)


def _killed_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Wait for so many lines of output and a random moment, then kill -9; returns everything that it said."""
    assert process.stdout
    said = [process.stdout.readline().strip() for _ in range(lines)]
    try:
        process.wait(random.uniform(0, 0.05))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    return said + [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]


def test_kill_9_of_whoever_keeps_and_whoever_drains_loses_and_doubles_nothing(empty_database: Postgres) -> None:
    told: set[str] = set()
    for turn in range(4):
        drainer = _started(DRAINER, empty_database.dsn)
        said = _killed_after(_started(KEEPER.replace("PREFIX", f"{turn}")), 20)
        told.update(line.strip() for line in said)
        _killed_after(drainer, 1)
    drained(empty_database)
    assert refused() == []

    async def work(pool: asyncpg.Pool) -> None:
        stored = [row["call_id"] for row in await pool.fetch("SELECT call_id FROM survey_ratings")]
        assert len(stored) == len(set(stored))
        assert told <= set(stored)
        assert len(set(stored) - told) <= 4  # kept, but killed before it was said

    with_pool(empty_database, work)
    assert len(told) >= 80


def test_a_conversation_without_a_rating_counts_as_not_rated(postgres_server: Postgres) -> None:
    """IVR-20: of three conversations one was rated, one was asked in vain and one was never asked; an abandoned call is none."""

    async def run() -> list[tuple[str, str, str]]:
        connection = await asyncpg.connect(postgres_server.dsn)
        await connection.execute(
            """
            INSERT INTO calls (node, call_id, started_at, connected_at, agent, source)
            VALUES ('r', '1', now(), now(), '1001', 'ami'), ('r', '2', now(), now(), '1002', 'ami'),
                   ('r', '3', now(), now(), '1003', 'ami'), ('r', '4', now(), NULL, NULL, 'ami');
            INSERT INTO survey_ratings (rating_id, node, call_id, direction, agent, rating, rated_at)
            VALUES (gen_random_uuid(), 'r', '1', 'inbound', '1009', 'satisfied', now()),
                   (gen_random_uuid(), 'r', '2', 'inbound', '', 'not_rated', now())
            """
        )
        rows = await connection.fetch("SELECT call_id, agent, rating FROM call_ratings WHERE node = 'r' ORDER BY call_id")
        await connection.close()
        return [tuple(row) for row in rows]

    assert asyncio.run(run()) == [("1", "1009", "satisfied"), ("2", "1002", "not_rated"), ("3", "1003", "not_rated")]

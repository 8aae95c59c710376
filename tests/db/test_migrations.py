"""Forward-only migrations on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from hotline import database
from hotline.errors import MigrationError

if TYPE_CHECKING:
    from tests.conftest import Postgres

Work = Callable[[asyncpg.Connection], Awaitable[None]]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"


@asynccontextmanager
async def fresh_schema(server: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner that lives in an empty schema, which is dropped afterwards."""
    connection = await asyncpg.connect(server.owner)
    await connection.execute("CREATE SCHEMA trial")
    await connection.execute("SET search_path TO trial")
    try:
        yield connection
    finally:
        await connection.execute("DROP SCHEMA trial CASCADE")
        await connection.close()


def in_fresh_schema(server: Postgres, work: Work) -> None:
    async def run() -> None:
        async with fresh_schema(server) as connection:
            await work(connection)

    asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of migrations of the test's own."""
    (tmp_path / "migrations").mkdir()
    monkeypatch.setattr(database, "_HERE", tmp_path)
    return tmp_path / "migrations"


def test_the_migrations_of_the_tree_make_the_tables_and_are_applied_once(postgres_server: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        applied = await database.migrate(connection)
        assert applied == [name for _, name, _ in database.migrations()]
        tables = {row["tablename"] for row in await connection.fetch(TABLES)}
        assert tables >= {"calls", "recordings", "messages", "bridge_positions", "schema_migrations"}
        assert await database.migrate(connection) == []

    in_fresh_schema(postgres_server, work)


def test_an_applied_migration_may_not_change(postgres_server: Postgres, folder: Path) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        (folder / "0001_a.sql").write_text("CREATE TABLE a (x int)")
        assert await database.migrate(connection) == ["0001_a"]
        (folder / "0001_a.sql").write_text("CREATE TABLE a (x int) ")
        with pytest.raises(MigrationError, match="0001_a was changed"):
            await database.migrate(connection)

    in_fresh_schema(postgres_server, work)


def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(postgres_server: Postgres, folder: Path) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        (folder / "0001_a.sql").write_text("CREATE TABLE a (x int)")
        (folder / "0002_b.sql").write_text("CREATE TABLE b (x int); SELECT nothing_like_this();")
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await database.migrate(connection)
        assert [row["tablename"] for row in await connection.fetch(TABLES)] == ["a", "schema_migrations"]
        (folder / "0002_b.sql").write_text("CREATE TABLE b (x int)")
        assert await database.migrate(connection) == ["0002_b"]

    in_fresh_schema(postgres_server, work)


def test_a_database_that_is_newer_than_the_checkout_is_refused(postgres_server: Postgres, folder: Path) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        (folder / "0001_a.sql").write_text("CREATE TABLE a (x int)")
        (folder / "0002_b.sql").write_text("CREATE TABLE b (x int)")
        await database.migrate(connection)
        (folder / "0002_b.sql").unlink()
        with pytest.raises(MigrationError, match="use a newer one"):
            await database.migrate(connection)

    in_fresh_schema(postgres_server, work)


@pytest.mark.parametrize("names", [["0002_b.sql"], ["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"], ["0000_a.sql"]])
def test_a_hole_or_a_doubled_number_is_refused(folder: Path, names: list[str]) -> None:
    for name in names:
        (folder / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match="without a hole"):
        database.migrations()


def test_processes_that_migrate_at_once_apply_each_migration_once(postgres_server: Postgres, folder: Path) -> None:
    (folder / "0001_a.sql").write_text("CREATE TABLE a (x int)")
    (folder / "0002_b.sql").write_text("INSERT INTO a VALUES (1)")

    async def one() -> list[str]:
        connection = await asyncpg.connect(postgres_server.owner)
        await connection.execute("SET search_path TO trial")
        try:
            return await database.migrate(connection)
        finally:
            await connection.close()

    async def work(connection: asyncpg.Connection) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(8)]
        assert sorted(name for task in tasks for name in task.result()) == ["0001_a", "0002_b"]
        assert await connection.fetchval("SELECT count(*) FROM a") == 1

    in_fresh_schema(postgres_server, work)


def test_the_pool_names_itself_and_speaks_utc(postgres_server: Postgres) -> None:
    async def ask() -> tuple[str, str]:
        async with await database.pool(postgres_server.dsn, name="trial") as pool:
            return await pool.fetchval("SHOW application_name"), await pool.fetchval("SHOW timezone")

    assert asyncio.run(ask()) == ("trial", "UTC")


def test_the_pool_can_be_made_while_the_server_is_away(postgres_server: Postgres) -> None:
    parts = urlsplit(postgres_server.dsn)
    away = urlunsplit(parts._replace(netloc=parts.netloc.rsplit(":", 1)[0] + ":1"))

    async def ask() -> None:
        async with await database.pool(away, name="trial") as pool:
            with pytest.raises(OSError, match=r"1"):
                await pool.fetchval("SELECT 1")

    asyncio.run(ask())

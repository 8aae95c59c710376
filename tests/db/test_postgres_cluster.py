"""The embedded cluster: made once, password only, survives kill -9."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from hotline import database
from hotline.credentials import Credentials
from hotline.errors import PostgresError
from hotline.stack import postgres

if TYPE_CHECKING:
    from tests.conftest import Postgres


def test_the_server_is_utf8_and_utc(postgres_server: Postgres) -> None:
    async def ask() -> tuple[str, str]:
        connection = await asyncpg.connect(postgres_server.dsn)
        try:
            return await connection.fetchval("SHOW server_encoding"), await connection.fetchval("SHOW timezone")
        finally:
            await connection.close()

    assert asyncio.run(ask()) == ("UTF8", "UTC")


def test_the_application_role_writes_rows_and_makes_no_tables(postgres_server: Postgres) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(postgres_server.dsn)
        await connection.execute("INSERT INTO bridge_positions (node, segment) VALUES ('grants', 1)")
        await connection.execute("DELETE FROM bridge_positions WHERE node = 'grants'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (x int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DROP TABLE calls")
        await connection.close()

    asyncio.run(work())


def test_a_wrong_password_and_the_superuser_are_refused(postgres_server: Postgres) -> None:
    async def enter(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.close()

    address = f"127.0.0.1:{postgres_server.port}"
    for dsn in (f"postgresql://hotline:wrong@{address}/hotline", f"postgresql://postgres@{address}/postgres"):
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
            asyncio.run(enter(dsn))


def test_what_was_committed_survives_kill_9_and_a_changed_password_is_taken_over(
    tmp_path: Path, new_postgres: type[Postgres]
) -> None:
    server = new_postgres(tmp_path / "p g")
    server.start()

    async def migrate_and_write() -> list[str]:
        connection = await asyncpg.connect(server.owner)
        applied = await database.migrate(connection)
        assert await database.migrate(connection) == []
        await connection.execute("INSERT INTO bridge_positions (node, segment) VALUES ('n', 7)")
        await connection.close()
        return applied

    async def read() -> int:
        connection = await asyncpg.connect(server.dsn)
        segment: int = await connection.fetchval("SELECT segment FROM bridge_positions")
        await connection.close()
        return segment

    assert asyncio.run(migrate_and_write())[0] == "0001_calls"
    server.kill()
    server.credentials = msgspec.structs.replace(server.credentials, database=server.dsn.replace("it%27s%20me", "another"))
    server.start()
    assert "another" in server.dsn
    assert asyncio.run(read()) == 7
    server.stop()


def test_a_half_made_cluster_is_made_again(tmp_path: Path, new_postgres: type[Postgres]) -> None:
    server = new_postgres(tmp_path / "pg")
    (tmp_path / "pg" / "data.new" / "base").mkdir(parents=True)
    server.start()
    server.stop()


def test_a_password_that_could_end_a_statement_line_is_refused(postgres_server: Postgres, tmp_path: Path) -> None:
    bad: Credentials = msgspec.structs.replace(
        postgres_server.credentials, database="postgresql://hotline:a%0Ab@127.0.0.1/hotline"
    )
    with pytest.raises(PostgresError, match="control character"):
        postgres.prepare(postgres.Cluster(folder=tmp_path / "x", port=1), bad)

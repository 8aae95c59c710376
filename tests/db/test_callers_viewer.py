"""Who citizens are is seen in a transaction that says whose eyes it has, and in no other (SEC-03, SEC-13)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from crm.callers import viewer

if TYPE_CHECKING:
    from tests.conftest import Postgres

_TICKET = (
    "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at)"
    " VALUES (2026112200001, 'telephone', 'draft', 'dezhou', now(), '1001', now())"
)
_IDENTITY = "INSERT INTO ticket_identities (ticket_id, caller_name) VALUES (2026112200001, '张三')"
_SEEN = "SELECT count(*) FROM ticket_identities"


def with_connection(server: Postgres, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.dsn)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(run())


def test_nobody_is_seen_but_within_a_block_that_says_so_and_not_after_it(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(_TICKET)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(_IDENTITY)
        async with viewer.staff(connection):
            await connection.execute(_IDENTITY)
        assert await connection.fetchval(_SEEN) == 0
        async with connection.transaction():
            assert await connection.fetchval(_SEEN) == 0
            async with viewer.staff(connection), viewer.staff(connection):
                assert await connection.fetchval(_SEEN) == 1
            assert await connection.fetchval(_SEEN) == 0
            await viewer.set_staff(connection)
            assert await connection.fetchval(_SEEN) == 1
            async with viewer.unit(connection, "U01"):
                assert await connection.fetchval(_SEEN) == 0
            assert await connection.fetchval(_SEEN) == 1
        assert await connection.fetchval(_SEEN) == 0

    with_connection(empty_database, work)


def test_a_block_that_fails_leaves_the_eyes_as_they_were(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute(_TICKET)
        async with viewer.staff(connection):
            await connection.execute(_IDENTITY)
        async with connection.transaction():
            with pytest.raises(ZeroDivisionError):
                async with viewer.staff(connection):
                    raise ZeroDivisionError
            assert await connection.fetchval(_SEEN) == 0

    with_connection(empty_database, work)


def test_outside_of_a_transaction_it_is_an_error_and_no_silence(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(RuntimeError, match="transaction"):
            await viewer.set_staff(connection)

    with_connection(empty_database, work)

"""One connection for one command, and what says that PostgreSQL, not the statement, is to blame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import asyncpg

from hotline import credentials, database
from recordings.errors import DatabaseAwayError

T = TypeVar("T")


def ask(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """What ``work`` gives with a connection of its own; raises ``DatabaseAwayError``, and whatever ``work`` raises."""

    async def run() -> T:
        with reaching():
            connection = await asyncpg.connect(credentials.load().database, timeout=5, server_settings={"timezone": "UTC"})
            try:
                return await work(connection)
            finally:
                await connection.close()

    return asyncio.run(run())


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what says that PostgreSQL is away into ``DatabaseAwayError``."""
    try:
        yield
    except database.AWAY as error:
        if not database.is_away(error):
            raise
        raise DatabaseAwayError(f"{type(error).__name__}: {error}") from error

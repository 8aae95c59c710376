"""A request with an idempotency key is done once, whatever happens to the line, to the process or to the database meanwhile.

Whoever takes the request (``desks/repeats.py``) says under which key it came: ``asking``. A use case of ``crm`` calls ``claim``
first in its transaction and ``keep`` last, so that what is done and what was answered are committed together: a request that is
repeated is done exactly once, even if the process is killed between the commit and the answer. Without a key both do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from crm.errors import RefusedError
from hotline import rounds, sql

QUERIES = sql.load(Path(__file__).parent / "sql" / "idempotency.sql")
LARGEST_ANSWER = 100_000
"""Of characters; a longer answer is not kept, and its request not done: no answer to a change is that long."""
_HOUR_SECONDS = 3600.0
_log = structlog.get_logger()


class Asked(msgspec.Struct):
    """Who asked what under which key; ``digest`` is of the request. ``is_kept``: the use case itself kept its answer."""

    actor: str
    key: str
    digest: str
    is_kept: bool = False
    kept: bytes = b""


class RepeatedError(Exception):
    """It was done before; this is what was answered then."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(status)
        self.status, self.answer = status, answer


_ASKED: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def asking(asked: Asked) -> Iterator[None]:
    """What is done inside is done under this key."""
    before = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(before)


async def claim(connection: asyncpg.Connection) -> None:
    """First in a use case's transaction: who comes second waits here until the first has committed.

    Raises ``RepeatedError`` when it was done before, ``RefusedError`` (``key_used``) when the key stood for something else.
    """
    asked = _ASKED.get()
    if asked is None:
        return
    await connection.execute(QUERIES["alone"], asked.actor, asked.key)
    answered(asked, await connection.fetchrow(QUERIES["known"], asked.actor, asked.key))


def answered(asked: Asked, known: asyncpg.Record | None) -> None:
    """Raise as ``claim`` does, of what is known about a key; a request that was only begun is not known to be done."""
    if known is None:
        return
    if known["digest"] != asked.digest:
        raise RefusedError("key_used", key=asked.key)
    if known["status"]:
        raise RepeatedError(known["status"], known["answer"])


async def keep(connection: asyncpg.Connection, answer: object, status: int = 200) -> None:
    """Last in a use case's transaction: ``answer`` is what the web application will answer with, as JSON."""
    asked = _ASKED.get()
    if asked is None:
        return
    asked.kept, asked.is_kept = msgspec.json.encode(answer), True
    await store(connection, asked, status, asked.kept)


async def store(connection: asyncpg.Pool | asyncpg.Connection, asked: Asked, status: int, answer: bytes) -> None:
    """The answer to this key."""
    text = answer.decode()
    if len(text) > LARGEST_ANSWER:
        raise ValueError(f"an answer of {len(text)} characters")
    await connection.execute(QUERIES["keep"], asked.actor, asked.key, asked.digest, status, text)


async def run(parts: Parts) -> None:
    """For ever: keys older than a day are forgotten."""
    await rounds.forever(lambda: parts.pool.execute(QUERIES["clean"]), "old keys stay", every=_HOUR_SECONDS)

"""The web application with two orders of the tests' own; ``python -m tests.keyed_desk DSN WHERE`` serves it, and is killed there.

``POST /api/try`` keeps its answer in its own transaction, ``POST /api/try-plain`` does not; each writes one line and counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec

from acd import orders
from acd.permissions import Person
from crm import idempotency
from crm.errors import RefusedError
from desks import application, repeats, routes
from desks.desk import Ask, Route
from desks.ordering import Line, ordered
from tests.desks_peer import Desks, serving

WHERE = ("before_commit", "after_commit")
"""Where the process may end: of the orders here, and of every other that keeps its answer."""
_ends: list[str] = []


class Wish(msgspec.Struct, frozen=True):
    """``note`` 'no' is refused; ``pause_seconds``: how long it takes."""

    note: Line
    version: int | None = None
    pause_seconds: float = 0


class Tried(msgspec.Struct, frozen=True):
    """``number`` is never the same twice."""

    number: uuid.UUID
    note: str
    version: int


async def claimed(ask: Ask, person: Person, *, note: str, version: int | None, pause_seconds: float) -> Tried:
    async with ask.parts.pool.acquire() as connection:
        async with connection.transaction():
            await idempotency.claim(connection)
            tried = await _try(connection, person, note, version, pause_seconds)
            await idempotency.keep(connection, tried)
            _end("before_commit")
        _end("after_commit")
        return tried


async def plain(ask: Ask, person: Person, *, note: str, version: int | None, pause_seconds: float) -> Tried:
    async with ask.parts.pool.acquire() as connection:
        async with connection.transaction():
            tried = await _try(connection, person, note, version, pause_seconds)
            _end("before_commit")
        _end("after_commit")
        return tried


async def _try(connection: Any, person: Person, note: str, version: int | None, seconds: float) -> Tried:
    if note == "no":
        raise RefusedError("wrong_state", state="archived")
    await asyncio.sleep(seconds)
    await orders.audit(connection, person, "tried", note, {})
    return Tried(uuid.uuid4(), note, (version or 0) + 1)


def _end(where: str) -> None:
    if where in _ends:
        os.kill(os.getpid(), signal.SIGKILL)


ROUTES: tuple[Route, ...] = (
    ordered("POST", "/api/try", claimed, "ticket.draft", ("试", "Try"), body=Wish, answer=Tried, claims=True),
    ordered("POST", "/api/try-plain", plain, "ticket.draft", ("试", "Try"), body=Wish, answer=Tried),
)


@contextlib.asynccontextmanager
async def trying(server: Any) -> AsyncIterator[Desks]:
    """Everything that ``desks`` serves, and these two."""
    with mock.patch.object(application, "ROUTES", (*routes.ROUTES, *ROUTES)):
        async with serving(server) as desks:
            yield desks


def _ending(carry_out: Callable[..., Awaitable[None]], where: str, *, is_first: bool) -> Callable[..., Coroutine[Any, Any, None]]:
    """The function, and the end, where it is to be."""

    async def ending(*arguments: Any, **named: Any) -> None:
        if not is_first:
            await carry_out(*arguments, **named)
        _end(where)
        await carry_out(*arguments, **named)

    return ending


async def main(dsn: str, where: str) -> None:
    _ends.append(where)
    idempotency.keep = _ending(idempotency.keep, "before_commit", is_first=False)
    repeats._keep = _ending(repeats._keep, "after_commit", is_first=True)  # what is done is done, and not answered yet
    async with trying(SimpleNamespace(dsn=dsn)) as desks:
        print(desks.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

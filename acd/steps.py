"""Follows what the dialplan tells (table ``acd_steps``, written by the bridge): each step is handed on once in effect.

A handler runs inside the transaction that moves this reader's position: what it writes, and the commands that it asks for, are
there exactly when the step counts as read. A process that dies reads it again. A step that its handler cannot take, by a fault of
ours, is said aloud and left; those after it go on.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from hotline import rounds, sql
from hotline.errors import HotlineError
from hotline.waiting import within

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "steps.sql")
_POLL_SECONDS = 1.0
_AT_ONCE = 200
READER = "acd"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step that a channel took: ``area:what`` and words about it (``attempt=1;result=BUSY``); ``number`` counts there."""

    node: str
    call_id: str
    uniqueid: str
    number: int
    at: dt.datetime
    step: str
    detail: str

    @property
    def area(self) -> str:
        """Whose step it is."""
        return self.step.partition(":")[0]

    @property
    def what(self) -> str:
        """What happened."""
        return self.step.partition(":")[2]

    def words(self) -> dict[str, str]:
        """The detail's parts, ``name=value`` joined by semicolons; a part without ``=`` has an empty value."""
        pairs = (part.partition("=") for part in self.detail.split(";") if part)
        return {name: value for name, _, value in pairs}


Handler = Callable[[asyncpg.Connection, Parts, Step], Awaitable[None]]


async def run(parts: Parts, areas: Mapping[str, Handler]) -> None:
    """Follow for ever; PostgreSQL may come and go. ``areas``: who takes the steps of which area."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await _follow(connection, parts, areas)

    await rounds.forever(work, "steps cannot be taken; calls go on", every=_POLL_SECONDS)


async def _follow(connection: asyncpg.Connection, parts: Parts, areas: Mapping[str, Handler]) -> None:
    woken = asyncio.Event()

    def told(*said: Any) -> None:
        if str(said[-1]).partition(" ")[0] == parts.node:
            woken.set()

    await connection.add_listener("figures", told)
    try:
        while True:
            woken.clear()
            while await read(connection, parts, areas) > _AT_ONCE:
                pass
            try:
                await within(woken.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue
    finally:
        connection.terminate()  # the pool takes back no connection that listens


async def read(connection: asyncpg.Connection, parts: Parts, areas: Mapping[str, Handler]) -> int:
    """Hand on what is new, each commit of the bridge whole; returns how many steps there were."""
    position = await connection.fetchval(_QUERIES["position"], READER, parts.node)
    found = await connection.fetch(_QUERIES["newer"], parts.node, position or 0, _AT_ONCE)
    for version in sorted({row["version"] for row in found}):
        async with connection.transaction():
            moved = await connection.fetchval(_QUERIES["move"], READER, parts.node, version)
            if moved is None:  # another process was faster
                continue
            for row in (row for row in found if row["version"] == version):
                await _take(connection, parts, areas, Step(**{name: row[name] for name in Step.__struct_fields__}))
    return len(found)


async def _take(connection: asyncpg.Connection, parts: Parts, areas: Mapping[str, Handler], step: Step) -> None:
    handler = areas.get(step.area)
    if handler is None:
        return
    try:
        async with connection.transaction():
            await handler(connection, parts, step)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, HotlineError, ValueError, KeyError):
        _log.exception("ALARM: a step could not be taken", step=step.step, detail=step.detail, call=step.call_id)

"""The outbox to PostgreSQL: each file becomes a row, at least once and never twice, and goes when the row is there.

A file that is malformed or that the database refuses is moved to ``var/outbox/refused`` with an alarm, and the others go on.
While PostgreSQL is away everything stays where it is.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import msgspec
import structlog

from acd import callbacks
from agi import rounds
from hotline import clock, database, outbox, sql

_LEFT_BEHIND = 3600
"""Seconds after which a file that was never finished is nobody's."""
_NAME = re.compile(r"(?P<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?P<kind>[a-z]+)\.json")
_QUERIES = sql.load(Path(__file__).parent / "sql" / "outbox.sql")
_log = structlog.get_logger("agi")

Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What every file holds."""

    id: uuid.UUID
    at: Moment
    call_id: str


class _Callback(_Kept, frozen=True, kw_only=True):
    number: str
    queue: str
    waiting_since: Moment

    async def store(self, pool: asyncpg.Pool, node: str) -> None:
        request = callbacks.Request(
            request_id=self.id,
            node=node,
            call_id=self.call_id,
            number=self.number,
            queue=self.queue,
            asked_at=self.at,
            waiting_since=self.waiting_since,
        )
        await callbacks.store(pool, request)


class _Survey(_Kept, frozen=True, kw_only=True):
    rating: str
    agent: str = ""
    direction: str = "inbound"

    async def store(self, pool: asyncpg.Pool, node: str) -> None:
        row = (self.id, node, self.call_id, self.direction, self.agent, self.rating, self.at)
        await pool.execute(_QUERIES["store_rating"], *row)


class _Fax(_Kept, frozen=True, kw_only=True):
    document: str
    number: str = ""

    async def store(self, pool: asyncpg.Pool, node: str) -> None:
        await pool.execute(_QUERIES["store_fax"], self.id, node, self.call_id, self.number, self.document, self.at)


_KINDS: Mapping[str, type[_Callback] | type[_Survey] | type[_Fax]] = {"callback": _Callback, "survey": _Survey, "fax": _Fax}


async def run(pool: asyncpg.Pool, node: str) -> None:
    """Drain until cancelled."""
    await rounds.forever(lambda: drain(pool, node), "kept things")


async def drain(pool: asyncpg.Pool, node: str) -> None:
    """Everything that is there now, oldest first. Raises one of ``database.AWAY``; what was not reached stays."""
    for file in await asyncio.to_thread(_waiting):
        try:
            kept = await asyncio.to_thread(_read, file)
            await kept.store(pool, node)
        except FileNotFoundError:
            continue  # another process of this node was faster
        except (ValueError, asyncpg.PostgresError) as error:
            if database.is_away(error):
                raise
            await asyncio.to_thread(_refuse, file, f"{type(error).__name__}: {error}")
        else:
            await asyncio.to_thread(file.unlink, missing_ok=True)


def _waiting() -> list[Path]:
    """The files by age. What a process left unfinished, which nobody was told is kept, is removed."""
    found: list[tuple[float, Path]] = []
    now = clock.now().timestamp()
    for file in outbox.folder().iterdir() if outbox.folder().is_dir() else ():
        try:
            changed = file.stat().st_mtime
        except FileNotFoundError:
            continue
        if not file.is_file():
            continue
        if not file.name.startswith("."):
            found.append((changed, file))
        elif now - changed > _LEFT_BEHIND:
            file.unlink(missing_ok=True)
    return [file for _, file in sorted(found)]


def _read(file: Path) -> _Callback | _Survey | _Fax:
    """One file; raises ``ValueError`` when it is not what it should be."""
    name = _NAME.fullmatch(file.name)
    kind: Any = _KINDS.get(name["kind"]) if name else None
    if name is None or kind is None:
        raise ValueError("a file of this name does not belong here")
    try:
        kept: _Callback | _Survey | _Fax = msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"not what it should be: {error}") from error
    if str(kept.id) != name["id"]:
        raise ValueError(f"it says that it is {kept.id}")
    return kept


def _refuse(file: Path, why: str) -> None:
    place = outbox.folder() / "refused"
    place.mkdir(mode=0o700, exist_ok=True)
    file.rename(place / file.name)
    _log.critical("refused: somebody has to look at this", file=str(place / file.name), why=why)

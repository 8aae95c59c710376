"""Recordings go when their time is over (ARC-09): the sealed file, its envelope, and what was said in it; the row stays.

For how long they are kept, the city's profile says: ``recording_years``, and ``recording_years_of`` classes of tickets; of the
tickets that a call belongs to the longest time counts. What belongs to a ticket or a message that is still open, or is held
(``crm.legal_holds``), stays. The row is marked first, with its line in the audit log; a file that could not be deleted then is
deleted in the next round.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from crm.profiles import store as profiles
from crm.profiles.profile import Profile
from hotline import clock, paths, rounds, sql
from hotline.audit import store as audit
from recordings.files import SET_ASIDE
from recordings.storage import port
from recordings.storage.errors import BadNameError, StorageAwayError, StorageError
from recordings.storage.opening import Storages

QUERIES = sql.load(Path(__file__).parent / "sql" / "retention.sql")
_log = structlog.get_logger()
EVERY_SECONDS = 3600.0
BATCH = 500
BEFORE_ALL = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORGET = ("forget_text", "forget_turns", "forget_words", "forget_snippets", "forget_phrases")
Kept = Literal["", "held", "open"]
"""Why a recording stays though its time is over: somebody holds it, or its ticket or message is not done with."""


class Aged(msgspec.Struct, frozen=True, kw_only=True):
    """A recording whose time will be over at ``goes_at``; the file and where it lies."""

    recording_id: int
    node: str
    call_id: str
    kind: str
    file: str
    storage: str
    object: str
    at: dt.datetime
    goes_at: dt.datetime
    tickets: list[int]
    kept: Kept


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL and the storage may come and go."""
    storages, profile = Storages(parts.settings), profiles.current(parts.settings)
    await rounds.forever(
        lambda: delete_due(parts.pool, storages, parts.node, profile, clock.now()),
        "old recordings are not deleted",
        every=EVERY_SECONDS,
    )


async def delete_due(pool: asyncpg.Pool, storages: Storages, node: str, profile: Profile, now: dt.datetime) -> int:
    """Delete all whose time is over, those of this node and of the bucket; returns how many."""
    await clear(pool, storages, node)
    deleted, at, last = 0, BEFORE_ALL, 0
    while found := await aged(pool, profile, now, after=(at, last)):
        at, last = found[-1].at, found[-1].recording_id
        for one in found:
            if not one.kept and one.goes_at <= now and (one.node == node or one.storage == "s3"):
                deleted += await _mark(pool, one, profile, now)
        await clear(pool, storages, node)
    if deleted:
        _log.info("old recordings are deleted", recordings=deleted)
    return deleted


async def aged(
    database: asyncpg.Pool | asyncpg.Connection,
    profile: Profile,
    until: dt.datetime,
    *,
    after: tuple[dt.datetime, int] = (BEFORE_ALL, 0),
    limit: int = BATCH,
    only: int | None = None,
) -> list[Aged]:
    """Some that may be old enough then, the oldest first; whether they are, ``goes_at`` says."""
    by_class = profile.recording_years_of
    years = (profile.recording_years, msgspec.json.encode(by_class).decode())
    least = min((profile.recording_years, *by_class.values()))
    rows = await database.fetch(QUERIES["aged"], until, *years, *after, least, limit, only)
    return [_aged(row) for row in rows]


def _aged(row: asyncpg.Record) -> Aged:
    values: dict[str, Any] = {name: row[name] for name in Aged.__struct_fields__ if name != "kept"}
    return Aged(**values, kept="held" if row["is_held"] else "open" if row["is_open"] else "")


async def _mark(pool: asyncpg.Pool, one: Aged, profile: Profile, now: dt.datetime) -> bool:
    """The row says that it is deleted, and what was said is forgotten, if nothing has changed meanwhile."""
    try:
        name = port.checked(one.object or port.sound_name(one.file))
    except BadNameError as error:
        _log.error("a recording cannot be deleted", recording=one.recording_id, why=str(error))
        return False
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["one_at_a_time"])
        again = await aged(connection, profile, now, only=one.recording_id)
        if not again or again[0].kept or again[0].goes_at > now:
            return False
        await connection.execute(QUERIES["mark"], one.recording_id, now, name)
        for query in _FORGET:
            await connection.execute(QUERIES[query], one.recording_id)
        detail = {"call": one.call_id, "kind": one.kind, "at": one.at, "goes_at": one.goes_at, "tickets": one.tickets}
        await audit.write(connection, "retention", "recording.delete", f"recording:{one.recording_id}", detail)
    return True


async def clear(pool: asyncpg.Pool, storages: Storages, node: str) -> int:
    """Delete the files of what is marked; what cannot be deleted now is left for the next time. Returns how many."""
    cleared, last = 0, 0
    while rows := await pool.fetch(QUERIES["to_clear"], node, last, BATCH):
        for row in rows:
            last = row["recording_id"]
            try:
                await asyncio.to_thread(_delete, storages, row, is_here=row["node"] == node)
            except StorageAwayError as error:
                _log.warning("the files of recordings cannot be deleted now", why=str(error))
                return cleared
            except (StorageError, OSError) as error:
                _log.warning("the file of a recording cannot be deleted", recording=last, why=str(error))
                continue
            if row["node"] == node or row["quality"] != "damaged":  # its own node has the plain file, set aside
                await pool.execute(QUERIES["cleared"], last)
                cleared += 1
    return cleared


def _delete(storages: Storages, row: asyncpg.Record, *, is_here: bool) -> None:
    """The object, its envelope, and the plain file, if it is there: it was never sealed, or set aside as damaged."""
    storage, name = storages[row["storage"] or "local"], port.checked(row["object"])
    storage.delete(name)
    storage.delete(port.envelope_name(name))
    if is_here and row["file"]:
        port.sound_name(row["file"])
        root, plain = paths.var() / "recordings", Path(row["file"])
        for file in (root / plain, root / SET_ASIDE / f"{plain.stem}~{row['recording_id']}.wav"):
            file.unlink(missing_ok=True)

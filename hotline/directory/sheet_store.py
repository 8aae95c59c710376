"""The taxonomy and places in PostgreSQL: a whole file in, the whole out, in a transaction with its audit line (SEC-12)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from hotline import clock, sql
from hotline.directory import sheets, store
from hotline.directory.kinds import DirectoryError
from hotline.directory.sheets import ItemEntry, PlaceEntry
from hotline.directory.store import Change

_QUERIES = sql.load(Path(__file__).parent / "sql" / "sheets.sql")


async def put(
    connection: asyncpg.Connection, kind: str, entries: list[Any], *, actor: str, file: str, valid_from: dt.date | None = None
) -> Change:
    """Make the table of ``kind`` hold these checked entries; the same again changes nothing.

    ``valid_from``: the first day of a version of the taxonomy (None: today). Raises ``DirectoryError``, and nothing was changed.
    """
    async with connection.transaction():
        await _units_known(connection, entries)
        if kind == "taxonomy":
            change, detail = await _put_taxonomy(connection, entries, actor, file, valid_from)
        else:
            change, detail = await _put_places(connection, entries), {}
        await store.audited(
            connection, actor, "directory.import", f"directory:{kind}", {"file": file, **msgspec.structs.asdict(change), **detail}
        )
    return change


async def get(connection: asyncpg.Connection, kind: str, *, actor: str) -> list[Any]:
    """The newest entries, as a file would hold them."""
    async with connection.transaction():
        if kind == "taxonomy":
            newest = await connection.fetchrow(_QUERIES["newest_version"])
            rows = await connection.fetch(_QUERIES["items_of"], newest["version"] if newest else 0)
        else:
            rows = await connection.fetch(_QUERIES["get_places"])
        await store.audited(connection, actor, "directory.export", f"directory:{kind}", {"entries": len(rows)})
    return [msgspec.convert(dict(row), sheets.SHEETS[kind]) for row in rows]


async def _units_known(connection: asyncpg.Connection, entries: list[Any]) -> None:
    named = {unit for entry in entries for unit in (entry.units if isinstance(entry, ItemEntry) else (entry.unit,)) if unit}
    unknown = [row["code"] for row in await connection.fetch(_QUERIES["unknown_units"], sorted(named))]
    if unknown:
        raise DirectoryError(f"units: the directory holds no {', '.join(unknown)}")


async def _put_taxonomy(
    connection: asyncpg.Connection, entries: list[ItemEntry], actor: str, file: str, valid_from: dt.date | None
) -> tuple[Change, dict[str, object]]:
    await connection.execute(_QUERIES["lock_taxonomy"])
    newest = await connection.fetchrow(_QUERIES["newest_version"])
    version, day = (newest["version"], newest["valid_from"]) if newest else (0, dt.date.min)
    begins = valid_from or (clock.now().astimezone(clock.SHANGHAI).date() if newest else dt.date(2000, 1, 1))
    if begins < day:
        raise DirectoryError(f"a version that begins on {day} is there already; a later one cannot begin before it")
    known = {row["code"]: msgspec.convert(dict(row), ItemEntry) for row in await connection.fetch(_QUERIES["items_of"], version)}
    whole = {entry.code: entry for entry in entries} | _ended(known, entries, begins)
    _never_reused(known, entries)
    added, changed = len(whole.keys() - known.keys()), sum(known[code] != whole[code] for code in known)
    if added or changed:
        await connection.execute(_QUERIES["add_version"], version + 1, begins, actor, file)
        rows = msgspec.json.encode(list(whole.values())).decode()
        await connection.execute(_QUERIES["add_items"], version + 1, rows)
        version += 1
    gone = len(_ended(known, entries, begins).keys() - {code for code, one in known.items() if not one.active})
    return Change(added, changed - gone, gone), {"version": version}


def _ended(known: dict[str, ItemEntry], entries: list[ItemEntry], day: dt.date) -> dict[str, ItemEntry]:
    """What the file does not hold any more: it stays, ended, so that its code is never given to something else."""
    there = {entry.code for entry in entries}
    yesterday = day - dt.timedelta(days=1)
    return {
        code: msgspec.structs.replace(one, active=False, valid_to=max(one.valid_from or yesterday, yesterday))
        if one.active
        else one
        for code, one in known.items()
        if code not in there
    }


def _never_reused(known: dict[str, ItemEntry], entries: list[ItemEntry]) -> None:
    """A code means what it meant (TAX-31)."""
    wrong = [one for one in entries if one.code in known and known[one.code].zh != one.zh]
    if wrong:
        raise DirectoryError(
            "\n".join(f"{one.code}: was {known[one.code].zh}; {one.zh} needs a code of its own" for one in wrong)
        )


async def _put_places(connection: asyncpg.Connection, entries: list[PlaceEntry]) -> Change:
    rows = msgspec.json.encode(entries).decode()
    removed = await connection.fetch(_QUERIES["remove_places"], rows)
    written = await connection.fetch(_QUERIES["put_places"], rows)
    added = sum(row["added"] for row in written)
    return Change(added, len(written) - added, len(removed))

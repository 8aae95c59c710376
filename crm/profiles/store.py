"""The profile in force, and the versions that were (CFG-01, CFG-08).

Settings ``[city]`` pick a profile and override keys; each set of rules that was in force is a version in the database, with the
moment from which it counts, and who made it. A clock keeps the version that was in force when it was started.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from crm.profiles.profile import Profile
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parents[1] / "sql" / "profiles.sql")


def digest(profile: Profile) -> str:
    """The same for the same rules."""
    return hashlib.sha256(msgspec.json.encode(profile, order="deterministic")).hexdigest()


async def ensure(
    connection: asyncpg.Connection, profile: Profile, *, by: str = "settings", now: dt.datetime | None = None
) -> int:
    """The version number of these rules; makes one, valid from now, when the newest is another. One at a time."""
    async with connection.transaction():
        await connection.execute(_QUERIES["one_at_a_time"])
        newest = await connection.fetchrow(_QUERIES["newest"])
        mark = digest(profile)
        if newest is not None and newest["digest"] == mark:
            return int(newest["version"])
        before = msgspec.json.decode(newest["rules"]) if newest else {}
        after = msgspec.json.decode(msgspec.json.encode(profile))
        version: int = await connection.fetchval(
            _QUERIES["add"],
            profile.name,
            mark,
            _text(profile),
            now or clock.now(),
            by,
            _text(differences(before, after)),
        )
        return version


async def version_of(connection: asyncpg.Connection, profile: Profile) -> int:
    """The newest version with these rules; made when there is none."""
    found: int | None = await connection.fetchval(_QUERIES["version_of"], digest(profile))
    return found if found is not None else await ensure(connection, profile)


async def by_version(connection: asyncpg.Connection, versions: Iterable[int]) -> dict[int, Profile]:
    """The rules of these versions."""
    return {row["version"]: _read(row["rules"]) for row in await connection.fetch(_QUERIES["rules_of"], list(set(versions)))}


@functools.lru_cache(maxsize=64)
def _read(rules: str) -> Profile:
    return read(msgspec.json.decode(rules))


def read(rules: Mapping[str, Any]) -> Profile:
    """Rules that were kept, perhaps by an older program: keys that are no more are left out, new ones have their defaults."""
    return msgspec.convert({key: value for key, value in rules.items() if key in Profile.__struct_fields__}, Profile)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Key -> before, after; of a first version nothing."""
    return {key: [before.get(key), value] for key, value in after.items() if before and before.get(key) != value}


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()

"""The profile in force, and the versions that were (CFG-01, CFG-08).

Settings ``[city]`` pick a profile and override keys; each set of rules that was in force is a version in the database, with the
moment from which it counts, and who made it. A clock keeps the version that was in force when it was started.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from crm.profiles.profile import Profile, problem
from hotline import clock, sql
from hotline.errors import SettingsError
from hotline.settings import Settings

QUERIES = sql.load(Path(__file__).parents[1] / "sql" / "profiles.sql")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


PROFILES = tuple(sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))
"""The profiles that there are (CFG-01)."""


def current(settings: Settings) -> Profile:
    """The profile in force: that of settings ``city.profile``, with the keys of ``[city.override]`` on top.

    Raises ``SettingsError`` that names the key. The same settings give the same object.
    """
    return _chosen(settings.city.profile, msgspec.json.encode(settings.city.override, order="deterministic"))


@functools.lru_cache(maxsize=16)
def _chosen(name: str, override: bytes) -> Profile:
    if name not in PROFILES:
        raise SettingsError(f"city.profile: there is no profile {name!r}: one of {', '.join(PROFILES)}")
    rules = tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))
    return checked(rules, msgspec.json.decode(override))


def checked(rules: Mapping[str, Any], override: Mapping[str, Any]) -> Profile:
    """The base with these rules, then the override; tables are merged. Raises ``SettingsError`` that names the key."""
    values: dict[str, Any] = msgspec.to_builtins(Profile())
    for further in (rules, override):
        for key, value in further.items():
            known = values.get(key)
            values[key] = known | value if isinstance(known, dict) and isinstance(value, dict) else value
    if any(_UNSAFE.search(text) for text in _texts(override)):
        raise SettingsError("city.override: a control character is not allowed")
    try:
        profile = msgspec.convert(values, Profile)
    except msgspec.ValidationError as error:
        raise SettingsError(f"city.override: {_readable(error)}") from error
    if wrong := problem(profile):
        raise SettingsError(f"city.override.{wrong[0]}: {wrong[1]}")
    return profile


def _texts(value: object) -> Iterator[str]:
    match value:
        case dict():
            for key, one in value.items():
                yield from (str(key), *_texts(one))
        case list():
            for one in value:
                yield from _texts(one)
        case _:
            yield str(value)


def _readable(error: msgspec.ValidationError) -> str:
    said, _, place = str(error).replace("`key` in ", "").partition(" - at `$.")
    unknown = re.match(r"Object contains unknown field `(.+?)`", said)
    return f"unknown key {unknown[1]}" if unknown else f"{place.rstrip('`')}: {said}"


def digest(profile: Profile) -> str:
    """The same for the same rules."""
    return hashlib.sha256(msgspec.json.encode(profile, order="deterministic")).hexdigest()


async def ensure(
    connection: asyncpg.Connection, profile: Profile, *, by: str = "settings", now: dt.datetime | None = None
) -> int:
    """The version number of these rules; makes one, valid from now, when the newest is another. One at a time."""
    async with connection.transaction():
        await connection.execute(QUERIES["one_at_a_time"])
        newest = await connection.fetchrow(QUERIES["newest"])
        mark = digest(profile)
        if newest is not None and newest["digest"] == mark:
            return int(newest["version"])
        before = msgspec.json.decode(newest["rules"]) if newest else {}
        after = msgspec.json.decode(msgspec.json.encode(profile))
        version: int = await connection.fetchval(
            QUERIES["add"],
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
    found: int | None = await connection.fetchval(QUERIES["version_of"], digest(profile))
    return found if found is not None else await ensure(connection, profile)


async def by_version(connection: asyncpg.Connection, versions: Iterable[int]) -> dict[int, Profile]:
    """The rules of these versions."""
    return {row["version"]: _read(row["rules"]) for row in await connection.fetch(QUERIES["rules_of"], list(set(versions)))}


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

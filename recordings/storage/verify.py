"""Whether what is stored is what was sealed (SEC-15): every object against its hash, opened, and its manifest against the row."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal

import asyncpg
import msgspec

from hotline.audit import store as audit
from recordings.manifest import Manifest
from recordings.storage import envelope
from recordings.storage.errors import (
    BadNameError,
    DamagedError,
    KeysError,
    LostKeyError,
    NotStoredError,
    StorageAwayError,
    WrongKeyError,
)
from recordings.storage.keys import Keyring
from recordings.storage.opening import QUERIES, Storages
from recordings.storage.port import ENVELOPE, SOUND, Storage
from recordings.storage.sealed import Reader
from recordings.storage.sound import Stored, stored

Wrong = Literal["missing", "damaged", "wrong_key", "lost_key", "bad_name", "no_envelope", "bad_envelope", "other_manifest",
                "no_row", "not_deleted"]  # fmt: skip
_ROWS, _NAMES = 100, 500


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with an object; ``recording_id`` is None when no row has it."""

    wrong: Wrong
    object: str
    recording_id: int | None = None
    why: str = ""


class Report(msgspec.Struct, frozen=True):
    """How much was looked at; without ``findings`` all is well."""

    recordings: int
    bytes: int
    findings: list[Finding]


class Progress(msgspec.Struct, frozen=True):
    """Of how many recordings and bytes."""

    recordings: int
    of: int
    bytes: int
    of_bytes: int


async def verify(
    pool: asyncpg.Pool,
    storages: Storages,
    keyring: Keyring,
    node: str,
    *,
    by: str,
    since: dt.datetime | None = None,
    shown: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Those of this node and of the bucket, sealed ``since`` then; with None also whether files are there that no row has.

    Leaves an audit line. Raises ``StorageAwayError``: nothing can be said now.
    """
    total = await pool.fetchrow(QUERIES["to_verify"], node, since)
    seen, size, last, findings = 0, 0, 0, list[Finding]()
    while rows := await pool.fetch(QUERIES["next_to_verify"], node, since, last, _ROWS):
        for row in rows:
            last, seen, size = row["recording_id"], seen + 1, size + row["object_bytes"]
            findings += await _of_row(pool, storages, keyring, row)
            shown(Progress(seen, max(total["recordings"], seen), size, max(total["bytes"], size)))
    if since is None:
        for kind in storages.kinds:
            findings += await _without_row(pool, kind, storages[kind], node)
    detail = {"recordings": seen, "bytes": size, "findings": len(findings), "since": since}
    await audit.write(pool, by, "recording.verify", f"node:{node}", detail)
    return Report(seen, size, findings)


async def _of_row(pool: asyncpg.Pool, storages: Storages, keyring: Keyring, row: asyncpg.Record) -> list[Finding]:
    """What is wrong with a row's object and envelope, and still is when the row is read again: it may have been rewrapped."""
    while found := await asyncio.to_thread(_checked, row, storages, keyring):
        again = await pool.fetchrow(QUERIES["again"], row["recording_id"])
        if again is None:
            return []
        if again == row:
            return found
        row = again
    return []


def _checked(row: asyncpg.Record, storages: Storages, keyring: Keyring) -> list[Finding]:
    one, found = stored(row), list[Finding]()

    def finding(wrong: Wrong, why: object = "") -> None:
        found.append(Finding(wrong, one.object, row["recording_id"], str(why)))

    try:
        storage, manifest = storages[one.storage], msgspec.json.decode(row["manifest"], type=Manifest)
        _sound(one, manifest, storage, keyring)
        _envelope(one, manifest, storage, keyring, finding)
    except StorageAwayError:
        raise
    except NotStoredError as error:
        finding("missing", error)
    except LostKeyError as error:
        finding("lost_key", error)
    except WrongKeyError as error:
        finding("wrong_key", error)
    except BadNameError as error:
        finding("bad_name", error)
    except (DamagedError, ValueError) as error:
        finding("damaged", error)
    return found


def _sound(one: Stored, manifest: Manifest, storage: Storage, keyring: Keyring) -> None:
    """Read all of it once; raises ``StorageError``."""
    digest, size = hashlib.sha256(), storage.size(one.object)

    def read(start: int, count: int) -> bytes:
        content = storage.read(one.object, start, count)
        digest.update(content)
        return content

    if size != one.object_bytes:
        raise DamagedError(f"{one.object}: it has {size} bytes and should have {one.object_bytes}")
    plain = Reader(read, size, keyring.unwrap(one.key_id, one.wrapped_key, one.object), one.object).check()
    if digest.hexdigest() != one.object_sha256:
        raise DamagedError(f"{one.object}: its hash is not that of the row")
    if manifest.sound_sha256 and plain != manifest.sound_sha256:
        raise DamagedError(f"{one.object}: what it holds is not what its manifest says")


def _envelope(
    one: Stored, manifest: Manifest, storage: Storage, keyring: Keyring, finding: Callable[[Wrong, object], None]
) -> None:
    try:
        beside = envelope.read(storage, one.object)
        there = envelope.manifest(beside, keyring)
        key = keyring.unwrap(one.key_id, one.wrapped_key, one.object)
        same_key = keyring.unwrap(beside.key_id, beside.wrapped_key, one.object) == key
    except NotStoredError as error:
        finding("no_envelope", error)
    except (DamagedError, WrongKeyError, KeysError) as error:
        finding("bad_envelope", error)
    else:
        if not same_key or (beside.object_bytes, beside.object_sha256) != (one.object_bytes, one.object_sha256):
            finding("bad_envelope", "it speaks of another object or another key than the row")
        if there != manifest:
            finding("other_manifest", "the manifest of the envelope is not the row's")


async def _without_row(pool: asyncpg.Pool, kind: str, storage: Storage, node: str) -> list[Finding]:
    """Objects and envelopes that no row has, or a row that says that they are deleted."""
    found, names = list[Finding](), storage.names()
    while some := await asyncio.to_thread(_next, names):
        sounds = {name: name.removesuffix(ENVELOPE) + SOUND if name.endswith(ENVELOPE) else name for name in some}
        rows = await pool.fetch(QUERIES["rows_of_objects"], kind, list(sounds.values()), node)
        states = {row["object"]: row["state"] for row in rows}
        for name, sound in sounds.items():
            if states[sound] not in ("stored", "taken_in"):
                found.append(Finding("not_deleted" if states[sound] else "no_row", name))
    return found


def _next(names: Iterator[str]) -> list[str]:
    return list(islice(names, _NAMES))

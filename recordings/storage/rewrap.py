"""Key rotation: the keys of all recordings wrapped with the current key; no recording is sealed anew (SEC-15).

One recording after another: its envelope first, then its row, whose key then says that it is done. Cut off anywhere, both can be
opened with the keys that there are, and the next run goes on; an old key is removed only when no row needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import msgspec

from hotline import clock
from hotline.audit import store as audit
from recordings.errors import DiskFullError
from recordings.manifest import Manifest
from recordings.storage import envelope, port
from recordings.storage.envelope import Envelope
from recordings.storage.errors import KeyInUseError, NotStoredError, StorageAwayError, StorageError
from recordings.storage.keys import Keyring
from recordings.storage.opening import QUERIES, Storages
from recordings.storage.port import Storage
from recordings.storage.sound import Stored, stored


class Failure(msgspec.Struct, frozen=True):
    """A recording that kept its old key, and why."""

    recording_id: int
    object: str
    why: str


class Rewrapped(msgspec.Struct, frozen=True):
    """How many were wrapped with ``key_id``, and which could not be."""

    key_id: str
    recordings: int
    failures: list[Failure]


class KeyLine(msgspec.Struct, frozen=True):
    """A key, and how many recordings need it; one that is not ``here`` is lost."""

    key_id: str
    current: bool
    here: bool
    recordings: int


async def rewrap(
    pool: asyncpg.Pool, storages: Storages, keyring: Keyring, node: str, *, by: str, shown: Callable[[int, int], None]
) -> Rewrapped:
    """All recordings of this node and of the bucket; ``shown`` is told (done, of how many).

    A recording that cannot be is left as it is and named. Raises ``StorageAwayError``, ``DiskFullError``: go on later.
    """
    current, done, last, failures = keyring.current, 0, 0, list[Failure]()
    total = await pool.fetchval(QUERIES["to_rewrap"], current, node)
    while True:
        async with pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(QUERIES["next_to_rewrap"], current, node, last)
            if row is None:
                break
            last, one = row["recording_id"], stored(row)
            try:
                manifest = msgspec.json.decode(row["manifest"], type=Manifest)
                wrapped = await asyncio.to_thread(_envelope_anew, one, manifest, storages, keyring)
                await connection.execute(QUERIES["rewrapped"], last, *wrapped)
                done += 1
            except (StorageAwayError, DiskFullError):
                raise
            except (StorageError, ValueError) as error:
                failures.append(Failure(last, one.object, str(error)))
        shown(done + len(failures), total)
    found = Rewrapped(current, done, failures)
    await audit.write(pool, by, "recording.rewrap", f"key:{current}", {"recordings": done, "failures": len(failures)})
    return found


def _envelope_anew(one: Stored, manifest: Manifest, storages: Storages, keyring: Keyring) -> tuple[str, bytes]:
    """Put the envelope with the key wrapped anew; returns what the row is to say."""
    key = keyring.unwrap(one.key_id, one.wrapped_key, one.object)
    key_id, wrapped = keyring.wrap(key, one.object)
    storage = storages[one.storage]
    fresh = _changed(one, storage, key_id, wrapped)
    if fresh is None:
        anew = msgspec.structs.replace(one, key_id=key_id, wrapped_key=wrapped)
        storage.put_bytes(port.envelope_name(one.object), envelope.made(anew, key, manifest))
    else:
        storage.put_bytes(port.envelope_name(one.object), envelope.encoded(fresh))
    return key_id, wrapped


def _changed(one: Stored, storage: Storage, key_id: str, wrapped: bytes) -> Envelope | None:
    """The envelope with another wrapped key; None: there is none, and it is made of the row."""
    try:
        found = envelope.read(storage, one.object)
    except NotStoredError:
        return None
    return msgspec.structs.replace(found, key_id=key_id, wrapped_key=wrapped)


async def listed(pool: asyncpg.Pool, keyring: Keyring) -> list[KeyLine]:
    """Every key that there is or that a row names."""
    used = {row["key_id"]: row["recordings"] for row in await pool.fetch(QUERIES["by_key"])}
    here, current = keyring.ids, keyring.current
    return [KeyLine(one, one == current, one in here, used.get(one, 0)) for one in dict.fromkeys((*here, *used))]


async def remove(pool: asyncpg.Pool, keyring: Keyring, key_id: str, *, by: str) -> None:
    """Remove a key that nothing is wrapped with. Raises ``KeyInUseError``, ``LostKeyError``; leaves an audit line."""
    needed = next((line.recordings for line in await listed(pool, keyring) if line.key_id == key_id), 0)
    if needed:
        raise KeyInUseError(f"{key_id}: {needed} recordings are wrapped with it; run: python -m recordings rewrap")
    await asyncio.to_thread(keyring.remove, key_id, clock.now())
    await audit.write(pool, by, "recording.key_remove", f"key:{key_id}", {})


async def add(pool: asyncpg.Pool, keyring: Keyring, *, by: str) -> str:
    """A new key becomes the current one; its id. Leaves an audit line."""
    fresh = await asyncio.to_thread(keyring.add)
    await audit.write(pool, by, "recording.key_add", f"key:{fresh}", {})
    return fresh

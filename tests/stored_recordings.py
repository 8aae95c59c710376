"""Recordings that are sealed and stored, as the pipeline leaves them."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import asyncpg
import msgspec

from hotline import clock
from recordings.manifest import Manifest
from recordings.storage import envelope, keys, port, sealed
from recordings.storage.keys import Keyring
from recordings.storage.port import Storage
from recordings.storage.sound import Stored


async def store(
    connection: asyncpg.Connection,
    storage: Storage,
    keyring: Keyring,
    scratch: Path,
    *,
    call_id: str = "1763740799.7",
    node: str = "node1",
    kind: str = "conversation",
    at: dt.datetime | None = None,
    plain: bytes = b"OggS" * 30000,
    where: str = "local",
) -> int:
    """One of a call; its number."""
    at = at or clock.now()
    file = f"{at:%Y/%m/%d}/{node}-{call_id}.wav"
    name, key = port.sound_name(file), keys.data_key()
    (scratch / "plain").write_bytes(plain)
    size, sha256 = sealed.seal(scratch / "plain", scratch / "sealed", key, name)
    storage.put(name, scratch / "sealed")
    key_id, wrapped = keyring.wrap(key, name)
    manifest = Manifest(
        node=node,
        call_id=call_id,
        kind="message" if kind == "message" else "conversation",
        started_at=at,
        length_ms=60000,
        sound_sha256=hashlib.sha256(plain).hexdigest(),
        sound_bytes=len(plain),
    )
    one = Stored(storage=where, object=name, object_bytes=size, object_sha256=sha256, key_id=key_id, wrapped_key=wrapped)
    storage.put_bytes(port.envelope_name(name), envelope.made(one, key, manifest))
    number: int = await connection.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, state, manifest, peaks,"
        " storage, object, object_bytes, object_sha256, key_id, wrapped_key, sealed_at)"
        " VALUES ($1, $2, $3, $4, $5, 60000, 2, '', 'stored', $6, '\\x0102', $7, $8, $9, $10, $11, $12, $13)"
        " RETURNING recording_id",
        node,
        call_id,
        kind,
        file,
        at,
        msgspec.json.encode(manifest).decode(),
        *msgspec.structs.astuple(one),
        clock.now(),
    )
    return number

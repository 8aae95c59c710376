"""The index made again of what lies beside each recording, where rows were lost (SEC-15); rows that are there stay as they are.

A row gets a new number. Of a message it is not known any more who left it: there is its sound, and a transcript to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice

import asyncpg
import msgspec

from hotline import clock
from hotline.audit import store as audit
from hotline.settings import Settings
from recordings.manifest import Manifest
from recordings.pipeline import processing
from recordings.storage import envelope
from recordings.storage.envelope import Envelope
from recordings.storage.errors import BadNameError, DamagedError, KeysError, NotStoredError, WrongKeyError
from recordings.storage.keys import Keyring
from recordings.storage.opening import QUERIES, Storages
from recordings.storage.port import SOUND, Storage, envelope_name
from recordings.storage.sound import Stored
from recordings.storage.verify import Finding

_NAMES = 500


class Rebuilt(msgspec.Struct, frozen=True):
    """How many objects were looked at, how many rows were made again, and which could not be."""

    recordings: int
    restored: int
    findings: list[Finding]


async def rebuild(
    pool: asyncpg.Pool,
    storages: Storages,
    keyring: Keyring,
    settings: Settings,
    *,
    by: str,
    shown: Callable[[int], None] = lambda _: None,
) -> Rebuilt:
    """All objects of this node's folder and of the bucket that no row has. Leaves an audit line; can be begun again.

    Raises ``StorageAwayError``, ``asyncpg``'s errors.
    """
    seen, restored, findings = 0, 0, list[Finding]()
    for kind in storages.kinds:
        names = storages[kind].names()
        while some := await asyncio.to_thread(_next, names):
            rows = await pool.fetch(QUERIES["rows_of_objects"], kind, some, settings.asterisk.node)
            for name in (row["object"] for row in rows if row["state"] is None):
                try:
                    beside, manifest = await asyncio.to_thread(_read, storages[kind], keyring, name)
                except NotStoredError as error:
                    findings.append(Finding("no_envelope", name, why=str(error)))
                except (DamagedError, WrongKeyError, KeysError, BadNameError) as error:
                    findings.append(Finding("bad_envelope", name, why=str(error)))
                else:
                    restored += await _restored(pool, settings, kind, beside, manifest)
            seen += len(some)
            shown(seen)
    detail = {"recordings": seen, "restored": restored, "findings": len(findings)}
    await audit.write(pool, by, "recording.rebuild", f"node:{settings.asterisk.node}", detail)
    return Rebuilt(seen, restored, findings)


def _next(names: Iterator[str]) -> list[str]:
    return list(islice((name for name in names if name.endswith(SOUND)), _NAMES))


def _read(storage: Storage, keyring: Keyring, name: str) -> tuple[Envelope, Manifest]:
    """The envelope, which must be that of this object and of its size."""
    beside = envelope.read(storage, name)
    manifest = envelope.manifest(beside, keyring)
    if storage.size(name) != beside.object_bytes:
        raise DamagedError(f"{name}: its size is not the one that {envelope_name(name)} says")
    return beside, manifest


async def _restored(pool: asyncpg.Pool, settings: Settings, kind: str, beside: Envelope, manifest: Manifest) -> bool:
    """The row, and its transcript to be; False: a row has come meanwhile, or says that it was deleted."""
    stored = Stored(
        storage=kind,
        object=beside.object,
        object_bytes=beside.object_bytes,
        object_sha256=beside.object_sha256,
        key_id=beside.key_id,
        wrapped_key=beside.wrapped_key,
    )
    row = (
        *(manifest.node, manifest.call_id, manifest.kind, beside.object.removesuffix(SOUND) + ".wav", manifest.started_at),
        *(manifest.length_ms, len(manifest.tracks), manifest.wav_sha256, msgspec.json.encode(manifest.voices)),
        *(manifest.quality, msgspec.json.encode(manifest), *msgspec.structs.astuple(stored), clock.now()),
    )
    async with pool.acquire() as connection, connection.transaction():
        number = await connection.fetchval(QUERIES["restore"], *row)
        if number is not None:
            await processing.announce(connection, number, manifest, kind, conversations=settings.transcription.conversations)
    return number is not None

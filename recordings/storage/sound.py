"""The plain bytes of a stored recording, by range: what is played is opened a chunk at a time and never written to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from recordings.storage.errors import DamagedError
from recordings.storage.keys import Keyring
from recordings.storage.port import Storage, checked
from recordings.storage.sealed import Reader


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a row of ``recordings`` says of the object that it has in ``storage``."""

    storage: str
    object: str
    object_bytes: int
    object_sha256: str
    key_id: str
    wrapped_key: bytes


class Sound(msgspec.Struct, frozen=True):
    """``size`` bytes of Ogg Opus; ``read(start, count)`` blocks, and gives fewer only at the end."""

    size: int
    read: Callable[[int, int], bytes]


def stored(row: Mapping[str, Any]) -> Stored:
    """Of a row that has these columns, such as asyncpg's."""
    return Stored(**{name: row[name] for name in Stored.__struct_fields__})


def open_sound(row: Stored, storage: Storage, keyring: Keyring) -> Sound:
    """The recording; blocks. Raises ``StorageError``: its class says whether it is away, missing, damaged, or without its key."""
    found = reader(row, storage, keyring)
    return Sound(found.size, found.read)


def reader(row: Stored, storage: Storage, keyring: Keyring) -> Reader:
    """The same, which can also be checked as a whole."""
    name = checked(row.object)
    key = keyring.unwrap(row.key_id, row.wrapped_key, name)
    size = storage.size(name)
    if size != row.object_bytes:
        raise DamagedError(f"{name}: it has {size} bytes and should have {row.object_bytes}")
    return Reader(lambda start, count: storage.read(name, start, count), size, key, name)

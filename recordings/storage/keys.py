"""The keys that wrap the keys of recordings (SEC-15): ``var/recording-keys.json``, mode 0600, made at first start.

``{"current": id, "keys": {id: 32 bytes in base64}}``. Each recording is sealed with a key of its own, kept beside it wrapped
(AES-256-GCM) with the current key of this file. The file is never overwritten by chance: see ``LostKeyError``.
"""

from __future__ import annotations

import base64
import datetime as dt
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hotline import clock, durable, paths
from recordings.storage.errors import KeyInUseError, KeysError, LostKeyError, WrongKeyError

_KEY, _NONCE = 32, 12
_ID = re.compile(r"k([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{8}")
AT_REST = dt.timedelta(hours=1)
"""How long a key must have had a successor before it can be removed: a job that began with it has ended by then."""


class _File(msgspec.Struct, frozen=True):
    current: str
    keys: dict[str, str]


def path() -> Path:
    """Where the file is."""
    return paths.var() / "recording-keys.json"


def data_key() -> bytes:
    """A new key for one recording."""
    return secrets.token_bytes(_KEY)


def make(file: Path) -> None:
    """Make the file with its first key; one that is there, also one that another process makes now, stays as it is."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    fresh = _new_id()
    durable.write(draft, _encoded(_File(fresh, {fresh: _text(data_key())})))
    try:
        with suppress(FileExistsError):
            os.link(draft, file)
        durable.flush(file.parent)
    finally:
        draft.unlink()


class Keyring:
    """The keys of a file; a key that is added or removed there is seen at once, also by a process that runs.

    Raises ``LostKeyError`` when there is no file, ``KeysError`` when it is not as it should be.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._seen: tuple[int, int, int] | None = None
        self._loaded: tuple[_File, dict[str, bytes]] = _File("", {}), {}
        self._look()

    @property
    def current(self) -> str:
        """The id of the key that wraps now."""
        return self._look()[0].current

    @property
    def ids(self) -> list[str]:
        """Of all keys, the oldest first."""
        return list(self._look()[1])

    def wrap(self, key: bytes, name: str) -> tuple[str, bytes]:
        """(id of the current key, the data key wrapped with it for the object of this name)."""
        (known, keys), nonce = self._look(), secrets.token_bytes(_NONCE)
        return known.current, nonce + AESGCM(keys[known.current]).encrypt(nonce, key, name.encode())

    def unwrap(self, key_id: str, wrapped: bytes, name: str) -> bytes:
        """The data key; raises ``LostKeyError`` (there is no such key), ``WrongKeyError`` (it is not what it is called)."""
        keys = self._loaded[1]
        if key_id not in keys:
            keys = self._look()[1]
        if key_id not in keys:
            raise LostKeyError(f"{name}: its key {key_id!r} is not in {self.file}: bring that file back from its backup")
        try:
            return AESGCM(keys[key_id]).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            raise WrongKeyError(f"{name}: the key {key_id} of {self.file} is not the one that it was wrapped with") from None

    def add(self) -> str:
        """Make a new key the current one; its id. Recordings that are there keep theirs until ``rewrap``."""
        with self._changing() as known:
            fresh = _new_id()
            self._write(_File(fresh, {**known.keys, fresh: _text(data_key())}))
        return fresh

    def remove(self, key_id: str, now: dt.datetime) -> None:
        """Take a key away for good; whoever calls has made sure that nothing is wrapped with it.

        Raises ``KeyInUseError``: it is the current one, or was until a moment ago; ``LostKeyError``: there is no such key.
        """
        with self._changing() as known:
            if key_id not in known.keys:
                raise LostKeyError(f"there is no key {key_id!r} in {self.file}")
            if key_id == known.current or now - _made(known.current) < AT_REST:
                raise KeyInUseError(f"{key_id}: it wraps new recordings, or did so within the last hour")
            self._write(_File(known.current, {one: text for one, text in known.keys.items() if one != key_id}))

    @contextmanager
    def _changing(self) -> Iterator[_File]:
        """One process at a time; what is there now."""
        with self.file.with_name(f".{self.file.name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._look()[0]

    def _write(self, known: _File) -> None:
        durable.write(self.file, _encoded(known))
        self._look()

    def _look(self) -> tuple[_File, dict[str, bytes]]:
        """What the file holds; it is read again when it is another one than before."""
        try:
            state = self.file.stat()
        except FileNotFoundError:
            raise LostKeyError(f"{self.file} is missing: bring it back from its backup; without it no recording opens") from None
        except OSError as error:
            raise KeysError(f"{self.file}: {error}") from error
        seen = (state.st_mtime_ns, state.st_ino, state.st_size)
        if seen != self._seen:
            self._loaded = _read(self.file, state.st_mode)
            self._seen = seen
        return self._loaded


def _read(file: Path, mode: int) -> tuple[_File, dict[str, bytes]]:
    if mode & 0o077:
        raise KeysError(f"{file}: other users can read this file; run: chmod 600 '{file}'")
    try:
        known = msgspec.json.decode(file.read_bytes(), type=_File)
        keys = {name: base64.b64decode(text, validate=True) for name, text in known.keys.items()}
    except (OSError, ValueError) as error:  # msgspec's and base64's are ValueErrors
        raise KeysError(f"{file} cannot be read: {error}; bring it back from its backup") from None
    if known.current not in keys or any(len(key) != _KEY for key in keys.values()):
        raise KeysError(f"{file}: its current key is missing, or a key is not 32 bytes; bring it back from its backup")
    return known, keys


def _encoded(known: _File) -> bytes:
    return msgspec.json.format(msgspec.json.encode(known), indent=2) + b"\n"


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _new_id() -> str:
    """When it was made, and a few letters."""
    return f"k{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _made(key_id: str) -> dt.datetime:
    """When a key was made; one of another origin is old."""
    match = _ID.match(key_id)
    return dt.datetime.strptime(f"{match[1]}+0000", "%Y%m%dT%H%M%SZ%z") if match else dt.datetime.min.replace(tzinfo=dt.UTC)

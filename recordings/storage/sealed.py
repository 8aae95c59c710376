"""A recording as it is stored: AES-256-GCM in chunks, so that any stretch opens without the rest (SEC-15).

A head of 36 bytes: magic, version, what all nonces begin with, the chunks' size, and a check by which a wrong key is told from
damage. Then chunks of 64 KiB and a tag of 16 bytes each, the last one shorter or as long; a nonce is the beginning, the chunk's
number, and whether it is the last. So no chunk can be changed, left out, moved, cut off or taken from another recording.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import struct
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.storage.errors import DamagedError, WrongKeyError
from recordings.storage.local import room
from recordings.storage.port import Read

CHUNK = 1 << 16
TAG = 16
_MAGIC, _VERSION = b"12345REC", 1
_PREFIX, _CHECK = 7, 16
_AT_ONCE = 16 * CHUNK
_HEAD = struct.Struct(f">8sB{_PREFIX}sI{_CHECK}s")
HEAD = _HEAD.size


def seal(source: Path, target: Path, key: bytes, name: str) -> tuple[int, str]:
    """Write ``source`` sealed for the object ``name`` to ``target``, flushed; returns (bytes, SHA-256) of it.

    ``key``: 32 bytes that seal nothing else. Raises ``DiskFullError``, ``OSError``; a target that is half written is left.
    """
    begin = secrets.token_bytes(_PREFIX)
    head, cipher = _head(begin, key), AESGCM(key)
    bound, digest, size = head + name.encode(), hashlib.sha256(head), len(head)
    with room(), source.open("rb", buffering=0) as plain, target.open("wb", buffering=0) as out:
        _write(out.fileno(), head)
        number, chunk = 0, _chunk(plain.fileno())
        while True:
            following = _chunk(plain.fileno()) if len(chunk) == CHUNK else b""
            sealed = cipher.encrypt(_nonce(begin, number, not following), chunk, bound)
            digest.update(sealed)
            _write(out.fileno(), sealed)
            size += len(sealed)
            if not following:
                break
            number, chunk = number + 1, following
        os.fsync(out.fileno())
    return size, digest.hexdigest()


class Reader:
    """Any stretch of what was sealed; ``read`` gives bytes of the object, ``size`` is how many it has.

    Raises ``DamagedError``, ``WrongKeyError``, here and when reading; what is returned is what was sealed.
    """

    def __init__(self, read: Read, size: int, key: bytes, name: str) -> None:
        self._read, self._name, self._cipher = read, name, AESGCM(key)
        body = size - HEAD
        self._chunks = -(-body // (CHUNK + TAG))
        self.size = body - self._chunks * TAG
        if body < TAG or self.size < (self._chunks - 1) * CHUNK + (self._chunks > 1):
            raise DamagedError(f"{name}: {size} bytes are not a sealed recording")
        head = read(0, HEAD)
        self._begin = _checked(head, key, name)
        self._bound = head + name.encode()

    def read(self, start: int, count: int) -> bytes:
        """These bytes of the plain recording; fewer only at its end. Whole chunks are read and checked, and no others."""
        stop = min(start + count, self.size)
        if start < 0 or start >= stop:
            return b""
        first, last = start // CHUNK, (stop - 1) // CHUNK
        sealed = memoryview(self._read(HEAD + first * (CHUNK + TAG), (last - first + 1) * (CHUNK + TAG)))
        whole = CHUNK + TAG
        plain = [self._open(number, sealed[at * whole : (at + 1) * whole]) for at, number in enumerate(range(first, last + 1))]
        plain[-1] = plain[-1][: stop - last * CHUNK]
        plain[0] = plain[0][start - first * CHUNK :]
        return b"".join(plain)

    def check(self) -> str:
        """Open all of it, from the beginning to the end; the SHA-256 of the plain recording."""
        digest = hashlib.sha256()
        for start in range(0, self.size, _AT_ONCE):
            digest.update(self.read(start, _AT_ONCE))
        if not self.size:
            self._open(0, self._read(HEAD, TAG))
        return digest.hexdigest()

    def _open(self, number: int, sealed: bytes | memoryview) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(self._begin, number, number == self._chunks - 1), sealed, self._bound)
        except (InvalidTag, ValueError):
            raise DamagedError(f"{self._name}: its chunk {number + 1} of {self._chunks} is not what was sealed") from None


def _head(begin: bytes, key: bytes) -> bytes:
    return _HEAD.pack(_MAGIC, _VERSION, begin, CHUNK, _check(begin, key))


def _check(begin: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"sealed recording" + begin, "sha256")[:_CHECK]


def _checked(head: bytes, key: bytes, name: str) -> bytes:
    """What the nonces begin with."""
    if len(head) != HEAD:
        raise DamagedError(f"{name}: its head is cut off")
    magic, version, begin, chunk, check = _HEAD.unpack(head)
    if (magic, version, chunk) != (_MAGIC, _VERSION, CHUNK):
        raise DamagedError(f"{name}: it does not begin as a sealed recording of version {_VERSION} does")
    if not hmac.compare_digest(check, _check(begin, key)):
        raise WrongKeyError(f"{name}: this is not the key that it was sealed with, or it is another recording")
    return bytes(begin)


def _nonce(begin: bytes, number: int, is_last: bool) -> bytes:
    return begin + struct.pack(">I?", number, is_last)


def _chunk(descriptor: int) -> bytes:
    """The next ``CHUNK`` bytes, fewer only at the end."""
    found = os.read(descriptor, CHUNK)
    while found and len(found) < CHUNK and (more := os.read(descriptor, CHUNK - len(found))):
        found += more
    return found


def _write(descriptor: int, content: bytes) -> None:
    written = os.write(descriptor, content)
    while written < len(content):
        written += os.write(descriptor, content[written:])

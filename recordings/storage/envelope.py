"""What lies beside each stored recording: which key opens it, and its manifest, sealed. The index can be made of them again.

``{"format": 1, "object", "object_bytes", "object_sha256", "key_id", "wrapped_key", "manifest"}``, bytes in base64.
"""

from __future__ import annotations

import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.manifest import Manifest
from recordings.storage import port
from recordings.storage.errors import DamagedError
from recordings.storage.keys import Keyring
from recordings.storage.port import Storage
from recordings.storage.sound import Stored

FORMAT = 1
LARGEST = 16 << 20
_NONCE = 12


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One envelope; ``manifest`` is sealed with the recording's own key."""

    format: int = FORMAT
    object: str
    object_bytes: int
    object_sha256: str
    key_id: str
    wrapped_key: bytes
    manifest: bytes


def made(stored: Stored, key: bytes, manifest: Manifest) -> bytes:
    """The envelope of an object that was sealed with ``key``."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, msgspec.json.encode(manifest), _bound(stored.object))
    values = {name: getattr(stored, name) for name in ("object", "object_bytes", "object_sha256", "key_id", "wrapped_key")}
    return encoded(Envelope(**values, manifest=sealed))


def encoded(envelope: Envelope) -> bytes:
    """As it is stored."""
    return msgspec.json.encode(envelope)


def read(storage: Storage, name: str) -> Envelope:
    """That of the object ``name``; raises ``NotStoredError``, ``DamagedError``, and what the storage raises."""
    beside = port.envelope_name(name)
    try:
        found = msgspec.json.decode(storage.read(beside, 0, LARGEST), type=Envelope)
    except ValueError as error:
        raise DamagedError(f"{beside}: {error}") from None
    if (found.format, found.object) != (FORMAT, name):
        raise DamagedError(f"{beside}: it is that of {found.object[:200]!r}, or of another version")
    return found


def manifest(envelope: Envelope, keyring: Keyring) -> Manifest:
    """What the envelope holds; raises ``DamagedError``, ``LostKeyError``, ``WrongKeyError``."""
    key = keyring.unwrap(envelope.key_id, envelope.wrapped_key, envelope.object)
    sealed = envelope.manifest
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(envelope.object))
        return msgspec.json.decode(plain, type=Manifest)
    except (InvalidTag, ValueError):
        raise DamagedError(f"{envelope.object}: the manifest in its envelope is not what was sealed") from None


def _bound(name: str) -> bytes:
    return b"manifest of " + name.encode()

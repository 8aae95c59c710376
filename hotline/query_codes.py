"""Query codes of tickets (IVR-06): stored as a scrypt hash with a salt of their own, compared in constant time.

A stored hash reads ``scrypt$<log2 n>$<r>$<p>$<salt>$<hash>``, salt and hash in hex. One takes about 50 ms and 16 MB: run it in a
thread.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_LOG_N, _R, _P = 14, 8, 1
_MEMORY = 64 * 1024 * 1024
NO_CODE = "scrypt$14$8$1$00000000000000000000000000000000$" + "00" * 32
"""Fits no code: compared where there is nothing to compare, so that the time taken tells nothing."""


def hashed(code: str) -> str:
    """The hash to be stored, with a new salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_LOG_N}${_R}${_P}${salt.hex()}${_derived(code, salt, _LOG_N, _R, _P).hex()}"


def fits(code: str, stored: str) -> bool:
    """Whether ``code`` is the one that was hashed; raises ``ValueError`` when ``stored`` is no such hash."""
    kind, log_n, r, p, salt, known = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"not a scrypt hash: {kind[:20]!r}")
    derived = _derived(code, bytes.fromhex(salt), int(log_n), int(r), int(p))
    return hmac.compare_digest(derived, bytes.fromhex(known))


def _derived(code: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=_MEMORY, dklen=32)

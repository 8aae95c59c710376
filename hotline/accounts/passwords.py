"""Passwords are kept as argon2id (RFC 9106), which is slow on purpose: about 30 ms and 19 MiB for each look, two at a time.

So 200 people log in within a few seconds of two cores' time, and the web application stays within its memory.
"""

from __future__ import annotations

import asyncio
import secrets

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_AT_ONCE = 2


class Passwords:
    """Makes and checks hashes away from the event loop; one object for a process."""

    def __init__(self) -> None:
        self._nobodys = made(secrets.token_urlsafe())
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def made(self, password: str) -> str:
        """What is kept of a password."""
        async with self._turns:
            return await asyncio.to_thread(made, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is this one. ``kept`` None, for a user that there is not: it takes as long, and is not."""
        async with self._turns:
            fitting = await asyncio.to_thread(fits, kept or self._nobodys, password)
        return fitting and kept is not None


def made(password: str) -> str:
    """As ``Passwords.made``; blocks."""
    return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def fits(kept: str, password: str) -> bool:
    """As ``Passwords.fits``; blocks."""
    try:
        return _HASHER.verify(kept, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


def fresh() -> str:
    """A one-time password that can be read out: 16 characters without those that look alike."""
    return "-".join("".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(4))

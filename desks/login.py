"""Who is asking: passwords, sessions and roles (SEC-13).

A session is a random token, of which the database holds the hash alone. It is remembered for a while, so that who is logged in
goes on seeing the last figures while PostgreSQL is away. Failed logins are limited per user and per address, and audited.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import asyncpg
import msgspec

from desks.attempts import Attempts
from desks.errors import RefusedError
from hotline import clock, database, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "sessions.sql")
LASTS = dt.timedelta(hours=12)
_SURE_SECONDS = 15.0
"""For so long a session is not looked up again: a logout at another process is noticed that late."""
_REMEMBERED = 10_000
_NAMED = {"admin": "supervisor", "leader": "shift_leader", "office": "office"}


class Session(msgspec.Struct, frozen=True):
    """Somebody who is logged in."""

    username: str
    role: str
    expires_at: dt.datetime
    token_hash: bytes


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a login."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    password: Annotated[str, msgspec.Meta(max_length=200)]


class Sessions:
    """Logs in and out, and knows who holds a token. ``passwords`` by user name."""

    def __init__(self, pool: asyncpg.Pool, passwords: Mapping[str, str]) -> None:
        self._pool, self._passwords = pool, passwords
        self._known: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()
        self._by_user, self._by_address = Attempts(8, 300), Attempts(40, 300)

    async def login(self, wanted: Login, address: str) -> tuple[str, Session]:
        """The token and its session; raises ``RefusedError``. Every attempt that was judged leaves a line in the audit log."""
        now = clock.monotonic()
        if not (self._by_user.is_allowed(wanted.username, now) and self._by_address.is_allowed(address, now)):
            raise RefusedError("too_many_attempts")
        expected = self._passwords.get(wanted.username)
        is_right = hmac.compare_digest(wanted.password.encode(), (expected or secrets.token_urlsafe()).encode())
        role = await self._role(wanted.username) if expected and is_right else None
        if role is None:
            self._by_user.failed(wanted.username, now)
            self._by_address.failed(address, now)
            # A name that is nobody's may be a password in the wrong field: it is not written down.
            await self.log(wanted.username if expected else "unknown", "login.failed", f"address:{address}")
            raise RefusedError("wrong_password")
        self._by_user.succeeded(wanted.username)
        return await self._begin(wanted.username, role, address)

    async def find(self, token: str) -> Session | None:
        """Whose token this is, if anybody's; while the database is away, as it was known last."""
        return await self._find(_hash(token))

    async def still(self, session: Session) -> bool:
        """Whether somebody is still logged in."""
        return await self._find(session.token_hash) is not None

    async def logout(self, session: Session) -> None:
        """The token is worth nothing any more."""
        self._known.pop(session.token_hash, None)
        await self._pool.execute(_QUERIES["end"], session.token_hash)
        await self.log(session.username, "logout", f"user:{session.username}")

    async def log(self, actor: str, action: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
        """A line in the audit log (SEC-12)."""
        await self._pool.execute(_QUERIES["log"], actor, action, subject, msgspec.json.encode(detail or {}).decode())

    async def _find(self, key: bytes) -> Session | None:
        known = self._known.get(key)
        if known and (known[0].expires_at <= clock.now() or clock.monotonic() - known[1] < _SURE_SECONDS):
            return known[0] if known[0].expires_at > clock.now() else None
        try:
            row = await self._pool.fetchrow(_QUERIES["find"], key, clock.now())
        except database.AWAY as error:
            if known and database.is_away(error):
                return known[0]
            raise
        if row is None:
            self._known.pop(key, None)
            return None
        return self._remember(Session(row["username"], row["role"], row["expires_at"], key))

    async def _role(self, username: str) -> str | None:
        """That of an agent's row (ORG-20 to ORG-36), or of a name that is one; None for who is no agent any more."""
        if username in _NAMED:
            return _NAMED[username]
        row = await self._pool.fetchrow(_QUERIES["role_of"], username)
        return row["role"] if row else "agent"

    async def _begin(self, username: str, role: str, address: str) -> tuple[str, Session]:
        token, now = secrets.token_urlsafe(32), clock.now()
        session = Session(username, role, now + LASTS, _hash(token))
        await self._pool.execute(_QUERIES["clean"], now)
        await self._pool.execute(_QUERIES["keep"], session.token_hash, username, session.role, now, session.expires_at)
        await self.log(username, "login", f"address:{address}")
        return token, self._remember(session)

    def _remember(self, session: Session) -> Session:
        self._known[session.token_hash] = (session, clock.monotonic())
        self._known.move_to_end(session.token_hash)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return session


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

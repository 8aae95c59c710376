"""Who is asking: passwords, sessions and roles (SEC-13, SEC-17, ORG-44).

A session is a random token, of which the database holds the hash alone, in one of the person's roles. It is remembered for a
while, so that who is logged in goes on seeing the last figures while PostgreSQL is away; whatever ends it is told to every
process at once. Failed logins are limited per user and per address, and audited.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from hotline.accounts import rules, store
from hotline.accounts.passwords import Passwords
from hotline.accounts.rules import Account, Profile
from hotline.accounts.store import Known
from hotline.audit import store as audit
from hotline.roles import Role

_QUERIES = sql.load(Path(__file__).parent / "sql" / "sessions.sql")
LASTS = dt.timedelta(hours=12)
_SURE_SECONDS = 15.0
"""For so long a session is not looked up again, unless its account has changed."""
_REMEMBERED = 10_000
_POLL_SECONDS = 1.0
_AT_ONCE = 2
"""So many guesses are judged at a time; the others wait, and are held against the failures before them when their turn comes."""
_FIRST_ROLES: Mapping[str, list[Role]] = {
    "admin": ["supervisor", "administrator"],
    "leader": ["shift_leader"],
    "office": ["office"],
}
"""Of the names that every installation begins with; numbers are agents, with the role of the directory."""


class Session(msgspec.Struct, frozen=True):
    """Somebody who is logged in, in ``role`` of ``roles``. ``must_change``: the password first, everything else then."""

    username: str
    role: str
    expires_at: dt.datetime
    token_hash: bytes
    roles: tuple[str, ...] = ()
    unit: str = ""
    agent: str = ""
    organisation: str = "government"
    granted: frozenset[str] = frozenset()
    must_change: bool = False


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a login; ``role``: which of one's roles, else the first."""

    username: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    password: Annotated[str, msgspec.Meta(max_length=200)]
    role: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{0,40}$")] = ""


class Sessions:
    """Logs in and out, and knows who holds a token. ``passwords`` by user name, for the first login (interfaces, section 2)."""

    def __init__(self, pool: asyncpg.Pool, passwords: Mapping[str, str]) -> None:
        self._pool, self._first = pool, passwords
        self._passwords = Passwords()
        self._known: OrderedDict[bytes, tuple[Session, float]] = OrderedDict()
        self._by_user, self._by_address = Attempts(8, 300), Attempts(40, 300)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Hear which accounts have changed; ends only by cancellation."""
        while True:
            with contextlib.suppress(*database.TROUBLE):
                async with self._pool.acquire() as connection:
                    await self._hear(connection)
            database.stop_if_cancelled()
            await asyncio.sleep(_POLL_SECONDS)

    async def login(self, wanted: Login, address: str) -> tuple[str, Session]:
        """The token and its session; raises ``RefusedError``. Every attempt that was judged leaves a line in the audit log."""
        name = wanted.username
        self._check(name, address)
        async with self._turns:
            self._check(name, address)
            known = await self._comes(wanted)
            account = await self._judged(known, wanted.password)
            if account is None:
                self._failed(name, address)
        if account is None:
            is_somebody = known.account is not None or name in self._first
            # A name that is nobody's may be a password in the wrong field: it is not written down.
            raise await self._refused(name if is_somebody else "unknown", address)
        roles = _in_force(account.roles, known.directory_role, name)
        role = rules.chosen(roles, wanted.role)
        if role is None:
            raise rules.RefusedError("not_your_role", roles=list(roles))
        entry = await self._begin(account, known.kept, role, address)
        if entry is None:  # the password was changed in this moment
            self._failed(name, address)
            raise await self._refused(name, address)
        self._by_user.succeeded(name)
        return entry

    async def find(self, token: str) -> Session | None:
        """Whose token this is, if anybody's; while the database is away, as it was known last."""
        return await self._find(_hash(token))

    async def still(self, session: Session) -> bool:
        """Whether somebody is still logged in."""
        return await self._find(session.token_hash) is not None

    def is_in_doubt(self, session: Session) -> bool:
        """Whether the account has changed since this session was looked at."""
        known = self._known.get(session.token_hash)
        return known is None or known[1] == _NEVER

    async def switch(self, session: Session, role: str) -> Session:
        """Go on in another of one's roles. Raises ``RefusedError``: ``not_your_role``."""
        if role not in session.roles:
            raise rules.RefusedError("not_your_role", roles=list(session.roles))
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_QUERIES["switch"], session.token_hash, role)
            detail = {"from": session.role, "to": role}
            await audit.write(connection, session.username, "session.role", f"user:{session.username}", detail)
            await store.tell(connection, session.username)
        return self._remember(msgspec.structs.replace(session, role=role))

    async def change_password(self, session: Session, old: str, new: str) -> None:
        """One's own; one's other sessions end. Raises ``RefusedError``: ``old_password_wrong``, ``weak_password``…"""
        name = session.username
        async with self._turns:
            self._check(name)
            judged = (await store.known(self._pool, name)).kept
            is_right = await self._passwords.fits(judged, old)
            if not is_right:
                self._failed(name)
        if judged is None or not is_right:
            await self.log(name, "password.refused", f"user:{name}")
            raise rules.RefusedError("old_password_wrong")
        rules.check_password(new, name, (old, self._first.get(name, "")))
        kept = await self._passwords.made(new)
        async with self._pool.acquire() as connection:
            await store.change_password(connection, name, kept, old=judged, but_for=session.token_hash)
        self._doubt(name)

    async def logout(self, session: Session) -> None:
        """The token is worth nothing any more."""
        self._known.pop(session.token_hash, None)
        await self._pool.execute(_QUERIES["end"], session.token_hash)
        await store.tell(self._pool, session.username)
        await self.log(session.username, "logout", f"user:{session.username}")

    async def log(self, actor: str, action: str, subject: str, detail: Mapping[str, object] | None = None) -> None:
        """A line in the audit log (SEC-12)."""
        await audit.write(self._pool, actor, action, subject, detail)

    def _check(self, name: str, address: str | None = None) -> None:
        """Raise ``RefusedError`` (``too_many_attempts``) when this user, or somebody at this address, has failed too often."""
        now = clock.monotonic()
        if not (self._by_user.is_allowed(name, now) and (address is None or self._by_address.is_allowed(address, now))):
            raise RefusedError("too_many_attempts")

    def _failed(self, name: str, address: str | None = None) -> None:
        now = clock.monotonic()
        self._by_user.failed(name, now)
        if address is not None:
            self._by_address.failed(address, now)

    async def _refused(self, name: str, address: str) -> RefusedError:
        await self.log(name, "login.failed", f"address:{address}")
        return RefusedError("wrong_password")

    async def _comes(self, wanted: Login) -> Known:
        """What is known of the name; whoever gives the password of the first start has an account from now on."""
        known = await store.known(self._pool, wanted.username)
        first = self._first.get(wanted.username)
        same = hmac.compare_digest(wanted.password.encode(), (first or secrets.token_urlsafe()).encode())
        if known.account is not None or not (first and same and known.is_active):
            return known
        await self._first_login(wanted)
        return await store.known(self._pool, wanted.username)

    async def _judged(self, known: Known, password: str) -> Account | None:
        """The account of whoever gave the right password. It takes as long for a name that is nobody's."""
        is_right = await self._passwords.fits(known.kept, password)
        account = known.account
        if account is None:
            return None
        if not is_right:
            await store.failed(self._pool, account.username)
        is_over = account.disabled_at is not None or (account.valid_until is not None and account.valid_until <= clock.now())
        return account if is_right and not is_over and known.is_active else None

    async def _first_login(self, wanted: Login) -> None:
        """From now on the account's own password counts. Two at once make one account."""
        name, kept = wanted.username, await self._passwords.made(wanted.password)
        profile = Profile(roles=_FIRST_ROLES.get(name, []), agent=name if name.isdigit() else "")
        async with self._pool.acquire() as connection:
            with contextlib.suppress(rules.RefusedError):
                await store.add(connection, name, profile, kept, actor="first login", must_change=False)

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
        session = _session(row, key) if row else None
        if session is None:
            self._known.pop(key, None)
            return None
        return self._remember(session)

    async def _begin(self, account: Account, kept: str | None, role: str, address: str) -> tuple[str, Session] | None:
        """The token and its session; None when ``kept``, which was judged, is the account's password no more."""
        token, now = secrets.token_urlsafe(32), clock.now()
        key = _hash(token)
        await self._pool.execute(_QUERIES["clean"], now)
        if not await self._pool.fetchval(_QUERIES["keep"], key, account.username, role, now, now + LASTS, kept):
            return None
        await store.came(self._pool, account.username)
        await self.log(account.username, "login", f"address:{address}")
        session = await self._find(key)
        if session is None:  # disabled in this moment
            raise RefusedError("wrong_password")
        return token, session

    def _remember(self, session: Session) -> Session:
        self._known[session.token_hash] = (session, clock.monotonic())
        self._known.move_to_end(session.token_hash)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return session

    async def _hear(self, connection: asyncpg.Connection) -> None:
        """What was said while nobody heard it may have been about anybody."""
        await connection.add_listener(store.CHANNEL, self._heard)
        try:
            self._doubt()
            while True:
                await connection.execute(_QUERIES["ping"])
                await asyncio.sleep(_SURE_SECONDS)
        finally:
            if not connection.is_closed():
                await connection.remove_listener(store.CHANNEL, self._heard)

    def _heard(self, *said: object) -> None:
        self._doubt(str(said[-1]))

    def _doubt(self, username: str | None = None) -> None:
        """Sessions of this user (None: of anybody) are looked up at their next request."""
        for key, (session, _) in self._known.items():
            if username is None or session.username == username:
                self._known[key] = (session, _NEVER)


_NEVER = float("-inf")


def _in_force(given: list[str], directory_role: str | None, username: str) -> tuple[str, ...]:
    return rules.effective(given, directory_role or ("agent" if username.isdigit() else None))


def _session(row: asyncpg.Record, key: bytes) -> Session | None:
    """None when the account has none of its roles any more; whoever follows the directory has another role from now on."""
    name, role = row["username"], row["role"]
    if row["has_account"]:
        roles = _in_force(row["roles"], row["directory_role"], name)
        if role not in roles and (row["roles"] or not roles):
            return None
        role = role if role in roles else roles[0]
    else:
        role = row["directory_role"] or role
        roles = (role,)
    agent = row["agent"] or (name if name.isascii() and name.isdigit() else "")
    return Session(
        name,
        role,
        row["expires_at"],
        key,
        roles=roles,
        unit=row["unit"],
        agent=agent,
        organisation=row["organisation"],
        granted=frozenset(row["granted"]),
        must_change=row["must_change"],
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()  # nobody's token need be no text

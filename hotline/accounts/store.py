"""The table of accounts: every change is one transaction with its line in the audit log, and ends the sessions that it must.

Who is disabled, or whose password was given anew, is out at once, at every process (SEC-17). Nothing is ever deleted.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import msgspec

from hotline import sql
from hotline.accounts import passwords, rules
from hotline.accounts.rules import Account, Profile, RefusedError
from hotline.audit import store as audit

Database: TypeAlias = "asyncpg.Pool | asyncpg.Connection"
_QUERIES = sql.load(Path(__file__).parent / "sql" / "accounts.sql")
CHANNEL = "accounts"
LARGEST_PAGE = 500


class Page(msgspec.Struct, frozen=True):
    """Accounts by name, and how many there are in all; beyond the last page ``total`` is 0."""

    accounts: list[Account]
    total: int


class Known(msgspec.Struct, frozen=True):
    """Who wants to log in. ``kept`` None: no account; ``directory_role`` None: no agent; ``is_active``: not an agent who left."""

    account: Account | None
    kept: str | None
    directory_role: str | None
    is_active: bool


async def known(database: Database, username: str) -> Known:
    """What is known of a name."""
    row = await database.fetchrow(_QUERIES["known"], username.replace("\x00", ""))
    account = _account(row) if row["has_account"] else None
    return Known(account, row["password_hash"], row["directory_role"], row["is_active"])


async def get(database: Database, username: str) -> Account:
    """One account. Raises ``RefusedError``: ``unknown_account``."""
    return _found(await database.fetchrow(_QUERIES["get"], _name(username)), username)


async def listed(database: Database, text: str = "", limit: int = 100, page: int = 1) -> Page:
    """Those whose name, unit or number holds ``text``; ``page`` counts from 1."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    rows = await database.fetch(_QUERIES["list"], text.replace("\x00", ""), limit, (max(page, 1) - 1) * limit)
    return Page([_account(row) for row in rows], rows[0]["total"] if rows else 0)


async def add(
    connection: asyncpg.Connection, username: str, profile: Profile, kept: str, *, actor: str, must_change: bool
) -> Account:
    """A new account with this password's hash.

    Raises ``RefusedError``: ``account_exists``, ``number_taken``, ``unknown_unit``, ``rules.check``.
    """
    rules.check(username, profile)
    values = _values(profile)
    async with connection.transaction():
        await _unit_known(connection, profile.unit)
        row = await _one_number(
            connection, "add", username, values[0], kept, *values[1:-1], must_change, profile.valid_until, actor
        )
        if row is None:
            raise RefusedError("account_exists", username=username)
        await audit.write(connection, actor, "account.add", f"user:{username}", msgspec.to_builtins(profile))
    return _account(row)


async def change(connection: asyncpg.Connection, username: str, profile: Profile, *, actor: str) -> Account:
    """Another profile; a role that is taken away ends the sessions in it. Raises as ``add`` does, and ``unknown_account``."""
    rules.check(username, profile)
    async with connection.transaction():
        before = _profile(_found(await connection.fetchrow(_QUERIES["lock"], username), username))
        if profile.unit != before.unit:
            await _unit_known(connection, profile.unit)
        row = await _one_number(connection, "change", username, *_values(profile))
        old, new = msgspec.to_builtins(before), msgspec.to_builtins(profile)
        changed = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
        await _told(connection, actor, "account.change", username, {"changed": changed})
    return _found(row, username)


async def disable(connection: asyncpg.Connection, username: str, *, actor: str, reason: str = "") -> Account:
    """Nobody is let in any more, and who is in is out (SEC-17)."""
    async with connection.transaction():
        account = _found(await connection.fetchrow(_QUERIES["disable"], _name(username)), username)
        await _told(connection, actor, "account.disable", username, {"reason": reason}, ends_sessions=True)
    return account


async def enable(connection: asyncpg.Connection, username: str, *, actor: str) -> Account:
    """The contrary of ``disable``. Raises ``RefusedError``: ``unknown_account``, ``number_taken``."""
    async with connection.transaction():
        account = _found(await _one_number(connection, "enable", _name(username)), username)
        await _told(connection, actor, "account.enable", username, {})
    return account


async def reset_password(connection: asyncpg.Connection, username: str, *, actor: str) -> str:
    """A one-time password, which must be changed at the next login; ends every session."""
    password = passwords.fresh()
    kept = await asyncio.to_thread(passwords.made, password)
    async with connection.transaction():
        _found(await connection.fetchrow(_QUERIES["set_password"], _name(username), kept, True), username)
        await _told(connection, actor, "account.reset_password", username, {}, ends_sessions=True)
    return password


async def change_password(connection: asyncpg.Connection, username: str, kept: str, *, old: str, but_for: bytes = b"") -> None:
    """A person's own new password in place of the hash ``old``; ends the person's other sessions.

    Raises ``RefusedError``: ``old_password_wrong`` when it was replaced meanwhile.
    """
    async with connection.transaction():
        if await connection.fetchrow(_QUERIES["replace_password"], _name(username), kept, old) is None:
            raise RefusedError("old_password_wrong")
        await _told(connection, username, "account.change_password", username, {}, ends_sessions=True, but_for=but_for)


async def failed(database: Database, username: str) -> None:
    """A login with a wrong password."""
    await database.execute(_QUERIES["failed"], username)


async def came(database: Database, username: str) -> None:
    """A login that was right."""
    await database.execute(_QUERIES["came"], username)


async def tell(database: Database, username: str) -> None:
    """Every process that remembers this user's sessions looks at them again."""
    await database.execute(_QUERIES["tell"], username)


async def _told(
    connection: asyncpg.Connection,
    actor: str,
    action: str,
    username: str,
    detail: dict[str, object],
    *,
    ends_sessions: bool = False,
    but_for: bytes = b"",
) -> None:
    if ends_sessions:
        await connection.execute(_QUERIES["end_sessions"], username, but_for)
    await audit.write(connection, actor, action, f"user:{username}", detail)
    await tell(connection, username)


async def _one_number(connection: asyncpg.Connection, query: str, *values: Any) -> asyncpg.Record | None:
    """One telephone, one person at a time (SEC-17)."""
    try:
        return await connection.fetchrow(_QUERIES[query], *values)
    except asyncpg.UniqueViolationError:
        raise RefusedError("number_taken") from None


async def _unit_known(connection: asyncpg.Connection, unit: str) -> None:
    """Whoever works for a unit works for one of the directory that has not ended (SEC-13)."""
    if unit and not await connection.fetchval(_QUERIES["unit"], unit):
        raise RefusedError("unknown_unit", unit=unit)


def _values(profile: Profile) -> tuple[Any, ...]:
    return (
        profile.name,
        list(profile.roles),
        profile.unit,
        profile.agent,
        profile.organisation,
        list(profile.granted),
        profile.valid_until,
    )


def _name(username: str) -> str:
    """A name that could be one; raises ``RefusedError``: ``unknown_account``."""
    if not rules.is_username(username):
        raise RefusedError("unknown_account", username=username[:40])
    return username


def _found(row: asyncpg.Record | None, username: str) -> Account:
    if row is None:
        raise RefusedError("unknown_account", username=username[:40])
    return _account(row)


def _account(row: asyncpg.Record) -> Account:
    return Account(**{name: row[name] for name in Account.__struct_fields__})


def _profile(account: Account) -> Profile:
    return msgspec.convert({name: getattr(account, name) for name in Profile.__struct_fields__}, Profile)

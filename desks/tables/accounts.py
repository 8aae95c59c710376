"""Accounts (ORG-35, SEC-17), one's own session (ORG-44), and the audit log (SEC-12, GEN-17)."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import re
from typing import Annotated, Any

import msgspec

from acd.permissions import Person
from crm.permissions import MATRIX, OF_GOVERNMENT, is_open_to
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError as BadRequestError
from desks.ordering import Line, ordered
from desks.parameters import Parameter
from hotline.accounts import passwords, rules, store
from hotline.accounts.rules import Account, Profile, Username
from hotline.accounts.store import Page
from hotline.audit import store as audit
from hotline.audit.chain import Head
from hotline.audit.store import Entry
from hotline.roles import Role

_PASSWORD = Annotated[str, msgspec.Meta(max_length=rules.LONGEST)]


class NewAccount(Profile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person who begins to work here."""

    username: Username


class Handed(msgspec.Struct, frozen=True):
    """The account, and the password that its owner must change at the first login; it is shown this once."""

    account: Account
    password: str


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody is not let in any more."""

    reason: Line = ""


class Me(msgspec.Struct, frozen=True):
    """Who is logged in. ``may``: action -> whose (``self``, ``trainee``, ``unit``, ``anyone``); see ``docs/permissions.md``."""

    username: str
    role: str
    roles: tuple[str, ...]
    unit: str
    agent: str
    organisation: str
    must_change: bool
    expires_at: dt.datetime
    may: dict[str, str]


class ChosenRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another of one's roles."""

    role: Role


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password so far, and the one from now on."""

    old: _PASSWORD
    new: _PASSWORD


class Entries(msgspec.Struct, frozen=True):
    """Lines of the audit log, the newest first; ``next``: ``before`` of the next page, null on the last one."""

    entries: list[Entry]
    next: int | None


async def listed(ask: Ask, person: Person, *, text: str, page: int, limit: int) -> Page:
    """``GET /api/accounts``."""
    del person
    return await store.listed(ask.parts.pool, text, limit, page)


async def one(ask: Ask, person: Person, *, account: str) -> Account:
    """``GET /api/accounts/{account}``."""
    del person
    return await store.get(ask.parts.pool, account)


async def add(ask: Ask, person: Person, *, username: str, **values: Any) -> Handed:
    """``POST /api/accounts``."""
    profile = _profile(values)
    password = passwords.fresh()
    kept = await asyncio.to_thread(passwords.made, password)
    async with ask.parts.pool.acquire() as connection:
        made = await store.add(connection, username, profile, kept, actor=person.username, must_change=True)
    return Handed(made, password)


async def change(ask: Ask, person: Person, *, account: str, **values: Any) -> Account:
    """``PUT /api/accounts/{account}``: nobody gives roles to oneself."""
    _not_oneself(person, account)
    async with ask.parts.pool.acquire() as connection:
        return await store.change(connection, account, _profile(values), actor=person.username)


async def disable(ask: Ask, person: Person, *, account: str, reason: str) -> Account:
    """``POST /api/accounts/{account}/disable``: whoever is logged in is out at once."""
    _not_oneself(person, account)
    async with ask.parts.pool.acquire() as connection:
        return await store.disable(connection, account, actor=person.username, reason=reason)


async def enable(ask: Ask, person: Person, *, account: str) -> Account:
    """``POST /api/accounts/{account}/enable``."""
    async with ask.parts.pool.acquire() as connection:
        return await store.enable(connection, account, actor=person.username)


async def reset_password(ask: Ask, person: Person, *, account: str) -> Handed:
    """``POST /api/accounts/{account}/reset-password``; one's own is changed, not reset."""
    _not_oneself(person, account)
    async with ask.parts.pool.acquire() as connection:
        password = await store.reset_password(connection, account, actor=person.username)
    return Handed(await store.get(ask.parts.pool, account), password)


async def me(ask: Ask, person: Person) -> Me:
    """``GET /api/me``."""
    who = ask.person
    rights = {action: whose[who.role] for action, whose in MATRIX.items() if who.role in whose}
    may = {action: whom for action, whom in rights.items() if is_open_to(action, who.organisation, who.granted)}
    return Me(
        who.username,
        who.role,
        who.roles,
        who.unit,
        person.agent,
        who.organisation,
        who.must_change,
        who.expires_at,
        dict(sorted(may.items())),
    )


async def switch(ask: Ask, person: Person, *, role: str) -> Me:
    """``POST /api/session/role``."""
    changed = await ask.parts.sessions.switch(ask.person, role)
    return await me(Ask(ask.request, ask.parts, changed, ask.query, ask.body), person)


async def change_password(ask: Ask, person: Person, *, old: str, new: str) -> None:
    """``POST /api/me/password``: one's other sessions end."""
    del person
    await ask.parts.sessions.change_password(ask.person, old, new)


async def read_audit(ask: Ask, person: Person, *, limit: int, before: int | None, **asked: Any) -> Entries:
    """``GET /api/audit``; the look leaves a line itself."""
    names = {"begin": asked.pop("from"), "end": asked.pop("to"), **asked}
    found = await audit.entries(ask.parts.pool, before=before, limit=limit, **names)
    said = {name: value for name, value in names.items() if value is not None}
    await audit.write(ask.parts.pool, person.username, "audit.read", "audit", {**said, "lines": len(found)})
    return Entries(found, found[-1].entry_id if len(found) == limit else None)


async def head(ask: Ask, person: Person) -> Head:
    """``GET /api/audit/head``: to be kept elsewhere, and held against the log later."""
    del person
    async with ask.parts.pool.acquire() as connection:
        return await audit.head(connection)


def _profile(values: dict[str, Any]) -> Profile:
    profile = Profile(**values)
    if unknown := set(profile.granted) - OF_GOVERNMENT:
        raise BadRequestError("bad_choice", parameter="granted", unknown=sorted(unknown), allowed=sorted(OF_GOVERNMENT))
    return profile


def _not_oneself(person: Person, account: str) -> None:
    if person.username == account:
        raise rules.RefusedError("own_account")


def _before(name: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise BadRequestError("bad_number", parameter=name, least=1)
    return int(text)


def _words(name: str, chinese: str, english: str) -> Parameter:
    def read(name: str, text: str) -> str | None:
        return parameters.words(name, text) or None

    return Parameter(name=name, read=read, schema={"type": "string", "maxLength": 100}, chinese=chinese, english=english)


_LIST = (parameters.TEXT, parameters.PAGE, parameters.LIMIT)
_BEFORE = Parameter(
    name="before",
    read=_before,
    schema={"type": "integer", "minimum": 0},
    chinese="上一页的 next",
    english="The page before's next",
)
_AUDIT = (
    _words("actor", "操作人", "Who did it"),
    _words("subject", "对象,如 ticket:2026112200001", "About what, such as ticket:2026112200001"),
    _words("action", "操作,如 ticket.read", "What was done, such as ticket.read"),
    *(msgspec.structs.replace(one, needed=False) for one in (parameters.FROM, parameters.TO)),
    _BEFORE,
    parameters.LIMIT,
)
_KEEP, _OWN, _ONE = "account.keep", "session.own", "/api/accounts/{account}"


def _secret(route: Route) -> Route:
    """What is asked or answered is kept nowhere."""
    return dataclasses.replace(route, is_secret=True)


def _first(route: Route) -> Route:
    return Route(**{**route.__dict__, "comes_first": True})


ROUTES: tuple[Route, ...] = (
    _first(ordered("GET", "/api/me", me, _OWN, ("本人与权限", "Who I am and what I may do"), answer=Me)),
    _secret(
        _first(ordered("POST", "/api/me/password", change_password, _OWN, ("修改密码", "Change the password"), body=NewPassword))
    ),
    ordered("POST", "/api/session/role", switch, _OWN, ("切换角色", "Another role"), body=ChosenRole, answer=Me),
    ordered("GET", "/api/accounts", listed, _KEEP, ("账号列表", "Accounts"), query=_LIST, answer=Page),
    _secret(ordered("POST", "/api/accounts", add, _KEEP, ("新建账号", "A new account"), body=NewAccount, answer=Handed)),
    ordered("GET", _ONE, one, _KEEP, ("一个账号", "An account"), answer=Account),
    ordered("PUT", _ONE, change, _KEEP, ("修改账号", "Change an account"), body=Profile, answer=Account),
    ordered("POST", f"{_ONE}/disable", disable, _KEEP, ("停用账号", "Disable"), body=Why, answer=Account),
    ordered("POST", f"{_ONE}/enable", enable, _KEEP, ("启用账号", "Enable"), answer=Account),
    _secret(ordered("POST", f"{_ONE}/reset-password", reset_password, _KEEP, ("重置密码", "Reset the password"), answer=Handed)),
    ordered("GET", "/api/audit", read_audit, "audit.read", ("审计日志", "The audit log"), query=_AUDIT, answer=Entries),
    ordered("GET", "/api/audit/head", head, "audit.read", ("审计链最新封印", "The newest seal"), answer=Head),
)

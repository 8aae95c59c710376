"""The commands ``hotline accounts list|add|disable|enable|reset-password|roles``: for who keeps the machine (ORG-35)."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_args

import asyncpg
import msgspec

from hotline import credentials, database, messages
from hotline.accounts import passwords, store
from hotline.accounts.rules import Account, Organisation, Profile, RefusedError
from hotline.audit import shell
from hotline.clock import SHANGHAI
from hotline.errors import AccountError
from hotline.roles import ROLES

T = TypeVar("T")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``accounts``."""
    actions = subparsers.add_parser("accounts", help=messages.text("accounts.help")).add_subparsers(
        required=True, metavar="ACTION"
    )
    parser = actions.add_parser("list", help=messages.text("accounts.list"))
    parser.add_argument("text", nargs="?", default="", help=messages.text("accounts.text"))
    parser.add_argument("--json", action="store_true", help=messages.text("audit.json"))
    parser.set_defaults(run=_list)
    parser = _of_one(actions, "add", messages.text("accounts.add"), _add)
    _profile_options(parser)
    parser.add_argument("--name", default="", help=messages.text("accounts.name"))
    parser.add_argument("--agent", default="", help=messages.text("accounts.agent"))
    parser.add_argument("--organisation", choices=get_args(Organisation), default="government")
    _profile_options(_of_one(actions, "roles", messages.text("accounts.roles"), _roles))
    parser = _of_one(actions, "disable", messages.text("accounts.disable"), _disable)
    parser.add_argument("--reason", default="", help=messages.text("accounts.reason"))
    _of_one(actions, "enable", messages.text("accounts.enable"), _enable)
    _of_one(actions, "reset-password", messages.text("accounts.reset"), _reset)


def _of_one(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, words: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=words)
    parser.add_argument("username")
    parser.set_defaults(run=run)
    return parser


def _profile_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("roles", nargs="+", choices=ROLES, metavar="ROLE", help=", ".join(ROLES))
    parser.add_argument("--unit", default="", help=messages.text("accounts.unit"))


def _list(arguments: argparse.Namespace) -> int:
    found = _in_database(lambda connection: store.listed(connection, arguments.text, store.LARGEST_PAGE))
    if arguments.json:
        print(msgspec.json.encode(found).decode())
        return 0
    for one in found.accounts:
        print("\t".join((one.username, one.name, ",".join(one.roles) or "-", one.unit or "-", _state(one))))
    if found.total > len(found.accounts):
        print(messages.text("accounts.more", shown=len(found.accounts), total=found.total))
    return 0


def _state(one: Account) -> str:
    if one.disabled_at:
        return messages.text("accounts.is_disabled")
    came = f"{one.last_login_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if one.last_login_at else "-"
    return f"{came} {messages.text('accounts.must_change')}" if one.must_change else came


def _add(arguments: argparse.Namespace) -> int:
    values = {name: getattr(arguments, name) for name in ("name", "roles", "unit", "agent", "organisation")}
    password = passwords.fresh()

    async def work(connection: asyncpg.Connection) -> None:
        profile = _checked(values)
        await store.add(connection, arguments.username, profile, passwords.made(password), actor=shell.actor(), must_change=True)

    _in_database(work)
    print(messages.text("accounts.added", username=arguments.username, password=password))
    return 0


def _roles(arguments: argparse.Namespace) -> int:
    async def work(connection: asyncpg.Connection) -> Account:
        known = await store.get(connection, arguments.username)
        values = {name: getattr(known, name) for name in Profile.__struct_fields__}
        profile = _checked(values | {"roles": arguments.roles, "unit": arguments.unit})
        return await store.change(connection, arguments.username, profile, actor=shell.actor())

    changed = _in_database(work)
    print(messages.text("accounts.changed", username=changed.username, roles=", ".join(changed.roles)))
    return 0


def _disable(arguments: argparse.Namespace) -> int:
    _in_database(lambda one: store.disable(one, arguments.username, actor=shell.actor(), reason=arguments.reason))
    print(messages.text("accounts.disabled", username=arguments.username))
    return 0


def _enable(arguments: argparse.Namespace) -> int:
    _in_database(lambda connection: store.enable(connection, arguments.username, actor=shell.actor()))
    print(messages.text("accounts.enabled", username=arguments.username))
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    password = _in_database(lambda connection: store.reset_password(connection, arguments.username, actor=shell.actor()))
    print(messages.text("accounts.password", username=arguments.username, password=password))
    return 0


def _checked(values: dict[str, Any]) -> Profile:
    try:
        return msgspec.convert(values, Profile)
    except msgspec.ValidationError as error:
        raise AccountError(messages.text("accounts.bad_value", reason=error)) from error


def _in_database(work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def run() -> T:
        try:
            connection = await asyncpg.connect(credentials.load().database, timeout=5, server_settings={"timezone": "UTC"})
            try:
                return await work(connection)
            finally:
                await connection.close()
        except (*database.AWAY, asyncpg.PostgresError) as error:
            raise AccountError(messages.text("accounts.away", reason=f"{type(error).__name__}: {error}")) from error
        except RefusedError as refused:
            raise AccountError(messages.text("accounts.refused", reason=_why(refused))) from refused

    return asyncio.run(run())


def _why(refused: RefusedError) -> str:
    """The code, which the documents and the web application explain, and where."""
    details = ", ".join(f"{name}={value}" for name, value in refused.details.items() if name != "allowed")
    return f"{refused.code} ({details})" if details else refused.code

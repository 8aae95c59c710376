"""Score sheets and their versions (QUA-04, QUA-05, QUA-11); the rules that calls are checked by."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.quality import checking
from crm.quality.book import QUERIES
from crm.quality.checking import InForce
from crm.quality.rules import Rules
from crm.quality.sheet import Sheet, check_sheet
from hotline import clock
from hotline.settings import Settings

_FIRST = Path(__file__).parent / "sheets.toml"


class Kept(msgspec.Struct, frozen=True):
    """A version of a sheet."""

    sheet: str
    version: int
    content: Sheet
    made_at: dt.datetime
    made_by: str


class Sheets(msgspec.Struct, frozen=True):
    """The newest version of each."""

    sheets: list[Kept]


class Wanted(msgspec.Struct, frozen=True):
    """Calls that are to be checked again by the rules of this version."""

    version: int
    calls: int


async def ensure(connection: asyncpg.Connection) -> None:
    """The sheets that there are at first are there; those that somebody changed stay as they are."""
    for name, given in tomllib.loads(_FIRST.read_text(encoding="utf-8")).items():
        sheet = msgspec.convert(given, Sheet)
        async with connection.transaction():
            await connection.execute(QUERIES["sheets_one_at_a_time"])
            if await connection.fetchrow(QUERIES["sheet"], name, 0) is None:
                await _add(connection, name, sheet, "settings")


async def listed(connection: asyncpg.Connection, person: Person) -> Sheets:
    """All sheets. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.see")
    return Sheets([_kept(row) for row in await connection.fetch(QUERIES["sheets"])])


async def get(connection: asyncpg.Connection, name: str, version: int = 0) -> Kept:
    """A version, 0: the newest. Raises ``RefusedError``: ``unknown_sheet``."""
    row = await connection.fetchrow(QUERIES["sheet"], name, version)
    if row is None:
        raise RefusedError("unknown_sheet", sheet=name)
    return _kept(row)


async def change(connection: asyncpg.Connection, person: Person, name: str, content: Sheet) -> Kept:
    """A new version, or the first of a new sheet. Raises ``RefusedError``: ``not_allowed``, ``sheet_twice``."""
    permissions.check(person, "quality.keep")
    check_sheet(content)
    async with connection.transaction():
        await connection.execute(QUERIES["sheets_one_at_a_time"])
        kept = await _add(connection, name, content, person.username)
        await orders.audit(connection, person, "quality.sheet", f"sheet:{name}", {"version": kept.version})
    return kept


async def rules(connection: asyncpg.Connection, person: Person, settings: Settings) -> InForce:
    """The rules in force. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.see")
    return await checking.ensure_rules(connection, settings)


async def change_rules(connection: asyncpg.Connection, person: Person, settings: Settings, wanted: Rules) -> InForce:
    """Other phrases and limits for calls to come; what settings say stays. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.keep")
    async with connection.transaction():
        made = await checking.ensure_rules(connection, settings, wanted, person.username)
        await orders.audit(connection, person, "quality.rules", "rules", {"version": made.version})
    return made


async def check_again(
    connection: asyncpg.Connection, person: Person, settings: Settings, begin: dt.datetime, end: dt.datetime
) -> Wanted:
    """Calls of this time that other rules were used for are checked again. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "quality.keep")
    async with connection.transaction():
        wanted = Wanted(*await checking.want(connection, settings, begin, end))
        await orders.audit(connection, person, "quality.check_again", "calls", {"from": begin, "to": end, "calls": wanted.calls})
    return wanted


async def _add(connection: asyncpg.Connection, name: str, content: Sheet, by: str) -> Kept:
    text = msgspec.json.encode(content).decode()
    return _kept(await connection.fetchrow(QUERIES["add_sheet"], name, text, clock.now(), by))


def _kept(row: asyncpg.Record) -> Kept:
    content = msgspec.json.decode(row["content"], type=Sheet)
    return Kept(row["sheet"], row["version"], content, row["made_at"], row["made_by"])

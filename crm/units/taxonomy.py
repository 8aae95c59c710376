"""The taxonomy as a day and a city see it (TAX-20, TAX-21, TAX-31), and controlled terms (TKT-26)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TypeAlias

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from crm.tickets import numbering
from hotline import clock, rounds, sql
from hotline.directory import files, sheet_store

Database: TypeAlias = "asyncpg.Pool | asyncpg.Connection"
_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "taxonomy.sql")
_log = structlog.get_logger()
_MOST_WORDS = 8
_PAUSE_SECONDS = 5.0
_OUT_OF_SCOPE = frozenset(("C3.16", "C3.17"))
"""Court and procuratorate: for enquiry and help; whoever chooses one is warned (TAX-30)."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A category or a leaf; ``units``: by default for these, the lead first; ``active``: may be given to a ticket.

    ``out_of_scope``: other matters than enquiry and help are not the hotline's (TAX-30, GEN-10).
    """

    code: str
    parent: str
    zh: str
    en: str
    scheme: str = "content"
    units: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    active: bool = True
    out_of_scope: bool = False


class Tree(msgspec.Struct, frozen=True):
    """Categories and leaves of one version, by code."""

    version: int
    items: list[Item]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """An import that changed something; ``items``: entries in all."""

    version: int
    valid_from: dt.date
    made_at: dt.datetime
    made_by: str
    file: str
    items: int


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Tickets of a leaf, with the name that it had when they were made."""

    code: str
    parent: str
    zh: str
    en: str
    version: int
    tickets: int


class Term(msgspec.Struct, frozen=True):
    """A controlled word and what else is said for it."""

    term: str
    words: list[str]


async def run(parts: Parts) -> None:
    """Until a database that never had a taxonomy has ours, so that no ticket waits for its class; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await put_first(connection)

    await rounds.until_done(work, "whether there is a taxonomy is not known", again=_PAUSE_SECONDS)


async def put_first(connection: asyncpg.Connection) -> bool:
    """Import ``taxonomy.tsv`` where there is no version yet (TAX-20); whether it was."""
    if await connection.fetchrow(_QUERIES["versions"]):
        return False
    file = files.TAXONOMY
    await sheet_store.put(connection, "taxonomy", files.read_sheet("taxonomy", file), actor="first start", file=file.name)
    return True


def today() -> dt.date:
    """The day on the hotline's wall clock."""
    return clock.now().astimezone(clock.SHANGHAI).date()


async def version_on(database: Database, day: dt.date) -> int:
    """The version that is valid on the day; 0: none is."""
    return int(await database.fetchval(_QUERIES["version_on"], day) or 0)


async def tree(
    database: Database, profile: str, *, scheme: str = "content", on: dt.date | None = None, ended: bool = False
) -> Tree:
    """A scheme as the city sees it on the day; ``ended``: also what may not be given to a ticket any more."""
    day = on or today()
    version = await version_on(database, day)
    rows = await database.fetch(_QUERIES["items"], version, scheme, profile, day, ended)
    return Tree(version, [_item(row) for row in rows])


async def search(
    database: Database, text: str, profile: str, *, scheme: str = "content", on: dt.date | None = None, limit: int = 20
) -> Tree:
    """Leaves by their name, code, or what citizens say, the best first; nothing for no words."""
    day = on or today()
    version = await version_on(database, day)
    words = text.replace("\x00", " ").lower().split()[:_MOST_WORDS]
    rows = (
        await database.fetch(_QUERIES["search"], version, scheme, profile, day, words, min(max(limit, 1), 100)) if words else []
    )
    return Tree(version, [_item(row) for row in rows])


async def leaf(database: Database, code: str, profile: str, on: dt.date | None = None) -> Item | None:
    """The entry with this code on the day; ``active`` says whether a ticket of the city may have it."""
    day = on or today()
    row = await database.fetchrow(_QUERIES["leaf"], await version_on(database, day), code.replace("\x00", ""), profile, day)
    return _item(row) if row else None


async def known(database: Database, code: str, on: dt.date | None = None) -> Item | None:
    """The category or leaf with this code on the day, in whatever city, ended or not."""
    return await leaf(database, code, "", on)


async def versions(database: Database) -> list[Version]:
    """Every version, the newest first."""
    return [Version(**dict(row)) for row in await database.fetch(_QUERIES["versions"])]


async def counts(database: Database, first: dt.date, last: dt.date) -> list[Count]:
    """Tickets made from the first to the last day, by leaf as it was called on each one's day (TAX-31)."""
    begin, end = (numbering.first_of(day) for day in (first, last + dt.timedelta(days=1)))
    return [Count(**dict(row)) for row in await database.fetch(_QUERIES["counts"], begin, end)]


async def terms(database: Database, text: str = "") -> list[Term]:
    """Controlled words that have this in them, or in what is said for them."""
    return [
        Term(row["term"], list(row["words"])) for row in await database.fetch(_QUERIES["subject_terms"], text.replace("\x00", ""))
    ]


def _item(row: asyncpg.Record) -> Item:
    return msgspec.convert({**row, "out_of_scope": row["code"] in _OUT_OF_SCOPE}, Item)

"""Persons who call: one has several numbers, a number serves several (TKT-01, TKT-06, GEN-12); who is one is merged, and back.

A merge moves nothing: the person that goes points to the one that stays, so an undo leaves all as it was. Everything here is a
citizen's data: it is seen within ``viewer.staff``, and each look leaves an audit line (SEC-12).
"""

from __future__ import annotations

import datetime as dt
import unicodedata
import uuid
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import viewer
from crm.errors import RefusedError
from crm.tickets import ticket as tickets
from crm.tickets.ticket import Identity
from hotline import clock, numbers, sql

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "callers.sql")
LARGEST_PAGE = 100
_AFTER_ALL = "\U0010ffff"
_CARD = {"caller_name": "name", "caller_title": "title", "workplace": "workplace", "home_address": "home_address"}
"""A ticket's field -> the person's."""
Connection: TypeAlias = asyncpg.Connection


class NumberSeen(msgspec.Struct, frozen=True):
    """A number of a person."""

    number: str
    first_seen: dt.datetime
    last_seen: dt.datetime


class Merge(msgspec.Struct, frozen=True):
    """``gone`` was found to be the same person."""

    merge_id: uuid.UUID
    gone: uuid.UUID
    at: dt.datetime
    by: str
    reason: str


class TicketOf(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a person's history; ``content`` is its beginning."""

    number: str
    state: str
    made_at: dt.datetime
    nature: str | None
    category: str
    due_at: dt.datetime | None
    hidden: list[str]
    content: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a list."""

    caller_id: uuid.UUID
    name: str
    title: str
    workplace: str
    home_address: str
    special_group: str
    updated_at: dt.datetime


class Page(msgspec.Struct, frozen=True):
    """Persons; ``more``: there is another page."""

    callers: list[Found]
    more: bool


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A person with numbers, what was merged into it, and tickets, the newest first. ``merged_into``: it is another one now."""

    caller_id: uuid.UUID
    version: int
    name: str
    title: str
    workplace: str
    home_address: str
    special_group: str
    note: str
    merged_into: uuid.UUID | None
    made_at: dt.datetime
    updated_at: dt.datetime
    numbers: list[NumberSeen]
    merges: list[Merge]
    tickets: list[TicketOf]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is known better now; None: stays. Numbers are added, or are not this person's any more."""

    name: str | None = None
    title: str | None = None
    workplace: str | None = None
    home_address: str | None = None
    special_group: str | None = None
    note: str | None = None
    add_numbers: tuple[str, ...] = ()
    end_numbers: tuple[str, ...] = ()


def same_name(one: str, other: str) -> bool:
    """Whether two names are one however they are typed: width, spaces and letter case aside; no name equals none."""
    return bool(plain(one)) and plain(one) == plain(other)


def plain(name: str) -> str:
    """A name as it is compared."""
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


async def remember(
    connection: Connection, identity: Identity, *, by: str, special_group: str = "", now: dt.datetime | None = None
) -> uuid.UUID | None:
    """The person of this intake: found by number and name, or made; None where neither is known. Within a transaction.

    With a name: whoever has this name at these numbers, else the nameless one there, who is given it. Without: the only one
    there, else the nameless one. What was not known of the person is completed, what is known stays.
    """
    now = now or clock.now()
    known = list(dict.fromkeys(filter(None, map(numbers.normal, _numbers_of(identity)))))
    async with viewer.staff(connection):
        for number in sorted(known):
            await connection.execute(QUERIES["lock_number"], number)
        chosen = await _root(connection, identity.caller_id) if identity.caller_id else None
        chosen = chosen or await _at(connection, identity, known)
        name = " ".join(identity.caller_name.split())
        values = (name, identity.caller_title, identity.workplace, identity.home_address, special_group, by, now)
        if chosen is None and not (known or name):
            return None
        query = "complete" if chosen else "add"
        chosen = chosen or uuid.uuid4()
        await connection.execute(QUERIES[query], chosen, *values)
        for number in known:
            await connection.execute(QUERIES["seen"], number, chosen, now)
    return chosen


async def filled(connection: Connection, identity: Identity) -> dict[str, str]:
    """What the identity's person is known by and the identity does not say: name, title, workplace, address."""
    root = await _root(connection, identity.caller_id) if identity.caller_id else None
    row = await connection.fetchrow(QUERIES["get"], root) if root else None
    return {field: row[name] for field, name in _CARD.items() if row and row[name] and not getattr(identity, field)}


def _numbers_of(identity: Identity) -> tuple[str, ...]:
    return identity.calling_number, identity.caller_phone, identity.callback_phone


async def _at(connection: Connection, identity: Identity, known: list[str]) -> uuid.UUID | None:
    there = await connection.fetch(QUERIES["at_numbers"], known) if known else []
    nameless = [row["caller_id"] for row in there if not row["names"]]
    if plain(identity.caller_name):
        named = [row["caller_id"] for row in there if any(same_name(name, identity.caller_name) for name in row["names"])]
        return next(iter(named + nameless), None)
    return there[0]["caller_id"] if len(there) == 1 else next(iter(nameless), None)


async def _root(connection: Connection, caller_id: uuid.UUID) -> uuid.UUID | None:
    found: uuid.UUID | None = await connection.fetchval(QUERIES["root"], caller_id)
    return found


async def group(connection: Connection, caller_id: uuid.UUID) -> list[uuid.UUID]:
    """The ids under which tickets of this person stand."""
    return list(await connection.fetchval(QUERIES["group"], caller_id) or [])


async def search(parts: Parts, person: Person, *, number: str = "", name: str = "", limit: int = 20, page: int = 1) -> Page:
    """Persons at a number, or whose name begins so. Raises ``RefusedError``: ``not_allowed``, ``bad_values``."""
    permissions.check(person, "caller.read")
    if bool(number) == bool(name):
        raise RefusedError("bad_values", needs="number or name")
    limit, offset = min(max(limit, 1), LARGEST_PAGE), 0
    offset = (max(page, 1) - 1) * limit
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        if number:
            rows = await connection.fetch(QUERIES["by_number"], numbers.normal(number), limit + 1, offset)
        else:
            begin = " ".join(name.replace("\x00", "").split())
            rows = await connection.fetch(QUERIES["by_name"], begin, begin + _AFTER_ALL, limit + 1, offset)
        found = [Found(**dict(row)) for row in rows[:limit]]
        subject = f"caller:{numbers.normal(number)}" if number else "callers"
        await orders.audit(connection, person, "caller.search", subject, {"callers": [str(one.caller_id) for one in found]})
    return Page(found, len(rows) > limit)


async def get(parts: Parts, person: Person, caller_id: uuid.UUID, *, limit: int = 20, page: int = 1) -> Caller:
    """A person with history (IVR-24). Raises ``RefusedError``: ``not_allowed``, ``unknown_caller``."""
    permissions.check(person, "caller.read")
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        row = await connection.fetchrow(QUERIES["get"], caller_id)
        if row is None:
            raise RefusedError("unknown_caller")
        found = await _caller(connection, row, min(max(limit, 1), LARGEST_PAGE), max(page, 1))
        await orders.audit(
            connection, person, "caller.read", f"caller:{caller_id}", {"tickets": [t.number for t in found.tickets]}
        )
    return found


async def edit(parts: Parts, person: Person, caller_id: uuid.UUID, changes: Changes, *, version: int | None = None) -> Caller:
    """What is known better now. Refused: ``unknown_caller``, ``caller_merged``, ``changed_meanwhile``, ``bad_values``."""
    permissions.check(person, "caller.edit")
    now = clock.now()
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        row = (await _locked(connection, caller_id))[0]
        if version is not None and version != row["version"]:
            raise RefusedError("changed_meanwhile", version=row["version"])
        kept = {name: row[name] for name in ("name", "title", "workplace", "home_address", "special_group", "note")}
        given = {name: value for name in kept if (value := getattr(changes, name)) is not None}
        await connection.execute(QUERIES["edit"], caller_id, *(kept | given).values(), person.username, now)
        await _change_numbers(connection, caller_id, changes, now)
        changed = sorted(name for name, value in given.items() if value != kept[name])
        detail = {"changed": changed, "added": len(changes.add_numbers), "ended": len(changes.end_numbers)}
        await orders.audit(connection, person, "caller.edit", f"caller:{caller_id}", detail)
        return await _caller(connection, await connection.fetchrow(QUERIES["get"], caller_id), 20, 1)


async def merge(parts: Parts, person: Person, kept: uuid.UUID, gone: uuid.UUID, reason: str = "") -> Caller:
    """Both are one person: ``gone`` goes into ``kept``. Raises ``unknown_caller``, ``caller_merged``, ``same_caller``."""
    permissions.check(person, "caller.merge")
    if kept == gone:
        raise RefusedError("same_caller")
    now, merge_id = clock.now(), uuid.uuid4()
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        await _locked(connection, kept, gone)
        await connection.execute(QUERIES["merge"], merge_id, kept, gone, now, person.username, reason)
        await connection.execute(QUERIES["go_into"], gone, kept, person.username, now)
        await orders.audit(connection, person, "caller.merge", f"caller:{kept}", {"gone": str(gone), "merge": str(merge_id)})
        return await _caller(connection, await connection.fetchrow(QUERIES["get"], kept), 20, 1)


async def unmerge(parts: Parts, person: Person, merge_id: uuid.UUID) -> Caller:
    """They are two after all; the one that had gone, as it was before. Raises ``unknown_merge``."""
    permissions.check(person, "caller.merge")
    now = clock.now()
    async with parts.pool.acquire() as connection, viewer.staff(connection):
        row = await connection.fetchrow(QUERIES["open_merge"], merge_id)
        if row is None:
            raise RefusedError("unknown_merge")
        await connection.execute(QUERIES["undo_merge"], merge_id, now, person.username)
        await connection.execute(QUERIES["go_into"], row["gone"], None, person.username, now)
        await orders.audit(connection, person, "caller.unmerge", f"caller:{row['gone']}", {"merge": str(merge_id)})
        return await _caller(connection, await connection.fetchrow(QUERIES["get"], row["gone"]), 20, 1)


async def _locked(connection: Connection, *wanted: uuid.UUID) -> list[Any]:
    rows = {row["caller_id"]: row for row in await connection.fetch(QUERIES["lock"], list(wanted))}
    if len(rows) != len(wanted):
        raise RefusedError("unknown_caller")
    for row in rows.values():
        if row["merged_into"]:
            raise RefusedError("caller_merged", caller=str(row["caller_id"]), into=str(row["merged_into"]))
    return [rows[one] for one in wanted]


async def _change_numbers(connection: Connection, caller_id: uuid.UUID, changes: Changes, now: dt.datetime) -> None:
    everybody = await group(connection, caller_id)
    for written in changes.end_numbers:
        await connection.execute(QUERIES["end_number"], everybody, numbers.normal(written), now)
    for written in changes.add_numbers:
        normal = numbers.normal(written)
        if not normal:
            raise RefusedError("bad_values", number=written[:40])
        await connection.execute(QUERIES["seen"], normal, caller_id, now)


async def _caller(connection: Connection, row: Any, limit: int, page: int) -> Caller:
    everybody = await group(connection, row["caller_id"])
    telephones = await connection.fetch(QUERIES["numbers_of"], everybody)
    merges = await connection.fetch(QUERIES["merges_of"], everybody)
    history = await connection.fetch(QUERIES["tickets_of"], everybody, limit, (page - 1) * limit)
    return Caller(
        **dict(row),
        numbers=[NumberSeen(**dict(one)) for one in telephones],
        merges=[Merge(**dict(one)) for one in merges],
        tickets=[_ticket_of(one) for one in history],
    )


def _ticket_of(row: Any) -> TicketOf:
    values = dict(row)
    return TicketOf(number=tickets.number(values.pop("ticket_id"), values.pop("channel")), **values)

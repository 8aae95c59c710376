"""Writing, releasing and reading entries: a unit's editor writes its own, the centre's editor releases (ORG-32, KBA-04, RPL-15).

A change of what is in force is a version that waits; the entry stays as it was until the version is released. Everything is
one transaction with a line in the audit log, and the telephone menu is in step at its end.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.errors import RefusedError
from crm.knowledge import entry, spoken
from crm.knowledge.entry import Content
from crm.knowledge.spoken import QUERIES, Spoken
from crm.units import tree
from hotline import clock

State = Literal["draft", "released", "withdrawn"]
_FIELDS = Content.__struct_fields__
LARGEST_PAGE = 100


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is in force; of a draft, the newest. ``newest`` beyond ``version``: a change waits to be released.

    ``used``: how often it was opened; ``spoken``: callers hear it; ``ticket``: whose result it is.
    """

    entry_id: uuid.UUID
    state: State
    version: int
    newest: int
    owner_unit: str
    owner_name: str
    editor: str
    content: Content
    changed_at: dt.datetime
    released_at: dt.datetime | None
    released_by: str
    used: int
    open_reports: int
    spoken: bool
    ticket: str


class Saved(msgspec.Struct, frozen=True):
    """``version`` was written, and is shown if ``in_force``; ``spoken`` says what became of the telephone menu."""

    entry_id: uuid.UUID
    version: int
    state: State
    in_force: bool
    spoken: Spoken | None = None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version: ``changed`` against the one before; ``restored``: the version that it is again."""

    version: int
    at: dt.datetime
    by: str
    why: str
    restored: int | None
    changed: list[str]
    content: Content


class Happened(msgspec.Struct, frozen=True):
    """What was done with an entry: ``released``, ``withdrawn``, ``reviewed``."""

    at: dt.datetime
    by: str
    action: str
    version: int
    why: str


class History(msgspec.Struct, frozen=True):
    """Versions and what was done with them, the newest first (KBA-13)."""

    versions: list[Version]
    events: list[Happened]


async def create(
    connection: asyncpg.Connection, person: Person, content: Content, owner_unit: str = "", why: str = "", *, ticket_id: int = 0
) -> Saved:
    """A draft, owned by a unit (``''``: the centre).

    Raises ``RefusedError``: ``not_allowed``, ``unknown_unit``, and as ``entry.check``.
    """
    async with connection.transaction():
        owner = owner_unit or (person.unit if permissions.MATRIX["knowledge.edit"].get(person.role) == "unit" else "")
        if owner and not await tree.is_active(connection, owner):
            raise RefusedError("unknown_unit", unit=owner)
        await authorise(connection, person, "knowledge.edit", owner)
        entry.check(content)
        made, now = uuid.uuid4(), clock.now()
        await connection.execute(
            QUERIES["add"], made, owner, ticket_id or None, person.username, now, *_indexed(content), _json(content)
        )
        await connection.execute(QUERIES["keep_version"], made, 1, now, person.username, why, None, _json(content))
        await _audit(connection, person, "create", made, {"title": content.title, "owner_unit": owner})
        return Saved(made, 1, "draft", True)


async def change(
    connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, content: Content, *, version: int, why: str = ""
) -> Saved:
    """A new version. ``version``: the newest that the person has seen.

    Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``, ``changed_meanwhile``, ``nothing_to_change``,
    and as ``entry.check``.
    """
    async with connection.transaction():
        row = await locked(connection, person, "knowledge.edit", entry_id)
        await _fresh(connection, row, version)
        before = await _content_of(connection, entry_id, row["newest"])
        if not (names := entry.changed(before, content)):
            raise RefusedError("nothing_to_change")
        return await _write(connection, person, row, content, why, detail={"changed": names})


async def restore(
    connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, old: int, *, version: int, why: str = ""
) -> Saved:
    """A new version that is as an ``old`` one was. Raises as ``change``, and ``unknown_version``."""
    async with connection.transaction():
        row = await locked(connection, person, "knowledge.edit", entry_id)
        await _fresh(connection, row, version)
        content = await _content_of(connection, entry_id, old)
        if old == row["newest"]:
            raise RefusedError("nothing_to_change")
        return await _write(connection, person, row, content, why, restored=old, detail={"restored": old})


async def release(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, version: int, why: str = "") -> Saved:
    """Put the newest version in force, for everybody at once (KBA-08); callers hear it if it is for them and recorded.

    Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``, ``changed_meanwhile``, ``nothing_to_change``,
    ``menu_place_taken``, ``unknown_menu_folder``, ``menu_folder_in_use``, and as ``entry.check``.
    """
    async with connection.transaction():
        row = await locked(connection, person, "knowledge.release", entry_id)
        await _fresh(connection, row, version)
        if row["state"] == "released" and row["version"] == row["newest"]:
            raise RefusedError("nothing_to_change")
        content = await _content_of(connection, entry_id, row["newest"])
        entry.check(content)
        if await connection.fetchval(QUERIES["code_taken"], content.code, entry_id):
            raise RefusedError("menu_place_taken", menu_code=content.code)
        now = clock.now()
        await connection.execute(QUERIES["show"], entry_id, row["newest"], *_indexed(content), _json(content))
        await _set_state(connection, person, row, state="released", why=why, now=now)
        heard = await spoken.keep(connection, entry_id, content, person.username, now)
        return Saved(entry_id, row["newest"], "released", True, heard)


async def withdraw(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, why: str) -> Saved:
    """Take it out of force; a new release puts it back. Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``,
    ``reason_missing``, ``nothing_to_change``, ``menu_folder_in_use``."""
    async with connection.transaction():
        row = await locked(connection, person, "knowledge.release", entry_id)
        if not why.strip():
            raise RefusedError("reason_missing")
        if row["state"] == "withdrawn":
            raise RefusedError("nothing_to_change")
        now = clock.now()
        await _set_state(connection, person, row, state="withdrawn", why=why, now=now)
        heard = await spoken.keep(connection, entry_id, None, person.username, now)
        return Saved(entry_id, row["version"], "withdrawn", False, heard)


async def read(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, *, used: bool = True) -> Entry:
    """An entry as it is in force; opened by somebody who is no editor of it, it counts as used (KBA-09).

    What is not in force is seen by who may edit it, what is secret not by trainees, and of a unit by its own people (KBA-12).
    Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``.
    """
    permissions.check(person, "knowledge.read")
    now = clock.now()
    async with connection.transaction():
        row = await connection.fetchrow(QUERIES["get"], entry_id, now)
        if row is None:
            raise RefusedError("unknown_knowledge")
        owners = await whose(connection, row["owner_unit"])
        is_editor = permissions.may(person, "knowledge.edit", units=owners)
        is_hidden = row["state"] != "released" or (row["secret"] and not sees_secrets(person) and person.unit not in owners)
        if is_hidden and not is_editor:
            raise RefusedError("unknown_knowledge")
        if row["secret"]:
            await _audit(connection, person, "read", entry_id, {})
        if used and not is_editor and row["state"] == "released":
            await connection.execute(QUERIES["use"], entry_id, now)
    return _entry(row)


async def history(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID) -> History:
    """Every version with what it changed. Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``."""
    row = await connection.fetchrow(QUERIES["get"], entry_id, clock.now())
    if row is None:
        raise RefusedError("unknown_knowledge")
    await authorise(connection, person, "knowledge.edit", row["owner_unit"])
    rows = await connection.fetch(QUERIES["versions"], entry_id)
    contents = {one["version"]: msgspec.json.decode(one["content"], type=Content) for one in rows}
    versions = [
        Version(
            **{name: one[name] for name in ("version", "at", "by", "why", "restored")},
            changed=entry.changed(contents[one["version"] - 1], contents[one["version"]]) if one["version"] > 1 else [],
            content=contents[one["version"]],
        )
        for one in rows
    ]
    return History(versions, [Happened(**dict(one)) for one in await connection.fetch(QUERIES["events"], entry_id)])


async def newest(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID) -> Version:
    """The version that an editor goes on from. Raises as ``history``."""
    return (await history(connection, person, entry_id)).versions[0]


async def authorise(connection: asyncpg.Connection, person: Person, action: str, owner_unit: str) -> None:
    """Raise ``RefusedError`` (``not_allowed``) unless the person may do this to entries of that owner."""
    permissions.check(person, action, units=await whose(connection, owner_unit))


async def whose(connection: asyncpg.Connection, owner_unit: str) -> frozenset[str]:
    """The units whose people count as owners: the owner and those above it; nobody's unit is the centre."""
    return await tree.with_above(connection, (owner_unit,))


def sees_secrets(person: Person) -> bool:
    """Whether the person may see what is secret of everybody (KBA-12): staff of the centre that is no trainee."""
    return permissions.MATRIX["knowledge.secret"].get(person.role) == "anyone"


async def locked(connection: asyncpg.Connection, person: Person, action: str, entry_id: uuid.UUID) -> asyncpg.Record:
    """The entry's row for this transaction alone. Raises ``RefusedError``: ``unknown_knowledge``, ``not_allowed``."""
    row = await connection.fetchrow(QUERIES["lock"], entry_id)
    if row is None:
        raise RefusedError("unknown_knowledge")
    await authorise(connection, person, action, row["owner_unit"])
    return row


async def _fresh(connection: asyncpg.Connection, row: asyncpg.Record, version: int) -> None:
    if row["newest"] == version:
        return
    seen = await connection.fetchval(QUERIES["version"], row["entry_id"], version)
    now = await _content_of(connection, row["entry_id"], row["newest"])
    names = entry.changed(msgspec.json.decode(seen, type=Content), now) if seen else []
    raise RefusedError("changed_meanwhile", version=row["newest"], by=row["editor"], changed=names)


async def _write(
    connection: asyncpg.Connection,
    person: Person,
    row: asyncpg.Record,
    content: Content,
    why: str,
    *,
    restored: int | None = None,
    detail: dict[str, Any],
) -> Saved:
    entry.check(content)
    entry_id, number, now = row["entry_id"], row["newest"] + 1, clock.now()
    is_draft = row["state"] == "draft"
    await connection.execute(QUERIES["keep_version"], entry_id, number, now, person.username, why, restored, _json(content))
    await connection.execute(QUERIES["written"], entry_id, number, person.username, now)
    if is_draft:
        await connection.execute(QUERIES["show"], entry_id, number, *_indexed(content), _json(content))
    await _audit(connection, person, "edit", entry_id, {"version": number, **detail})
    return Saved(entry_id, number, row["state"], is_draft)


async def _set_state(
    connection: asyncpg.Connection, person: Person, row: asyncpg.Record, *, state: State, why: str, now: dt.datetime
) -> None:
    version = row["newest"] if state == "released" else row["version"]
    await connection.execute(QUERIES["set_state"], row["entry_id"], state, now, person.username)
    await connection.execute(QUERIES["note"], row["entry_id"], now, person.username, state, version, why)
    await _audit(
        connection, person, {"released": "release"}.get(state, "withdraw"), row["entry_id"], {"version": version, "why": why}
    )


async def _content_of(connection: asyncpg.Connection, entry_id: uuid.UUID, version: int) -> Content:
    text = await connection.fetchval(QUERIES["version"], entry_id, version)
    if text is None:
        raise RefusedError("unknown_version", version=version)
    return msgspec.json.decode(text, type=Content)


async def _audit(connection: asyncpg.Connection, person: Person, what: str, entry_id: uuid.UUID, detail: dict[str, Any]) -> None:
    await orders.audit(connection, person, f"knowledge.{what}", f"entry:{entry_id}", detail)


def _json(content: Content) -> str:
    return msgspec.json.encode(content).decode()


def _indexed(content: Content) -> tuple[str, list[str]]:
    return entry.heading(content), entry.all_words(content)


def content_of_row(row: asyncpg.Record) -> Content:
    """The content that a row of ``knowledge_entries`` shows."""
    values = {name: row[name] for name in _FIELDS}
    return msgspec.convert({**values, "steps": msgspec.json.decode(values["steps"])}, Content)


def _entry(row: asyncpg.Record) -> Entry:
    same = [name for name in Entry.__struct_fields__ if name not in ("content", "ticket")]
    ticket = str(row["ticket_id"] or "")
    return Entry(**{name: row[name] for name in same}, content=content_of_row(row), ticket=ticket)

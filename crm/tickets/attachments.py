"""Files of a ticket (TKT-27): pictures, letters, stamped forms. They lie under their hash below ``var/attachments``.

A file is taken in as it comes, never as a whole in memory; what it is, is told by its content and not by its name. It is on disk
before the ticket says that it has it; it is withdrawn, not deleted. Units see those that are for units.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated, Any, Literal, TypeVar

import msgspec
import structlog
from msgspec import Meta

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency
from crm.errors import RefusedError
from crm.tickets import cases, history, media, store
from crm.tickets.history import Attachment
from crm.tickets.orders import Line, Values
from crm.tickets.ticket import Ticket
from crm.tickets.work import Work, begun
from hotline import durable, paths

Kind = Literal["photo", "return_opinion", "extension_form", "reply_letter", "other"]
T = TypeVar("T")
_log = structlog.get_logger()
_RIGHT = "ticket.attach"
_FREE = frozenset(("office", "shift_leader"))
"""Who may withdraw what somebody else attached."""


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """The ticket's version with it, and the file."""

    version: int
    attachment: Attachment


class Withdrawal(Values, frozen=True, kw_only=True):
    """Why."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*$")]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a file that is sent. ``for_units`` false: it may show who the citizen is."""

    name: Line
    kind: Kind = "other"
    for_units: bool = True


class _Content(msgspec.Struct, frozen=True):
    """What came."""

    media_type: str
    bytes: int
    sha256: str


def folder() -> Path:
    """Where they lie."""
    return paths.var() / "attachments"


async def attach(parts: Parts, person: Person, ticket_id: int, offered: Offered, chunks: AsyncIterator[bytes]) -> Attached:
    """Take a file in. Raises ``RefusedError``: ``unknown_ticket``, ``not_allowed``, ``file_too_large``, ``bad_file``, and
    ``file_not_kept`` when the disk is full or broken."""
    subject = f"ticket:{ticket_id}"
    async with begun(parts, person, _RIGHT, subject) as work:
        await cases.taken(work, _RIGHT, ticket_id)
    grown = await _on_disk(_grow)
    try:
        size, digest = await _received(grown, chunks, parts.settings.tickets.file_megabytes * 1_000_000)
        found = await asyncio.to_thread(media.sniffed, Path(grown.name))
        if found is None or size == 0:
            raise RefusedError("bad_file", known=sorted(media.EXTENSIONS))
        async with begun(parts, person, _RIGHT, subject) as work:
            await idempotency.claim(work.connection)
            attached = await _kept(work, ticket_id, offered, _Content(found, size, digest))
            await idempotency.keep(work.connection, attached)
            await _on_disk(_settle, Path(grown.name), digest)
        return attached
    finally:
        await asyncio.to_thread(_dropped, grown)


async def _on_disk(work: Callable[..., T], *values: Any) -> T:
    """In a thread; what the disk refuses is no fault of the line or of the database, and is told as what it is."""
    try:
        return await asyncio.to_thread(work, *values)
    except OSError as error:
        _log.error("an attachment cannot be kept", error=str(error))
        raise RefusedError("file_not_kept") from error


def _grow() -> IO[bytes]:
    place = folder() / "growing"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return tempfile.NamedTemporaryFile(dir=place, delete=False)


async def _received(grown: IO[bytes], chunks: AsyncIterator[bytes], most: int) -> tuple[int, str]:
    """Size and hash; the file is on disk afterwards."""
    size, digest = 0, hashlib.sha256()
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise RefusedError("file_too_large", most=most)
        digest.update(chunk)
        await _on_disk(grown.write, chunk)
    await _on_disk(_flushed, grown)
    return size, digest.hexdigest()


def _dropped(grown: IO[bytes]) -> None:
    """What was not settled is gone, also when the disk is full of it."""
    try:
        with suppress(OSError):
            grown.close()
    finally:
        Path(grown.name).unlink(missing_ok=True)


def _flushed(grown: IO[bytes]) -> None:
    grown.flush()
    os.fsync(grown.fileno())


def _settle(grown: Path, digest: str) -> None:
    """The same content again is the same file."""
    target = _place(digest)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    grown.chmod(0o600)
    grown.replace(target)
    durable.flush(target.parent)
    durable.flush(target.parent.parent)


def _place(digest: str) -> Path:
    return folder() / digest[:2] / digest


async def _kept(work: Work, ticket_id: int, offered: Offered, content: _Content) -> Attached:
    """The row and the line of the history. What a unit attaches is for units."""
    ticket = await cases.taken(work, _RIGHT, ticket_id)
    row = Attachment(
        attachment_id=uuid.uuid4(),
        at=work.now,
        by=work.person.username,
        unit=work.person.unit,
        name=media.safe_name(offered.name, content.media_type),
        media_type=content.media_type,
        bytes=content.bytes,
        kind=offered.kind,
        for_units=offered.for_units or history.is_unit(work.person),
    )
    changed = await cases.touched(work, ticket, "attach", {"attachment": str(row.attachment_id), "kind": row.kind})
    await work.connection.execute(store.QUERIES["add_attachment"], ticket_id, *msgspec.structs.astuple(row), content.sha256)
    return Attached(version=changed.version, attachment=row)


async def read(parts: Parts, person: Person, ticket_id: int, attachment_id: uuid.UUID) -> tuple[Attachment, Path]:
    """A file and where it lies; leaves a line in the audit log.

    Raises ``RefusedError``: ``unknown_attachment``, ``file_lost`` when it is not where it was put, and as ``view`` does.
    """
    async with begun(parts, person, "ticket.read", f"ticket:{ticket_id}") as work:
        await history.readable(work, ticket_id)
        found, digest = await _known(work, ticket_id, attachment_id)
        if person.role == "guest" or (not found.for_units and history.is_unit(person)):
            raise RefusedError("unknown_attachment", attachment=str(attachment_id))
        detail = {"attachment": str(attachment_id)}
        await orders.audit(work.connection, person, "ticket.file", f"ticket:{ticket_id}", detail)
    place = _place(digest)
    if not await asyncio.to_thread(place.is_file):
        _log.error("an attachment is not on the disk", ticket=ticket_id, attachment=str(attachment_id), file=place.name)
        raise RefusedError("file_lost", attachment=str(attachment_id))
    return found, place


async def withdraw(parts: Parts, person: Person, ticket_id: int, attachment_id: uuid.UUID, reason: str) -> cases.Done:
    """It is shown no more, and kept: by who attached it, the shift leader or the office."""
    async with begun(parts, person, _RIGHT, f"ticket:{ticket_id}") as work:
        await idempotency.claim(work.connection)
        ticket: Ticket = await cases.taken(work, _RIGHT, ticket_id)
        found, _ = await _known(work, ticket_id, attachment_id)
        if found.by != person.username and person.role not in _FREE:
            raise RefusedError("not_allowed", action=_RIGHT, role=person.role)
        await work.connection.execute(store.QUERIES["withdraw_attachment"], attachment_id, work.now)
        changed = await cases.touched(work, ticket, "withdraw_file", {"attachment": str(attachment_id), "reason": reason})
        done = cases.done(changed)
        await idempotency.keep(work.connection, done)
    return done


async def _known(work: Work, ticket_id: int, attachment_id: uuid.UUID) -> tuple[Attachment, str]:
    row = await work.connection.fetchrow(store.QUERIES["attachment"], ticket_id, attachment_id)
    if row is None:
        raise RefusedError("unknown_attachment", attachment=str(attachment_id))
    return Attachment(**{name: row[name] for name in Attachment.__struct_fields__}), row["sha256"]

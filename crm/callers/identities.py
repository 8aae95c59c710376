"""Who the citizen of a ticket is, told to whom it may be told, and what units never see (SEC-02 to SEC-13, CAL-09, CAL-14).

Each answer leaves an audit line, and so does each refusal (SEC-12).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
import zipfile
from pathlib import Path
from typing import IO

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import permissions
from crm.callers import masks, viewer
from crm.errors import RefusedError
from crm.recordings import evidence as sound
from crm.tickets import numbering
from crm.tickets import ticket as tickets
from crm.tickets.ticket import Identity
from crm.tickets.work import begun
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "identities.sql")
LARGEST_PAGE = 100


class WhoItIs(msgspec.Struct, frozen=True, kw_only=True):
    """The citizen of a ticket as this person may know them; ``hidden``: what the citizen asked to be kept from units (TKT-14)."""

    number: str
    hidden: list[str]
    identity: Identity


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A caller says that the accused side took revenge (CAL-14)."""

    report_id: uuid.UUID
    number: str
    at: dt.datetime
    by: str
    said: str
    against: str
    closed_at: dt.datetime | None
    closed_by: str
    finding: str


class Reported(msgspec.Struct, frozen=True):
    """The report's id."""

    report_id: uuid.UUID


class Reports(msgspec.Struct, frozen=True):
    """The newest first; ``more``: there is another page."""

    reports: list[Report]
    more: bool


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that went to a unit before the citizen was asked about confidentiality (QUA-12); ``agent`` accepted it."""

    number: str
    agent: str
    dispatched_at: dt.datetime
    protected_at: dt.datetime
    protected_by: str


class Misses(msgspec.Struct, frozen=True):
    """By number; ``more``: there is another page."""

    tickets: list[Missed]
    more: bool


async def of_ticket(parts: Parts, person: Person, ticket_id: int) -> WhoItIs:
    """The identity: for units through their view, for others as ``masks`` says. Refused: ``not_allowed``, ``unknown_ticket``."""
    right, subject = "ticket.identity", f"ticket:{ticket_id}"
    is_unit = permissions.MATRIX[right].get(person.role) == "unit"
    async with begun(parts, person, right, subject) as work:
        permissions.check(person, right)
        eyes = viewer.unit(work.connection, person.unit) if is_unit else viewer.staff(work.connection)
        async with eyes:
            row = await work.connection.fetchrow(_QUERIES["of_unit" if is_unit else "of_staff"], ticket_id)
        if row is None:
            raise RefusedError("not_allowed" if is_unit else "unknown_ticket", ticket=str(ticket_id))
        whole = Identity(**{name: row[name] for name in Identity.__struct_fields__ if name in row})
        shown = masks.identity(person.role, whole)
        told = [name for name in Identity.__struct_fields__ if getattr(shown, name)]
        await orders.audit(work.connection, person, right, subject, {"hidden": row["hidden"], "told": told})
    return WhoItIs(number=tickets.number(ticket_id, row["channel"]), hidden=row["hidden"], identity=shown)


async def report_retaliation(
    parts: Parts, person: Person, ticket_id: int, *, said: str, against: str = "", node: str = "", call_id: str = ""
) -> Reported:
    """Take down what is said; not in the history, which units read. Refused: ``unknown_ticket``, ``bad_values``."""
    right = "ticket.retaliation"
    if not said.strip():
        raise RefusedError("bad_values", needs="said")
    report_id = uuid.uuid4()
    async with begun(parts, person, right, f"ticket:{ticket_id}") as work, viewer.staff(work.connection):
        permissions.check(person, right)
        if not await work.connection.fetchval(_QUERIES["ticket_known"], ticket_id):
            raise RefusedError("unknown_ticket", ticket=str(ticket_id))
        values = (report_id, ticket_id, work.now, person.username, said, against, node, call_id)
        await work.connection.execute(_QUERIES["report"], *values)
        await orders.audit(work.connection, person, right, f"ticket:{ticket_id}", {"report": str(report_id)})
    return Reported(report_id)


async def retaliations(parts: Parts, person: Person, *, closed: bool = False, limit: int = 20, page: int = 1) -> Reports:
    """Reports that nobody has looked into yet; ``closed``: also the others. Refused: ``not_allowed``."""
    limit = min(max(limit, 1), LARGEST_PAGE)
    async with begun(parts, person, "retaliation.list", "retaliations") as work, viewer.staff(work.connection):
        permissions.check(person, "retaliation.list")
        rows = await work.connection.fetch(_QUERIES["reports"], closed, limit + 1, (max(page, 1) - 1) * limit)
        found = [_report(dict(row)) for row in rows[:limit]]
        detail = {"reports": [str(one.report_id) for one in found]}
        await orders.audit(work.connection, person, "retaliation.list", "retaliations", detail)
    return Reports(found, len(rows) > limit)


async def close_retaliation(parts: Parts, person: Person, report_id: uuid.UUID, finding: str) -> None:
    """What the inquiry found; once. Refused: ``not_allowed``, ``unknown_report``, ``bad_values``."""
    if not finding.strip():
        raise RefusedError("bad_values", needs="finding")
    async with begun(parts, person, "retaliation.close", f"report:{report_id}") as work, viewer.staff(work.connection):
        permissions.check(person, "retaliation.close")
        ticket_id = await work.connection.fetchval(_QUERIES["close_report"], report_id, work.now, person.username, finding)
        if ticket_id is None:
            raise RefusedError("unknown_report")
        await orders.audit(work.connection, person, "retaliation.close", f"ticket:{ticket_id}", {"report": str(report_id)})


async def evidence(parts: Parts, person: Person, ticket_id: int, out: IO[bytes]) -> None:
    """All about a ticket for the police or another authority, as a zip (CAL-09): each part with its SHA-256, who took it, when.

    Recordings are in it as they are stored; attachments are listed with their hashes. Refused: ``not_allowed``,
    ``unknown_ticket``.
    """
    right, subject = "ticket.evidence", f"ticket:{ticket_id}"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        async with begun(parts, person, right, subject) as work, viewer.staff(work.connection):
            permissions.check(person, right)
            if not await work.connection.fetchval(_QUERIES["ticket_known"], ticket_id):
                raise RefusedError("unknown_ticket", ticket=str(ticket_id))
            found = msgspec.json.decode(await work.connection.fetchval(_QUERIES["evidence"], ticket_id))
            sounds = await sound.pack(work, ticket_id, archive)
            members = {f"{name}.json": _json(part) for name, part in found.items()}
            hashes = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
            hashes |= {one.name: one.sha256 for one in sounds if one.name}
            missing = {str(one.recording_id): one.missing for one in sounds if one.missing}
            taken = {"ticket": ticket_id, "taken_by": person.username, "taken_at": work.now, "sha256": hashes, "missing": missing}
            await orders.audit(work.connection, person, right, subject, {"sha256": hashes, "missing": missing})
        for name, content in (members | {"manifest.json": _json(taken)}).items():
            archive.writestr(name, content)


def _json(part: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(part), indent=2)


async def missed_questions(
    parts: Parts, person: Person, begin: dt.datetime, end: dt.datetime, agent: str = "", *, limit: int = 20, page: int = 1
) -> Misses:
    """Tickets of these days whose citizen wanted to stay unknown and was not asked in time (QUA-12). Refused: ``not_allowed``."""
    permissions.check(person, "quality.see")
    limit = min(max(limit, 1), LARGEST_PAGE)
    first, last = numbering.first_since(begin), numbering.first_past(end)
    rows = await parts.pool.fetch(_QUERIES["missed_questions"], first, last, agent, limit + 1, (max(page, 1) - 1) * limit)
    return Misses([_missed(dict(row)) for row in rows[:limit]], len(rows) > limit)


def _missed(row: dict[str, object]) -> Missed:
    return msgspec.convert(row | {"number": _number(row)}, Missed)


def _report(row: dict[str, object]) -> Report:
    return msgspec.convert(row | {"number": _number(row)}, Report)


def _number(row: dict[str, object]) -> str:
    return tickets.number(int(str(row["ticket_id"])), str(row["channel"]))

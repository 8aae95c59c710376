"""Legal holds (ARC-09): a recording, the recordings of a call, or those of all calls of a ticket stay until somebody lifts it."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions, retention
from crm.errors import RefusedError
from crm.profiles.profile import Profile
from crm.retention import QUERIES, Aged, Kept
from crm.tickets import numbering
from hotline import clock

HOLD, SEE = "recording.hold", "recording.holds"
LARGEST_PAGE = 500
_ROUNDS = 20
Kind = Literal["recording", "call", "ticket"]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold on one of three: a recording, a call (``node`` and ``call_id``), a ticket. Lifted ones stay for the record."""

    hold_id: uuid.UUID
    recording_id: int | None
    node: str
    call_id: str
    ticket_id: int | None
    reason: str
    set_by: str
    set_at: dt.datetime
    lifted_by: str
    lifted_at: dt.datetime | None
    lifted_why: str


class Holds(msgspec.Struct, frozen=True):
    """A page, the newest first; beyond the last page ``total`` is 0."""

    holds: list[Hold]
    total: int


class Going(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that goes at ``goes_at``; ``kept``: it would, but is held, or its ticket or message is open."""

    recording_id: int
    node: str
    call_id: str
    kind: str
    at: dt.datetime
    goes_at: dt.datetime
    tickets: list[int]
    kept: Kept


class Preview(msgspec.Struct, frozen=True):
    """The oldest first; ``next`` is ``after`` of the next page, None on the last."""

    recordings: list[Going]
    next: int | None


async def set_hold(connection: asyncpg.Connection, person: Person, *, kind: Kind, which: str, node: str, reason: str) -> Hold:
    """From now on nothing of it is deleted. Refused: ``not_allowed``, ``reason_missing``, ``unknown_recording``,
    ``recording_deleted``, ``unknown_call``, ``unknown_ticket``.
    """
    permissions.check(person, HOLD)
    if not reason.strip():
        raise RefusedError("reason_missing")
    async with connection.transaction():
        await connection.execute(QUERIES["one_at_a_time"])
        made = Hold(
            hold_id=uuid.uuid4(),
            recording_id=await _recording(connection, which) if kind == "recording" else None,
            node=node if kind == "call" else "",
            call_id=await _call(connection, node, which) if kind == "call" else "",
            ticket_id=await _ticket(connection, which) if kind == "ticket" else None,
            reason=reason.strip(),
            set_by=person.username,
            set_at=clock.now(),
            lifted_by="",
            lifted_at=None,
            lifted_why="",
        )
        await connection.execute(QUERIES["set_hold"], *msgspec.structs.astuple(made)[:8])
        await orders.audit(connection, person, HOLD, _subject(made), {"hold": str(made.hold_id), "reason": made.reason})
    return made


async def lift(connection: asyncpg.Connection, person: Person, hold_id: uuid.UUID, *, reason: str) -> Hold:
    """It holds nothing any more. Refused: ``not_allowed``, ``reason_missing``, ``unknown_hold``, ``hold_lifted``."""
    permissions.check(person, HOLD)
    if not reason.strip():
        raise RefusedError("reason_missing")
    async with connection.transaction():
        row = await connection.fetchrow(QUERIES["hold"], hold_id)
        if row is None:
            raise RefusedError("unknown_hold")
        known = _hold(row)
        if known.lifted_at is not None:
            raise RefusedError("hold_lifted", lifted_by=known.lifted_by, lifted_at=known.lifted_at)
        lifted = msgspec.structs.replace(known, lifted_by=person.username, lifted_at=clock.now(), lifted_why=reason.strip())
        await connection.execute(QUERIES["lift_hold"], hold_id, lifted.lifted_by, lifted.lifted_at, lifted.lifted_why)
        await orders.audit(
            connection, person, f"{HOLD}.lift", _subject(known), {"hold": str(hold_id), "reason": lifted.lifted_why}
        )
    return lifted


async def listed(connection: asyncpg.Connection, person: Person, *, lifted: bool, page: int, limit: int) -> Holds:
    """Those in force, or all. Refused: ``not_allowed``."""
    permissions.check(person, SEE)
    limit = min(max(limit, 1), LARGEST_PAGE)
    rows = await connection.fetch(QUERIES["holds"], lifted, limit, (max(page, 1) - 1) * limit)
    return Holds([_hold(row) for row in rows], rows[0]["total"] if rows else 0)


async def preview(
    connection: asyncpg.Connection, person: Person, profile: Profile, *, until: dt.datetime, after: int | None, limit: int
) -> Preview:
    """What goes until then, and what would if nothing kept it. ``after``: the number of a recording that a page ended with.

    Refused: ``not_allowed``, ``unknown_recording``.
    """
    permissions.check(person, SEE)
    limit, found = min(max(limit, 1), LARGEST_PAGE), list[Aged]()
    place = retention.BEFORE_ALL, 0
    if after is not None:
        at = await connection.fetchval(QUERIES["place_of"], after)
        if at is None:
            raise RefusedError("unknown_recording")
        place = at, after
    for _ in range(_ROUNDS):
        some = await retention.aged(connection, profile, until, after=place)
        found += [one for one in some if one.goes_at <= until]
        if len(found) > limit or not some:
            break
        place = some[-1].at, some[-1].recording_id
    else:
        return Preview([_going(one) for one in found[:limit]], found[limit - 1].recording_id if len(found) > limit else place[1])
    return Preview([_going(one) for one in found[:limit]], found[limit - 1].recording_id if len(found) > limit else None)


def _going(one: Aged) -> Going:
    return Going(**{name: getattr(one, name) for name in Going.__struct_fields__})


async def _recording(connection: asyncpg.Connection, which: str) -> int:
    number = int(which) if which.isdecimal() and which.isascii() and len(which) <= 18 else -1
    state = await connection.fetchval(QUERIES["recording_state"], number)
    if state is None:
        raise RefusedError("unknown_recording")
    if state == "deleted":
        raise RefusedError("recording_deleted")
    return number


async def _call(connection: asyncpg.Connection, node: str, which: str) -> str:
    if not await connection.fetchval(QUERIES["is_call"], node, which):
        raise RefusedError("unknown_call")
    return which


async def _ticket(connection: asyncpg.Connection, which: str) -> int:
    number = numbering.id_of(which)
    if not await connection.fetchval(QUERIES["is_ticket"], number):
        raise RefusedError("unknown_ticket", ticket=which)
    return number


def _subject(hold: Hold) -> str:
    if hold.recording_id is not None:
        return f"recording:{hold.recording_id}"
    return f"ticket:{hold.ticket_id}" if hold.ticket_id is not None else f"call:{hold.node}:{hold.call_id}"


def _hold(row: asyncpg.Record) -> Hold:
    return Hold(**{name: row[name] for name in Hold.__struct_fields__})

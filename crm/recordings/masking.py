"""Stretches that few may hear: a card number, a name that does not belong there. Set and lifted with a reason (SEC-12)."""

from __future__ import annotations

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm.errors import RefusedError
from crm.recordings import access, rows
from crm.recordings.rows import QUERIES
from crm.tickets.work import begun


class Masked(msgspec.Struct, frozen=True):
    """The mask's number."""

    mask_id: int


async def mask(parts: Parts, person: Person, recording_id: int, *, from_ms: int, to_ms: int, reason: str) -> Masked:
    """Silent from now on. Refused: ``unknown_recording``, ``not_allowed``, ``recording_deleted``, ``reason_missing``,
    ``bad_values`` (not within the recording)."""
    right, subject = "recording.mask", f"recording:{recording_id}"
    async with begun(parts, person, right, subject) as work:
        found = await rows.find(work, recording_id, right)
        rows.check_there(found)
        _check_reason(reason)
        if not from_ms < to_ms <= found.row["length_ms"]:
            raise RefusedError("bad_values", needs="to_ms", length_ms=found.row["length_ms"])
        values = (recording_id, from_ms, to_ms, reason.strip(), person.username, work.now)
        mask_id = int(await work.connection.fetchval(QUERIES["mask"], *values))
        detail = {"mask": mask_id, "from_ms": from_ms, "to_ms": to_ms, "reason": reason.strip()}
        await orders.audit(work.connection, person, right, subject, detail)
    return Masked(mask_id)


async def lift(parts: Parts, person: Person, recording_id: int, mask_id: int, *, reason: str) -> None:
    """Heard again; an agent lifts what the same agent set. Refused: ``unknown_recording``, ``not_allowed``, ``unknown_mask``,
    ``mask_lifted``, ``reason_missing``."""
    right, subject = "recording.mask", f"recording:{recording_id}"
    async with begun(parts, person, right, subject) as work:
        await rows.find(work, recording_id, right)
        _check_reason(reason)
        set_by = await work.connection.fetchval(QUERIES["mask_known"], recording_id, mask_id)
        if set_by is None:
            raise RefusedError("unknown_mask", mask=str(mask_id))
        if access.whose(person, right) == "self" and set_by != person.username:
            raise RefusedError("not_allowed", action=right, role=person.role)
        values = (recording_id, mask_id, person.username, work.now, reason.strip())
        if await work.connection.fetchval(QUERIES["lift"], *values) is None:
            raise RefusedError("mask_lifted", mask=str(mask_id))
        detail = {"mask": mask_id, "reason": reason.strip()}
        await orders.audit(work.connection, person, "recording.unmask", subject, detail)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise RefusedError("reason_missing")

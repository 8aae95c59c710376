"""What is kept beside a ticket, a row of each kind as a struct: tasks, requests, replies, call-backs, supervision, papers. Pure.

A struct has its table's columns but for the ticket's id; ``KINDS`` says which of them tell when and by whom.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from crm.tickets.ticket import Rating


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row beside a ticket."""


class Task(_Row, frozen=True, kw_only=True):
    """A unit works on it: as lead, helping (LIF-20), or below the unit that gave it (LIF-34)."""

    task_id: uuid.UUID
    unit: str
    kind: str
    given_by: str
    above: uuid.UUID | None = None
    given_at: dt.datetime
    note: str = ""
    contact: str = ""
    phone: str = ""
    received_at: dt.datetime | None = None
    first_contact_at: dt.datetime | None = None
    opinion: str = ""
    ended_at: dt.datetime | None = None
    ended_by: str = ""
    stop_confirmed_at: dt.datetime | None = None


class Request(_Row, frozen=True, kw_only=True):
    """A return (退件) or an extension (延期) that a unit asked for, and what became of it."""

    request_id: uuid.UUID
    kind: str
    unit: str
    asked_at: dt.datetime
    asked_by: str
    reason: str
    days: int | None = None
    suggested: str = ""
    late: bool = False
    signed_by: str = ""
    endorsed_at: dt.datetime | None = None
    endorsed_by: str = ""
    decided_at: dt.datetime | None = None
    decided_by: str = ""
    approved: bool | None = None
    opinion: str = ""
    old_due_at: dt.datetime | None = None
    new_due_at: dt.datetime | None = None


class Reply(_Row, frozen=True, kw_only=True):
    """A unit's reply (RPL-02 to RPL-04)."""

    reply_id: uuid.UUID
    unit: str
    at: dt.datetime
    by: str
    kind: str = "final"
    basis: str = ""
    reasons: str = ""
    policy: str = ""
    time_limit: str = ""
    analysis: str = ""
    present_state: str = ""
    result: str = ""
    opinions: str = ""
    is_true: str
    solvable: str
    outcome: str
    planned_on: dt.date | None = None
    citizen_told: bool
    told_at: dt.datetime | None = None
    approved_by: str = ""
    approved_at: dt.datetime | None = None
    head_signed: str = ""
    state: str
    opinion: str = ""
    warnings: tuple[str, ...] = ()


class Callback(_Row, frozen=True, kw_only=True):
    """A call-back, or an attempt at one (CBK-05, CBK-07, CBK-23)."""

    callback_id: uuid.UUID
    at: dt.datetime
    by: str
    reached: bool
    on_call: bool = False
    node: str = ""
    call_id: str = ""
    unit_replied: bool | None = None
    process_satisfaction: Rating | None = None
    result_satisfaction: Rating | None = None
    solved: bool | None = None
    reasonable: bool | None = None
    reason: str = ""
    opinions: str = ""
    verified: bool = False


class Supervision(_Row, frozen=True, kw_only=True):
    """Somebody presses for it (SUP-17), or the plan does (SUP-16)."""

    supervision_id: uuid.UUID
    at: dt.datetime
    mode: str
    kind: str = "ordinary"
    level: int = 0
    by: str
    addressee: str
    demand: str
    answer_due_at: dt.datetime | None = None
    answered_at: dt.datetime | None = None
    answered_by: str = ""
    answer: str = ""
    ended_at: dt.datetime | None = None
    result: str = ""


class Paper(_Row, frozen=True, kw_only=True):
    """A text that is never changed: for perusal (呈阅件), an instruction (批示), a consultation (会商)."""

    paper_id: uuid.UUID
    kind: str
    at: dt.datetime
    by: str
    text: str
    unit: str = ""
    due_at: dt.datetime | None = None
    detail: dict[str, Any] = {}
    seen_at: dt.datetime | None = None


class Contact(_Row, frozen=True, kw_only=True):
    """Somebody got in touch about it: first, again (CAL-04), for the result. ``source`` counts once: ``message:17``."""

    contact_id: uuid.UUID
    at: dt.datetime
    channel: str
    kind: str
    node: str = ""
    call_id: str = ""
    number: str = ""
    note: str = ""
    by: str
    source: str = ""


class Kind(msgspec.Struct, frozen=True):
    """One table: its struct, and its columns for the id, the time and the person of the order that made the row."""

    row: type[_Row]
    key: str
    at: str
    by: str


KINDS: Mapping[str, Kind] = {
    "tasks": Kind(Task, "task_id", "given_at", "given_by"),
    "requests": Kind(Request, "request_id", "asked_at", "asked_by"),
    "replies": Kind(Reply, "reply_id", "at", "by"),
    "callbacks": Kind(Callback, "callback_id", "at", "by"),
    "supervisions": Kind(Supervision, "supervision_id", "at", "by"),
    "papers": Kind(Paper, "paper_id", "at", "by"),
    "contacts": Kind(Contact, "contact_id", "at", "by"),
}
"""The tables that a decision may add to, by what follows ``ticket_`` in their names; no other can be named."""


def made(table: str, values: Mapping[str, Any], key: uuid.UUID, at: dt.datetime, by: str) -> dict[str, Any]:
    """The whole row as plain values; raises ``KeyError`` for another table, ``ValidationError`` for values that do not fit."""
    kind = KINDS[table]
    row = msgspec.convert(
        {kind.key: key, kind.at: at, kind.by: by, **values}, kind.row, builtin_types=(dt.datetime, dt.date, uuid.UUID)
    )
    plain: dict[str, Any] = msgspec.to_builtins(row)
    return plain


def columns(table: str, values: Mapping[str, Any], *, with_key: bool = False) -> dict[str, Any]:
    """Values of a row that is there already; raises ``KeyError`` for a table or a column that there is none of.

    ``with_key``: its id may be among them, to find it.
    """
    known = set(KINDS[table].row.__struct_fields__) - (set() if with_key else {KINDS[table].key})
    strange = sorted(set(values) - known)
    if strange:
        raise KeyError(f"ticket_{table} has no column {strange[0]}")
    plain: dict[str, Any] = msgspec.to_builtins(dict(values))
    return plain

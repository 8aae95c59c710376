"""What a decision must know beside the ticket; the shell reads it in the same transaction. Pure."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec

from crm.tickets.rows import Reply
from crm.tickets.ticket import Ticket


class UnitKnown(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the directory. ``above``: the codes of the units above it, up to the top; contact and telephone: TKT-05."""

    code: str
    active: bool = True
    above: tuple[str, ...] = ()
    contact: str = ""
    phone: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``ticket_tasks``."""

    task_id: uuid.UUID
    unit: str
    kind: Literal["lead", "helping", "sub"]
    received_at: dt.datetime | None = None
    first_contact_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    ended_by: str = ""
    stop_confirmed_at: dt.datetime | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The open row of ``ticket_requests``."""

    kind: Literal["return", "extension", "second_extension"]
    unit: str
    days: int | None = None
    suggested: str = ""


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    """The newest reply, if it waits for the unit's leader or for review."""

    unit: str
    head_signed: str = ""
    outcome: str = ""


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """An open row of ``ticket_supervisions`` (those of the plan are not among them)."""

    supervision_id: uuid.UUID
    addressee: str = ""
    answered: bool = False
    answer_due_at: dt.datetime | None = None


class Above(msgspec.Struct, frozen=True):
    """The ticket that this one hangs under, and the reply that its citizen gets (TKT-18); None: there is none."""

    ticket: Ticket
    reply: Reply | None = None


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """``units``: every unit that the order, the ticket or its tasks name and that the directory has.

    ``tasks``: all of them, the oldest first. ``supervisions``: the open ones, the oldest first. ``target``: the ticket that
    the order names (merge, link), ``target_chain``: the ids that this one was merged into or hangs under, up to the last, and
    ``has_children``: tickets hang under the one in question. ``return_due_at``: of the return clock, if it runs.
    ``extended_days``: of all extensions so far. ``category_known``: the classes that an edit names are in the taxonomy.
    ``identity_missing``: which of ``caller_name``, ``caller_phone``, ``workplace``, ``home_address`` are empty (TKT-15).
    ``service_steps``: those that the history has (``service_step``). ``named_in_order``: a text of the order names the citizen
    (``content.names_citizen`` with ``content.hidden_in`` and ``content.texts``). ``same_citizen``: that of ``target`` is this
    one's, or one of the two is unknown (TKT-17). ``above``: read where its answer is wanted.
    """

    units: Mapping[str, UnitKnown] = {}
    tasks: tuple[Task, ...] = ()
    request: Request | None = None
    proposed: Proposed | None = None
    supervisions: tuple[Supervision, ...] = ()
    target: Ticket | None = None
    target_chain: tuple[int, ...] = ()
    has_children: bool = False
    return_due_at: dt.datetime | None = None
    extended_days: int = 0
    attachments: frozenset[str] = frozenset()
    category_known: bool = True
    identity_missing: tuple[str, ...] = ()
    service_steps: tuple[str, ...] = ()
    named_in_order: bool = False
    same_citizen: bool = True
    above: Above | None = None

    def open_tasks(self) -> tuple[Task, ...]:
        """Those that nobody ended."""
        return tuple(task for task in self.tasks if task.ended_at is None)

    def concerned(self) -> frozenset[str]:
        """Whose tickets it is among: the units that have or had it, and the units above them (SEC-13)."""
        own = {task.unit for task in self.tasks}
        return frozenset(own.union(*(self.units[unit].above for unit in own if unit in self.units)))

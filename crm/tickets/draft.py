"""What effects write into while a decision is made. Pure: it is made, filled and read within one call of ``decide``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from crm.tickets.change import Change, ClockOrder, Kept
from crm.tickets.surroundings import Task
from crm.tickets.ticket import Ticket

COUNTED = frozenset(
    ("extensions", "special_extensions", "endorsed", "redos", "attempts", "last_attempt_at", "callbacks_done", "has_identity",
     "identity_in_text", "open_supervisions")
)  # fmt: skip
"""Fields of a ticket that are no columns: they are counted from the tables beside it."""
_NOT_TOLD = frozenset(("state", "before"))


class Draft:
    """New values by field, rows beside the ticket, orders to clocks, what the history says, and warnings."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.kept: list[Kept] = []
        self.clocks: list[ClockOrder] = []
        self.detail: dict[str, Any] = {}
        self.warnings: list[str] = []

    def keep(self, table: str, **values: Any) -> None:
        """Add a row."""
        self.kept.append(Kept(table, values))

    def complete(self, table: str, where: Mapping[str, Any], **values: Any) -> None:
        """Complete the newest row that fits."""
        self.kept.append(Kept(table, values, is_new=False, where=where))

    def clock(self, verb: str, clock: str, **more: Any) -> None:
        """Order something of a clock."""
        self.clocks.append(ClockOrder(verb, clock, **more))

    def end_tasks(self, tasks: tuple[Task, ...], ended_by: str, now: Any) -> None:
        """These tasks are over."""
        for task in tasks:
            self.complete("tasks", {"task_id": task.task_id}, ended_at=now, ended_by=ended_by)

    def change(self, ticket: Ticket, reason: str) -> Change:
        """What it comes to for this ticket: only what differs counts as changed."""
        differing = {name: value for name, value in self.values.items() if getattr(ticket, name) != value}
        columns = {name: value for name, value in differing.items() if name not in COUNTED}
        told = {name: [getattr(ticket, name), value] for name, value in columns.items() if name not in _NOT_TOLD}
        changed = msgspec.to_builtins(told)
        return Change(
            ticket=msgspec.structs.replace(ticket, **differing, version=ticket.version + 1),
            values=columns,
            kept=tuple(self.kept),
            clocks=tuple(self.clocks),
            reason=reason,
            detail={**self.detail, **({"changed": changed} if changed else {})},
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

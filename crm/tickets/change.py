"""What a decision about a ticket comes to: new values, what is kept beside it, what its clocks do. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from crm.tickets.ticket import Ticket


class Kept(msgspec.Struct, frozen=True):
    """A row that is added beside the ticket, or the newest open one that is completed (``is_new`` false).

    ``table`` is the name without ``ticket_`` (``tasks``, ``requests``, ``replies``, ``callbacks``, ``supervisions``, ``papers``,
    ``contacts``); ``values`` by column, without id, ticket, and what every row has of the order (at, by).
    """

    table: str
    values: Mapping[str, Any]
    is_new: bool = True
    where: Mapping[str, Any] = {}


class ClockOrder(msgspec.Struct, frozen=True):
    """What a clock of ``crm/clocks/kinds.py``, or ``all``, does: start, stop, pause, resume, extend, restart, recompute.

    ``until``: a due time that the order itself names (a promise, a supervision's answer; to ``stop``: that of the one which is
    stopped); ``days``: of an extension; ``since``: when a clock began that is started later.
    """

    verb: str
    clock: str
    until: dt.datetime | None = None
    since: dt.datetime | None = None
    days: int = 0


class Change(msgspec.Struct, frozen=True):
    """``ticket`` is as it will be; ``values`` are the columns that differ; ``detail`` goes into the history (LIF-41)."""

    ticket: Ticket
    values: Mapping[str, Any]
    kept: tuple[Kept, ...] = ()
    clocks: tuple[ClockOrder, ...] = ()
    reason: str = ""
    detail: Mapping[str, Any] = {}
    warnings: tuple[str, ...] = ()

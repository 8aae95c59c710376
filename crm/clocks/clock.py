"""A clock of a ticket, and what an order does to it. Pure.

What decides about the due time is kept with the clock (``facts``, ``profile_version``): it can be computed again (CFG-08).
"""

from __future__ import annotations

import datetime as dt

import msgspec

from crm.clocks.due import Due, Facts
from crm.clocks.reasons import Reason


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``ticket_clocks``."""

    ticket_id: int
    kind: str
    round: int
    unit: str = ""
    started_at: dt.datetime
    due_at: dt.datetime
    paused_at: dt.datetime | None = None
    stopped_at: dt.datetime | None = None
    stopped_with: str = ""
    met: bool | None = None
    excluded: bool = False
    profile_version: int
    facts: Facts
    why: tuple[Reason, ...] = ()
    extension: int = 0
    next_step: int = 0
    next_fire_at: dt.datetime | None = None

    @property
    def is_running(self) -> bool:
        """Neither stopped nor paused."""
        return self.stopped_at is None and self.paused_at is None


class Logged(msgspec.Struct, frozen=True):
    """A line of ``clock_log``."""

    kind: str
    round: int
    verb: str
    old_due: dt.datetime | None
    new_due: dt.datetime | None
    why: tuple[Reason, ...] = ()


def set_due(clock: Clock, due: Due) -> Clock:
    """With a new due time."""
    return msgspec.structs.replace(clock, due_at=due.at, why=due.why)

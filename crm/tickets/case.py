"""What needs and effects are given: one order, in its surroundings. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from acd.permissions import Person
from crm.profiles.profile import Profile
from crm.tickets.surroundings import Surroundings, Task
from crm.tickets.ticket import Rating, Ticket
from hotline.clock import SHANGHAI

SATISFIED: frozenset[Rating] = frozenset(("very_satisfied", "satisfied", "basically_satisfied"))
"""CBK-23."""


class Case(msgspec.Struct, frozen=True):
    """An order about a ticket. ``values`` are of the type that ``orders.VALUES`` names for ``action``."""

    ticket: Ticket
    action: str
    values: Any
    person: Person
    around: Surroundings
    profile: Profile
    now: dt.datetime

    @property
    def today(self) -> dt.date:
        """The day of Shanghai."""
        return self.now.astimezone(SHANGHAI).date()

    @property
    def own_task(self) -> Task | None:
        """The newest open task of the unit that the person works for."""
        own = [task for task in self.around.open_tasks() if task.unit == self.person.unit]
        return own[-1] if own else None

    @property
    def unit_tells(self) -> bool:
        """Whether the unit answers the citizen: of a confidential ticket never (RPL-11, TKT-11, TKT-13)."""
        ticket = self.ticket
        return self.profile.who_replies != "hotline" and ticket.reply_wanted and not ticket.anonymous and not ticket.hidden

    def end_of(self, day: dt.date | None) -> dt.datetime | None:
        """The end of the office hours of that day."""
        if day is None:
            return None
        return dt.datetime.combine(day, dt.time.fromisoformat(self.profile.office_ends), SHANGHAI)

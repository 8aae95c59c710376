"""Judges an order about a ticket by the table of transitions: what comes of it, or why nothing does (LIF-40, LIF-41). Pure."""

from __future__ import annotations

import datetime as dt

from acd.permissions import Person
from crm.profiles.profile import Profile
from crm.tickets.change import Change
from crm.tickets.orders import Order
from crm.tickets.surroundings import Surroundings
from crm.tickets.ticket import Ticket


def decide(ticket: Ticket, order: Order, person: Person, around: Surroundings, *, profile: Profile, now: dt.datetime) -> Change:
    """What the order changes. Raises ``RefusedError``, which changes nothing; ``now`` is aware."""
    raise NotImplementedError

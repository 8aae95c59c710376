"""What follows for later dispatches when a ticket is dispatched or consulted about, in the same transaction (DSP-14, LIF-23)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from crm.tickets.change import Kept
from crm.tickets.ticket import Ticket
from crm.tickets.work import Work
from crm.units import rules, suggestions
from crm.units.rules import DispatchRule
from hotline.clock import SHANGHAI

_DISPATCH = frozenset(("dispatch", "instruct"))
_LONGEST_NOTE = 200


async def follow(work: Work, ticket: Ticket, action: str, kept: Iterable[Kept]) -> None:
    """To be called once what was decided has been kept: ``ticket`` is as it is now, ``kept`` what was kept beside it."""
    for one in kept:
        values = one.values
        if action in _DISPATCH and one.table == "tasks" and one.is_new and values.get("kind") == "lead":
            await suggestions.note_dispatch(work.connection, work.person, ticket.ticket_id, values["unit"], work.now)
        if one.table == "papers" and values.get("kind") == "consultation" and values.get("unit") and ticket.category:
            await rules.agree(work.connection, work.person, _rule(ticket, values, work.now))


def _rule(ticket: Ticket, paper: Mapping[str, Any], now: dt.datetime) -> DispatchRule:
    """Matters of this leaf, in this territory when one is known."""
    return DispatchRule(
        category=ticket.category,
        territory=ticket.territory,
        unit=paper["unit"],
        valid_from=now.astimezone(SHANGHAI).date(),
        origin="consultation",
        ticket_id=ticket.ticket_id,
        note=" ".join(str(paper.get("text", "")).split())[:_LONGEST_NOTE],
        made_at=now,
    )

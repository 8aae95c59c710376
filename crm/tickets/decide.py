"""Judges an order about a ticket by the table of transitions: what comes of it, or why nothing does (LIF-40, LIF-41). Pure."""

from __future__ import annotations

import datetime as dt

from acd.permissions import Person
from crm.errors import RefusedError
from crm.profiles.profile import Profile
from crm.tickets import effects
from crm.tickets.case import Case
from crm.tickets.change import Change
from crm.tickets.draft import Draft
from crm.tickets.life_cycle import SAME, TABLE, Transition
from crm.tickets.needs import CONDITIONS, NEEDS
from crm.tickets.orders import VALUES, Order
from crm.tickets.surroundings import Surroundings
from crm.tickets.ticket import State, Ticket

BACK = "before"
"""As a row's ``to``: where the request came from."""
REQUESTS = frozenset(("return_requested", "extension_requested", "extension_second_review", "reply_proposed"))
"""States that wait for a decision, and lead back if it is no."""
_BACK_TO: State = "in_progress"


def decide(ticket: Ticket, order: Order, person: Person, around: Surroundings, *, profile: Profile, now: dt.datetime) -> Change:
    """What the order changes. Raises ``RefusedError``, which changes nothing; ``now`` is aware."""
    if order.action not in VALUES:
        raise RefusedError("unknown_action", action=order.action)
    if type(order.values) is not VALUES[order.action]:
        raise RefusedError("bad_values", action=order.action)
    case = Case(ticket, order.action, order.values, person, around, profile, now)
    row = fitting_row(case)
    for need in row.needs:
        refused = NEEDS[need](case)
        if refused is not None:
            raise RefusedError(refused[0], need=need, **refused[1])
    draft = Draft()
    draft.values |= _states(ticket, row)
    for word in row.does:
        effects.apply(word, case, draft)
    return draft.change(ticket, _reason(case))


def fitting_row(case: Case) -> Transition:
    """The first row that fits; raises ``RefusedError``.

    Who may do the action in no state at all is told that first: it says nothing about the ticket.
    """
    rows = [row for row in TABLE if row.action == case.action]
    if not any(_is_for(row, case) for row in rows):
        raise RefusedError("not_allowed", action=case.action, role=case.person.role)
    here = [row for row in rows if case.ticket.state in row.states]
    for row in here:
        if all(CONDITIONS[condition](case) for condition in row.when):
            if not _is_for(row, case):
                raise RefusedError("not_allowed", action=case.action, role=case.person.role)
            return row
    possible = sorted({state for row in rows for state in row.states})
    raise RefusedError("wrong_state", action=case.action, state=case.ticket.state, possible=possible)


def _is_for(row: Transition, case: Case) -> bool:
    """Whether this person may, with this ticket (ORG-20 to ORG-36)."""
    whose, person = row.who.get(case.person.role), case.person
    if whose == "self":
        return (case.ticket.accept_agent or case.ticket.made_by) == person.username
    if whose == "unit":
        return bool(person.unit) and person.unit in case.around.concerned()
    return whose == "anyone"


def _states(ticket: Ticket, row: Transition) -> dict[str, State | None]:
    """The new state, and where a refused request, or an undone merge, leads back to."""
    if row.to is SAME:
        return {}
    state = (ticket.before or _BACK_TO) if row.to == BACK else row.to
    if state in REQUESTS:
        return {"state": state, "before": ticket.state}  # type: ignore[dict-item]
    if state == "merged":
        return {"state": state, "before": ticket.before if ticket.state in REQUESTS else ticket.state}  # type: ignore[dict-item]
    return {"state": state, "before": None}  # type: ignore[dict-item]


def _reason(case: Case) -> str:
    """Why, in the words of whoever ordered it (LIF-41)."""
    return str(
        getattr(case.values, "reason", "") or getattr(case.values, "opinion", "") or getattr(case.values, "explanation", "")
    )


def possible(ticket: Ticket, person: Person, around: Surroundings) -> tuple[str, ...]:
    """The actions that this person may order in this state, as far as can be said without their values."""
    case = Case(ticket, "", None, person, around, Profile(), ticket.made_at)
    rows = [row for row in TABLE if ticket.state in row.states and _is_for(row, case)]
    return tuple(dict.fromkeys(row.action for row in rows))

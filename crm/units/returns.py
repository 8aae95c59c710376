"""Returns (退件) of a month by unit, and the list behind them (RET-04, RET-08, RET-09)."""

from __future__ import annotations

import datetime as dt

import msgspec

from acd import orders
from acd.permissions import Person
from crm import permissions
from crm.units import tree
from crm.units.tree import QUERIES, Database
from hotline.clock import SHANGHAI

_LARGEST = 10_000


class UnitReturns(msgspec.Struct, frozen=True, kw_only=True):
    """Of one unit: asked for in all, those that were right, were refused, are not decided, came after their limit (ASM-14);
    ``dispatched``: tickets that it was given in the month."""

    unit: str
    name: str
    asked: int
    approved: int
    refused: int
    undecided: int
    late: int
    dispatched: int


class MonthReturns(msgspec.Struct, frozen=True):
    """A month; the units with most returns first."""

    month: str
    units: list[UnitReturns]


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """One return, for the list that is kept (RET-04)."""

    ticket_id: int
    unit: str
    name: str
    asked_at: dt.datetime
    reason: str
    suggested: str
    late: bool
    decided_at: dt.datetime | None
    approved: bool | None
    opinion: str


def bounds(month: str) -> tuple[dt.datetime, dt.datetime]:
    """Where ``2026-11`` begins and ends in Shanghai; raises ``ValueError``."""
    first = dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=SHANGHAI)
    return first, (first + dt.timedelta(days=32)).replace(day=1)


async def of_month(database: Database, person: Person, month: str) -> MonthReturns:
    """Counted in the month of the decision, undecided ones in that of the question. A unit's people see theirs and those below.

    Raises ``RefusedError``: ``not_allowed``.
    """
    rows = await database.fetch(QUERIES["returns_of_month"], *bounds(month), await _seen(database, person))
    return MonthReturns(month, [UnitReturns(**dict(row)) for row in rows])


async def listed(database: Database, person: Person, month: str) -> list[Returned]:
    """Each return of the month, 10,000 at most. Raises ``RefusedError``: ``not_allowed``."""
    seen = await _seen(database, person)
    rows = await database.fetch(QUERIES["returns_listed"], *bounds(month), seen, _LARGEST)
    await orders.audit(database, person, "unit.returns", f"returns:{month}", {"tickets": [row["ticket_id"] for row in rows]})
    return [Returned(**dict(row)) for row in rows]


async def _seen(database: Database, person: Person) -> list[str] | None:
    permissions.check(person, "unit.returns")
    is_of_a_unit = permissions.MATRIX["unit.returns"][person.role] == "unit"
    return sorted(await tree.below(database, person.unit)) if is_of_a_unit else None

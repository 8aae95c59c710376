"""The tree of units with the open tickets of each (GEN-14)."""

from __future__ import annotations

import msgspec

from acd.permissions import Person
from crm import permissions
from crm.units import tree
from crm.units.tree import QUERIES, Database


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A unit in the tree, after the one above it. ``open_tickets``: with it, and with it or units below it; null: not shown."""

    code: str
    name: str
    name_en: str
    parent: str
    level: str
    unit_group: str
    is_territorial: bool
    territories: list[str]
    depth: int
    active: bool
    open_tickets: int | None
    open_tickets_below: int | None


class Nodes(msgspec.Struct, frozen=True):
    """The whole tree, or what stands below a unit."""

    units: list[Node]


async def of(database: Database, person: Person, *, unit: str = "", ended: bool = False) -> Nodes:
    """The tree, from a unit on (empty: all); a unit's people are told the tickets of their own part only.

    Raises ``RefusedError``: ``not_allowed``.
    """
    permissions.check(person, "unit.tree")
    rows = [dict(row) for row in await database.fetch(QUERIES["tree"], unit, ended)]
    if permissions.MATRIX["ticket.list"].get(person.role) != "anyone":
        own = await tree.below(database, person.unit) if person.unit else frozenset()
        for row in rows:
            if row["code"] not in own:
                row["open_tickets"] = row["open_tickets_below"] = None
    return Nodes([Node(**row) for row in rows])

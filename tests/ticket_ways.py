"""A way to each action of the life cycle, over a real database: who does what from a draft on, until it may be ordered."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Awaitable
from typing import Any

import asyncpg
import pytest

from acd.permissions import ROLES, Person
from crm.errors import RefusedError
from crm.tickets.cases import Done
from crm.tickets.life_cycle import ACTIONS, TABLE
from hotline import clock, database
from tests.ticket_desk import Desk
from tests.ticket_orders import FITTING, LATER
from tests.ticket_world import PERSONS, TARGET, World, fresh, order

OF_UNITS = ("unit_clerk", "unit_leader")
PEOPLE = {role: Person(role, role, "", "U01" if role in OF_UNITS else "") for role in ROLES} | {
    "helper": Person("helper", "unit_clerk", "", "U02"),
    "below": Person("below", "unit_clerk", "", "U0101"),
}
"""As in ``ticket_world.PERSONS``, with the units of ``ticket_desk``."""
_UNITS = {"HEATING": "U01", "HOUSING": "U02", "HEATING.EAST": "U0101"}
Step = tuple[str, str, dict[str, Any]]
"""Who, what, with which values."""
BEGINNINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("agent", {}),
    ("trainee", {}),
    ("agent", {"service_complaint": True, "publishable": True}),
    ("agent", {"upstream_system": "province", "upstream_no": "S-1"}),
)
"""Who opens it, and what is particular about it; where a trainee's waits for the shift leader (``trainee_release``)."""


def here(values: Any, other: int) -> Any:
    """Values of ``ticket_orders`` for this database: its units, another of its tickets, days that are to come."""
    if isinstance(values, dict):
        return {name: here(value, other) for name, value in values.items()}
    if isinstance(values, list):
        return [here(one, other) for one in values]
    if isinstance(values, str) and values.startswith(LATER):
        return values.replace(LATER, (clock.now() + dt.timedelta(days=30)).date().isoformat())
    return (
        other
        if isinstance(values, int) and values > 10**12
        else _UNITS.get(values, values)
        if isinstance(values, str)
        else values
    )


async def take(desk: Desk, step: Step, ticket_id: int, other: int = 0) -> Done:
    """One step of a way."""
    who, action, values = step
    return await desk.act(PEOPLE[who], ticket_id, action, **here(values, other))


def ways() -> dict[str, tuple[int, list[Step]]]:
    """Action -> which beginning, and the shortest way from there that ends with it."""
    found: dict[str, tuple[int, list[Step]]] = {}
    for number, (who, given) in enumerate(BEGINNINGS):
        world = World(fresh(accept_agent=who, made_by=who, released=who != "trainee", **given))
        for action, way in _from(world).items():
            if action not in found or len(way) < len(found[action][1]):
                found[action] = (number, way)
    found["take_answer"] = (
        0,
        [("agent", "link", {"parent": TARGET.ticket_id}), ("agent", "accept", {}), ("dispatcher", "take_answer", {})],
    )
    # the ticket above is answered already: what is linked to it as a draft takes the answer when somebody orders it
    assert set(found) == set(ACTIONS), set(ACTIONS) - set(found)
    return found


def _from(beginning: World) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    seen = {_key(beginning)}
    waiting: deque[tuple[World, list[Step]]] = deque([(beginning, [])])
    steps = [(step, order(step[1], **step[2])) for step in FITTING]
    while waiting and len(found) < len(ACTIONS):
        world, way = waiting.popleft()
        state = world.ticket.state
        for step, what in steps:
            if state not in _STATES[step[1]] or (step[1] in found and step[1] not in _LEADING):
                continue
            after = world.copy()
            try:
                after.take(PERSONS[step[0]], what)
            except RefusedError:
                continue
            found.setdefault(step[1], [*way, step])
            if step[1] in _LEADING and _key(after) not in seen:
                seen.add(_key(after))
                waiting.append((after, [*way, step]))
    return found


_STATES = {action: {state for row in TABLE if row.action == action for state in row.states} for action in ACTIONS}
_LEADING = {row.action for row in TABLE if row.to is not None} | {"endorse_extension", "supervise", "review_file"}
"""What opens a way to something else."""


def _key(world: World) -> tuple[object, ...]:
    """What decides which way may go on."""
    ticket = world.ticket
    more = (ticket.extensions, ticket.endorsed, bool(ticket.open_supervisions), ticket.reviewed_at is None)
    return (ticket.state, ticket.before, *more, ticket.result_satisfaction)


_TABLES = "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY relname"


async def everything(owner: asyncpg.Connection) -> dict[str, str]:
    """A digest of each table that there is, the audit log among them."""
    one = "SELECT '{0}' AS name, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS digest FROM {0} AS t"
    names = [row["relname"] for row in await owner.fetch(_TABLES)]
    rows = await owner.fetch(" UNION ALL ".join(one.format(name) for name in names))
    return {row["name"]: row["digest"] for row in rows}


class Cut:
    """Cuts the line to the database before the statement of number ``at``, whichever connection but ``owner`` it is on.

    ``is_committed``: something was committed before the cut; what comes last is the pool's, which takes its connection back.
    """

    def __init__(self, owner: asyncpg.Connection) -> None:
        self._owner = owner
        self._at, self.statements, self.is_cut, self.is_committed = 0, 0, False, False
        self._kept = {
            name: getattr(asyncpg.Connection, name) for name in ("fetch", "fetchval", "fetchrow", "execute", "executemany")
        }

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """From now on, until ``patch`` is undone."""
        for name in self._kept:
            patch.setattr(asyncpg.Connection, name, self._watched(name))

    async def before(self, at: int, work: Awaitable[object]) -> bool:
        """Whether ``work`` was cut off before its statement of this number (and it said so), or was done because it has fewer."""
        self._at, self.statements, self.is_cut, self.is_committed = at, 0, False, False
        try:
            await work
        except database.AWAY:
            assert self.is_cut
        else:
            assert not self.is_cut
        finally:
            self._at = 0
        return self.is_cut

    def _watched(self, name: str) -> Any:
        async def run(connection: asyncpg.Connection, *values: Any, **more: Any) -> Any:
            if connection is not self._owner and self._at:
                self.statements += 1
                if self.statements == self._at:
                    self.is_cut = True
                    await self._kept["fetchval"](
                        self._owner, "SELECT pg_terminate_backend($1, 5000)", connection.get_server_pid()
                    )
            found = await self._kept[name](connection, *values, **more)
            self.is_committed = self.is_committed or values[0] == "COMMIT;"
            return found

        return run

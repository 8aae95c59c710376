"""People who work on tickets, and units, over a real database: what the tests of the ticket system have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from acd.parts import Parts
from acd.permissions import Person
from crm.tickets import cases, intake, numbering
from crm.tickets.cases import Done
from crm.tickets.intake import Opening
from crm.tickets.orders import VALUES
from hotline import database
from hotline.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import Postgres

AGENT, COLLEAGUE = Person("1001", "agent", "1001"), Person("1002", "agent", "1002")
TRAINEE, SHIFT = Person("1003", "trainee", "1003"), Person("zhao", "shift_leader")
DISPATCHER, CALLER_BACK = Person("sun", "dispatcher"), Person("zhou", "callback_agent")
OFFICE, SUPERVISION, LEADER = Person("office", "office"), Person("du", "supervision_office"), Person("mayor", "leader")
CLERK, HEAD = Person("clerk", "unit_clerk", unit="U01"), Person("head", "unit_leader", unit="U01")
BELOW, OTHER = Person("below", "unit_clerk", unit="U0101"), Person("other", "unit_clerk", unit="U02")
CONTENT = "幸福路 12 号门前的路灯三天不亮,夜里行人看不清路,请尽快维修"
NUMBER = "13800000001"
FORM: dict[str, Any] = {
    "content": CONTENT,
    "nature": "help",
    "category": "C1.03",
    "caller_name": "张小明",
    "caller_phone": NUMBER,
}
"""Everything that a unit is sent (TKT-04)."""
REPLY: dict[str, Any] = {
    "basis": "《城市照明管理规定》第二十条",
    "present_state": "路灯电缆被施工挖断",
    "result": "11 月 21 日已更换电缆 30 米,路灯恢复照明,并已电话告知来电人",
    "is_true": "yes",
    "solvable": "yes",
    "outcome": "resolved",
    "citizen_told": True,
}


@dataclass(frozen=True)
class Desk:
    """The use cases, and a connection that sees and writes what is not theirs to."""

    parts: Parts
    owner: asyncpg.Connection

    async def open(self, person: Person = AGENT, **given: Any) -> int:
        """A ticket; its id."""
        opening = msgspec.convert({**FORM, **given}, Opening)
        return numbering.id_of((await intake.open_ticket(self.parts, person, opening)).number)

    async def act(self, person: Person, ticket_id: int, action: str, *, version: int | None = None, **values: Any) -> Done:
        """An action, its values as JSON has them."""
        given = msgspec.convert(values, VALUES[action])
        return await cases.act(self.parts, person, ticket_id, action, given, version=version)

    async def dispatched(self, unit: str = "U01", **given: Any) -> int:
        """A ticket that is with a unit."""
        ticket_id = await self.open(accept=True, **given)
        await self.act(AGENT, ticket_id, "submit")
        await self.act(DISPATCHER, ticket_id, "dispatch", lead_unit=unit)
        return ticket_id

    async def replied(self, **given: Any) -> int:
        """A ticket that waits for the call-back."""
        ticket_id = await self.dispatched(**given)
        await self.act(CLERK, ticket_id, "receive")
        await self.act(HEAD, ticket_id, "reply", **REPLY)
        return ticket_id

    async def value(self, query: str, *values: Any) -> Any:
        """One value, seen by the owner of the database."""
        return await self.owner.fetchval(query, *values)

    async def call(self, call_id: str = "1763740799.7", **more: Any) -> None:
        """A call of the citizen."""
        row = {"node": "node1", "call_id": call_id, "caller_number": f"+86{NUMBER}", "menu_path": "2,1", "queue": "hotline"}
        row |= {"agent": "1001", "source": "ami", **more}
        names, places = ", ".join(row), ", ".join(f"${n + 1}" for n in range(len(row)))
        await self.owner.execute(f"INSERT INTO calls (started_at, {names}) VALUES (now(), {places})", *row.values())


async def units(owner: asyncpg.Connection) -> None:
    """U01 with U0101 below it, and U02."""
    await owner.executemany(
        'INSERT INTO units (code, name, parent, numbers) VALUES ($1, $2, $3, \'[{"number": "83120001"}]\')',
        [("U01", "城市管理局", None), ("U0101", "路灯管理所", "U01"), ("U02", "水务局", None)],
    )


def with_desk(server: Postgres, work: Callable[[Desk], Awaitable[None]], **override: Any) -> None:
    """Run ``work`` with three units; ``override``: keys of the city's profile."""

    async def run() -> None:
        settings = msgspec.convert({"city": {"override": override}}, Settings)
        owner = await asyncpg.connect(server.owner)
        async with await database.pool(server.dsn, name="tickets", largest=8) as pool:
            try:
                await units(owner)
                await work(Desk(Parts(settings, pool, "node1"), owner))
            finally:
                await owner.close()

    asyncio.run(run())

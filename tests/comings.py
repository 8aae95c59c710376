"""Agents who come and go while calls go on: they pause, are ready again, log out and in, are sent out, and miss calls.

Whoever missed too many calls is ready again a moment after the stack has paused them; ``judge_pauses`` says whether each of these
pauses was due, and each due one made, by what the telephones saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import msgspec

from acd import sessions
from acd.agents import NO_ANSWER
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from hotline import database
from tests.play import UNITS, unit_code, unit_number

_LEADER = Person("leader", "shift_leader")
_AWAY = "SELECT agent FROM agent_sessions WHERE until IS NULL AND paused AND pause_reason = $1"
_FREE = "SELECT agent FROM agent_states WHERE state = 'ready' AND agent = ANY ($1)"


class Comings:
    """Somebody of ``agents`` does something about twice a second, inside ``async with``; in the end all are there and ready.

    ``done``: how often each order was carried out.
    """

    def __init__(self, parts: Parts, agents: Sequence[str]) -> None:
        self._parts, self._agents = parts, agents
        self._chance = random.Random(54321)
        self._away: set[str] = set()
        self.done: Counter[str] = Counter()

    async def __aenter__(self) -> Comings:
        self._task = asyncio.get_running_loop().create_task(self._go_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._all_come_back()

    async def _go_on(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._somebody())
                with contextlib.suppress(*database.TROUBLE):
                    for row in await self._parts.pool.fetch(_AWAY, NO_ANSWER):
                        await self._order(sessions.ready, row["agent"], "ready after missed calls")
                await asyncio.sleep(self._chance.uniform(0.3, 0.7))

    async def _somebody(self) -> None:
        """Goes away in one of three ways, and comes back after a while."""
        with contextlib.suppress(*database.TROUBLE):
            free = [row["agent"] for row in await self._parts.pool.fetch(_FREE, self._agents)]
            agent = self._chance.choice([one for one in free if one not in self._away] or [""])
            if not agent:
                return
            self._away.add(agent)
            if await self._leaves(agent, self._chance.choice(("pause", "pause", "log_out", "force_out"))):
                await asyncio.sleep(self._chance.uniform(0.5, 3.0))
            await self._comes_back(agent)
            self._away.discard(agent)

    async def _leaves(self, agent: str, how: str) -> bool:
        match how:
            case "pause":
                return await self._order(_pause, agent, how)
            case "log_out":
                return await self._order(sessions.log_out, agent, how)
            case _:
                return await self._order(sessions.force_out, agent, how, _LEADER)

    async def _comes_back(self, agent: str) -> None:
        await self._order(sessions.log_in, agent, "log_in")
        await self._order(sessions.ready, agent, "ready")

    async def _order(self, order: Callable[..., Awaitable[Any]], agent: str, what: str, person: Person | None = None) -> bool:
        try:
            await order(self._parts, person or Person(agent, "agent", agent), agent)
        except RefusedError:
            return False
        self.done[what] += 1
        return True

    async def _all_come_back(self) -> None:
        """Whatever is broken: it is tried until all are there."""
        for agent in sorted(self._away):
            while True:
                with contextlib.suppress(*database.TROUBLE):
                    await self._comes_back(agent)
                    break
                await asyncio.sleep(0.5)
        self._away.clear()


async def _pause(parts: Parts, person: Person, agent: str) -> None:
    await sessions.pause(parts, person, agent, "break")


async def quiet(parts: Parts, agents: Sequence[str]) -> None:
    """No queue rings these agents, whose telephones have just registered."""
    for agent in agents:
        with contextlib.suppress(RefusedError):
            await sessions.pause(parts, Person(agent, "agent", agent), agent, "training")


async def units(owner: str) -> None:
    """The units that stories call, each with one telephone; ``owner``: the database's address for whoever keeps the directory."""
    rows = []
    for place in range(UNITS):
        number = msgspec.json.encode([{"number": unit_number(place), "line": "service"}]).decode()
        rows.append((unit_code(place), f"单位{place}", number))
    connection = await asyncpg.connect(owner)
    try:
        await connection.executemany("INSERT INTO units (code, name, numbers) VALUES ($1, $2, $3::jsonb)", rows)
    finally:
        await connection.close()

"""Keeps the members of this node's queues as they should be: sessions times policy, compared with what the bridge sees.

Nothing is assumed: after a restart of Asterisk, of the bridge, of the database or of this process the same comparison is made,
and what differs is put right. It waits until the bridge has listed all queues since it got its link, and leaves a telephone alone
for two seconds after anything was asked or told about it: what is seen of it may be older.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from acd import orders, policy, reconcile
from acd.parts import Parts
from acd.permissions import Person
from acd.reconcile import Command, Present, Work
from ami_bridge.errors import CommandRefusedError
from hotline import clock, rounds, sql
from hotline.settings import Settings
from hotline.waiting import within

_log = structlog.get_logger()
QUERIES = sql.load(Path(__file__).parent / "sql" / "agents.sql")
SYSTEM = Person("system", "system")
_POLL_SECONDS, _LEAST_SECONDS = 1.0, 0.2
_ASK_AGAIN_SECONDS = 10.0
_NEWER_BY = dt.timedelta(seconds=2)


class State:
    """What the process says of itself: ``in_place`` since the members were first found to be what they should be."""

    def __init__(self) -> None:
        self.in_place = False


async def run(parts: Parts, state: State) -> None:
    """For ever; PostgreSQL may come and go."""
    keeper = _Correction(parts, state)

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await _follow(connection, parts.node, keeper)

    await rounds.forever(work, "members cannot be put right; calls go on", every=_POLL_SECONDS)


async def wanted(
    connection: asyncpg.Connection, settings: Settings, agents: Collection[str] | None
) -> tuple[list[Work], dict[reconcile.Key, reconcile.Wanted]]:
    """Who is at work, and the members that there should be of it; of these agents, or of all."""
    chosen = None if agents is None else list(agents)
    at_work = [Work(**row) for row in await connection.fetch(QUERIES["at_work"], chosen)]
    rows = await connection.fetch(QUERIES["policy_agents"], clock.shanghai_now().date(), chosen)
    known = [policy.Agent(**{**row, "skills": msgspec.json.decode(row["skills"])}) for row in rows]
    memberships = policy.memberships(known, policy.queues(settings))
    numbers = {"", *settings.agents.numbers()}  # Asterisk has a queue of one's own for these alone
    return at_work, reconcile.wanted(
        at_work, {key: penalty for key, penalty in memberships.items() if key[0].partition(".")[2] in numbers}
    )


async def present(connection: asyncpg.Connection, node: str, agents: Collection[str] | None) -> dict[reconcile.Key, Present]:
    """The members that a node's queues have; of these agents, or of all."""
    rows = await connection.fetch(QUERIES["present"], node, None if agents is None else list(agents))
    return {(row["queue"], row["interface"]): Present(**row) for row in rows}


async def order(connection: asyncpg.Connection, commands: Iterable[Command], *, person: Person, reason: str) -> list[uuid.UUID]:
    """Ask every node for these commands, inside the caller's transaction."""
    found, chosen = [], list(commands)
    for row in await connection.fetch(QUERIES["nodes"]):
        found += await ask(connection, row["node"], chosen, person=person, reason=reason)
    return found


async def ask(
    connection: asyncpg.Connection, node: str, commands: Iterable[Command], *, person: Person, reason: str
) -> list[uuid.UUID]:
    """Ask a node for these commands. One that may not be asked is said aloud and left."""
    asked = []
    for one in commands:
        try:
            asked.append(await orders.command(connection, node, one.action, one.parameters, person=person, reason=reason))
        except CommandRefusedError as error:
            _log.error("a member cannot be put right", error=str(error))
    return asked


async def _follow(connection: asyncpg.Connection, node: str, keeper: _Correction) -> None:
    woken = asyncio.Event()

    def told(*said: Any) -> None:
        if str(said[-1]).partition(" ")[0] == node:
            woken.set()

    await connection.add_listener("figures", told)
    try:
        while True:
            woken.clear()
            await keeper.look(connection)
            try:
                await within(woken.wait(), _POLL_SECONDS)
            except TimeoutError:
                continue
            await asyncio.sleep(_LEAST_SECONDS if not keeper.state.in_place else _POLL_SECONDS)
    finally:
        connection.terminate()  # the pool takes back no connection that listens


class _Correction:
    """One node's: what was refused is asked again after a while, or when the queues are listed anew."""

    def __init__(self, parts: Parts, state: State) -> None:
        self._parts, self.state = parts, state
        self._refused: dict[bytes, float] = {}
        self._listed_at: dt.datetime | None = None
        self._is_seeded = False

    async def look(self, connection: asyncpg.Connection) -> None:
        """Compare once, and put right what differs."""
        parts = self._parts
        listed_at = await connection.fetchval(QUERIES["listed"], parts.node)
        if listed_at is None:
            return
        if listed_at != self._listed_at:
            self._listed_at, self._refused = listed_at, {}
        if not self._is_seeded:
            await seed(connection, parts.settings)
            self._is_seeded = True
        found = await self._commands(connection, is_final=False)
        self.state.in_place |= not found
        if {one.parameters["interface"] for one in found} <= await self._moving(connection):
            return  # nothing differs, or what was ordered a moment ago: no order has to wait for this
        async with connection.transaction():
            await connection.execute(QUERIES["correction_begins"])
            await connection.execute(QUERIES["close_impossible"], parts.settings.agents.numbers())
            commands = await self._commands(connection, is_final=True)
            asked = await ask(connection, parts.node, commands, person=SYSTEM, reason="members are put right")
        if commands:
            _log.info("members are put right", commands=len(commands))
        refused = [
            (command, outcome.answer.get("message", ""))
            for command, outcome in zip(commands, await orders.settled(parts.pool, asked), strict=False)
            if outcome.state == "refused"
        ]
        if refused:
            _log.warning("Asterisk refuses members", members=len(refused), first=refused[0][0].parameters, said=refused[0][1])
        self._refused |= {_key(command): clock.monotonic() + _ASK_AGAIN_SECONDS for command, _ in refused}

    async def _moving(self, connection: asyncpg.Connection) -> set[Any]:
        """Telephones about which something was asked or told a moment ago."""
        return {row[0] for row in await connection.fetch(QUERIES["moving"], self._parts.node)}

    async def _commands(self, connection: asyncpg.Connection, *, is_final: bool) -> list[Command]:
        """What differs; when it is to be asked, without telephones that are being moved, and after what agents did themselves."""
        node = self._parts.node
        at_work, want = await wanted(connection, self._parts.settings, None)
        there = await present(connection, node, None)
        if is_final:
            moving = await self._moving(connection)
            held = {key for key in (*want, *there) if key[1] in moving}
            agents = {one.agent for key in held for one in (want.get(key), there.get(key)) if one}
            want = {key: one for key, one in want.items() if one.agent not in agents}
            there = {key: one for key, one in there.items() if one.agent not in agents and key not in held}
            for agent, (paused, reason, at) in reconcile.adopted(at_work, there.values(), _NEWER_BY).items():
                _log.info("a pause was changed at Asterisk", agent=agent, paused=paused)
                await connection.execute(QUERIES["adopt"], agent, paused, reason, at)
                want = {
                    key: msgspec.structs.replace(one, paused=paused, pause_reason=reason) if one.agent == agent else one
                    for key, one in want.items()
                }
        return [one for one in reconcile.difference(want, there) if self._refused.get(_key(one), 0.0) <= clock.monotonic()]


async def seed(connection: asyncpg.Connection, settings: Settings) -> None:
    """Agents of the settings, and their sessions from the first start; sessions that cannot be are closed."""
    numbers, english = settings.agents.numbers(), set(settings.queue.english())
    rows = [{"agent": number, "skills": {"english": 5} if number in english else {}} for number in numbers]
    async with connection.transaction():
        await connection.execute(QUERIES["correction_begins"])
        await connection.execute(QUERIES["seed"], msgspec.json.encode(rows).decode())
        await connection.execute(QUERIES["seed_ends"], numbers)
        await connection.execute(QUERIES["close_impossible"], numbers)
        if settings.agents.login == "telephone":
            await connection.execute(QUERIES["seed_sessions"], numbers)


def _key(command: Command) -> bytes:
    return msgspec.json.encode(command)

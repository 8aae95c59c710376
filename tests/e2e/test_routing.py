"""Where calls go, on a real Asterisk: the same agent, a kept place, overflow, priority, and a dead or frozen FastAGI."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import asyncpg
import pytest

from hotline.phones.directed import DirectedCallers, Line
from tests import trial
from tests.play import PATIENCE_SECONDS
from tests.stage import Stage
from tests.trial import Trial, wait_until

SEATS = {
    "same": ("1001", "1002"),
    "keep": ("1003",),
    "full": ("1004",),
    "help": ("1005",),
    "ahead": ("1006",),
    "north": ("1007",),
}
"""Queue, which is a sub-centre of its own, to its agents; dialled by 801 to 806."""
DIALLED = {name: f"80{place}" for place, name in enumerate(SEATS, start=1)}
ELDERLY = "13800009004"
QUEUES: dict[str, dict[str, object]] = {
    f"queues.{name}": {"sub_centre": name, "wrapup_seconds": 0, "strategy": "leastrecent"} for name in SEATS
}
FLOW = """\
spec = 1
title = "城北分中心"
english = "Sub-centre"
languages = ["zh"]

[entry]
inbound = "queue"

[exits.all]
error = "bye"

[nodes.queue]
verb = "enqueue"
queue = "north"
exits = { answered = "bye", timeout = "bye", full = "bye", empty = "bye", 1 = "bye", 2 = "bye" }

[nodes.bye]
verb = "hangup"
"""
"""What 806 leads into; the others are queues at once."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """801 to 805 lead into the queues, 806 into the flow; whoever leaves a queue is hung up on."""
    overflow: dict[str, object] = {"overflow_to": "help", "overflow_seconds": 3}
    tables: dict[str, dict[str, object]] = {
        **QUEUES,
        "queues.full": QUEUES["queues.full"] | overflow,
        "agents": {"last": 1007},
        "ivr": {"flow": "north"},
        "queue": {"wrapup_seconds": 0},
        "routing": {"priority": True},
    }
    folder = tmp_path_factory.mktemp("routing")
    (flows := folder / "var" / "flows").mkdir(parents=True)
    (flows / "north.toml").write_text(FLOW)
    with trial.running(folder, tables) as running:
        for name, number in DIALLED.items():
            chosen = "AGI(${FASTAGI}/flow)" if name == "north" else f"Set(HOTLINE_QUEUE={name})"
            for step in ("1,Answer()", f"2,{chosen}", "3,Goto(agents,s,1)"):
                running.asterisk(f"dialplan add extension {number},{step} into citizens")
        running.asterisk("dialplan add extension s,1,Goto(hangup,s,1) into flow replace")
        for name, agents in SEATS.items():
            for agent in agents:
                running.fetch("UPDATE agents SET sub_centre = $2 WHERE agent = $1", agent, name)
        running.fetch("INSERT INTO caller_groups (number, \"group\") VALUES ($1, 'elderly')", ELDERLY)
        members = sum(map(len, SEATS.values()))
        query = "SELECT count(*) FROM queue_members WHERE queue = ANY($1) AND interface NOT LIKE '%browser'"
        wait_until(lambda: running.fetch(query, list(SEATS))[0]["count"] == members, what="the agents are in their queues")
        yield running


class House:
    """Telephones of agents that ring for citizens, and citizens who call."""

    def __init__(self, stack: Trial) -> None:
        self.stack, self.stage = stack, Stage(stack)
        self._dsn = stack.credentials.database
        self.ends = asyncio.Event()

    async def calls(self, number: str, dialled: str) -> Line:
        """A citizen calls; returns the line once it has been answered by the system."""
        made: asyncio.Queue[Line] = asyncio.Queue()
        self._tasks.create_task(self._calling(DirectedCallers(self.stack.settings, [(number, "")], dialled, made.put_nowait)))
        line = await made.get()
        await line.until(lambda call: call.answered_at)
        return line

    async def _calling(self, callers: DirectedCallers) -> None:
        async with callers:
            await self.ends.wait()

    async def rings_for(self, number: str) -> Line:
        """The next telephone that rings for this citizen."""
        return await self.stage.rings_for(number).get()

    async def talks(self, number: str, dialled: str) -> tuple[Line, Line]:
        """A citizen is put through: both lines."""
        citizen = await self.calls(number, dialled)
        agent = await self.rings_for(number)
        await self.answers(agent)
        return citizen, agent

    async def answers(self, agent: Line) -> None:
        """An agent answers."""
        agent.tell("answer")
        await agent.until(lambda call: call.answered_at)

    async def leaves(self, line: Line) -> None:
        """A party hangs up."""
        line.tell("hangup")
        await line.until(lambda call: call.ended_at)

    async def until(self, query: str, *values: object) -> None:
        """Until the database says so."""
        await asyncio.to_thread(wait_until, lambda: asyncio.run(_value(self._dsn, query, values)), what=query)

    async def waits(self, number: str) -> None:
        """Until the bridge knows that this citizen waits."""
        await self.until("SELECT EXISTS (SELECT FROM requests WHERE caller = $1 AND outcome = 'waiting') AS holds", number)

    async def plays(self, *stories: Callable[[House], Coroutine[Any, Any, None]]) -> None:
        """All stories at once, with all seats."""
        seats = self.stage.seats([seat for seats in SEATS.values() for seat in seats])
        async with asyncio.timeout(PATIENCE_SECONDS), seats, asyncio.TaskGroup() as self._tasks:
            async with asyncio.TaskGroup() as playing:
                for story in stories:
                    playing.create_task(story(self))
            self.ends.set()


async def _value(dsn: str, query: str, values: tuple[object, ...]) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


async def the_same_agent(house: House) -> None:
    citizen, agent = await house.talks("13800009001", DIALLED["same"])
    await house.leaves(citizen)
    await house.until(
        "SELECT EXISTS (SELECT FROM calls WHERE caller_number = '13800009001' AND ended_at IS NOT NULL)"
        " AND EXISTS (SELECT FROM agent_states WHERE agent = $1 AND state = 'ready') AS holds",
        agent.call.party,
    )
    again, same = await house.talks("13800009001", DIALLED["same"])
    assert same.call.party == agent.call.party, "leastrecent would have rung the other"
    other_citizen, other = await house.talks("13800009011", DIALLED["same"])
    assert other.call.party != agent.call.party
    for line in (again, other_citizen):
        await house.leaves(line)


async def a_kept_place(house: House) -> None:
    talking, _ = await house.talks("13800009002", DIALLED["keep"])
    gives_up = await house.calls("13800009012", DIALLED["keep"])
    await house.waits("13800009012")
    await asyncio.sleep(4)
    await house.leaves(gives_up)
    await house.until("SELECT EXISTS (SELECT FROM requests WHERE caller = '13800009012' AND outcome LIKE '%abandoned') AS holds")
    other = await house.calls("13800009022", DIALLED["keep"])
    await house.waits("13800009022")
    again = await house.calls("13800009012", DIALLED["keep"])
    await house.waits("13800009012")
    await house.leaves(talking)
    first = await house.rings_for("13800009012")
    await house.answers(first)
    await house.leaves(again)
    await house.answers(await house.rings_for("13800009022"))
    await house.leaves(other)


async def an_overflow(house: House) -> None:
    talking, _ = await house.talks("13800009003", DIALLED["full"])
    waiting, agent = await house.talks("13800009013", DIALLED["full"])
    assert agent.call.party == "1005"
    for line in (waiting, talking):
        await house.leaves(line)


async def a_priority(house: House) -> None:
    talking, _ = await house.talks("13800009014", DIALLED["ahead"])
    usual = await house.calls("13800009024", DIALLED["ahead"])
    await house.waits("13800009024")
    elderly = await house.calls(ELDERLY, DIALLED["ahead"])
    await house.waits(ELDERLY)
    await house.leaves(talking)
    await house.answers(await house.rings_for(ELDERLY))
    await house.leaves(elderly)
    await house.answers(await house.rings_for("13800009024"))
    await house.leaves(usual)


async def a_sub_centre_of_a_flow(house: House) -> None:
    """IVR-27."""
    citizen, agent = await house.talks("13800009006", DIALLED["north"])
    assert agent.call.party == "1007"
    await house.leaves(citizen)


def test_the_same_agent_a_kept_place_an_overflow_and_priority(stack: Trial) -> None:
    """And each request is one in the books."""
    asyncio.run(House(stack).plays(the_same_agent, a_kept_place, an_overflow, a_priority, a_sub_centre_of_a_flow))
    query = """SELECT caller, first_queue, queue, agent, hops, outcome FROM requests WHERE caller = $1 ORDER BY requested_at"""
    wait_until(lambda: not stack.fetch("SELECT FROM calls WHERE ended_at IS NULL"), what="all calls are closed")
    first, again = stack.fetch(query, "13800009001")
    assert (first["agent"], first["hops"], again["hops"]) == (again["agent"], 0, 0)
    (taken_over,) = stack.fetch(query, "13800009013")
    assert tuple(taken_over.values())[1:] == ("full", "help", "1005", 1, "answered")
    (of_flow,) = stack.fetch(query, "13800009006")
    assert tuple(of_flow.values())[1:] == ("north", "north", "1007", 0, "answered")
    gave_up, came_back = stack.fetch(query, "13800009012")
    assert (gave_up["outcome"], came_back["outcome"]) == ("short_abandoned", "answered")
    why = {row["call_id"]: row["why"] for row in stack.fetch("SELECT call_id, why FROM call_routes")}
    said = {word for words in why.values() for word in words}
    assert said == {"same_agent", "kept_place", "waited", "priority"}


@pytest.mark.parametrize("away", ["dead", "frozen"])
def test_a_call_reaches_its_queue_without_fastagi(stack: Trial, away: str) -> None:
    """It rings while FastAGI is away: nobody waited for it to come back."""

    async def story(house: House) -> None:
        citizen, agent = await house.talks("13800009005", DIALLED["same"])
        assert agent.call.party in SEATS["same"]
        await house.leaves(citizen)

    frozen = stack.pid("agi")
    if away == "dead":
        stack.asterisk("dialplan set global FASTAGI agi://127.0.0.1:1")
    else:
        os.kill(frozen, signal.SIGSTOP)
    try:
        asyncio.run(House(stack).plays(story))
    finally:
        os.kill(frozen, signal.SIGCONT)
        agi = stack.settings.agi
        stack.asterisk(f"dialplan set global FASTAGI agi://{agi.host}:{agi.port}")

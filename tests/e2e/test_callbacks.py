"""Call-backs on a real Asterisk: who gave up waiting is called by an agent who says yes, twice at most (IVR-18, IVR-28)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from acd import callback_orders, callbacks, control_outbound
from acd.callbacks import Entry
from acd.parts import Parts
from acd.permissions import Person
from hotline import database
from hotline.phones.voices import Floor, Phone
from tests import trial
from tests.trial import Trial, wait_until
from tests.voices import floor, hear_each_other

SETTINGS: dict[str, dict[str, object]] = {
    "queue": {"wrapup_seconds": 0, "ring_seconds": 10},
    "agents": {"last": 1003},
    "figures": {"short_abandon_seconds": 0},
    "callbacks": {"retry_minutes": 0},
    "control": {"ring_seconds": 4},
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own."""
    with trial.running(tmp_path_factory.mktemp("callbacks"), SETTINGS) as running:
        yield running


class Scene:
    """Telephones, and orders to the stack."""

    def __init__(self, stack: Trial, parts: Parts, phones: Floor) -> None:
        self.stack, self.parts, self.phones = stack, parts, phones

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something in the database."""
        await asyncio.to_thread(wait_until, condition, what=what)

    async def gives_up(self, number: str, agent: str) -> None:
        """A citizen waits for this agent, whose telephone rings, and hangs up."""
        seat = await self.phones.seat(agent)
        citizen = await self.phones.citizen(number)
        await citizen.talk.press("1")
        call = await seat.rings()
        await citizen.talk.hang_up()
        await call.ended()
        await self.until(lambda: self.entry(number), "the caller is on the list")
        await self.until(
            lambda: self.stack.fetch("SELECT 1 FROM agent_states WHERE agent = $1 AND state = 'ready'", agent),
            "the agent is ready",
        )
        await self.until(
            lambda: not self.stack.fetch("SELECT 1 FROM calls WHERE caller_number = $1 AND ended_at IS NULL", number), "no call"
        )

    async def is_ready(self, agent: str) -> None:
        """Wait until an agent can be rung."""
        query = "SELECT 1 FROM agent_states WHERE agent = $1 AND state = 'ready'"
        await self.until(lambda: self.stack.fetch(query, agent), "the agent is ready")

    def entry(self, number: str) -> dict[str, object] | None:
        """The newest entry of a number."""
        rows = self.stack.fetch("SELECT * FROM callback_entries WHERE number = $1 ORDER BY made_at DESC", number)
        return dict(rows[0]) if rows else None

    def seat(self, agent: str) -> Phone:
        """An agent's telephone."""
        return next(phone for phone in self.phones.phones if phone.name == agent)

    async def taken(self, person: Person) -> Entry:
        """The next entry, by this agent."""
        found = await callback_orders.take(self.parts, person)
        assert found is not None
        return found

    async def calls(self, person: Person, entry: Entry) -> control_outbound.Outbound:
        """The agent says yes, and picks up."""
        seat = self.seat(person.agent)
        async with asyncio.TaskGroup() as tasks:
            order = tasks.create_task(control_outbound.call_back(self.parts, person, entry.entry_id))
            await (await seat.rings()).answer()
        return order.result()

    async def settles(self, number: str, result: str, tries: int, state: str = "settled") -> None:
        """Wait for what is written down in the end."""
        wanted = (state, result, tries)

        def is_so() -> bool:
            found = self.entry(number)
            return found is not None and (found["state"], found["result"], found["tries"]) == wanted

        await self.until(is_so, f"the entry is {wanted}")


def play(stack: Trial, work: Callable[[Scene], Awaitable[None]]) -> None:
    """One scene."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Scene]:
        async with await database.pool(stack.credentials.database, name="test", largest=4) as pool, floor(stack) as phones:
            yield Scene(stack, Parts(stack.settings, pool, stack.settings.asterisk.node), phones)

    async def run() -> None:
        async with opened() as scene:
            await work(scene)

    asyncio.run(run())


def test_who_gave_up_is_called_and_hears_the_agent(stack: Trial) -> None:
    """Also when the acd process is killed while they talk: what came of it is read from the steps."""

    async def scene(now: Scene) -> None:
        number, agent = "13900000201", Person("1001", "agent", "1001")
        await now.gives_up(number, "1001")
        citizen = await now.phones.unit(number)
        entry = await now.taken(agent)
        assert (entry.number, entry.kinds) == (number, ["missed"])
        await now.calls(agent, entry)
        called = await citizen.rings()
        assert called.number == stack.settings.trunks.hotline_number, "the hotline's own number is shown"
        await hear_each_other(called, now.seat("1001").talk)
        stack.kill("acd")
        await called.hang_up()
        await now.settles(number, "answered", 1)
        assert await callback_orders.take(now.parts, agent) is None

    play(stack, scene)


def test_a_number_that_does_not_answer_is_tried_twice_and_not_again(stack: Trial) -> None:
    async def scene(now: Scene) -> None:
        number, agent = "13900000202", Person("1002", "agent", "1002")
        await now.gives_up(number, "1002")
        await now.phones.unit(number, "busy", "ring")
        for tries, result, state in ((1, "busy", "waiting"), (2, "no_answer", "settled")):
            await now.calls(agent, await now.taken(agent))
            await now.settles(number, result, tries, state)
            await now.seat("1002").talk.ended()
            await now.is_ready("1002")
        (entry,) = [one for one in await callbacks.listed(now.parts.pool, is_open=False) if one.number == number]
        assert (entry.tries, entry.result) == (2, "no_answer")
        assert await callback_orders.take(now.parts, agent) is None

    play(stack, scene)

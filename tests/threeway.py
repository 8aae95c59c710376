"""Agents who talk to citizens and call undertaking units, at a real stack: what they order, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from acd import threeways
from acd.parts import Parts
from acd.permissions import Person
from acd.threeway_store import Threeway
from hotline import clock, database
from hotline.phones.errors import PhoneError
from hotline.phones.talk import Talk
from hotline.phones.voices import Behaviour, Floor, Phone, SeatPhone
from hotline.waiting import within
from tests.trial import Trial
from tests.voices import floor, hear_each_other

_WITHIN_SECONDS = 20.0
QUESTION, CONTACT = "路灯不亮", "13900009999"


class Office:
    """A stack's telephones, its database, and its directory of units."""

    def __init__(self, stack: Trial, phones: Floor, pool: asyncpg.Pool) -> None:
        self.stack, self.floor = stack, phones
        self.parts = Parts(stack.settings, pool, stack.settings.asterisk.node)
        self._ringing: dict[str, asyncio.Future[Talk]] = {}
        self._watching: list[asyncio.Task[None]] = []

    async def unit(self, code: str, *numbers: tuple[str, Sequence[Behaviour]], is_service_line: bool = False) -> list[Phone]:
        """A unit of the directory with telephones that behave so."""
        line = "service" if is_service_line else "office"
        known = [{"number": number, "line": line} for number, _ in numbers]
        owner = await asyncpg.connect(self.stack.credentials.database_owner)
        try:
            values = (code, f"单位{code}", msgspec.json.encode(known).decode())
            await owner.execute("INSERT INTO units (code, name, numbers) VALUES ($1, $2, $3::jsonb)", *values)
        finally:
            await owner.close()
        return [await self.floor.unit(number, *behaviours) for number, behaviours in numbers]

    async def seat(self, user: str) -> SeatPhone:
        """An agent's telephone; whoever calls is told apart by the number."""
        seat = await self.floor.seat(user)
        self._watching.append(asyncio.get_running_loop().create_task(self._watch(seat)))
        return seat

    async def _watch(self, seat: SeatPhone) -> None:
        while True:
            with contextlib.suppress(PhoneError):
                talk = await seat.rings(3600)
                self._called(talk.number).set_result(talk)

    def _called(self, number: str) -> asyncio.Future[Talk]:
        """The next call of this number at any seat."""
        future = self._ringing.get(number)
        if future is None or (future.done() and not future.result().is_open):
            future = self._ringing[number] = asyncio.get_running_loop().create_future()
        return future

    async def next_agent(self, citizen: Phone | Talk, after: Talk | None = None) -> Talk:
        """Whoever is rung for this citizen now (after another agent), or for an agent who asks, answered."""
        if after is not None and self._ringing[citizen.name].done() and self._ringing[citizen.name].result() is after:
            self._ringing[citizen.name] = asyncio.get_running_loop().create_future()
        talk = await within(asyncio.shield(self._called(citizen.name)), _WITHIN_SECONDS)
        return await talk.answer()

    async def meeting(self, number: str) -> Meeting:
        """A citizen calls, an agent answers, they hear each other."""
        citizen = await self.floor.citizen(number)
        await citizen.talk.press("1")
        agent = await self.next_agent(citizen)
        await hear_each_other(citizen.talk, agent)
        meeting = Meeting(self, citizen, agent)
        await meeting.until_known()
        return meeting

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database, which may be away for a while."""
        return [dict(row) for row in await self.parts.pool.fetch(query, *values)]

    async def until(self, condition: Callable[[], Awaitable[object]], what: str, within: float = _WITHIN_SECONDS) -> Any:
        """Wait for a condition on the database; what it gives."""
        deadline = clock.monotonic() + within
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
                found = await condition()
                if found:
                    return found
            assert clock.monotonic() < deadline, f"not within {within} s: {what}\n{self.stack.logs()}"
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Nobody watches any more."""
        for task in self._watching:
            task.cancel()


class Meeting:
    """A citizen and an agent who talk; ``threeway`` is their newest three-way call."""

    def __init__(self, office: Office, citizen: Phone, agent: Talk) -> None:
        self.office, self.caller, self.agent = office, citizen, agent
        self.citizen = citizen.talk
        self.id = 0

    @property
    def person(self) -> Person:
        """The agent."""
        return Person(self.agent.name, "agent", self.agent.name)

    async def until_known(self) -> None:
        """The database knows that the agent talks."""

        async def talks() -> object:
            query = "SELECT call_id FROM agent_states WHERE agent = $1 AND state = 'talking' AND channel <> ''"
            return await self.office.rows(query, self.agent.name)

        (row,) = await self.office.until(talks, f"{self.agent.name} talks")
        self.call_id: str = row["call_id"]

    async def begin(self, unit: str, *, consent: bool = True) -> Threeway:
        """Dial a unit, with the question written down."""
        words: Mapping[str, Any] = {"consent": consent, "question": QUESTION, "contact_number": CONTACT}
        begun = await threeways.begin(self.office.parts, self.person, unit=unit, **words)
        self.id = begun.threeway_id
        return begun

    async def order(self, what: Callable[..., Awaitable[Threeway]], *values: Any, **how: Any) -> Threeway:
        """Order something of the three-way call."""
        return await what(self.office.parts, self.person, self.id, *values, **how)

    async def now(self) -> Threeway:
        """As the database has it."""
        return await threeways.get(self.office.parts, Person("zhao", "supervisor"), self.id)

    async def until(self, phase: str, within: float = _WITHIN_SECONDS) -> Threeway:
        """Wait for a phase."""

        async def is_there() -> Threeway | None:
            found = await self.now()
            return found if found.phase == phase else None

        found: Threeway = await self.office.until(is_there, f"phase {phase} of {self.id}", within)
        return found

    async def draft(self) -> dict[str, Any]:
        """The only ticket draft."""
        query = "SELECT * FROM ticket_drafts WHERE call_id = $1 AND threeway_id = $2"
        (row,) = await self.office.rows(query, self.call_id, str(self.id))
        return {**row, "attempts": msgspec.json.decode(row["attempts"])}

    async def steps(self) -> list[dict[str, Any]]:
        """What the dialplan told, in order of time."""
        query = "SELECT step, detail, at, uniqueid FROM acd_steps WHERE detail ~ $1 AND step ~ '^threeway:' ORDER BY at"
        return await self.office.rows(query, f"^id={self.id}(;|$)")

    async def told(self, what: str) -> dict[str, Any]:
        """Wait for a step."""

        async def is_there() -> dict[str, Any] | None:
            return next((step for step in await self.steps() if step["step"] == f"threeway:{what}"), None)

        found: dict[str, Any] = await self.office.until(is_there, f"step {what} of {self.id}")
        return found

    async def together(self, *talks: Talk) -> None:
        """Each hears all the others and nobody else."""
        await hear_each_other(*talks)

    async def until_back(self) -> Threeway:
        """Agent and citizen talk again, within a second of what sent them back (issue: 1 s)."""
        over = await self.until("over")
        await hear_each_other(self.agent, self.citizen)
        return over


@contextlib.asynccontextmanager
async def office(stack: Trial) -> AsyncIterator[Office]:
    """Open the telephones and the database of a stack."""
    async with floor(stack) as phones, await database.pool(stack.credentials.database, name="test", largest=12) as pool:
        opened = Office(stack, phones, pool)
        try:
            yield opened
        finally:
            opened.close()

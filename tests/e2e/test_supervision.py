"""Supervision of live calls on a real Asterisk, proved on what each party hears (QUA-03, ORG-25, ORG-34, IVR-26)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from acd import control_orders, sessions, supervision_orders, threeways
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.supervision import Wish
from acd.supervision_book import Supervision
from hotline import clock, database
from hotline.phones.talk import Talk
from hotline.phones.voices import Floor, Phone, SeatPhone
from tests import trial
from tests.trial import Trial, wait_until
from tests.voices import connect, floor

LEADER, SUPERVISOR, QUALITY = Person("leader", "shift_leader"), Person("chen", "supervisor"), Person("wu", "quality")
AGENT, MENTOR = Person("1002", "agent", "1002"), Person("1003", "agent", "1003")
WHY = "投诉复核"
SETTINGS: dict[str, dict[str, object]] = {
    "queue": {"wrapup_seconds": 2, "ring_seconds": 8},
    "agents": {"login": "code", "last": 1020},
    "threeway": {"silence_seconds": 3},
    "supervision": {"tone": True},
}
Order = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own; nobody is logged in at first."""
    with trial.running(tmp_path_factory.mktemp("supervision"), SETTINGS) as running:
        yield running


@pytest.fixture(autouse=True)
def reached(stack: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders of this process find the stack's secrets."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)


class Scene:
    """Telephones, and orders to the stack."""

    def __init__(self, stack: Trial, parts: Parts, phones: Floor) -> None:
        self.stack, self.parts, self.phones = stack, parts, phones

    async def agent(self, number: str) -> SeatPhone:
        """An agent, logged in at a telephone that rings."""
        seat = await self.phones.seat(number)
        with contextlib.suppress(RefusedError):
            await sessions.log_in(self.parts, LEADER, number)
        return seat

    async def leaves(self, *numbers: str) -> None:
        """These agents work no more, so that only the one who is meant is rung."""
        for number in numbers:
            await sessions.force_out(self.parts, LEADER, number)

    async def call(self, citizen: Phone) -> str:
        """The citizen's call, as the records name it."""
        rows = await self.parts.pool.fetch(
            "SELECT call_id FROM calls WHERE caller_number = $1 AND ended_at IS NULL ORDER BY started_at DESC", citizen.name
        )
        return str(rows[0]["call_id"])

    async def begin(self, seat: SeatPhone, wish: Wish, person: Person = SUPERVISOR) -> tuple[Supervision, Talk]:
        """The supervisor's telephone rings and is answered."""
        async with asyncio.TaskGroup() as tasks:
            ordered = tasks.create_task(supervision_orders.begin(self.parts, person, wish, seat.name))
            call = await seat.rings()
            await call.answer()
        return ordered.result(), call

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        return [dict(row) for row in await self.parts.pool.fetch(query, *values)]

    async def until(self, query: str, *values: object, what: str) -> None:
        """Wait for a row."""
        await asyncio.to_thread(wait_until, lambda: self.stack.fetch(query, *values), what=what)

    async def line(self, what: str, which: Supervision) -> dict[str, Any]:
        """The newest audit line of this kind about a supervision, once it is there."""
        query = "SELECT actor, subject, detail FROM audit_log WHERE action = $1 AND detail ->> 'supervision_id' = $2"
        values = f"supervision.{what}", str(which.supervision_id)
        await self.until(query, *values, what=f"the line {what}")
        row = (await self.rows(f"{query} ORDER BY entry_id DESC", *values))[0]
        return {"actor": row["actor"], "subject": row["subject"], **json.loads(row["detail"])}


def play(stack: Trial, work: Callable[[Scene], Awaitable[None]]) -> None:
    """One scene; at its end everybody is logged out."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Scene]:
        async with (
            await database.pool(stack.credentials.database, name="test", largest=8) as pool,
            floor(stack) as phones,
        ):
            yield Scene(stack, Parts(stack.settings, pool, stack.settings.asterisk.node), phones)

    async def run() -> None:
        async with opened() as scene:
            try:
                await work(scene)
            finally:
                for row in await scene.parts.pool.fetch("SELECT agent FROM agent_sessions WHERE until IS NULL"):
                    await sessions.force_out(scene.parts, LEADER, row["agent"])

    asyncio.run(run())


async def hear(**parties: tuple[Talk, set[Phone]]) -> None:
    """Wait until each hears exactly these telephones."""
    for talk, others in parties.values():
        await talk.until_hears({other.tone for other in others})


async def until_told(party: Talk) -> None:
    """Wait for the tone that says that somebody listens (``supervision.tone``), while nobody speaks."""
    for _ in range(150):
        if party.hears_anything:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{party.name} was not told")


def test_each_mode_is_heard_by_those_who_should_and_by_nobody_else(stack: Trial) -> None:
    """The citizen hears nothing of a supervisor who listens or whispers; figures know nothing of it."""

    async def scene(now: Scene) -> None:
        agent = await now.agent("1001")
        citizen = await now.phones.citizen("13900000101")
        call = await connect(citizen, agent)
        boss = await now.phones.seat("1011")
        began = clock.now()
        wish = Wish(target="call", whom=await now.call(citizen), reason=WHY)
        call.mute()
        citizen.talk.mute()
        await call.until_quiet()
        await citizen.talk.until_quiet()
        async with asyncio.TaskGroup() as tasks:
            for party in (call, citizen.talk):
                tasks.create_task(until_told(party))
            begun = tasks.create_task(now.begin(boss, wish))
        held, ear = begun.result()
        assert ear.number == "1001"
        call.play(agent.tone)
        citizen.talk.play(citizen.tone)

        async def everybody(in_ear: set[Phone], at_agent: set[Phone], at_citizen: set[Phone]) -> None:
            await hear(ear=(ear, in_ear), agent=(call, at_agent), citizen=(citizen.talk, at_citizen))

        await everybody({agent, citizen}, {citizen}, {agent})
        await ear.press("5")
        await everybody({agent, citizen}, {citizen, boss}, {agent})
        await supervision_orders.change(now.parts, SUPERVISOR, held.supervision_id, "caller")
        await everybody({citizen}, {citizen}, {agent})
        await ear.press("8")
        await everybody({agent}, {citizen}, {agent})
        assert boss.tone not in citizen.talk.heard_between(began, clock.now()), "until now the citizen heard nobody but the agent"
        barged = await supervision_orders.change(now.parts, SUPERVISOR, held.supervision_id, "barge")
        assert barged.mode == "barge"
        await everybody({agent, citizen}, {citizen, boss}, {agent, boss})
        await ear.press("4")
        await everybody({agent, citizen}, {citizen}, {agent})
        await supervision_orders.stop(now.parts, SUPERVISOR, held.supervision_id)
        await ear.ended()
        ended = await now.line("ended", held)
        assert [one["mode"] for one in ended["modes"]] == ["monitor", "whisper", "caller", "agent", "barge", "monitor"]
        assert {one["call_id"] for one in ended["calls"]} == {wish.whom}
        assert (ended["actor"], ended["subject"], ended["reason"]) == ("chen", f"call:{wish.whom}", WHY)
        assert ended["from"] < ended["to"]
        await citizen.talk.hang_up()
        await now.until("SELECT 1 FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL", wish.whom, what="the record")
        turns = await now.rows("SELECT agent FROM agent_turns WHERE rang_at > $1", began)
        asked = await now.rows("SELECT 1 FROM requests WHERE requested_at > $1", began)
        assert (turns, asked) == ([], [])

    play(stack, scene)


@pytest.mark.parametrize("between", ["hold", "threeway"])
def test_after_what_the_citizen_hears_between_a_supervisor_is_heard_by_all(stack: Trial, between: str) -> None:
    """The agent's RTP counts from 60000: behind the frames of a file, which do not count (``hotline/sounds.py``)."""

    async def scene(now: Scene) -> None:
        now.phones.wires.first_sequence = 60000
        agent = await now.agent("1001")
        citizen = await now.phones.citizen("13900000120")
        call = await connect(citizen, agent)
        person, held = Person("1001", "agent", "1001"), await now.call(citizen)
        if between == "hold":
            await control_orders.hold(now.parts, person)
            await citizen.talk.until_music()
            await control_orders.resume(now.parts, person)
        else:
            unit = await now.phones.unit("83120001", "ring")
            begun = await threeways.begin(now.parts, person, unit="CG", consent=True)
            await unit.rings()
            await citizen.talk.until_music()
            await threeways.cancel(now.parts, person, begun.threeway_id)
        await hear(agent=(call, {citizen}), citizen=(citizen.talk, {agent}))
        boss = await now.phones.seat("1011")
        _, ear = await now.begin(boss, Wish(target="call", whom=held, mode="barge", reason=WHY))
        await hear(ear=(ear, {agent, citizen}), agent=(call, {citizen, boss}), citizen=(citizen.talk, {agent, boss}))
        await citizen.talk.hang_up()
        await ear.ended()

    play(stack, scene)


def test_listening_follows_the_call_over_transfers_and_its_end_is_written_though_acd_was_dead(stack: Trial) -> None:
    """The citizen's RTP counts ahead of the others': docs/feature-codes.md says what Asterisk does when it lies behind."""

    async def scene(now: Scene) -> None:
        now.phones.wires.first_sequence = 1000
        first = await now.agent("1001")
        now.phones.wires.first_sequence = 30000
        citizen = await now.phones.citizen("13900000102")
        now.phones.wires.first_sequence = 1000
        call = await connect(citizen, first)
        boss, second, third = await now.phones.seat("1011"), await now.phones.seat("1002"), await now.phones.seat("1003")
        held, ear = await now.begin(boss, Wish(target="call", whom=await now.call(citizen), mode="whisper", reason=WHY))
        await hear(ear=(ear, {first, citizen}))
        stack.kill("acd")
        await call.transfer("1002")
        sent = await second.rings()
        await sent.answer()
        await hear(ear=(ear, {second, citizen}), sent=(sent, {citizen, boss}), citizen=(citizen.talk, {second}))
        consult = await second.dial("1003")
        asked = await third.rings()
        await asked.answer()
        await consult.answered()
        await sent.join(consult)
        await hear(ear=(ear, {third, citizen}), asked=(asked, {citizen, boss}), citizen=(citizen.talk, {third}))
        await citizen.talk.hang_up()
        await ear.ended()
        ended = await now.line("ended", held)
        assert ([one["mode"] for one in ended["modes"]], ended["ended"]) == (["whisper"], "hung_up")

    play(stack, scene)


def test_an_agent_or_a_queue_is_listened_to_call_after_call_and_by_two_at_once(stack: Trial) -> None:
    """Before there is a call, and between two, there is silence."""

    async def scene(now: Scene) -> None:
        boss, other = await now.phones.seat("1011"), await now.phones.seat("1012")
        agent = await now.agent("1001")
        mine, ear = await now.begin(boss, Wish(target="agent", whom="1001", mode="whisper", reason=WHY))
        theirs, second = await now.begin(other, Wish(target="queue", whom="hotline", reason=WHY), QUALITY)
        await hear(ear=(ear, set()), second=(second, set()))
        calls = []
        for number in ("13900000103", "13900000104"):
            citizen = await now.phones.citizen(number)
            call = await connect_beside(citizen, agent)
            await hear(
                ear=(ear, {agent, citizen}),
                second=(second, {agent, citizen}),
                agent=(call, {citizen, boss}),
                citizen=(citizen.talk, {agent}),
            )
            calls.append(await now.call(citizen))
            await citizen.talk.hang_up()
            await hear(ear=(ear, set()), second=(second, set()))
        for held, talk in ((mine, ear), (theirs, second)):
            await talk.hang_up()
            ended = await now.line("ended", held)
            assert {one["call_id"] for one in ended["calls"]} == set(calls)

    play(stack, scene)


async def connect_beside(citizen: Phone, agent: SeatPhone) -> Talk:
    """As ``connect``, where others whisper to the agent."""
    await citizen.talk.press("1")
    call = await agent.rings()
    return await call.answer()


def test_whoever_takes_over_has_the_citizen_and_the_records_agree(stack: Trial) -> None:
    async def scene(now: Scene) -> None:
        agent = await now.agent("1001")
        citizen = await now.phones.citizen("13900000105")
        call = await connect(citizen, agent)
        boss = await now.phones.seat("1011")
        held, ear = await now.begin(boss, Wish(target="agent", whom="1001", reason=WHY))
        await hear(ear=(ear, {agent, citizen}))
        call_id = await now.call(citizen)
        taken = await supervision_orders.change(now.parts, SUPERVISOR, held.supervision_id, "take_over")
        assert taken.mode == "take_over"
        await call.ended()
        parted = clock.now()
        await now.until("SELECT FROM agent_states WHERE agent = '1001' AND state = 'wrap_up'", what="wrap-up time")
        await hear(ear=(ear, {citizen}), citizen=(citizen.talk, {boss}))
        await ear.hang_up()
        await citizen.talk.until_hears(set())
        assert citizen.talk.is_open, "after the conversation the flow has the last word"
        await citizen.talk.hang_up()
        await now.line("ended", held)
        await now.until("SELECT 1 FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL", call_id, what="the record")
        (turn,) = await now.rows("SELECT agent, result, ended_by, ended_at FROM agent_turns WHERE call_id = $1", call_id)
        assert (turn["agent"], turn["result"], turn["ended_by"]) == ("1001", "answered", "transfer")
        assert abs(turn["ended_at"] - parted) < dt.timedelta(seconds=0.5), "the agent's part ends with the take over"
        assert await now.rows("SELECT outcome, agent FROM requests WHERE call_id = $1", call_id) == [
            {"outcome": "answered", "agent": "1001"}
        ]

    play(stack, scene)


def test_a_citizen_whose_supervisors_telephone_dies_goes_back_to_the_queue(stack: Trial) -> None:
    """By a key of the telephone, with acd dead: nothing of ours is needed."""

    async def scene(now: Scene) -> None:
        agent = await now.agent("1001")
        citizen = await now.phones.citizen("13900000106")
        call = await connect(citizen, agent)
        call_id = await now.call(citizen)
        boss = await now.phones.seat("1011")
        held, ear = await now.begin(boss, Wish(target="call", whom=call_id, mode="barge", reason=WHY))
        await hear(citizen=(citizen.talk, {agent, boss}))
        stack.kill("acd")
        await ear.press("9")
        await call.ended()
        await hear(ear=(ear, {citizen}), citizen=(citizen.talk, {boss}))
        await ear.die()
        again = await agent.rings()
        await again.answer()
        await hear(agent=(again, {citizen}), citizen=(citizen.talk, {agent}))
        await citizen.talk.hang_up()
        await now.line("ended", held)
        await now.until("SELECT 1 FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL", call_id, what="the record")
        kinds = await now.rows("SELECT kind, outcome, agent FROM requests WHERE call_id = $1 ORDER BY number", call_id)
        assert kinds == [
            {"kind": "caller", "outcome": "answered", "agent": "1001"},
            {"kind": "transfer", "outcome": "answered", "agent": "1001"},
        ]

    play(stack, scene)


def test_who_may_not_is_refused_with_an_audit_line_and_nothing_rings(stack: Trial) -> None:
    async def refused(order: Awaitable[object]) -> str:
        with pytest.raises(RefusedError) as error:
            await order
        return error.value.code

    async def scene(now: Scene) -> None:
        trainee = await now.agent("1001")
        await now.parts.pool.execute("UPDATE agents SET trainee = true, mentor = '1003' WHERE agent = '1001'")
        citizen = await now.phones.citizen("13900000107")
        call = await connect(citizen, trainee)
        boss, mentor = await now.phones.seat("1011"), await now.phones.seat("1003")
        listen = Wish(target="agent", whom="1001", reason=WHY)

        def begin(person: Person, seat: str = "1011", **changes: Any) -> Awaitable[object]:
            wish = Wish(**{"target": "agent", "whom": "1001", "reason": WHY, **changes})
            return supervision_orders.begin(now.parts, person, wish, seat)

        assert await refused(begin(AGENT)) == "not_allowed"
        assert await refused(begin(QUALITY, mode="whisper")) == "not_allowed"
        assert await refused(begin(MENTOR, mode="barge")) == "not_allowed"
        assert await refused(begin(MENTOR, target="queue", whom="hotline")) == "not_allowed"
        assert await refused(begin(SUPERVISOR, whom="1999")) == "unknown_agent"
        assert await refused(begin(SUPERVISOR, whom="1002", mode="barge")) == "not_in_a_call"
        assert await refused(begin(SUPERVISOR, target="call", whom="node1-1.1")) == "unknown_call"
        assert await refused(begin(SUPERVISOR, target="queue", whom="nowhere")) == "unknown_queue"
        assert await refused(begin(SUPERVISOR, reason=" ")) == "reason_missing"
        assert await refused(begin(SUPERVISOR, seat="")) == "not_logged_in"
        assert await refused(begin(SUPERVISOR, seat="1999")) == "unknown_seat"
        lines = await now.rows("SELECT actor, action FROM audit_log WHERE action LIKE 'call.%.refused' ORDER BY entry_id")
        assert [(row["actor"], row["action"]) for row in lines] == [
            ("1002", "call.listen.refused"),
            ("wu", "call.whisper.refused"),
            ("1003", "call.barge.refused"),
            ("1003", "call.listen.refused"),
        ]
        held, ear = await now.begin(mentor, Wish(target="call", whom=await now.call(citizen), mode="whisper", reason=WHY), MENTOR)
        assert (held.target, held.whom) == ("agent", "1001"), "a mentor follows the trainee, not the call"
        await hear(ear=(ear, {trainee, citizen}), trainee=(call, {citizen, mentor}), citizen=(citizen.talk, {trainee}))
        await ear.press("6")
        await ear.press("9")
        await hear(trainee=(call, {citizen, mentor}), citizen=(citizen.talk, {trainee}))
        listening, other = await now.begin(boss, listen, QUALITY)
        await hear(other=(other, {trainee, citizen}))
        await other.press("5")
        await hear(trainee=(call, {citizen, mentor}))
        assert await refused(begin(SUPERVISOR)) == "already_supervising"
        change = supervision_orders.change
        assert await refused(change(now.parts, QUALITY, listening.supervision_id, "barge")) == "not_allowed"
        await citizen.talk.hang_up()

    play(stack, scene)


def test_a_call_on_hold_and_a_room_of_three_are_listened_to_talked_into_and_taken_over(stack: Trial) -> None:
    """Whoever is on hold hears music and no supervisor; a supervisor who talks with all comes into the room."""

    async def scene(now: Scene) -> None:
        agent = await now.agent("1001")
        me = Person("1001", "agent", "1001")
        citizen = await now.phones.citizen("13900000108")
        call = await connect(citizen, agent)
        boss, unit = await now.phones.seat("1011"), await now.phones.unit("83120001", "answer")
        await control_orders.hold(now.parts, me)
        await citizen.talk.until_music()
        held, ear = await now.begin(boss, Wish(target="call", whom=await now.call(citizen), mode="whisper", reason=WHY))
        await hear(ear=(ear, {agent}), agent=(call, {boss}))
        assert citizen.talk.hears_music
        await control_orders.resume(now.parts, me)
        await hear(ear=(ear, {agent, citizen}), agent=(call, {citizen, boss}), citizen=(citizen.talk, {agent}))
        await call.hold()
        await citizen.talk.until_music()
        await call.resume()
        three = await threeways.begin(now.parts, me, unit="CG", consent=True)
        joined = await unit.rings()
        await hear(ear=(ear, {agent, unit}), agent=(call, {unit, boss}), unit=(joined, {agent}))
        await threeways.join(now.parts, me, three.threeway_id)
        await hear(ear=(ear, {agent, unit, citizen}), citizen=(citizen.talk, {agent, unit}), unit=(joined, {agent, citizen}))
        await ear.press("6")
        await hear(
            ear=(ear, {agent, unit, citizen}), citizen=(citizen.talk, {agent, unit, boss}), agent=(call, {unit, citizen, boss})
        )
        await ear.press("4")
        await hear(ear=(ear, {agent, unit, citizen}), citizen=(citizen.talk, {agent, unit}), agent=(call, {unit, citizen}))
        await supervision_orders.change(now.parts, SUPERVISOR, held.supervision_id, "take_over")
        await hear(ear=(ear, {citizen}), citizen=(citizen.talk, {boss}))
        await call.ended()
        await joined.ended()
        await citizen.talk.hang_up()
        await ear.ended()

    play(stack, scene)

"""Three-way calls in which somebody or something dies, in each phase: nobody is left alone, and the book agrees afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from acd import control_orders, sessions, threeways
from acd.errors import RefusedError
from acd.permissions import Person
from hotline import clock
from hotline.phones.talk import Talk
from tests import trial
from tests.threeway import Meeting, Office, office
from tests.trial import Trial

_AT_ONCE = 5
_SEATS = range(1001, 1012)
Story = Callable[[Office, Meeting], Awaitable[Any]]
STORIES: dict[str, Story] = {}
KILLED = ("acd", "ami_bridge", "agi", "postgres")


def story(play: Story) -> Story:
    """One of the stories in which telephones die; those in which processes die are played after them, alone."""
    STORIES[play.__name__] = play
    return play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Each story's name to what it returned, or to the error that it ended with. A telephone without sound is dead soon."""
    chosen = {"queue": {"wrapup_seconds": 0}, "threeway": {"ring_seconds": 3, "pause_seconds": 4, "silence_seconds": 4}}
    with trial.running(tmp_path_factory.mktemp("three"), chosen) as stack:
        yield asyncio.run(_play(stack))


async def _play(stack: Trial) -> dict[str, Any]:
    async with office(stack) as opened:
        for user in _SEATS:
            await opened.seat(str(user))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, play: Story) -> Any:
            async with gate:
                meeting = await opened.meeting(f"139000030{number:02}")
                try:
                    return await play(opened, meeting)
                finally:
                    for talk in (meeting.citizen, meeting.agent):
                        await talk.hang_up()

        ends = await asyncio.gather(*(one(*pair) for pair in enumerate(STORIES.values())), return_exceptions=True)
        alone = [await _alone(one(20 + place, play)) for place, play in enumerate(ALONE)]
        names = [*STORIES, *(play.__name__ for play in ALONE)]
        return dict(zip(names, [*ends, *alone], strict=True))


async def _alone(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except Exception as error:
        return error


@pytest.fixture
def left(played: dict[str, Any]) -> Callable[[Story], Any]:
    """What a story left; its error, when it failed."""

    def look(play: Story) -> Any:
        found = played[play.__name__]
        if isinstance(found, BaseException):
            raise found
        return found

    return look


# --- telephones die -------------------------------------------------------------------------------------------------------------


@story
async def agent_dies_dialling(at: Office, m: Meeting) -> dict[str, Any]:
    """No BYE comes: the dead telephone is noticed, the unit is no longer dialled, the citizen is with the next agent."""
    (unit,) = await at.unit("V01", ("83122001", ["ring"]))
    await m.begin("V01")
    call = await unit.rings()
    await m.agent.die()
    other = await at.next_agent(m.caller, m.agent)
    await m.together(other, m.citizen)
    await call.ended()
    over = await m.until("over")
    await other.hang_up()
    return {"over": over, "calls": len(unit.talks), "draft": await m.draft(), "queue": await m.steps()}


@story
async def agent_dies_private(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit waits with music, the citizen is at the head of the queue; the next agent brings all three together."""
    (unit,) = await at.unit("V02", ("83122002", ["answer"]))
    await m.begin("V02")
    call = await unit.rings()
    await m.until("private")
    await m.together(m.agent, call)
    await m.agent.die()
    await m.until("held")
    raised = await _alarms(at, m)
    await call.until_music()
    other = await at.next_agent(m.caller, m.agent)
    await m.together(other, m.citizen)
    m.agent = other
    await m.until_known()
    await m.order(threeways.take_up)
    await m.together(other, m.citizen, call)
    await m.until("joined")
    cleared = await _alarms(at, m)
    await call.hang_up()
    over = await m.until_back()
    return {"raised": raised, "cleared": cleared, "over": over}


@story
async def agent_dies_joined(at: Office, m: Meeting) -> dict[str, Any]:
    """Citizen and unit talk on; the supervisor is alarmed and comes in at a telephone of their own."""
    call = await _all_three(at, m, "V03", "83122003")
    died = clock.now()
    await m.agent.die()
    await m.together(m.citizen, call)
    await m.until("without_agent")
    kept = m.citizen.hears(call.tone) and call.hears(m.citizen.tone)
    raised = await _alarms(at, m)
    refused = await _refusal(threeways.take_up(at.parts, Person("1099", "agent", "1099"), m.id))
    leader = Person("zhao", "shift_leader", "1011")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(threeways.take_up(at.parts, leader, m.id))
        own = await _rung(at, "1011", died)
    await m.together(own, m.citizen, call)
    await m.until("joined")
    await call.hang_up()
    await m.together(own, m.citizen)
    await own.hang_up()
    return {"kept": kept, "raised": raised, "refused": refused, "over": await m.until("over")}


@story
async def agent_hangs_up_joined(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent hangs up; citizen and unit talk; when the unit goes the citizen is asked how it was, not queued again."""
    call = await _all_three(at, m, "V04", "83122004")
    await m.agent.hang_up()
    await m.together(m.citizen, call)
    await call.hang_up()
    await m.told("done")
    return {"over": await m.until("over"), "alone": not m.citizen.is_open}


@story
async def unit_dies_joined(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit's telephone dies: agent and citizen go on."""
    call = await _all_three(at, m, "V05", "83122005")
    await call.die()
    await m.until_back()
    return {"over": await m.now()}


@story
async def answers_at_the_time_out(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit answers as Asterisk gives up: whatever comes of it, two attempts at most and nobody alone."""
    (unit,) = await at.unit("V06", ("83122006", ["insist"]))
    await m.begin("V06")
    await unit.rings()
    over = await m.until_back()
    return {"over": over, "calls": len(unit.talks)}


@story
async def both_hang_up(at: Office, m: Meeting) -> dict[str, Any]:
    """Agent and unit hang up at once: the citizen is not left in the room."""
    call = await _all_three(at, m, "V07", "83122007")
    await asyncio.gather(call.hang_up(), m.agent.hang_up())
    over = await m.until("over")
    return {"over": over, "steps": [step["step"] for step in await m.steps()]}


@story
async def all_hang_up(at: Office, m: Meeting) -> dict[str, Any]:
    """All three hang up at once: nobody stays."""
    call = await _all_three(at, m, "V08", "83122008")
    await asyncio.gather(call.hang_up(), m.agent.hang_up(), m.citizen.hang_up())
    return {"over": await m.until("over")}


@story
async def held_caller_gives_up(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent's telephone dies in private, and the citizen gives up in the queue: the unit is not kept waiting."""
    (unit,) = await at.unit("V09", ("83122009", ["answer"]))
    await m.begin("V09")
    call = await unit.rings()
    await m.until("private")
    await m.agent.die()
    await call.until_music()
    await m.citizen.hang_up()
    await call.ended()
    return {"over": await m.until("over")}


@story
async def agent_sends_a_colleague(at: Office, m: Meeting) -> dict[str, Any]:
    """Out of the room the agent's telephone asks a colleague, and joins the two calls: the colleague is there in its place."""
    call = await _all_three(at, m, "V13", "83122013")
    colleague = await at.floor.seat("1051")
    await sessions.pause(at.parts, Person("1051", "agent", "1051"), "1051", "training")
    (seat,) = [phone for phone in at.floor.phones if phone.name == m.agent.name]
    asking = await seat.dial("1051")
    other = await (await colleague.rings()).answer()
    await asking.answered()
    await m.together(asking, other)
    await m.agent.join(asking)
    await m.together(other, m.citizen, call)
    await at.until(lambda: at.rows("SELECT FROM threeways WHERE threeway_id = $1 AND agent = '1051'", m.id), "it is 1051's")
    m.agent = other
    await m.order(threeways.drop_unit, is_solved=True)
    await call.ended()
    over = await m.until_back()
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await control_orders.resume(at.parts, m.person)
    await m.together(other, m.citizen)
    return {"over": over}


# --- processes die --------------------------------------------------------------------------------------------------------------


async def processes_die(at: Office, m: Meeting) -> dict[str, Any]:
    """Everything of ours dies while the first attempt rings, PostgreSQL too: the second attempt is made all the same, once."""
    first, second = await at.unit("V10", ("83122010", ["ring"]), ("83122910", ["busy"]))
    await m.begin("V10")
    await first.rings()
    async with _everything_dies(at):
        await second.rings()
        await m.together(m.agent, m.citizen)
        calls = (len(first.talks), len(second.talks))
    over = await m.until("over", within=60)
    await m.together(m.agent, m.citizen)
    calls_after = (len(first.talks), len(second.talks))
    return {"over": over, "calls": calls, "after": calls_after, "draft": await m.draft()}


async def processes_die_in_private(at: Office, m: Meeting) -> dict[str, Any]:
    """The same while agent and unit talk in private: they talk on, and when the unit hangs up the citizen is back."""
    (unit,) = await at.unit("V12", ("83122012", ["answer"]))
    await m.begin("V12")
    call = await unit.rings()
    await m.until("private")
    async with _everything_dies(at):
        await m.together(m.agent, call)
        await m.citizen.until_music()
        await call.hang_up()
        await m.together(m.agent, m.citizen)
    over = await m.until("over", within=60)
    return {"over": over, "draft": await m.draft()}


async def processes_die_in_the_room(at: Office, m: Meeting) -> dict[str, Any]:
    """The same while all three talk: they talk on; afterwards orders are carried out as if nothing had been."""
    call = await _all_three(at, m, "V11", "83122011")
    async with _everything_dies(at):
        await m.together(m.agent, m.citizen, call)
    before = (await m.until("joined", within=60)).phase

    async def dropped() -> object:
        with contextlib.suppress(RefusedError):
            return await m.order(threeways.drop_unit)
        return None

    await at.until(dropped, "the order is carried out", 60)
    await call.ended()
    return {"phase": before, "over": await m.until_back()}


ALONE: tuple[Story, ...] = (processes_die, processes_die_in_private, processes_die_in_the_room)


@contextlib.asynccontextmanager
async def _everything_dies(at: Office) -> Any:
    """All of ours is killed at once, and the supervisor, who would start it again, holds its breath."""
    stack = at.stack

    async def all_run() -> object:
        with contextlib.suppress(AssertionError):
            return [stack.pid(part) for part in KILLED]
        return None

    await at.until(all_run, "all of ours runs", 60)
    assert stack.process
    os.kill(stack.process.pid, signal.SIGSTOP)
    try:
        for part in KILLED:
            stack.kill(part)
        yield
    finally:
        os.kill(stack.process.pid, signal.SIGCONT)


async def _all_three(at: Office, m: Meeting, code: str, number: str) -> Talk:
    (unit,) = await at.unit(code, (number, ["answer"]))
    await m.begin(code)
    call = await unit.rings()
    await m.until("private")
    await m.order(threeways.join)
    await m.together(m.agent, m.citizen, call)
    await m.until("joined")
    return call


async def _alarms(at: Office, m: Meeting) -> list[bool]:
    """Whether the alarms of this three-way call are on."""
    rows = await at.rows("SELECT cleared_at IS NULL AS on FROM alarms WHERE subject = $1", f"threeway:{m.id}")
    return [row["on"] for row in rows]


async def _refusal(order: Awaitable[Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        await order
    return refused.value.code


async def _rung(at: Office, user: str, since: dt.datetime) -> Talk:
    """The newest call at a seat, answered."""
    (seat,) = [phone for phone in at.floor.phones if phone.name == user]

    async def there() -> Talk | None:
        calls = [talk for talk in seat.talks if talk.is_open and talk.call.invited_at and talk.call.invited_at > since]
        return calls[-1] if calls else None

    talk: Talk = await at.until(there, f"{user} is rung")
    return await talk.answer()


# --- what they left -------------------------------------------------------------------------------------------------------------

Left = Callable[[Story], Any]


def test_an_agents_telephone_that_dies_while_the_unit_is_dialled_gives_the_citizen_to_the_next_agent(left: Left) -> None:
    found = left(agent_dies_dialling)
    assert (found["over"].outcome, found["draft"]["outcome"], found["calls"]) == ("failed", "failed", 1)


def test_an_agents_telephone_that_dies_in_private_keeps_the_unit_for_the_next_agent(left: Left) -> None:
    found = left(agent_dies_private)
    assert (found["raised"], found["cleared"]) == ([True], [False])
    assert (found["over"].outcome, found["over"].end_order) == ("answered", ["agent", "unit"])


def test_an_agents_telephone_that_dies_among_three_leaves_two_talking_and_alarms_the_supervisor(left: Left) -> None:
    found = left(agent_dies_joined)
    assert found["kept"] and found["raised"] == [True]
    assert found["refused"] == "not_allowed"
    assert found["over"].outcome == "answered"


def test_a_citizen_whose_agent_and_then_unit_hung_up_is_not_queued_again(left: Left) -> None:
    assert (left(agent_hangs_up_joined)["over"].end_order[:2], left(agent_hangs_up_joined)["alone"]) == (["agent", "unit"], False)


def test_a_units_telephone_that_dies_leaves_agent_and_citizen_talking(left: Left) -> None:
    assert left(unit_dies_joined)["over"].end_order == ["unit"]


def test_a_unit_that_answers_as_the_time_runs_out_is_dialled_twice_at_most(left: Left) -> None:
    found = left(answers_at_the_time_out)
    assert found["calls"] == len(found["over"].attempts) == 2
    assert found["over"].outcome == "unreachable"


def test_agent_and_unit_hang_up_at_once_and_the_citizen_is_not_left_alone(left: Left) -> None:
    assert {"threeway:done", "threeway:requeued"} & set(left(both_hang_up)["steps"])


def test_all_three_hang_up_at_once_and_nobody_stays(left: Left) -> None:
    assert left(all_hang_up)["over"].outcome == "answered"


def test_a_unit_is_not_kept_waiting_for_a_citizen_who_has_given_up(left: Left) -> None:
    assert left(held_caller_gives_up)["over"].end_order[:2] == ["agent", "caller"]


def test_with_everything_of_ours_dead_the_second_attempt_is_made_once_and_the_book_says_so_afterwards(left: Left) -> None:
    """TWC-08: the dialplan counts; what happened meanwhile is read off the event log."""
    found = left(processes_die)
    assert found["calls"] == found["after"] == (1, 1)
    assert [(attempt.number, attempt.result) for attempt in found["over"].attempts] == [
        ("83122010", "NOANSWER"),
        ("83122910", "BUSY"),
    ]
    assert (found["over"].outcome, found["draft"]["outcome"]) == ("unreachable", "unreachable")


def test_with_everything_of_ours_dead_three_people_talk_on_and_orders_follow_when_it_is_back(left: Left) -> None:
    found = left(processes_die_in_the_room)
    assert (found["phase"], found["over"].outcome) == ("joined", "not_competent")


def test_with_everything_of_ours_dead_a_unit_in_private_hangs_up_and_the_citizen_is_back(left: Left) -> None:
    found = left(processes_die_in_private)
    assert (found["over"].outcome, found["draft"]["outcome"], found["over"].end_order) == ("declined", "declined", ["unit"])


def test_an_agent_who_joins_a_colleague_from_inside_the_room_leaves_the_colleague_there(left: Left) -> None:
    found = left(agent_sends_a_colleague)
    assert found["over"].outcome == "answered"

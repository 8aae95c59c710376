"""What agents order for the call in their hands, with real telephones: who heard whom, and what was written down (IVR-21 to
IVR-23, IVR-28, CAL-07, CAL-08). All stories are played once, several at a time; each test looks at what one of them left.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from acd import control_callers, control_orders, control_outbound, quality, sessions
from acd.errors import RefusedError
from acd.permissions import Person
from hotline import clock
from hotline.phones.talk import Talk
from hotline.phones.voices import SeatPhone
from tests import trial
from tests.threeway import Meeting, Office, office
from tests.trial import Trial
from tests.voices import hear_each_other

_AT_ONCE = 4
_QUEUE_SEATS = 6
_SPARE = "1060"
"""A colleague whom no story calls."""
_A_SECOND = dt.timedelta(seconds=1)
LEADER, OFFICE = Person("zhao", "shift_leader"), Person("ma", "office")
Story = Callable[[Office, Meeting, SeatPhone], Awaitable[Any]]
STORIES: dict[str, Story] = {}


def story(play: Story) -> Story:
    """One of the stories: the office, a citizen and an agent who talk, and a colleague who takes no calls from the queue."""
    STORIES[play.__name__] = play
    return play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Each story's name to what it returned, or to the error that it ended with."""
    chosen: dict[str, dict[str, object]] = {
        "queue": {"wrapup_seconds": 0, "ring_seconds": 5},
        "control": {"park_seconds": 3, "ring_seconds": 5, "emergency_ring_seconds": 3},
        "threeway": {"silence_seconds": 4},
    }
    with trial.running(tmp_path_factory.mktemp("control"), chosen) as stack:
        found = asyncio.run(_play(stack))
        found["complaints"] = stack.asterisk_complaints()
        yield found


async def _play(stack: Trial) -> dict[str, Any]:
    async with office(stack) as opened:
        for user in range(1001, 1001 + _QUEUE_SEATS):
            await opened.seat(str(user))
        free: asyncio.Queue[SeatPhone] = asyncio.Queue()
        for user in range(1051, 1051 + _AT_ONCE):
            free.put_nowait(await _colleague(opened, str(user)))
        await _colleague(opened, _SPARE)

        async def one(number: int, play: Story) -> Any:
            async with _borrowed(free) as colleague:
                meeting = await opened.meeting(f"139000030{number:02}")
                try:
                    return await play(opened, meeting, colleague)
                finally:
                    for talk in (meeting.citizen, meeting.agent, *colleague.talks):
                        await talk.hang_up()

        ends = await asyncio.gather(*(one(*pair) for pair in enumerate(STORIES.values())), return_exceptions=True)
        return dict(zip(STORIES, ends, strict=True))


async def _colleague(at: Office, user: str) -> SeatPhone:
    """An agent whom only colleagues call."""
    seat = await at.floor.seat(user)
    await sessions.pause(at.parts, Person(user, "agent", user), user, "training")
    return seat


@contextlib.asynccontextmanager
async def _borrowed(free: asyncio.Queue[SeatPhone]) -> AsyncIterator[SeatPhone]:
    seat = await free.get()
    try:
        yield seat
    finally:
        seat.behave("ring")
        free.put_nowait(seat)


@pytest.fixture
def left(played: dict[str, Any]) -> Callable[[Story], Any]:
    """What a story left; its error, when it failed."""

    def look(play: Story) -> Any:
        found = played[play.__name__]
        if isinstance(found, BaseException):
            raise found
        return found

    return look


# --- what the stories look at ---------------------------------------------------------------------------------------------------


async def place(at: Office, m: Meeting, wanted: str, **more: str) -> dict[str, Any]:
    """Wait until the book has the citizen there."""

    async def is_there() -> dict[str, Any] | None:
        rows = await at.rows("SELECT * FROM control_calls WHERE call_id = $1", m.call_id)
        fits = rows and rows[0]["place"] == wanted and all(rows[0][name] == value for name, value in more.items())
        return rows[0] if fits else None

    found: dict[str, Any] = await at.until(is_there, f"{wanted} {more}")
    return found


async def told(at: Office, call_id: str, what: str) -> dt.datetime:
    """When the dialplan told this first."""

    async def is_there() -> list[dict[str, Any]]:
        query = "SELECT at FROM acd_steps WHERE (call_id = $1 OR detail ~ $1) AND step = $2 ORDER BY at"
        return await at.rows(query, call_id, f"control:{what}")

    (first, *_) = await at.until(is_there, f"{what} of {call_id}")
    moment: dt.datetime = first["at"]
    return moment


async def figures(at: Office, call_id: str) -> dict[str, Any]:
    """The requests and turns of a call that is over."""

    async def is_over() -> object:
        return await at.rows("SELECT 1 FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL", call_id)

    await at.until(is_over, f"{call_id} is over")
    requests = await at.rows("SELECT kind, outcome, agent FROM requests WHERE call_id = $1 AND NOT void ORDER BY number", call_id)
    turns = await at.rows(
        "SELECT agent, result, ended_by, hold_us FROM agent_turns WHERE call_id = $1 AND NOT void ORDER BY number", call_id
    )
    return {"requests": [tuple(row.values()) for row in requests], "turns": [dict(row) for row in turns]}


async def refused(order: Awaitable[object]) -> str:
    """The code with which an order is refused."""
    with pytest.raises(RefusedError) as error:
        await order
    return error.value.code


async def asks(at: Office, m: Meeting, colleague: SeatPhone) -> Talk:
    """The agent asks the colleague, who answers; the citizen hears music and neither of them."""
    began = clock.now()
    await control_orders.consult(at.parts, m.person, "agent", colleague.name)
    call = await (await colleague.rings()).answer()
    await hear_each_other(m.agent, call)
    await m.citizen.until_music()
    assert not m.citizen.heard_between(began + _A_SECOND, clock.now())
    await place(at, m, "consulted")
    return call


# --- the stories ----------------------------------------------------------------------------------------------------------------


@story
async def held(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Twice on hold and back."""
    for _ in range(2):
        await control_orders.hold(at.parts, m.person)
        await m.citizen.until_music()
        await m.agent.until_quiet()
        await place(at, m, "held")
        await control_orders.resume(at.parts, m.person)
        await hear_each_other(m.citizen, m.agent)
        await place(at, m, "talking")
    twice = await refused(control_orders.resume(at.parts, m.person))
    await m.citizen.hang_up()
    await m.agent.ended()
    return {"figures": await figures(at, m.call_id), "twice": twice}


@story
async def agent_goes_on_hold(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The agent's telephone is gone while the citizen hears music: the next agent."""
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await m.agent.hang_up()
    second = await at.next_agent(m.caller, after=m.agent)
    await hear_each_other(m.citizen, second)
    await m.citizen.hang_up()
    await second.ended()
    return {"figures": await figures(at, m.call_id), "agents": [m.agent.name, second.name]}


@story
async def agent_dies_on_hold(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The agent's telephone falls silent without a word: it is dead, and the citizen comes to the next agent."""
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await m.agent.die()
    second = await at.next_agent(m.caller, after=m.agent)
    await hear_each_other(m.citizen, second)
    await m.citizen.hang_up()
    await second.ended()
    return {"figures": await figures(at, m.call_id), "agents": [m.agent.name, second.name]}


@story
async def citizen_goes_on_hold(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The citizen hangs up: the agent waits for nobody."""
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await m.citizen.hang_up()
    await m.agent.ended(within=2)
    return {"figures": await figures(at, m.call_id)}


@story
async def parked(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """A colleague dials the place; a place that nobody waits in is refused."""
    now = await control_orders.park(at.parts, m.person)
    await m.agent.ended()
    await m.citizen.until_music()
    nobody = await colleague.dial("720")
    await nobody.ended()
    call = await (await colleague.dial(now.slot)).answered()
    await hear_each_other(m.citizen, call)
    taken = await place(at, m, "talking", agent=colleague.name)
    await control_orders.hold(at.parts, Person(colleague.name, "agent", colleague.name))
    await m.citizen.until_music()
    await control_orders.resume(at.parts, Person(colleague.name, "agent", colleague.name))
    await hear_each_other(m.citizen, call)
    await m.citizen.hang_up()
    await call.ended()
    over = await place(at, m, "over")
    return {
        "slot": now.slot,
        "nobody": nobody.call.answered_at,
        "taken": taken,
        "over": over,
        "figures": await figures(at, m.call_id),
    }


@story
async def parked_by_telephone(at: Office, m: Meeting, colleague: SeatPhone) -> str:
    """The agent's telephone sends the citizen to a place by itself."""
    await m.agent.transfer("719")
    await m.citizen.until_music()
    await place(at, m, "parked", slot="719")
    call = await (await colleague.dial("719")).answered()
    await hear_each_other(m.citizen, call)
    return "picked up"


@story
async def parked_too_long(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Nobody comes: back to the agent who parked the call."""
    await control_orders.park(at.parts, m.person)
    again = await at.next_agent(m.caller, after=m.agent)
    await hear_each_other(m.citizen, again)
    return {"back": (m.agent.name, again.name), "row": await place(at, m, "talking", agent=again.name)}


@story
async def asked_in_vain_then_handed(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The colleague is busy; at the second time the colleague takes the citizen."""
    colleague.behave("busy", "ring")
    began = clock.now()
    await control_orders.consult(at.parts, m.person, "agent", colleague.name)
    await hear_each_other(m.citizen, m.agent)
    away = await told(at, m.call_id, "joined") - await told(at, m.call_id, "consult_over")
    row = await place(at, m, "talking", result="BUSY")
    await colleague.rings()
    call = await asks(at, m, colleague)
    await control_orders.complete(at.parts, m.person)
    await hear_each_other(m.citizen, call)
    await m.agent.ended()
    taken = await place(at, m, "talking", agent=colleague.name)
    await m.citizen.hang_up()
    await call.ended()
    shown = call.number
    return {
        "away": away,
        "busy": row["result"],
        "shown": (shown, m.agent.name),
        "taken": taken,
        "began": began,
        "figures": await figures(at, m.call_id),
    }


@story
async def asked_and_back(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """An outside number is asked, which sees the hotline; then back; then a colleague, given up while it rings."""
    (unit,) = [await at.floor.unit("83125001", "answer")]
    await control_orders.consult(at.parts, m.person, "outside", "83125001")
    outside = await unit.rings()
    await hear_each_other(m.agent, outside)
    await control_orders.back(at.parts, m.person)
    await hear_each_other(m.agent, m.citizen)
    await outside.ended()
    await control_orders.consult(at.parts, m.person, "agent", colleague.name)
    ringing = await colleague.rings()
    await control_orders.back(at.parts, m.person)
    await hear_each_other(m.agent, m.citizen)
    await ringing.ended()
    unknown = await refused(control_orders.consult(at.parts, m.person, "agent", "9999"))
    away = await refused(control_orders.consult(at.parts, m.person, "agent", "1059"))
    bad = await refused(control_orders.consult(at.parts, m.person, "outside", "831x"))
    return {"shown": outside.number, "refusals": [unknown, away, bad]}


@story
async def asked_a_queue(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The next agent of a queue is asked, and takes the citizen, and has the citizen's call in hand."""
    await control_orders.consult(at.parts, m.person, "queue", at.parts.settings.queue.name)
    second = await at.next_agent(m.agent)
    await hear_each_other(m.agent, second)
    await m.citizen.until_music()
    await place(at, m, "consulted", colleague=second.name)
    await control_orders.complete(at.parts, m.person)
    await hear_each_other(m.citizen, second)
    await m.agent.ended()
    await place(at, m, "talking", agent=second.name)
    taker = Person(second.name, "agent", second.name)
    await control_orders.hold(at.parts, taker)
    await m.citizen.until_music()
    await control_orders.resume(at.parts, taker)
    await hear_each_other(m.citizen, second)
    await m.citizen.hang_up()
    await second.ended()
    return {"figures": await figures(at, m.call_id), "agents": (m.agent.name, second.name)}


@story
async def dropped(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Whoever was asked is let go: while asked in private, and when all three talk."""
    first = await asks(at, m, colleague)
    await control_orders.drop(at.parts, m.person)
    await first.ended()
    await hear_each_other(m.citizen, m.agent)
    await place(at, m, "talking")
    second = await asks(at, m, colleague)
    await control_orders.three(at.parts, m.person)
    await hear_each_other(m.citizen, m.agent, second)
    await control_orders.drop(at.parts, m.person)
    await second.ended()
    await hear_each_other(m.citizen, m.agent)
    nobody = await refused(control_orders.drop(at.parts, m.person))
    await m.citizen.hang_up()
    await m.agent.ended()
    return {"figures": await figures(at, m.call_id), "nobody": nobody}


@story
async def all_three(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Citizen, agent and colleague talk; the agent leaves; the colleague leaves; the citizen goes on to the flow."""
    call = await asks(at, m, colleague)
    await control_orders.three(at.parts, m.person)
    await hear_each_other(m.citizen, m.agent, call)
    await m.agent.hang_up()
    await hear_each_other(m.citizen, call)
    await call.hang_up()
    await told(at, m.call_id, "over")
    await m.citizen.hang_up()
    return {"figures": await figures(at, m.call_id)}


@story
async def sent_and_refused(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The colleague refuses: the call rings at the agent who sent it."""
    colleague.behave("decline", "ring")
    await control_orders.transfer(at.parts, m.person, "agent", colleague.name)
    await colleague.rings()
    again = await at.next_agent(m.caller, after=m.agent)
    await hear_each_other(m.citizen, again)
    row = await place(at, m, "talking", agent=again.name)
    await m.citizen.hang_up()
    return {"back": (m.agent.name, again.name), "row": row, "figures": await figures(at, m.call_id)}


@story
async def sent_to_a_queue(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Another agent takes the call from the queue; the figures have a transfer."""
    await control_orders.transfer(at.parts, m.person, "queue", at.parts.settings.queue.name)
    second = await at.next_agent(m.caller, after=m.agent)
    await hear_each_other(m.citizen, second)
    await m.citizen.hang_up()
    return {"agents": (m.agent.name, second.name), "figures": await figures(at, m.call_id)}


@story
async def sent_outside(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """An outside number takes the citizen; when it hangs up, the flow has the last word."""
    unit = await at.floor.unit("83125002", "answer")
    await control_orders.transfer(at.parts, m.person, "outside", "83125002")
    outside = await unit.rings()
    await hear_each_other(m.citizen, outside)
    await m.agent.ended()
    row = await place(at, m, "talking", colleague="")
    await outside.hang_up()
    await told(at, m.call_id, "over")
    await m.citizen.hang_up()
    return {"figures": await figures(at, m.call_id), "row": row}


@story
async def rated(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The agent sends the citizen to the survey; the answer belongs to this agent."""
    await control_orders.survey(at.parts, m.person)
    await m.agent.ended()
    await told(at, m.call_id, "over")

    async def is_asked() -> bool:
        return m.citizen.hears_anything

    await at.until(is_asked, "the survey")
    await m.citizen.press("4")

    async def is_kept() -> list[dict[str, Any]]:
        return await at.rows("SELECT agent, rating, direction FROM survey_ratings WHERE call_id = $1", m.call_id)

    (row,) = await at.until(is_kept, "the rating is stored")
    await m.citizen.hang_up()
    return {"row": row, "agent": m.agent.name, "figures": await figures(at, m.call_id)}


@story
async def called_outside(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """From a ticket: the number shown, hold, nobody else may dial the number, the survey when the agent hangs up."""
    citizen = await at.floor.unit("13800005001", "answer")
    caller = Person(colleague.name, "agent", colleague.name)
    async with asyncio.TaskGroup() as tasks:
        order = tasks.create_task(control_outbound.call(at.parts, caller, "13800005001", "answer", ticket="T-1"))
        agent = await colleague.rings()
        second = await refused(control_outbound.call(at.parts, LEADER, "13800005001", "other", agent=_SPARE))
        await agent.answer()
    call = order.result()
    answered = await citizen.rings()
    await hear_each_other(agent, answered)

    async def is_known() -> list[dict[str, Any]]:
        return await at.rows("SELECT 1 FROM control_calls WHERE call_id = $1", call.call_id)

    await at.until(is_known, "who was called is in the agent's hands")
    await control_orders.hold(at.parts, caller)
    await answered.until_music()
    await control_orders.resume(at.parts, caller)
    await hear_each_other(agent, answered)
    await agent.hang_up()
    await told(at, call.call_id, "over")
    await answered.hang_up()

    async def is_over() -> list[dict[str, Any]]:
        return await at.rows("SELECT * FROM outbound_calls WHERE outbound_id = $1 AND ended_at IS NOT NULL", call.outbound_id)

    (row,) = await at.until(is_over, "the call's end is known")
    counted = await at.rows("SELECT 1 FROM requests WHERE call_id = $1", call.call_id)
    return {"shown": (agent.number, answered.number), "second": second, "row": row, "counted": counted}


@story
async def called_outside_in_vain(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The number is busy; the agent hears it, and the number is free for the next try."""
    await at.floor.unit("13800005002", "busy")
    caller = Person(colleague.name, "agent", colleague.name)
    async with asyncio.TaskGroup() as tasks:
        order = tasks.create_task(control_outbound.call(at.parts, caller, "13800005002", "complete_data"))
        agent = await (await colleague.rings()).answer()
    call = order.result()
    await agent.ended(within=10)

    async def is_over() -> list[dict[str, Any]]:
        return await at.rows(
            "SELECT result FROM outbound_calls WHERE outbound_id = $1 AND ended_at IS NOT NULL", call.outbound_id
        )

    (row,) = await at.until(is_over, "the call's end is known")
    return {"result": row["result"]}


@story
async def emergency(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The police are busy and answer the second call, although acd died in between; the agent leaves, two talk on."""
    police = await at.floor.unit("110", "busy", "answer")
    handed = await control_orders.emergency(at.parts, m.person, "police")
    at.stack.kill("acd")
    await police.rings()
    call = await police.rings()
    await hear_each_other(m.citizen, m.agent, call)
    row = await place(at, m, "party", emergency="answered")
    await m.agent.hang_up()
    await hear_each_other(m.citizen, call)
    return {"handed": handed, "shown": (call.number, m.caller.name), "row": row}


@story
async def emergency_in_vain(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Two calls, no answer: agent and citizen have talked all the time."""
    medical = await at.floor.unit("120", "busy")
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await control_orders.emergency(at.parts, m.person, "medical")
    await place(at, m, "party", emergency="failed")
    await hear_each_other(m.citizen, m.agent)
    return {"calls": len(medical.talks), "unknown": await refused(control_orders.emergency(at.parts, m.person, "navy"))}


@story
async def silent_caller(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Nobody speaks: the agent may hang up after two seconds, and not before."""
    m.citizen.mute()
    at_once = await refused(control_orders.hang_up(at.parts, m.person, "silent"))
    since = await control_orders.silent(at.parts, m.person)
    too_early = await refused(control_orders.hang_up(at.parts, m.person, "silent"))

    async def may() -> bool:
        return clock.now() > since

    await at.until(may, "two seconds")
    await control_orders.hang_up(at.parts, m.person, "silent")
    await m.citizen.ended()
    await m.agent.ended()
    await figures(at, m.call_id)
    rows = await at.rows("SELECT disposition, agent FROM call_dispositions WHERE call_id = $1", m.call_id)
    return {"refused": (at_once, too_early), "rows": rows, "flags": await _flags(at, m.call_id), "agent": m.agent.name}


@story
async def agent_hangs_up_first(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """Without a reason, at the telephone: not prevented, but flagged."""
    await m.agent.hang_up()
    await m.citizen.hang_up()

    async def is_flagged() -> list[dict[str, Any]]:
        return await _flags(at, m.call_id)

    return {"flags": await at.until(is_flagged, "a flag"), "agent": m.agent.name}


async def _flags(at: Office, call_id: str) -> list[dict[str, Any]]:
    return await at.rows("SELECT agent, kind FROM quality_flags WHERE call_id = $1", call_id)


@story
async def blocked(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The office blocks the number: the hotline is open to it, no agent is; taken back, it is put through again."""
    await m.citizen.hang_up()
    await m.agent.ended()
    reason = "扬言纵火，公安机关已介入"
    until = clock.now() + dt.timedelta(hours=1)
    by_leader = await refused(control_callers.block(at.parts, LEADER, m.caller.name, until, reason))
    await control_callers.block(at.parts, OFFICE, m.caller.name, until, reason)
    again = await at.floor.citizen(m.caller.name)
    await again.talk.press("1")

    async def path(ended: bool) -> list[dict[str, Any]]:
        found = "caller_number = $1 AND call_id <> $2 AND menu_path ~ 'queue:empty' AND (ended_at IS NOT NULL) = $3"
        query = f"SELECT call_id, tags, connected_at FROM calls WHERE {found}"
        return await at.rows(query, again.name, m.call_id, ended)

    await at.until(lambda: path(False), "nobody is there for it")
    await again.talk.hang_up()
    (row,) = await at.until(lambda: path(True), "its record")
    query = "SELECT action FROM audit_log WHERE actor = 'ma' AND subject = $1"
    logged = await at.rows(query, f"caller:{again.name}")
    asked = await at.rows("SELECT FROM requests WHERE call_id = $1", row["call_id"])
    await control_callers.unblock(at.parts, OFFICE, again.name)
    third = await at.floor.citizen(again.name)
    await third.talk.press("1")
    await hear_each_other(third.talk, await at.next_agent(third, after=m.agent))
    await third.talk.hang_up()
    return {"row": row, "refused": by_leader, "logged": logged, "asked": asked}


@story
async def malicious(at: Office, m: Meeting, colleague: SeatPhone) -> dict[str, Any]:
    """The same number three times; the shift leader hears of the third call when it is over, and begins the count anew."""
    levels, hung_up = [], []
    for number in range(3):
        if number:
            await m.citizen.hang_up()
            citizen, agent = m.caller, m.agent
            m.caller = await at.floor.citizen(citizen.name)
            await m.caller.talk.press("1")
            m.citizen, m.agent = m.caller.talk, await at.next_agent(m.caller, after=agent)
            await m.until_known()
        mark = await control_callers.mark_malicious(at.parts, m.person, note="骂人")
        again = await control_callers.mark_malicious(at.parts, m.person)
        levels.append((mark.level, mark.says, again.level))
        if number == 0:
            hung_up.append(await refused(control_orders.hang_up(at.parts, m.person, "malicious")))
    await control_orders.hang_up(at.parts, m.person, "malicious")
    await m.citizen.ended()

    async def is_reported() -> list[dict[str, Any]]:
        query = "SELECT subject FROM alarms WHERE kind = 'malicious_caller' AND subject = $1 AND cleared_at IS NULL"
        return await at.rows(query, m.caller.name)

    await at.until(is_reported, "the report")
    by_agent = await refused(control_callers.reset_malicious(at.parts, m.person, m.caller.name))
    count = await control_callers.reset_malicious(at.parts, LEADER, m.caller.name)
    return {
        "levels": levels,
        "refused": [*hung_up, by_agent],
        "reset": (count, await control_callers.level_of(at.parts, m.caller.name), await is_reported()),
        "blocked": m.caller.name in [one.number for one in await quality.blocks(at.parts, LEADER)],
    }


# --- what they left -------------------------------------------------------------------------------------------------------------

Left = Callable[[Story], Any]


def test_hold_is_music_for_the_citizen_and_counts_as_hold(left: Left) -> None:
    found = left(held)
    (turn,) = found["figures"]["turns"]
    assert (turn["result"], turn["ended_by"], turn["hold_us"] > 0) == ("answered", "caller", True)
    assert [request[:2] for request in found["figures"]["requests"]] == [("caller", "answered")]
    assert found["twice"] == "not_now"


def test_a_citizen_whose_agent_is_gone_comes_to_the_next_one(left: Left) -> None:
    found = left(agent_goes_on_hold)
    first, second = found["agents"]
    assert found["figures"]["requests"] == [("caller", "answered", first), ("transfer", "answered", second)]
    assert [turn["agent"] for turn in found["figures"]["turns"]] == [first, second]


def test_a_citizen_whose_agents_telephone_died_on_hold_comes_to_the_next_one(left: Left) -> None:
    found = left(agent_dies_on_hold)
    first, second = found["agents"]
    assert found["figures"]["requests"] == [("caller", "answered", first), ("transfer", "answered", second)]


def test_an_agent_whose_citizen_is_gone_is_free(left: Left) -> None:
    (turn,) = left(citizen_goes_on_hold)["figures"]["turns"]
    assert turn["ended_by"] == "caller"


def test_a_parked_call_is_taken_by_whoever_dials_its_place(left: Left) -> None:
    found = left(parked)
    assert 701 <= int(found["slot"]) <= 720
    assert found["nobody"] is None
    assert (found["taken"]["slot"], found["over"]["agent"]) == ("", "")
    assert [request[:2] for request in found["figures"]["requests"]] == [("caller", "answered")]
    assert [turn["ended_by"] for turn in found["figures"]["turns"]] == ["transfer"]


def test_a_telephone_parks_by_itself(left: Left) -> None:
    assert left(parked_by_telephone) == "picked up"


def test_a_call_that_nobody_takes_comes_back_to_who_parked_it(left: Left) -> None:
    sent, back = left(parked_too_long)["back"]
    assert sent == back


def test_a_consultation_in_vain_ends_with_the_citizen_within_a_second_and_a_second_one_hands_over(left: Left) -> None:
    found = left(asked_in_vain_then_handed)
    assert found["away"] < _A_SECOND
    shown, agent = found["shown"]
    assert shown == agent
    assert [request[:2] for request in found["figures"]["requests"]] == [("caller", "answered")]
    assert [turn["ended_by"] for turn in found["figures"]["turns"]] == ["transfer"]


def test_an_outside_number_is_asked_and_sees_the_hotline_and_the_agent_comes_back(left: Left) -> None:
    found = left(asked_and_back)
    assert found["shown"] == "12345"
    assert found["refusals"] == ["unknown_target", "agent_not_there", "bad_number"]


def test_a_queue_is_asked_and_its_agent_takes_the_citizen(left: Left) -> None:
    found = left(asked_a_queue)
    first, second = found["agents"]
    assert found["figures"]["requests"] == [("caller", "answered", first), ("transfer", "answered", second)]
    ends = [(turn["agent"], turn["ended_by"]) for turn in found["figures"]["turns"]]
    assert ends == [(first, "transfer"), (second, "transfer")]


def test_whoever_was_asked_is_let_go_and_agent_and_citizen_go_on(left: Left) -> None:
    found = left(dropped)
    assert found["nobody"] == "not_now"
    (turn,) = found["figures"]["turns"]
    assert (turn["result"], turn["ended_by"]) == ("answered", "caller")
    assert [request[:2] for request in found["figures"]["requests"]] == [("caller", "answered")]


def test_three_talk_and_the_last_two_go_on(left: Left) -> None:
    assert [request[:2] for request in left(all_three)["figures"]["requests"]] == [("caller", "answered")]


def test_a_refused_transfer_returns_to_the_agent_who_sent_it(left: Left) -> None:
    found = left(sent_and_refused)
    sent, back = found["back"]
    assert sent == back
    assert found["row"]["result"] not in ("", "ANSWER")
    assert [turn["ended_by"] for turn in found["figures"]["turns"]] == ["transfer"]


def test_a_transfer_to_a_queue_is_a_request_of_its_own_kind(left: Left) -> None:
    found = left(sent_to_a_queue)
    first, second = found["agents"]
    assert found["figures"]["requests"] == [("caller", "answered", first), ("transfer", "answered", second)]


def test_an_outside_number_takes_a_citizen(left: Left) -> None:
    found = left(sent_outside)
    assert [turn["ended_by"] for turn in found["figures"]["turns"]] == ["transfer"]
    assert [request[:2] for request in found["figures"]["requests"]] == [("caller", "answered")]


def test_a_citizen_is_sent_to_the_survey_and_rates_this_agent(left: Left) -> None:
    """IVR-20."""
    found = left(rated)
    assert found["row"] == {"agent": found["agent"], "rating": "dissatisfied", "direction": "inbound"}
    assert [turn["ended_by"] for turn in found["figures"]["turns"]] == ["transfer"]


def test_a_number_that_the_office_blocks_reaches_the_hotline_and_no_agent(left: Left) -> None:
    """CAL-08: by decision of the office alone, logged, for a time; no request of an agent is counted."""
    found = left(blocked)
    assert found["refused"] == "not_allowed"
    assert [line["action"] for line in found["logged"]] == ["caller.block"]
    assert (found["row"]["tags"], found["row"]["connected_at"], found["asked"]) == (["blocked"], None, [])


def test_a_call_to_outside_shows_the_hotline_is_no_request_and_is_dialled_once(left: Left) -> None:
    found = left(called_outside)
    assert found["shown"] == ("13800005001", "12345")
    assert found["second"] == "number_in_use"
    assert (found["row"]["result"], found["row"]["ticket"], found["row"]["purpose"]) == ("answered", "T-1", "answer")
    assert found["row"]["dialled_at"] <= found["row"]["answered_at"] <= found["row"]["ended_at"]
    assert found["counted"] == []


def test_a_number_that_is_busy_is_told_so(left: Left) -> None:
    assert left(called_outside_in_vain) == {"result": "busy"}


def test_the_police_come_into_the_conversation_at_the_second_try_whoever_of_us_is_dead(left: Left) -> None:
    found = left(emergency)
    assert (found["handed"].number, found["handed"].caller) == ("110", found["shown"][1])
    assert found["shown"][0] == found["shown"][1], "the citizen's own number is shown"


def test_an_emergency_that_nobody_answers_leaves_two_who_talk(left: Left) -> None:
    assert left(emergency_in_vain) == {"calls": 2, "unknown": "unknown_kind"}


def test_a_silent_call_may_be_ended_after_two_seconds(left: Left) -> None:
    found = left(silent_caller)
    assert found["refused"] == ("not_silent_yet", "not_silent_yet")
    assert found["rows"] == [{"disposition": "silent", "agent": found["agent"]}]
    assert found["flags"] == []


def test_an_agent_who_hangs_up_first_is_flagged(left: Left) -> None:
    found = left(agent_hangs_up_first)
    assert found["flags"] == [{"agent": found["agent"], "kind": "agent_hung_up_first"}]


def test_a_malicious_caller_is_counted_reported_and_never_blocked(left: Left) -> None:
    found = left(malicious)
    assert found["levels"] == [(1, "normal", 1), (2, "warn", 2), (3, "warn_with_police", 3)]
    assert found["refused"] == ["not_warned_yet", "not_allowed"]
    assert found["reset"] == (3, 0, [])
    assert found["blocked"] is False


def test_asterisk_has_nothing_to_complain_of(played: dict[str, Any]) -> None:
    assert [line for line in played["complaints"] if "control" in line or "pbx" in line] == []

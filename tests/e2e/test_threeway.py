"""The three-way call with real telephones, row by row (TWC-01 to TWC-16): who heard whom, and what was written down.

All stories are played once, several at a time; each test looks at what one of them left.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from acd import control_orders, control_outbound, sessions, threeways
from acd.errors import RefusedError
from acd.permissions import Person
from hotline import clock
from hotline.phones import hearing
from hotline.phones.talk import Talk
from hotline.phones.voices import SeatPhone
from tests import trial
from tests.threeway import CONTACT, QUESTION, Meeting, Office, office
from tests.trial import Trial

_AT_ONCE = 6
_WRAPUP = 2
_TIME = dt.timedelta(seconds=0.5)
"""Between what a telephone does and what is written of it."""
Story = Callable[[Office, Meeting], Awaitable[Any]]
STORIES: dict[str, Story] = {}


def story(play: Story) -> Story:
    """One of the stories."""
    STORIES[play.__name__] = play
    return play


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Each story's name to what it returned, or to the error that it ended with."""
    chosen = {"queue": {"wrapup_seconds": _WRAPUP}, "threeway": {"ring_seconds": 3, "pause_seconds": 1}}
    with trial.running(tmp_path_factory.mktemp("three"), chosen) as stack:
        found = asyncio.run(_play(stack))
        trial.wait_until(lambda: not stack.fetch("SELECT FROM calls WHERE ended_at IS NULL"), what="all calls are over")
        found["calls"] = stack.fetch(
            "SELECT caller_number, disposition, connected_at FROM calls WHERE caller_number LIKE '1390000%'"
        )
        found["requests"] = stack.fetch(
            "SELECT outcome, count(*) FROM requests WHERE kind = 'caller' AND caller LIKE '1390000%' GROUP BY outcome"
        )
        found["complaints"] = stack.asterisk_complaints()
        yield found


async def _play(stack: Trial) -> dict[str, Any]:
    async with office(stack) as opened:
        for user in range(1001, 1001 + _AT_ONCE + 2):
            await opened.seat(str(user))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, play: Story) -> Any:
            async with gate:
                meeting = await opened.meeting(f"139000020{number:02}")
                try:
                    return await play(opened, meeting)
                finally:
                    for talk in (meeting.citizen, meeting.agent):
                        await talk.hang_up()

        ends = await asyncio.gather(*(one(*pair) for pair in enumerate(STORIES.values())), return_exceptions=True)
        return dict(zip(STORIES, ends, strict=True))


@pytest.fixture
def left(played: dict[str, Any]) -> Callable[[Story], Any]:
    """What a story left; its error, when it failed."""

    def look(play: Story) -> Any:
        found = played[play.__name__]
        if isinstance(found, BaseException):
            raise found
        return found

    return look


# --- the stories ----------------------------------------------------------------------------------------------------------------


@story
async def solved(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit answers, hears of it, agrees; all three talk; the citizen leaves first; the agent thanks the service line."""
    (unit,) = await at.unit("U01", ("83121001", ["answer"]), is_service_line=True)
    began = clock.now()
    await m.begin("U01")
    call = await unit.rings()
    await m.until("private")
    await m.citizen.until_music()
    await m.together(m.agent, call)
    heard = {
        "citizen": m.citizen.heard_between(began + dt.timedelta(seconds=1), clock.now()),
        "unit": call.heard_between(began, clock.now()),
        "shown": call.number,
    }
    await m.order(threeways.join)
    await m.together(m.agent, m.citizen, call)
    await m.until("joined")
    await m.citizen.hang_up()
    await m.together(m.agent, call)
    await m.until("farewell")
    await m.order(threeways.drop_unit)
    await call.ended()
    await m.agent.ended()
    return {**heard, "agent_tone": m.agent.tone, "over": await m.until("over"), "draft": await m.draft()}


@story
async def no_consent(at: Office, m: Meeting) -> dict[str, Any]:
    """The citizen does not want to talk to the unit."""
    (unit,) = await at.unit("U02", ("83121002", ["answer"]))
    asked = await m.begin("U02", consent=False)
    await m.together(m.agent, m.citizen)
    return {"now": asked, "draft": await m.draft(), "dialled": unit.talks, "steps": await m.steps()}


@story
async def unreachable(at: Office, m: Meeting) -> dict[str, Any]:
    """Busy at the first number, no answer at the second."""
    first, second = await at.unit("U03", ("83121003", ["busy"]), ("83121903", ["ring"]))
    await m.begin("U03")
    over = await m.until_back()
    calls = (len(first.talks), len(second.talks))
    at_last, back = (await m.steps())[-2:]
    told = {"over": over, "draft": await m.draft(), "calls": calls, "back": (back["step"], back["at"] - at_last["at"])}
    return {**told, "turn": await _turn(at, m)}


@story
async def busy_twice(at: Office, m: Meeting) -> dict[str, Any]:
    """A unit with one telephone, which is busy."""
    (unit,) = await at.unit("U04", ("83121004", ["busy"]))
    await m.begin("U04")
    over = await m.until_back()
    return {"over": over, "calls": len(unit.talks)}


@story
async def declined(at: Office, m: Meeting) -> dict[str, Any]:
    """The second attempt is answered; the unit does not want to talk to the citizen."""
    first, second = await at.unit("U05", ("83121005", ["ring"]), ("83121905", ["answer"]))
    await m.begin("U05")
    await first.rings()
    call = await second.rings()
    await m.until("private")
    await m.together(m.agent, call)
    ordered = clock.now()
    await m.order(threeways.decline)
    over = await m.until_back()
    back = (await m.told("together"))["at"] - ordered
    heard = call.heard_between(ordered - _MINUTE, ordered)
    return {"over": over, "draft": await m.draft(), "back": back, "unit_heard": heard, "turn": await _turn(at, m)}


@story
async def not_competent(at: Office, m: Meeting) -> dict[str, Any]:
    """With all three on the line it proves not to be the unit's matter: the unit goes first; the citizen asks something else."""
    call = await _all_three(at, m, "U06", "83121006")
    await m.order(threeways.drop_unit)
    await call.ended()
    over = await m.until_back()
    await m.order(threeways.further_questions, further="还想问公积金")
    return {"over": over, "draft": await m.draft()}


@story
async def office_telephone(at: Office, m: Meeting) -> dict[str, Any]:
    """The citizen has left; an office's telephone is no service line: it hangs up first."""
    call = await _all_three(at, m, "U07", "83121007")
    await m.order(threeways.release_caller)
    await m.together(m.agent, call)
    await m.until("farewell")
    with pytest.raises(RefusedError) as refused:
        await m.order(threeways.drop_unit)
    await m.together(m.agent, call)
    await call.hang_up()
    await m.agent.ended()
    still_there = m.citizen.is_open
    return {"refused": refused.value.code, "over": await m.until("over"), "citizen_in_survey": still_there}


@story
async def machine(at: Office, m: Meeting) -> dict[str, Any]:
    """An answering machine greets and beeps; the agent says so."""
    return await _marked(at, m, "U08", "machine", hearing.BEEP)


@story
async def fax(at: Office, m: Meeting) -> dict[str, Any]:
    """A fax machine whistles."""
    return await _marked(at, m, "U09", "fax", hearing.FAX_ANSWERING)


@story
async def ivr(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit's machine wants keys: one from the agent's telephone, two by order; then somebody is there, and two press join."""
    (unit,) = await at.unit("U10", ("83121010", ["ivr"]))
    unit.keys_wanted = "12#"
    await m.begin("U10")
    call = await unit.rings()
    await m.until("private")
    await m.agent.press("1")
    await call.until_digits("1")
    await m.order(threeways.send_digits, "2#")
    await call.until_digits("12#")
    await m.together(m.agent, call)
    both = await asyncio.gather(m.order(threeways.join), m.order(threeways.join), return_exceptions=True)
    await m.together(m.agent, m.citizen, call)
    return {"digits": call.digits, "refused": [end.code for end in both if isinstance(end, RefusedError)]}


@story
async def cancelled(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent takes it back while the telephone rings, and then calls another unit."""
    (unit,) = await at.unit("U11", ("83121011", ["ring"]))
    await m.begin("U11")
    call = await unit.rings()
    await m.order(threeways.cancel)
    await call.ended()
    first = await m.until_back()
    other = await _all_three(at, m, "U12", "83121012")
    await other.hang_up()
    second = await m.until_back()
    return {"first": first, "second": second, "calls": len(unit.talks), "turn": await _turn(at, m)}


@story
async def caller_gives_up(at: Office, m: Meeting) -> dict[str, Any]:
    """The citizen hangs up while the unit's telephone rings: it stops, and the agent is free."""
    (unit,) = await at.unit("U13", ("83121013", ["ring"]))
    await m.begin("U13")
    call = await unit.rings()
    await m.citizen.hang_up()
    await call.ended()
    await m.agent.ended()
    return {"over": await m.until("over"), "draft": await m.draft(), "calls": len(unit.talks)}


@story
async def caller_leaves_private(at: Office, m: Meeting) -> dict[str, Any]:
    """The citizen hangs up while agent and unit talk: the agent stays, to tell the unit."""
    (unit,) = await at.unit("U14", ("83121014", ["answer"]))
    await m.begin("U14")
    call = await unit.rings()
    await m.until("private")
    await m.citizen.hang_up()
    await m.until("farewell")
    await m.together(m.agent, call)
    await call.hang_up()
    await m.agent.ended()
    return {"over": await m.until("over")}


@story
async def wrong_orders(at: Office, m: Meeting) -> dict[str, Any]:
    """Orders that do not fit: each is refused with its reason, and the call goes on."""
    (unit,) = await at.unit("U15", ("83121015", ["answer"]))
    codes = [await _refusal(m.begin("U99"))]
    await m.begin("U15")
    call = await unit.rings()
    await m.until("private")
    stranger = Person("1009", "agent", "1009")
    for wrong in (
        m.begin("U15"),
        m.order(threeways.cancel),
        m.order(threeways.take_up),
        m.order(threeways.send_digits, "1;2"),
        threeways.join(at.parts, stranger, m.id),
        threeways.begin(at.parts, stranger, unit="U15", consent=True),
        threeways.join(at.parts, m.person, 999_999),
    ):
        codes.append(await _refusal(wrong))
    await m.together(m.agent, call)
    query = "SELECT action, subject FROM audit_log WHERE actor = '1009'"
    return {"codes": codes, "audit": await at.rows(query), "calls": len(unit.talks)}


@story
async def emergency_of_three(at: Office, m: Meeting) -> dict[str, Any]:
    """All three talk, and the police are needed: the unit goes, citizen and agent talk on, the police come in."""
    police = await at.floor.unit("110", "ring")
    unit = await _all_three(at, m, "U16", "83121016")
    await control_orders.emergency(at.parts, m.person, "police")
    await unit.ended()
    ringing = await police.rings()
    await m.together(m.agent, m.citizen)
    over = await m.until("over")
    await ringing.answer()
    await m.together(m.agent, m.citizen, ringing)
    return {"over": over, "draft": await m.draft(), "left": await _refusal(m.order(threeways.drop_unit)), **await _after(at, m)}


@story
async def emergency_while_dialled(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit's telephone rings: it stops, and the three talk with the fire brigade."""
    fire, (unit,) = await at.floor.unit("119", "answer"), await at.unit("U17", ("83121017", ["ring"]))
    await m.begin("U17")
    call = await unit.rings()
    await control_orders.emergency(at.parts, m.person, "fire")
    await call.ended()
    await m.together(m.agent, m.citizen, await fire.rings())
    return {"over": await m.until("over"), "calls": len(unit.talks), **await _after(at, m)}


@story
async def emergency_in_private(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent tells the unit who calls when the ambulance is needed."""
    medical, (unit,) = await at.floor.unit("120", "answer"), await at.unit("U18", ("83121018", ["answer"]))
    await m.begin("U18")
    call = await unit.rings()
    await m.until("private")
    await control_orders.emergency(at.parts, m.person, "medical")
    await call.ended()
    await m.together(m.agent, m.citizen, await medical.rings())
    return {"over": await m.until("over"), "calls": len(unit.talks), **await _after(at, m)}


async def _after(at: Office, m: Meeting) -> dict[str, Any]:
    """Citizen and agent hang up: the agent's turns of the call."""
    await m.citizen.hang_up()
    await m.agent.hang_up()

    async def is_over() -> object:
        return await at.rows(
            """SELECT FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL
               AND NOT EXISTS (SELECT FROM agent_turns WHERE call_id = $1 AND NOT void AND ended_at IS NULL)""",
            m.call_id,
        )

    await at.until(is_over, f"{m.call_id} and its turns are over")
    return {"turns": await at.rows("SELECT ended_by FROM agent_turns WHERE call_id = $1 AND NOT void", m.call_id)}


_MINUTE = dt.timedelta(minutes=1)


async def _refusal(order: Awaitable[Any]) -> str:
    with pytest.raises(RefusedError) as refused:
        await order
    return refused.value.code


async def _all_three(at: Office, m: Meeting, code: str, number: str) -> Any:
    """The unit answers and agrees: all three hear each other."""
    (unit,) = await at.unit(code, (number, ["answer"]))
    await m.begin(code)
    call = await unit.rings()
    await m.until("private")
    await m.together(m.agent, call)
    await m.order(threeways.join)
    await m.together(m.agent, m.citizen, call)
    await m.until("joined")
    return call


async def _marked(at: Office, m: Meeting, code: str, what: Any, sound: int) -> dict[str, Any]:
    (unit,) = await at.unit(code, (f"831210{code[1:]}", [what]))
    await m.begin(code)
    call = await unit.rings()
    await m.until("private")
    await at.until(lambda: _hears(m, sound), f"the agent hears {sound} Hz")
    await m.order(threeways.machine, is_fax=what == "fax")
    await call.ended()
    over = await m.until_back()
    return {"over": over, "citizen_heard": m.citizen.hears(sound, since=clock.now() - _MINUTE), "draft": await m.draft()}


# --- whoever has the citizen, however the call came ---------------------------------------------------------------------------


async def _colleague(at: Office, user: str) -> SeatPhone:
    """An agent who takes no calls from the queue."""
    seat = await at.floor.seat(user)
    await sessions.pause(at.parts, Person(user, "agent", user), user, "training")
    return seat


async def _has_it(at: Office, m: Meeting) -> None:
    """The book says that the citizen talks to the meeting's agent."""

    async def talks() -> object:
        query = "SELECT FROM control_calls WHERE call_id = $1 AND agent = $2 AND place = 'talking'"
        return await at.rows(query, m.call_id, m.agent.name)

    await m.together(m.agent, m.citizen)
    await at.until(talks, f"{m.agent.name} has {m.call_id}")


async def _brings_in(at: Office, m: Meeting, code: str, number: str) -> dict[str, Any]:
    """Whoever has the citizen brings a unit in, and goes on with the citizen, also by way of hold."""
    (unit,) = await at.unit(code, (number, ["answer"]))
    await m.begin(code)
    call = await unit.rings()
    await m.until("private")
    await m.citizen.until_music()
    meanwhile = await _refusal(control_orders.hold(at.parts, m.person))
    await m.order(threeways.join)
    await m.together(m.agent, m.citizen, call)
    await call.hang_up()
    over = await m.until_back()
    await _has_it(at, m)
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await control_orders.resume(at.parts, m.person)
    await m.together(m.agent, m.citizen)
    return {"over": over, "draft": await m.draft(), "meanwhile": meanwhile}


async def _over(at: Office, m: Meeting) -> object:
    query = "SELECT FROM control_calls WHERE call_id = $1 AND place = 'over'"
    return await at.until(lambda: at.rows(query, m.call_id), f"{m.call_id} is in nobody's hands")


@story
async def after_a_transfer(at: Office, m: Meeting) -> dict[str, Any]:
    """A colleague got the citizen by order, and has the citizen on hold; the one who had the citizen may dial nobody."""
    colleague, first = await _colleague(at, "1051"), m.person
    await control_orders.transfer(at.parts, first, "agent", colleague.name)
    m.agent = await (await colleague.rings()).answer()
    await _has_it(at, m)
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    found = await _brings_in(at, m, "U31", "83121031")
    gone = await _refusal(threeways.begin(at.parts, first, unit="U31", consent=True))
    await m.agent.hang_up()
    await _over(at, m)
    return {**found, "gone": gone}


@story
async def after_a_hand_over(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent's telephone sent the citizen to a colleague."""
    colleague = await _colleague(at, "1052")
    await m.agent.transfer(colleague.name)
    m.agent = await (await colleague.rings()).answer()
    await _has_it(at, m)
    found = await _brings_in(at, m, "U32", "83121032")
    await m.citizen.hang_up()
    await m.agent.ended()
    await _over(at, m)
    return found


@story
async def after_joining(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent's telephone asked a colleague and joined the two calls."""
    colleague = await _colleague(at, "1054")
    (seat,) = [phone for phone in at.floor.phones if phone.name == m.agent.name]
    asking = await seat.dial(colleague.name)
    other = await (await colleague.rings()).answer()
    await asking.answered()
    await m.agent.join(asking)
    m.agent = other
    await _has_it(at, m)
    found = await _brings_in(at, m, "U34", "83121034")
    await m.citizen.hang_up()
    await m.agent.ended()
    await _over(at, m)
    return found


@story
async def unit_calls_back(at: Office, m: Meeting) -> dict[str, Any]:
    """The unit was busy; later it calls the hotline, and whoever answers sees which unit it is and what it is about."""
    (unit,) = await at.unit("U35", ("83121035", ["busy"]))
    await m.begin("U35")
    await m.until_back()
    not_yet = await _refusal(threeways.for_unit(at.parts, m.person, "83121035"))
    await m.citizen.hang_up()
    await (await unit.dial(at.stack.settings.trunks.hotline_number)).answered()
    agent = await at.next_agent(unit)
    call = Meeting(at, unit, agent)
    await call.until_known()
    await call.together(agent, unit.talk)
    found = await threeways.for_unit(at.parts, call.person, agent.number)
    nobody = await threeways.for_unit(at.parts, call.person, m.caller.name)
    await agent.hang_up()
    await unit.talk.hang_up()
    return {"not_yet": not_yet, "found": found, "nobody": nobody}


@story
async def after_calling(at: Office, m: Meeting) -> dict[str, Any]:
    """The agent has called the citizen, who is asked how it was when the agent hangs up, and may be called again."""
    agent, called = await _colleague(at, "1053"), await at.floor.unit("13800005003", "answer")
    async with asyncio.TaskGroup() as tasks:
        person = Person(agent.name, "agent", agent.name)
        order = tasks.create_task(control_outbound.call(at.parts, person, called.name, "answer"))
        talk: Talk = await (await agent.rings()).answer()
    await called.rings()
    outside = Meeting(at, called, talk)
    outside.call_id = order.result().call_id
    await _has_it(at, outside)
    found = await _brings_in(at, outside, "U33", "83121033")
    await talk.hang_up()
    await outside.citizen.until_silent_of(talk.tone)
    await outside.citizen.hang_up()
    query = "SELECT result FROM outbound_calls WHERE call_id = $1 AND ended_at IS NOT NULL"
    (row,) = await at.until(lambda: at.rows(query, outside.call_id), "the end of the call to outside")
    return {**found, "result": row["result"]}


async def _turn(at: Office, m: Meeting) -> dict[str, Any]:
    """The citizen hangs up, the agent has wrap-up time: the agent's turns, and how long the two were connected."""
    ends = clock.now()
    await m.citizen.hang_up()
    await m.agent.ended()

    async def wraps_up() -> object:
        return await at.rows("SELECT FROM agent_states WHERE agent = $1 AND state = 'wrap_up'", m.agent.name)

    await at.until(wraps_up, f"{m.agent.name} has wrap-up time")

    async def is_over() -> object:
        return await at.rows("SELECT FROM calls WHERE call_id = $1 AND ended_at IS NOT NULL", m.call_id)

    await at.until(is_over, f"{m.call_id} is over")
    query = "SELECT ended_by, connected_at, ended_at, wrapup_us FROM agent_turns WHERE call_id = $1 AND NOT void"
    rows = await at.rows(query, m.call_id)
    log = (at.stack.var / "asterisk" / "log" / "queue_log").read_text().splitlines()
    said = [line.split("|")[4] for line in log if line.split("|")[1] == m.call_id]
    return {"rows": rows, "hung_up_at": ends, "said": said}


async def _hears(m: Meeting, sound: int) -> bool:
    return m.agent.hears(sound, since=clock.now() - _MINUTE)


# --- row by row -----------------------------------------------------------------------------------------------------------------

Left = Callable[[Story], Any]


def test_all_three_hear_each_other(left: Left) -> None:
    """TWC-01; the story has waited for it on the audio of each."""
    assert left(solved)["over"].joined_at


def test_a_unit_is_dialled_only_for_a_citizen_whom_the_agent_talks_to(left: Left) -> None:
    """TWC-02; and by nobody else: refused with a reason and an audit line (ORG-20, SEC-12)."""
    found = left(wrong_orders)
    assert found["codes"] == [
        "unknown_unit",
        "already_in_threeway",
        "wrong_phase",
        "wrong_phase",
        "bad_digits",
        "not_allowed",
        "not_in_a_call",
        "unknown_threeway",
    ]
    assert [row["action"] for row in found["audit"]] == ["call.threeway.refused"]
    assert found["calls"] == 1


def test_the_unit_is_named_before_it_is_dialled(left: Left) -> None:
    """TWC-03: the order names it, and the record keeps its name."""
    assert (left(solved)["over"].unit, left(solved)["over"].unit_name) == ("U01", "单位U01")


def test_without_consent_nobody_is_dialled_and_question_and_contact_are_kept(left: Left) -> None:
    """TWC-04, TWC-05."""
    found = left(no_consent)
    assert (found["dialled"], found["steps"]) == ([], [])
    assert (found["now"].phase, found["now"].outcome, found["now"].consent) == ("over", "no_consent", False)
    draft = found["draft"]
    assert (draft["outcome"], draft["consent"], draft["question"], draft["contact_number"]) == (
        "no_consent",
        False,
        QUESTION,
        CONTACT,
    )


def test_dialling_begins_at_once(left: Left) -> None:
    """TWC-06: no delay between the order and the dialling."""
    over = left(solved)["over"]
    assert over.attempts[0].dialled_at - over.begun_at < dt.timedelta(seconds=1)


def test_the_unit_dialled_is_the_one_ordered_and_its_other_number_is_tried_second(left: Left) -> None:
    """TWC-07."""
    assert [attempt.number for attempt in left(unreachable)["over"].attempts] == ["83121003", "83121903"]
    assert left(solved)["shown"] == "12345"


def test_two_attempts_and_no_third_then_the_citizen_is_back_and_a_draft_says_why(left: Left) -> None:
    """TWC-08: busy and no answer, with times and causes."""
    found = left(unreachable)
    assert found["calls"] == (1, 1)
    assert found["over"].outcome == "unreachable"
    step, back = found["back"]
    assert step == "threeway:together" and back < dt.timedelta(seconds=1)
    draft = found["draft"]
    assert (draft["outcome"], draft["unit"], draft["question"], draft["contact_number"]) == (
        "unreachable",
        "U03",
        QUESTION,
        CONTACT,
    )
    busy, silent = draft["attempts"]
    assert (busy["number"], busy["result"], busy["cause"]) == ("83121003", "BUSY", "17")
    assert (silent["number"], silent["result"]) == ("83121903", "NOANSWER")
    assert busy["dialled_at"] < busy["ended_at"] < silent["dialled_at"] < silent["ended_at"]


def test_a_unit_with_one_number_is_dialled_twice_there(left: Left) -> None:
    """TWC-08."""
    assert left(busy_twice)["calls"] == 2
    assert [attempt.result for attempt in left(busy_twice)["over"].attempts] == ["BUSY", "BUSY"]


def test_the_citizen_waits_with_music_and_hears_neither_agent_nor_unit(left: Left) -> None:
    """TWC-09; the story has waited for the music."""
    assert left(solved)["citizen"] == frozenset()


def test_the_unit_is_told_in_private_first(left: Left) -> None:
    """TWC-10: it hears the agent alone."""
    assert left(solved)["unit"] == {left(solved)["agent_tone"]}


def test_a_unit_that_declines_never_hears_the_citizen_who_is_back_within_a_second(left: Left) -> None:
    """TWC-10, TWC-08: the first number did not answer, the second did."""
    found = left(declined)
    assert found["back"] < dt.timedelta(seconds=1)
    assert [attempt.result for attempt in found["over"].attempts] == ["NOANSWER", "ANSWER"]
    assert (found["over"].outcome, found["draft"]["outcome"], found["over"].joined_at) == ("declined", "declined", None)
    assert len(found["unit_heard"]) == 1


def test_further_questions_are_recorded(left: Left) -> None:
    """TWC-11."""
    assert left(not_competent)["draft"]["further_questions"] == "还想问公积金"


def test_an_office_telephone_hangs_up_first(left: Left) -> None:
    """TWC-12; the citizen, released first, is asked how it was (IVR-20)."""
    found = left(office_telephone)
    assert found["refused"] == "unit_hangs_up_first"
    assert found["over"].end_order[:2] == ["caller", "unit"]
    assert found["citizen_in_survey"]


def test_a_unit_whose_matter_it_is_not_goes_first_and_the_agent_goes_on_with_the_citizen(left: Left) -> None:
    """TWC-13."""
    over = left(not_competent)["over"]
    assert (over.outcome, over.disposition, over.end_order) == ("not_competent", "not_competent", ["unit"])


def test_with_the_matter_solved_the_citizen_leaves_first_and_the_agent_thanks_the_unit(left: Left) -> None:
    """TWC-14."""
    assert left(solved)["over"].end_order[:2] == ["caller", "unit"]


def test_the_draft_holds_all_that_a_ticket_needs(left: Left) -> None:
    """TWC-15."""
    draft, over = left(solved)["draft"], left(solved)["over"]
    assert (draft["consent"], draft["unit"], draft["end_order"][:11], draft["outcome"]) == (
        True,
        "U01",
        "caller,unit",
        "answered",
    )
    (attempt,) = draft["attempts"]
    assert (attempt["number"], attempt["result"]) == ("83121001", "ANSWER")
    assert draft["joined_at"] == over.joined_at and over.begun_at < over.connected_at < over.joined_at < over.ended_at


def test_what_a_three_way_call_solved_is_told_apart(left: Left) -> None:
    """TWC-16: its outcome is answered; the figures count by it (acd/threeway_figures.py)."""
    assert (left(solved)["over"].outcome, left(ivr) and left(cancelled)["second"].outcome) == ("answered", "answered")


@pytest.mark.parametrize("play", [unreachable, declined, cancelled])
def test_the_agents_turn_is_one_until_the_citizen_hangs_up_and_then_comes_wrap_up_time(left: Left, play: Story) -> None:
    """TWC-08, CFG-05: the way to the unit and back is no end of the conversation to the queue."""
    found = left(play)["turn"]
    (turn,) = found["rows"]
    assert (turn["ended_by"], turn["wrapup_us"]) == ("caller", _WRAPUP * 1_000_000)
    assert abs(turn["ended_at"] - found["hung_up_at"]) < _TIME
    assert [word for word in found["said"] if word.startswith("COMPLETE")] == ["COMPLETECALLER"]


@pytest.mark.parametrize("play", [after_a_transfer, after_a_hand_over, after_joining, after_calling])
def test_whoever_has_the_citizen_brings_a_unit_in_however_the_call_came(left: Left, play: Story) -> None:
    """TWC-02: from a colleague by order, from a colleague's telephone (two ways), or called by the agent."""
    found = left(play)
    assert (found["over"].outcome, found["draft"]["outcome"]) == ("answered", "answered")
    assert found["meanwhile"] == "not_now"


def test_who_has_given_the_citizen_away_may_not_dial_a_unit(left: Left) -> None:
    assert left(after_a_transfer)["gone"] == "not_in_a_call"


def test_a_unit_that_calls_back_is_known_with_what_is_left_to_do(left: Left) -> None:
    """TWC-08; SEC-12: only to whom it calls."""
    found = left(unit_calls_back)
    assert found["found"].unit.code == "U35"
    assert [(draft.outcome, draft.question) for draft in found["found"].drafts] == [("unreachable", QUESTION)]
    assert (found["not_yet"], found["nobody"]) == ("not_in_a_call", None)


def test_a_call_to_outside_with_a_unit_ends_as_any_other(left: Left) -> None:
    assert (left(after_calling)["result"], left(after_calling)["draft"]["caller"]) == ("answered", "13800005003")


@pytest.mark.parametrize("play", [machine, fax])
def test_machines_are_marked_and_count_as_not_reached(left: Left, play: Story) -> None:
    found = left(play)
    assert (found["over"].outcome, found["over"].disposition) == ("unreachable", play.__name__)
    assert not found["citizen_heard"]


def test_a_machine_that_wants_keys_gets_them_from_telephone_and_order_and_two_buttons_at_once_are_one(left: Left) -> None:
    assert left(ivr)["digits"] == "12#"
    assert len(left(ivr)["refused"]) == 1 and left(ivr)["refused"][0] in ("already_ordered", "wrong_phase")


def test_a_cancelled_call_is_none_and_another_unit_can_be_called(left: Left) -> None:
    found = left(cancelled)
    assert (found["first"].outcome, found["calls"]) == ("cancelled", 1)
    assert found["second"].end_order == ["unit"]


def test_a_citizen_who_hangs_up_while_it_rings_ends_it(left: Left) -> None:
    found = left(caller_gives_up)
    assert (found["over"].outcome, found["draft"]["outcome"], found["calls"]) == ("caller_left", "caller_left", 1)


def test_a_citizen_who_hangs_up_later_leaves_agent_and_unit_to_take_leave(left: Left) -> None:
    assert (left(caller_leaves_private)["over"].outcome, left(caller_leaves_private)["over"].end_order[:2]) == (
        "caller_left",
        ["caller", "unit"],
    )


@pytest.mark.parametrize(
    ("play", "outcome"), [(emergency_of_three, "answered"), (emergency_in_private, "failed"), (emergency_while_dialled, "failed")]
)
def test_an_emergency_ends_the_three_way_call_and_the_agent_stays_with_the_citizen(left: Left, play: Story, outcome: str) -> None:
    """The unit goes, or is dialled no more; what was known of it is written down."""
    found = left(play)
    assert (found["over"].outcome, found.get("calls", 1), found.get("left", "wrong_phase")) == (outcome, 1, "wrong_phase")
    assert [turn["ended_by"] for turn in found["turns"]] == ["caller"]


def test_each_citizens_call_is_one_record_and_one_answered_request(played: dict[str, Any]) -> None:
    """Rooms, units and the way back are no calls of their own."""
    assert {(call["disposition"], call["connected_at"] is not None) for call in played["calls"]} == {("answered", True)}
    assert len({call["caller_number"] for call in played["calls"]}) == len(played["calls"]) == len(STORIES)
    assert played["requests"] == [{"outcome": "answered", "count": len(STORIES)}]


def test_asterisk_complains_of_nothing(played: dict[str, Any]) -> None:
    assert played["complaints"] == []

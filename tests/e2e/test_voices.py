"""Steered telephones with sound at a real Asterisk: who is put through hears the other, and nobody else (TWC-01..16, QUA-03 are
judged by such ears)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from hotline import clock
from hotline.phones import hearing
from hotline.phones.errors import PhoneError
from hotline.phones.voices import Behaviour, Phone, SeatPhone
from tests.trial import Trial
from tests.voices import connect, floor, hear_each_other

UNIT = "83120001"
DIALPLAN = {
    "_831XXXXX": ("Dial(PJSIP/${EXTEN}@units,3)", "Hangup(${HANGUPCAUSE})"),
    "8400": ("Answer()", "ConfBridge(voices,threeway,threeway-agent)"),
}


@pytest.fixture(scope="module")
def lines(stack: Trial) -> Iterator[Trial]:
    """Seats may dial units and a conference for a while."""
    for exten, applications in DIALPLAN.items():
        for place, application in enumerate(applications, 1):
            stack.asterisk(f"dialplan add extension {exten},{place},{application} into seats")
    yield stack
    for exten in DIALPLAN:
        stack.asterisk(f"dialplan remove extension {exten}@seats")


def test_two_calls_at_once_hear_their_own_other_side_and_nothing_else(stack: Trial) -> None:
    async def run() -> None:
        async with floor(stack) as f:
            first, second = await f.seat("1001", "answer"), await f.seat("1002", "answer")
            one, other = await f.citizen("13900007001"), await f.citizen("13900007002")
            await asyncio.gather(one.talk.press("1"), other.talk.press("1"))
            calls = await asyncio.gather(first.rings(), second.rings())
            seats = {call.number: call for call in calls}
            pairs = [(citizen.talk, seats[citizen.name]) for citizen in (one, other)]
            await asyncio.gather(*(hear_each_other(*pair) for pair in pairs))
            since = clock.now()
            await pairs[0][0].press("12#")
            await pairs[0][1].until_digits("12#")
            await pairs[1][1].hold()
            await pairs[1][0].until_music()
            await pairs[1][1].resume()
            await hear_each_other(*pairs[1])
            for citizen, seat in pairs:
                assert citizen.heard_between(since, clock.now()) == {seat.tone}
                assert seat.heard_between(since, clock.now()) == {citizen.tone}
            assert pairs[1][1].digits == ""
            await asyncio.gather(pairs[0][0].hang_up(), pairs[1][1].hang_up())
            await pairs[0][1].ended()
            await pairs[1][0].until_silent_of(pairs[1][1].tone)

    asyncio.run(run())


MACHINES: dict[Behaviour, int] = {
    "machine": hearing.BEEP,
    "fax": hearing.FAX_ANSWERING,
    "ivr": hearing.ANNOUNCEMENT,
}


def test_a_unit_does_with_each_call_what_it_was_told(lines: Trial) -> None:
    """Busy, declined, ringing out, answered at the instant of the time-out, late; a machine, a fax, an IVR that wants keys."""

    async def run() -> None:
        async with floor(lines) as f:
            seat = await f.seat("1003")
            unit = await f.unit(UNIT, "busy", "decline", "ring", "insist", "ring")
            for _ in range(2):
                dialled = await seat.dial(UNIT)
                assert not (await (await unit.rings()).ended()).call.answered_at
                await dialled.ended()
            for is_answered in (False, True):
                dialled = await seat.dial(UNIT)
                asked = await (await unit.rings()).ended()
                assert bool(asked.call.answered_at) == is_answered
                await dialled.ended()
            dialled = await seat.dial(UNIT)
            late = await (await unit.rings()).answer()
            await hear_each_other(dialled, late)
            await late.die()
            await dialled.until_hears(())
            assert dialled.is_open
            await dialled.hang_up()
            assert len(unit.talks) == 5
            for behaviour, said in MACHINES.items():
                await _meets_machine(seat, unit, behaviour, said)

    asyncio.run(run())


async def _meets_machine(seat: SeatPhone, unit: Phone, behaviour: Behaviour, said: int) -> None:
    unit.behave(behaviour)
    dialled = await seat.dial(UNIT)
    answered = await unit.rings()
    await dialled.until_hears({said})
    if behaviour == "ivr":
        await dialled.press("1#")
        await dialled.until_hears({unit.tone})
        assert answered.digits == "1#"
    await dialled.hang_up()
    await answered.ended()


def test_three_in_a_conference_hear_each_other_until_one_loses_its_power(lines: Trial) -> None:
    async def run() -> None:
        async with floor(lines) as f:
            seats = [await f.seat(user) for user in ("1004", "1005", "1006")]
            one, other, third = [await (await seat.dial("8400")).answered() for seat in seats]
            await hear_each_other(one, other, third)
            await seats[2].die()
            await hear_each_other(one, other)
            assert not third.is_open
            with pytest.raises(PhoneError, match=rf"1004 did not hear \[{third.tone}\] within 0.5 s; it hears \[{other.tone}\]"):
                await one.until_hears({third.tone}, within=0.5)

    asyncio.run(run())


def test_a_telephone_has_two_calls_joins_them_and_is_out(lines: Trial) -> None:
    async def run() -> None:
        async with floor(lines) as f:
            seat, unit = await f.seat("1007"), await f.unit(UNIT)
            citizen = await f.citizen("13900007003")
            call = await connect(citizen, seat)
            await call.hold()
            consulted = await seat.dial(UNIT)
            asked = await unit.rings()
            await hear_each_other(consulted, asked)
            assert citizen.talk.heard == frozenset()
            await call.join(consulted)
            await hear_each_other(citizen.talk, asked)
            await citizen.talk.hang_up()
            await asked.ended()

    asyncio.run(run())

"""Stories of calls that agents hold, park, ask about, send on, bring units into, and that supervisors hear and take over.

As tests/stories.py: each says by construction what the requests come to. Orders go to the running stack as from the web.
"""

from __future__ import annotations

import asyncio

from acd import callback_orders, control_orders, control_outbound, supervision_orders, threeways
from acd.permissions import Person
from acd.supervision import Mode, Wish
from acd.supervision_book import Supervision
from hotline import numbers
from hotline.phones.directed import Line
from tests.desk_hands import SUPERVISOR, holds, in_hand, loses, of, ordered, resumes
from tests.play import Play
from tests.stories import MAIN, TO_MAIN, asks_and_talks
from tests.truth import about

WHY = "复核"


async def _talks(play: Play, line: Line) -> None:
    """They go on for a while; then the citizen hangs up, or first the agent."""
    await play.after(0.7 + play.index * 7 % 13 / 10)
    if play.index % 3 == 0:
        await play.ends(line)
        await play.after(0.7)
    await play.hangs_up()


async def _taken(play: Play) -> Line:
    """An agent talks to the citizen, and the stack knows it."""
    line = await asks_and_talks(play)
    await in_hand(play, line)
    return line


async def hold_and_resume(play: Play) -> None:
    """On hold by order, and back."""
    line = await _taken(play)
    await holds(play, line, control_orders.hold)
    await play.after(1.5)
    await resumes(play, line, control_orders.resume)
    await _talks(play, line)


async def agent_dies_on_hold(play: Play) -> None:
    """The agent is gone while the citizen hears music: the citizen is the queue's next, and answered."""
    line = await _taken(play)
    await holds(play, line, control_orders.hold)
    await play.after(1.0)
    await play.ends(line)
    assert line.call.ended_at
    play.begins("transfer", MAIN, about(line.call.ended_at))
    await _answered_again(play)


async def _answered_again(play: Play) -> None:
    line = await play.rung()
    await play.after(0.3)
    await play.answers(line)
    await _talks(play, line)


async def parked_and_picked_up(play: Play) -> None:
    """Parked by order; a colleague dials the place and talks to the citizen."""
    line = await _taken(play)
    colleague = await play.borrows(play.stage.colleagues)
    place = await ordered(play, control_orders.park, of(line))
    await play.on(line, lambda call: call.ended_at, "the agent is free")
    await play.after(0.5)
    taker = await play.consults(colleague, place.slot)
    await play.on(taker, lambda call: call.answered_at, "the place is taken")
    await _talks(play, taker)


async def _asks(play: Play, line: Line) -> Line:
    """The agent asks a colleague, who picks up; the citizen hears music."""
    colleague = await play.borrows(play.stage.colleagues)
    await holds(play, line, control_orders.consult, "agent", colleague)
    other = await play.rung_for(line.call.party, queue=False)
    await play.after(0.3)
    await play.picks_up(other)
    await play.after(1.0)
    return other


async def consulted_back(play: Play) -> None:
    """The agent asks a colleague by order, and goes back to the citizen."""
    line = await _taken(play)
    other = await _asks(play, line)
    await resumes(play, line, control_orders.back)
    await play.on(other, lambda call: call.ended_at, "the colleague is free")
    await _talks(play, line)


async def consulted_completed(play: Play) -> None:
    """The agent asks a colleague, who takes the citizen: a transfer, but nobody waits in a queue."""
    line = await _taken(play)
    other = await _asks(play, line)
    await ordered(play, control_orders.complete, of(line))
    await play.on(line, lambda call: call.ended_at, "the agent is free")
    await _talks(play, other)


async def sent_by_order(play: Play) -> None:
    """To a colleague, who answers; every second time the colleague declines, and the citizen comes back to the agent."""
    line = await _taken(play)
    colleague = await play.borrows(play.stage.colleagues)
    await ordered(play, control_orders.transfer, of(line), "agent", colleague)
    other = await play.colleague()
    await play.after(0.3)
    if play.index % 2:
        other.tell("decline")
        other = await play.colleague()
        await play.after(0.3)
    await play.picks_up(other)
    await _talks(play, other)


async def sent_to_queue_by_order(play: Play) -> None:
    """Into the queue again: a transfer request, answered there or given up."""
    line = await _taken(play)
    await ordered(play, control_orders.transfer, of(line), "queue", MAIN)
    await play.on(line, lambda call: call.ended_at, "the agent is free")
    assert line.call.ended_at
    play.begins("transfer", MAIN, about(line.call.ended_at))
    if play.index % 3:
        await _answered_again(play)
    else:
        await play.after(2.0)
        await play.hangs_up("short_abandoned")


async def _dials_unit(play: Play, line: Line) -> int:
    """The agent has a unit dialled; returns the three-way call."""
    begun = await ordered(play, threeways.begin, of(line), unit=play.unit, consent=True)
    return int(begun.threeway_id)


async def _joined(play: Play, line: Line) -> Line:
    """Citizen, agent and unit are in the room."""
    threeway = await _dials_unit(play, line)
    unit = await play.unit_rung()
    await play.after(0.3)
    await play.picks_up(unit)
    await play.after(0.5)
    await ordered(play, threeways.join, of(line), threeway)
    await play.after(1.0)
    return unit


async def three_way_answered(play: Play) -> None:
    """All three talk; the unit goes first, or the citizen, or the agent and then the unit."""
    line = await _taken(play)
    unit = await _joined(play, line)
    match play.index % 3:
        case 0:
            await play.ends(unit)
            await play.after(0.7)
        case 1:
            await play.hangs_up()
            await play.after(0.5)
            await play.ends(unit)
        case _:
            await play.ends(line)
            await play.after(0.7)
            await play.ends(unit)
            await play.after(0.5)
    await play.hangs_up()


async def three_way_busy_twice(play: Play) -> None:
    """The unit is busy twice, never a third time; agent and citizen talk again."""
    line = await _taken(play)
    await _dials_unit(play, line)
    for _ in range(2):
        unit = await play.unit_rung()
        unit.tell("busy")
        await play.on(unit, lambda call: call.refused_at, "the unit is busy")
    await play.after(1.0)
    await _talks(play, line)
    play.nobody_dials_again()


async def three_way_caller_hangs_up_while_dialling(play: Play) -> None:
    """The citizen is gone: agent and unit are left alone at once."""
    line = await _taken(play)
    await _dials_unit(play, line)
    unit = await play.unit_rung()
    await play.hangs_up()
    await play.on(unit, lambda call: call.refused_at, "the unit's telephone is quiet")
    await play.on(line, lambda call: call.ended_at, "the agent is free")


async def three_way_agent_dies_joined(play: Play) -> None:
    """The agent's line is lost; citizen and unit talk on; when the unit goes, the citizen is the queue's next."""
    line = await _taken(play)
    unit = await _joined(play, line)
    await loses(play, line)
    await play.after(1.0)
    await play.ends(unit)
    assert unit.call.ended_at
    play.begins("transfer", MAIN, about(unit.call.ended_at))
    await _answered_again(play)


async def _supervised(play: Play, line: Line, mode: Mode) -> tuple[Supervision, Line]:
    """A supervisor's telephone rings, is picked up and hears the call."""
    seat = await play.borrows(play.stage.supervisors)
    wish = Wish(target="call", whom=await in_hand(play, line), mode=mode, reason=WHY)
    async with asyncio.TaskGroup() as tasks:
        order = tasks.create_task(ordered(play, supervision_orders.begin, SUPERVISOR, wish, seat))
        ear = await play.rung_for(line.call.party, queue=False)
        await play.picks_up(ear)
    return order.result(), ear


async def listened_to(play: Play) -> None:
    """A supervisor listens and stops: no figure knows of it."""
    line = await _taken(play)
    heard, ear = await _supervised(play, line, "monitor")
    await play.after(1.0)
    if play.index % 2 and heard:
        await ordered(play, supervision_orders.stop, SUPERVISOR, heard.supervision_id)
    else:
        await play.ends(ear)
    await _talks(play, line)
    await play.on(ear, lambda call: call.ended_at, "the supervisor's telephone is let go")  # when a frame has passed, or none can


async def taken_over(play: Play) -> None:
    """A supervisor takes the citizen over: the agent's part ends."""
    line = await _taken(play)
    _, boss = await _supervised(play, line, "take_over")
    await play.on(line, lambda call: call.ended_at, "the agent is free")
    await _talks(play, boss)


async def gives_up_and_the_next_is_called_back(play: Play) -> None:
    """The citizen gives up; a colleague takes whoever is the list's next and calls: no request, nobody's talk."""
    await play.asks(TO_MAIN, MAIN)
    await play.after(min(6.0, play.limit - 2.0))
    await play.hangs_up("abandoned")
    agent = await play.borrows(play.stage.colleagues)
    person = Person(agent, "agent", agent)
    entry = await ordered(play, callback_orders.take, person)
    if entry is None:  # somebody waits longer, or all have been called
        return
    play.stage.calling_back.add(agent)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ordered(play, control_outbound.call_back, person, entry.entry_id))
            own = await play.rung_to_call_back(agent)
            await play.picks_up(own)
        citizen = await play.outside_rung(numbers.dialled(entry.number))
        await play.picks_up(citizen)
        await play.after(1.0)
        await play.ends(citizen)
        await play.on(own, lambda call: call.ended_at, "the colleague is free")
    finally:
        play.stage.calling_back.discard(agent)


async def missed_by_two(play: Play) -> None:
    """Two agents do not pick up, the third does."""
    await play.asks(TO_MAIN, MAIN)
    for _ in range(2):
        missed = await play.rung()
        await play.on(missed, lambda call: call.refused_at, "it rings in vain")
    await _answered_again(play)

"""Stories of citizens' calls with a known end (tests/stage.py plays them); the flow is tests/flows/mixed.toml.

Each says what happens, and with that what each request comes to: by construction, never from anything that our bridge says.
"""

from __future__ import annotations

from hotline import clock
from hotline.phones.directed import Line
from tests.play import Play
from tests.truth import about

MAIN, ENGLISH = "hotline", "english"
TO_MAIN, TO_ENGLISH, ENGLISH_ALONE = "1", "8", "7"
MAIN_NUMBER, ENGLISH_NUMBER = "12345", "123458"
CALL_BACK, MAILBOX, AGAIN = "1", "2", "0"
COLLEAGUES = tuple(str(user) for user in range(1051, 1056))
"""Agents who take no calls from the queues, but those of their colleagues."""


def _talk(play: Play) -> float:
    """How long this citizen and the agent talk: differs from call to call."""
    return 1.0 + play.index * 7 % 20 / 10


async def _converses(play: Play) -> None:
    """The first agent that rings answers, and both talk a while; then one hangs up, the citizen or the agent."""
    line = await play.rung()
    await play.after(0.2 + play.index % 5 / 10)
    await play.answers(line)
    await play.after(_talk(play))
    if play.index % 2:
        await play.ends(line)
        await play.after(0.5)
    await play.hangs_up()


async def answered_early(play: Play) -> None:
    """An agent answers within a second or so."""
    await play.asks(TO_MAIN, MAIN)
    await _converses(play)


async def answered_late(play: Play) -> None:
    """Agents do not pick up; one does in the end, after more than 15 s (or shortly before the queue's limit)."""
    asked = await play.asks(TO_MAIN, MAIN)
    line = await play.rung()
    late = min(15.3, play.limit - 4.0)
    while (clock.now() - asked.began.latest).total_seconds() < late:
        line = await play.rung() if line.call.refused_at else line
        await play.after(0.2)
    if line.call.refused_at:
        line = await play.rung()
    await play.answers(line)
    await play.after(_talk(play))
    await play.hangs_up()


async def abandons_short(play: Play) -> None:
    """The citizen gives up after 2 s."""
    await play.asks(TO_MAIN, MAIN)
    await play.after(2.0)
    await play.hangs_up("short_abandoned")


async def abandons_long(play: Play) -> None:
    """The citizen gives up after 8 to 10 s (or before the queue's limit)."""
    await play.asks(TO_MAIN, MAIN)
    await play.after(min(8.0 + play.index % 3, play.limit - 2.0))
    await play.hangs_up("abandoned")


async def times_out(play: Play) -> None:
    """Nobody picks up until the queue's limit has run out; then the citizen hears an offer and hangs up."""
    asked = await play.asks(TO_MAIN, MAIN)
    asked.ends("timed_out", await play.waits_out())
    await play.after(0.7)
    await play.hangs_up()


async def called_back_after_time_out(play: Play) -> None:
    """As before, but the citizen accepts to be called back."""
    asked = await play.asks(TO_MAIN, MAIN)
    asked.ends("timed_out", await play.waits_out())
    await play.after(0.7)
    await play.press(CALL_BACK)
    asked.outcome = "callback"
    await play.is_hung_up_on()


async def presses_for_call_back(play: Play) -> None:
    """The waiting citizen presses a key and is to be called back."""
    asked = await play.asks(TO_MAIN, MAIN)
    await play.after(2.5)
    asked.ends("callback", about(await play.press(CALL_BACK)))
    await play.is_hung_up_on()


async def presses_for_mailbox(play: Play) -> None:
    """The waiting citizen presses a key and leaves a message, or nothing."""
    asked = await play.asks(TO_MAIN, MAIN)
    await play.after(2.5)
    asked.ends("key_exit", about(await play.press(MAILBOX)))
    await play.after(2.0)
    await play.hangs_up()


async def menu_only(play: Play) -> None:
    """The citizen hangs up in the menu: no request."""
    await play.press("0")
    await play.after(1.0)
    await play.hangs_up()


async def refused_then_answered(play: Play) -> None:
    """The first agent's telephone refuses, the next agent answers."""
    await play.asks(TO_MAIN, MAIN)
    await play.refuses(await play.rung(), ("busy", "decline")[play.index % 2])
    await _converses(play)


async def missed_then_answered(play: Play) -> None:
    """The first agent does not pick up in time, the next one answers."""
    await play.asks(TO_MAIN, MAIN)
    missed = await play.rung()
    await play.on(missed, lambda call: call.refused_at, "the first telephone stops ringing")
    await _converses(play)


async def rings_all(play: Play) -> None:
    """All telephones of the English queue ring; the first answers, the others are the losers."""
    await play.asks(ENGLISH_ALONE, ENGLISH)
    await play.after(0.3)
    await _converses(play)


async def overflows_and_is_answered(play: Play) -> None:
    """The English agents do not pick up; everybody's queue takes the call over, and an agent answers there."""
    await _overflows(play)
    await _converses(play)


async def overflows_and_abandons(play: Play) -> None:
    """The same, but the citizen gives up there."""
    await _overflows(play)
    await play.after(2.0)
    await play.hangs_up("abandoned")


async def _overflows(play: Play) -> None:
    asked = await play.asks(TO_ENGLISH, ENGLISH)
    await play.waits_out()
    asked.moves(MAIN)


async def english_empty(play: Play) -> None:
    """No English agent is logged in: everybody's queue takes the call at once."""
    (await play.asks(TO_ENGLISH, ENGLISH)).moves(MAIN)
    await _converses(play)


async def nobody_there(play: Play) -> None:
    """No English agent is logged in, and this citizen wants no other."""
    pressed = await play.press(ENGLISH_ALONE)
    play.begins("caller", ENGLISH, about(pressed)).ends("no_agents", about(pressed))
    await play.after(1.0)
    await play.hangs_up()


async def fills_the_queue(play: Play) -> None:
    """One of many who wait for English, and give up after a while."""
    await play.asks(ENGLISH_ALONE, ENGLISH)
    await play.after(15.5)
    await play.hangs_up("abandoned")


async def finds_it_full(play: Play) -> None:
    """Refused, because the queue is full."""
    pressed = await play.press(ENGLISH_ALONE)
    play.begins("caller", ENGLISH, about(pressed)).ends("queue_full", about(pressed))
    await play.after(1.0)
    await play.hangs_up()


async def asks_again(play: Play) -> None:
    """After a conversation the citizen rates it, goes back to the menu and asks for an agent again: a second request."""
    await play.asks(TO_MAIN, MAIN)
    line = await play.rung()
    await play.answers(line)
    await play.after(1.5)
    await play.ends(line)
    await play.after(1.0)
    await play.press("1")  # the rating
    await play.after(0.8)
    await play.press(AGAIN)
    await play.after(0.8)
    await play.asks(TO_MAIN, MAIN)
    if play.index % 3 == 0:
        await play.after(2.0)
        await play.hangs_up("short_abandoned")
    else:
        await _converses(play)


async def sent_to_agent(play: Play) -> None:
    """A blind transfer to a colleague, who answers."""
    line = await asks_and_talks(play)
    await play.sends(line, _colleague(play))
    other = await play.colleague()
    await play.after(0.4)
    await play.picks_up(other)
    await play.after(_talk(play))
    await play.hangs_up()


async def sent_to_agent_who_declines(play: Play) -> None:
    """A blind transfer to a colleague who declines: the citizen waits in the queue again, and is answered."""
    line = await asks_and_talks(play)
    await play.sends(line, _colleague(play))
    other = await play.colleague()
    await play.after(0.4)
    other.tell("decline")
    await play.on(other, lambda call: call.refused_at, "the colleague declines")
    assert other.call.refused_at
    play.begins("transfer", MAIN, about(other.call.refused_at))
    await _converses(play)


async def sent_to_queue(play: Play) -> None:
    """A blind transfer into a queue, answered there."""
    line = await asks_and_talks(play)
    play.begins("transfer", MAIN, about(await play.sends(line, MAIN_NUMBER)))
    await _converses(play)


async def sent_to_queue_and_abandons(play: Play) -> None:
    """A blind transfer into a queue, where the citizen gives up."""
    line = await asks_and_talks(play)
    play.begins("transfer", MAIN, about(await play.sends(line, MAIN_NUMBER)))
    await play.after(2.0)
    await play.hangs_up("short_abandoned")


async def sent_nowhere(play: Play) -> None:
    """An agent cannot send a citizen to an outside line, nor to any place of the dialplan by name: they go on talking."""
    line = await asks_and_talks(play)
    for target in ("13800138000", "s"):
        await play.cannot_send(line, target)
    await play.after(0.5)
    await play.hangs_up()


async def joined_with_agent(play: Play) -> None:
    """An attended transfer to a colleague."""
    line = await asks_and_talks(play)
    target = _colleague(play)
    consult = await play.consults(line.call.party, target)
    other = await play.rung_for(line.call.party, queue=False)
    await play.after(0.3)
    await play.picks_up(other)
    await play.on(consult, lambda call: call.answered_at and call.tags, "the agents talk")
    await play.after(1.0)
    await play.joins(line, consult)
    await play.after(_talk(play))
    await play.hangs_up()


async def consulted_only(play: Play) -> None:
    """The agent asks a colleague, and goes on with the citizen: no transfer."""
    line = await asks_and_talks(play)
    consult = await play.consults(line.call.party, _colleague(play))
    other = await play.rung_for(line.call.party, queue=False)
    await play.picks_up(other)
    await play.on(consult, lambda call: call.answered_at and call.tags, "the agents talk")
    await play.after(1.0)
    await play.ends(consult)
    await play.after(1.0)
    await play.hangs_up()


async def joined_with_queue_answered(play: Play) -> None:
    """The agent waits in a queue itself, talks to whoever answers there, and joins the citizen with it."""
    line = await asks_and_talks(play)
    consult = await play.consults(line.call.party, MAIN_NUMBER)
    other = await play.rung_for(line.call.party)
    await play.after(0.5)
    await play.picks_up(other)
    await play.on(consult, lambda call: call.answered_at and call.tags, "the agents talk")
    await play.after(1.0)
    await play.joins(line, consult)
    play.is_not_told(other)
    assert other.call.answered_at
    asked = play.begins("transfer", MAIN, about(consult.call.invited_at))
    asked.ends("answered", about(other.call.answered_at), other.call.party)
    await play.after(_talk(play))
    await play.hangs_up()


async def joined_with_queue_waiting(play: Play) -> None:
    """The agent waits in a queue itself, and joins the citizen with it before anybody has answered there."""
    line = await asks_and_talks(play)
    consult = await play.consults(line.call.party, MAIN_NUMBER)
    other = await play.rung_for(line.call.party)
    await play.on(consult, lambda call: call.answered_at and call.tags, "the agent waits")
    await play.after(1.0)
    await play.joins(line, consult)
    play.begins("transfer", MAIN, about(consult.call.invited_at))
    await play.after(1.0)
    await play.answers(other)
    await play.after(_talk(play))
    await play.hangs_up()


async def on_hold(play: Play) -> None:
    """The agent puts the citizen on hold for two seconds."""
    line = await asks_and_talks(play)
    line.tell("hold")
    await play.on(line, lambda call: [done for done in call.done if done.event == "held"], "the citizen is on hold")
    await play.after(2.0)
    line.tell("resume")
    await play.on(line, lambda call: [done for done in call.done if done.event == "resumed"], "they talk again")
    await play.after(1.0)
    await play.hangs_up()


async def asks_and_talks(play: Play) -> Line:
    """An agent answers; they talk for a second."""
    await play.asks(TO_MAIN, MAIN)
    line = await play.rung()
    await play.after(0.3)
    await play.answers(line)
    await play.after(1.0)
    return line


def _colleague(play: Play) -> str:
    return COLLEAGUES[play.index % len(COLLEAGUES)]

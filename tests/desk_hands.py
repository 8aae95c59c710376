"""What agents and supervisors order in stories, through the functions that the web application calls; the stack may be hurt.

An order is given again until it is carried out: a stack that has just lost its bridge does not know yet who talks. What nobody
can say of an order (``outcome_unknown``: the bridge or the database died over it) puts the call's truth in doubt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from acd import orders
from acd.errors import RefusedError
from acd.permissions import Person
from hotline import clock, database
from hotline.phones.directed import Line
from tests.play import PATIENCE_SECONDS, Play, StoryBrokenError

LEADER, SUPERVISOR = Person("leader", "shift_leader"), Person("chen", "supervisor")
_LOOK_SECONDS = 0.3
_NOT_YET = frozenset(
    {
        "not_in_a_call",
        "not_now",
        "wrong_phase",
        "already_ordered",
        "agent_busy",
        "agent_not_there",
        "unknown_call",
        "asterisk_refused",
    }
)
_DONE_BEFORE = frozenset({"not_now", "wrong_phase", "already_ordered", "already_in_threeway", "already_supervising"})
"""What an order is answered with that was carried out though nobody could say so."""
_IN_HAND = """
SELECT state.call_id FROM agent_states AS state JOIN calls USING (node, call_id)
WHERE state.agent = $1 AND state.state IN ('talking', 'holding') AND state.channel <> '' AND calls.caller_number = $2
"""


def of(line: Line) -> Person:
    """The agent at this telephone."""
    return Person(line.call.party, "agent", line.call.party)


async def in_hand(play: Play, line: Line) -> str:
    """Wait until the stack knows that this agent talks to this citizen; returns the call."""
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while clock.monotonic() < deadline:
        with contextlib.suppress(*database.TROUBLE):
            found = await play.stage.parts.pool.fetchval(_IN_HAND, line.call.party, play.truth.caller)
            if found:
                return str(found)
        await asyncio.sleep(_LOOK_SECONDS)
    raise StoryBrokenError(f"nobody knows that {line.call.party} talks")


async def ordered(play: Play, order: Callable[..., Awaitable[Any]], *values: Any, **how: Any) -> Any:
    """Give an order until it is carried out; what it returns, or None when nobody can say what became of it."""
    deadline, in_doubt = clock.monotonic() + PATIENCE_SECONDS, False
    while True:
        try:
            return await order(play.stage.parts, *values, **how)
        except RefusedError as error:
            if error.code == "outcome_unknown" or (in_doubt and error.code in _DONE_BEFORE):
                play.truth.in_doubt = True
                return None
            if error.code not in _NOT_YET or clock.monotonic() > deadline:
                raise StoryBrokenError(f"{order.__name__}: {error}") from None
        except database.TROUBLE as error:
            in_doubt = True
            if clock.monotonic() > deadline:
                raise StoryBrokenError(f"{order.__name__}: {error!r}") from None
        await asyncio.sleep(_LOOK_SECONDS)


async def holds(play: Play, line: Line, order: Callable[..., Awaitable[Any]], *values: Any) -> Any:
    """An order with which the citizen begins to hear music."""
    before = clock.now()
    result = await ordered(play, order, of(line), *values)
    play.hold_begins(line, before, clock.now())
    return result


async def resumes(play: Play, line: Line, order: Callable[..., Awaitable[Any]]) -> Any:
    """An order with which the two talk again."""
    before = clock.now()
    result = await ordered(play, order, of(line))
    play.hold_ends(line, before, clock.now())
    return result


async def loses(play: Play, line: Line) -> None:
    """The network loses this agent's telephone in the middle of a call (cause 38)."""

    async def lost(parts: Any) -> None:
        leg = await parts.pool.fetchval("SELECT channel FROM agent_states WHERE agent = $1", line.call.party)
        if not leg:
            raise RefusedError("not_in_a_call")
        gone = {"channel": leg, "cause": "38"}
        asked = await orders.command(parts.pool, parts.node, "Hangup", gone, person=LEADER, reason="a story")
        await orders.done(parts.pool, [asked])

    await ordered(play, lost)
    await play.on(line, lambda call: call.ended_at, f"{line.call.party} is lost")

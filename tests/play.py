"""One story as it goes: a citizen's call, the agents' telephones that ring for it, and the truth so far (tests/stage.py)."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from hotline import clock
from hotline.phones.directed import DirectedCallers, Line
from tests import truth
from tests.truth import Asked, CallTruth, Hold, Window, about

if TYPE_CHECKING:
    from tests.stage import Stage

Result = TypeVar("Result")
PATIENCE_SECONDS = 60.0
"""How long a story waits for one thing; longer than any queue keeps a caller."""


class StoryBrokenError(AssertionError):
    """Something that the story waits for does not happen."""


UNITS = 200
"""Units of the directory: more than are called at one time."""


class Play:
    """One story as it goes: the citizen's ``line``, and the truth so far."""

    def __init__(self, stage: Stage, story: str, line: Line) -> None:
        self.stage, self.line = stage, line
        self.index = int(line.call.party[3:])
        self.limit = float(stage.settings.queue.wait_seconds)
        self.truth = CallTruth(caller=line.call.party, story=story, invited_at=line.call.invited_at)
        self._stack = contextlib.AsyncExitStack()
        self._rung: list[Line] = []
        self._refused: set[str] = set()
        self._holds: dict[str, Hold] = {}
        self._untold: set[str] = set()

    # --- the citizen

    async def press(self, key: str) -> dt.datetime:
        """Press a key; returns when."""
        await self.on(self.line, lambda call: call.answered_at, "the system answers")
        before = len(self.line.call.done)
        self.line.tell("press", key)
        await self.on(self.line, lambda call: len(call.done) > before, f"key {key} is pressed")
        return self.line.call.done[-1].at

    async def asks(self, key: str, queue: str) -> Asked:
        """Press the key that leads into a queue: a request begins."""
        return self.begins("caller", queue, about(await self.press(key)))

    def begins(self, kind: str, queue: str, began: Window) -> Asked:
        """A request begins."""
        asked = Asked(kind="caller" if kind == "caller" else "transfer", first_queue=queue, queue=queue, began=began)
        self.truth.requests.append(asked)
        return asked

    async def hangs_up(self, outcome: str = "") -> None:
        """The citizen hangs up; a request that waits ends as ``outcome``."""
        self.line.tell("hangup")
        await self.on(self.line, lambda call: call.ended_at, "the call ends")
        asked = self.truth.requests[-1] if self.truth.requests else None
        if asked is not None and asked.outcome == "waiting":
            assert outcome and self.line.call.ended_at
            asked.ends(outcome, about(self.line.call.ended_at))

    async def is_hung_up_on(self) -> None:
        """The system ends the call."""
        await self.on(self.line, lambda call: call.ended_at, "the system hangs up")

    def times_out(self) -> Window:
        """When the queue's limit runs out for the request that waits, or the last overflow of it."""
        asked = self.truth.requests[-1]
        limit = dt.timedelta(seconds=self.limit) * (asked.hops + 1)
        return Window(asked.began.earliest + limit, asked.began.latest + limit)

    async def waits_out(self) -> Window:
        """Until the queue's limit has run out, and a little more."""
        window = self.times_out()
        await self.after((window.latest - clock.now()).total_seconds())
        return window

    # --- the agents

    async def rung(self) -> Line:
        """The next telephone that rings for the request that waits."""
        while True:
            line = await self._next(self.truth.caller)
            self._rung.append(line)
            if not line.call.refused_at:
                return line

    async def colleague(self) -> Line:
        """The next telephone that rings for this citizen, not for a queue."""
        return await self._next(self.truth.caller)

    async def rung_for(self, agent: str, *, queue: bool = True) -> Line:
        """The next telephone that rings because this agent dials."""
        line = await self._next(agent)
        if queue:
            self._rung.append(line)
        return line

    async def answers(self, line: Line) -> None:
        """This agent answers, and the request that waits is answered."""
        await self.picks_up(line)
        assert line.call.answered_at
        self.truth.requests[-1].ends("answered", about(line.call.answered_at), line.call.party)
        self.truth.connected = True

    async def picks_up(self, line: Line) -> None:
        """A telephone is picked up."""
        line.tell("answer")
        await self.on(line, lambda call: call.answered_at, f"{line.call.party} talks")

    async def refuses(self, line: Line, order: str = "busy") -> None:
        """This agent's telephone refuses."""
        self._refused.add(line.call.call_id)
        line.tell(order)
        await self.on(line, lambda call: call.refused_at, f"{line.call.party} refuses")

    async def ends(self, line: Line) -> None:
        """This agent hangs up."""
        line.tell("hangup")
        await self.on(line, lambda call: call.ended_at, f"{line.call.party} hangs up")

    async def sends(self, line: Line, target: str) -> dt.datetime:
        """This agent sends the citizen to ``target`` (blind transfer) and hangs up; returns when."""
        return await self._refer(line, f"<sip:{target}@{self.stage.sip}>")

    async def cannot_send(self, line: Line, target: str) -> None:
        """This agent tries to send the citizen to ``target``; Asterisk takes the wish, and does not fulfil it: they talk on."""
        before = len(line.call.done)
        line.tell("refer", f"<sip:{target}@{self.stage.sip}>")
        await self.on(line, lambda call: len(call.done) > before, f"{target} is asked for")
        await self.after(1.0)
        if line.call.ended_at or self.line.call.ended_at:
            raise StoryBrokenError(f"the call did not survive a transfer to {target}")

    async def joins(self, line: Line, consult: Line) -> dt.datetime:
        """This agent joins the citizen with the call of its own (attended transfer) and hangs up; returns when."""
        assert consult.call.tags
        own, other = consult.call.tags
        replaced = quote(f"{consult.call.call_id};to-tag={other};from-tag={own}", safe="")
        return await self._refer(line, f"<sip:anybody@{self.stage.sip}?Replaces={replaced}>")

    async def _refer(self, line: Line, target: str) -> dt.datetime:
        before = len(line.call.done)
        line.tell("refer", target)
        await self.on(line, lambda call: len(call.done) > before or call.ended_at, f"{line.call.party} transfers")
        done = line.call.done[-1].at
        if not line.call.ended_at:
            await self.after(0.3)
            line.tell("hangup")
        return done

    async def consults(self, agent: str, target: str) -> Line:
        """A second call of this agent's telephone, to ``target``; it has been answered."""
        made: asyncio.Queue[Line] = asyncio.Queue()
        rows = [(agent, self.stage.secrets[agent])]
        address = self.stage.settings.asterisk.sip_address
        await self._stack.enter_async_context(
            DirectedCallers(self.stage.settings, rows, target, made.put_nowait, address=address)
        )
        return await made.get()

    async def rung_to_call_back(self, agent: str) -> Line:
        """This agent's own telephone rings, before the citizen's does."""
        return await self._next(f"{agent} calls back")

    async def borrows(self, seats: asyncio.Queue[str]) -> str:
        """A seat for this story alone, until it has ended."""
        seat = await self._within(seats.get(), "a seat is free")
        self._stack.callback(seats.put_nowait, seat)
        return seat

    # --- units

    @property
    def unit(self) -> str:
        """The unit that this story's agent calls: its code in the directory."""
        return unit_code(self.index % UNITS)

    async def unit_rung(self) -> Line:
        """The unit's telephone rings."""
        return await self.outside_rung(unit_number(self.index % UNITS))

    async def outside_rung(self, number: str) -> Line:
        """A telephone outside rings."""
        return await self._next(f"outside {number}")

    def nobody_dials_again(self) -> None:
        """Raise ``StoryBrokenError`` when the unit rings once more."""
        if not self.stage.rings_for(f"outside {unit_number(self.index % UNITS)}").empty():
            raise StoryBrokenError("the unit is dialled a third time")

    # --- holding the citizen

    def hold_begins(self, line: Line, earliest: dt.datetime, latest: dt.datetime) -> None:
        """This agent has put the citizen on hold at some time between these."""
        self._hold(line).begins(earliest, latest)

    def hold_ends(self, line: Line, earliest: dt.datetime, latest: dt.datetime) -> None:
        """And has taken the citizen back."""
        self._hold(line).ends(earliest, latest)

    def is_not_told(self, line: Line) -> None:
        """No event tells how long this agent had the citizen."""
        self._untold.add(line.call.call_id)

    def _hold(self, line: Line) -> Hold:
        return self._holds.setdefault(line.call.call_id, Hold())

    # --- time

    async def after(self, seconds: float) -> None:
        """Some time passes."""
        await asyncio.sleep(max(0.0, seconds))

    async def on(self, line: Line, condition: Callable[..., object], what: str) -> None:
        """Wait for something at one telephone."""
        await self._within(line.until(condition), what)

    async def _next(self, shown: str) -> Line:
        queue = self.stage.rings_for(shown)
        return await self._within(queue.get(), f"a telephone rings for {shown}")

    async def _within(self, work: Awaitable[Result], what: str) -> Result:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await work
        except TimeoutError:
            raise StoryBrokenError(f"in vain: {what}") from None

    # --- the end

    async def all_is_over(self) -> None:
        """The citizen's call has been closed, and every telephone that rang for it is quiet."""
        await self.on(self.line, lambda call: call.closed, "the call is closed")
        self._take_rung()
        for line in self._rung:
            await self.on(line, lambda call: call.ended_at or call.closed, f"{line.call.party} is quiet")

    def _take_rung(self) -> None:
        queue = self.stage.rings_for(self.truth.caller)
        while not queue.empty():
            self._rung.append(queue.get_nowait())

    def is_cut(self) -> None:
        """Asterisk has died."""
        self.truth.cut_at = clock.now()
        for asked in self.truth.requests:
            if asked.outcome == "waiting":
                asked.outcome = "system_fault"

    async def close(self) -> None:
        """End what the story has opened."""
        await self._stack.aclose()

    def finished(self) -> CallTruth:
        """All that is true about this call."""
        self._take_rung()
        call = self.line.call
        left = [done.at for done in call.done] + ([call.ended_at] if call.ended_at else [])
        self.truth.rang = truth.rang(self._rung, self._refused, left)
        self.truth.talked = truth.talked([line for line in self._rung if line.call.call_id not in self._untold], self._holds)
        self.truth.ended_at, self.truth.ended_by = call.ended_at, call.ended_by
        return self.truth


Story = Callable[[Play], Coroutine[Any, Any, None]]


def unit_code(place: int) -> str:
    """The code of the unit at this place of the directory."""
    return f"MIX{place:03d}"


def unit_number(place: int) -> str:
    """Its telephone's number."""
    return f"83129{place:03d}"

"""What a group of telephones, citizens or seats, can be asked and told while its calls go on."""

from __future__ import annotations

from collections.abc import Callable

from hotline.phones.call_log import Call
from hotline.phones.engine import Engine
from hotline.phones.plan import EngineReport
from hotline.phones.sipp import Sipp


class Group:
    """One SIPp process for the SIP and one engine for the sound; both are there inside the ``async with`` block."""

    sipp: Sipp
    engine: Engine

    @property
    def calls(self) -> list[Call]:
        """The calls so far, in order of dialling or arrival; they change as they go on."""
        return list(self.sipp.calls.values())

    @property
    def own(self) -> EngineReport | None:
        """What the sound cost, once it has ended."""
        return self.engine.own

    def hang_up(self, call: Call) -> None:
        """Make this telephone hang up an answered call now."""
        self.sipp.hang_up(call)

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition`` (on ``calls``) holds; ``False`` when ``within`` seconds passed or SIPp had ended."""
        return await self.sipp.until(condition, within)

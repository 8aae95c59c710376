"""Pause and resume of a call's recording (QUA-01): while a citizen says what nobody may keep."""

from __future__ import annotations

import msgspec

from acd import pauses
from acd.pauses import Pause
from acd.permissions import Person
from desks.desk import Ask, Route
from desks.ordering import Line, ordered

_MAY = "call.pause_recording"
_ONE = "/api/agents/{agent}/call/recording"


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not kept: "card number"."""

    reason: Line = ""


async def pause(ask: Ask, person: Person, *, agent: str, reason: str) -> Pause:
    """``POST …/pause``: answers when nothing is kept any more."""
    return await pauses.pause(ask.parts.acd, person, agent, reason)


async def resume(ask: Ask, person: Person, *, agent: str) -> Pause:
    """``POST …/resume``."""
    return await pauses.resume(ask.parts.acd, person, agent)


ROUTES: tuple[Route, ...] = (
    ordered("POST", f"{_ONE}/pause", pause, _MAY, ("暂停录音", "Pause the recording"), body=Why, answer=Pause),
    ordered("POST", f"{_ONE}/resume", resume, _MAY, ("恢复录音", "Resume the recording"), answer=Pause),
)

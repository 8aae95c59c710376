"""How a call ended, and who hung up: two tables, read from top to bottom, the first line that holds decides. Pure.

Times and order are settled before (``ami_bridge/calls.py``); here is only what was true at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at a call's end. ``status`` is the exit of the last ``Queue()`` (empty: it never returned)."""

    connected: bool
    lost: bool
    message_saved: bool
    status: str
    joined: bool
    caller_asked: bool
    completed_by: str

    @property
    def refused(self) -> bool:
        """The queue did not take the caller in: there was no waiting."""
        return self.status in REFUSALS


REFUSALS = frozenset({"FULL", "JOINEMPTY", "JOINUNAVAIL"})

QUEUE_EXITS = {
    "TIMEOUT": "timed_out",
    "FULL": "queue_full",
    "JOINEMPTY": "no_agents",
    "JOINUNAVAIL": "no_agents",
    "LEAVEEMPTY": "no_agents",
    "LEAVEUNAVAIL": "no_agents",
    "CONTINUE": "answered",
    "WITHDRAW": "timed_out",
}
"""``QUEUESTATUS`` to disposition; a status that is not here is a fault of ours."""

_DISPOSITIONS: tuple[tuple[str, Callable[[Ending], bool]], ...] = (
    ("system_fault", lambda e: e.lost),  # 系统故障: Asterisk or its record of the call is gone
    ("answered", lambda e: e.connected),  # 人工接通
    ("message_left", lambda e: e.message_saved),  # 已留言
    ("timed_out", lambda e: QUEUE_EXITS.get(e.status) == "timed_out"),  # 排队超时
    ("no_agents", lambda e: QUEUE_EXITS.get(e.status) == "no_agents"),  # 无坐席在线
    ("queue_full", lambda e: QUEUE_EXITS.get(e.status) == "queue_full"),  # 队列已满
    ("answered", lambda e: QUEUE_EXITS.get(e.status) == "answered"),  # the agent's leaving is told, the connection was missed
    ("system_fault", lambda e: bool(e.status)),
    ("abandoned", lambda e: e.joined),  # 排队放弃: still waiting when the call ended
    ("ivr_hangup", lambda _: True),  # IVR挂断: never asked for an agent
)
DISPOSITIONS = tuple(dict.fromkeys(name for name, _ in _DISPOSITIONS))

_HUNG_UP_BY: tuple[tuple[str, Callable[[Ending], bool]], ...] = (
    ("system", lambda e: e.lost),
    ("agent", lambda e: e.connected and e.completed_by == "agent"),
    ("caller", lambda e: e.caller_asked),
    ("system", lambda _: True),
)


def disposition(ending: Ending) -> str:
    """One of ``DISPOSITIONS``."""
    return next(name for name, holds in _DISPOSITIONS if holds(ending))


def hung_up_by(ending: Ending) -> str:
    """``caller``, ``agent`` or ``system``; after the agent ended the conversation it stays ``agent``, whatever followed."""
    return next(who for who, holds in _HUNG_UP_BY if holds(ending))

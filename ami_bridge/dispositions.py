"""How a call ended, and who hung up: two tables, read from top to bottom, the first line that holds decides. Pure.

One disposition per call (IVR-35). What the caller got beats why the call ended: an agent before all; then what took an agent's
place (message, call-back, another hotline); then the fate of a caller who waited for an agent and got none; then self-service,
which is not what such a caller had asked for. What became of each request for an agent is another matter (metrics, section 2).
Order in time does not count here (``ami_bridge/calls.py``), only what was true at the end. Codes that only an agent can give
(such as ticket created, malicious, silent, wrong number) come with the agents' desk: ``docs/call-records.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

BY_FLOW = frozenset(
    {
        "callback_requested",
        "transferred",
        "fax_sent",
        "result_query",
        "knowledge_query",
        "self_service",
        "out_of_hours",
        "wrong_key",
    }
)
"""What a flow may say of a call by the step ``disposition:CODE``; any other code is ignored."""

_SAID_BY = {
    "message:saved": "message_left",
    "transfer:ANSWER": "transferred",
    "fax:sent": "fax_sent",
    **{f"disposition:{code}": code for code in BY_FLOW},
}
"""Marks of the path to codes: the dialplan's own word holds although the caller hung up before the flow could go on."""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What is known at a call's end: ``codes`` from the path; ``status``, the exit of the last ``Queue()`` (empty: none)."""

    connected: bool
    lost: bool
    codes: frozenset[str]
    status: str
    joined: bool
    caller_asked: bool
    completed_by: str

    @property
    def refused(self) -> bool:
        """The queue did not take the caller in: there was no waiting."""
        return self.status in REFUSALS

    @property
    def queue_exit(self) -> str:
        """What the queue's status amounts to; empty: none, or a key (``KEY``, ``KEY1``), which decides nothing by itself."""
        return "" if self.status.startswith("KEY") or not self.status else QUEUE_EXITS.get(self.status, "system_fault")


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
    # 人工接通: also when the agent's leaving is told and the connection was missed; whatever follows it, a survey or a message
    ("answered", lambda e: e.connected or e.queue_exit == "answered"),
    ("message_left", lambda e: "message_left" in e.codes),  # 已留言: of any kind; somebody listens to it
    ("callback_requested", lambda e: "callback_requested" in e.codes),  # 预约回拨: keeps the place in the queue
    ("transferred", lambda e: "transferred" in e.codes),  # 转接其他热线: the other hotline took the call
    ("timed_out", lambda e: e.queue_exit == "timed_out"),  # 排队超时
    ("no_agents", lambda e: e.queue_exit == "no_agents"),  # 无坐席在线
    ("queue_full", lambda e: e.queue_exit == "queue_full"),  # 队列已满
    ("system_fault", lambda e: e.queue_exit == "system_fault"),
    ("abandoned", lambda e: e.joined),  # 排队放弃: waited for an agent, and left without anything above
    ("fax_sent", lambda e: "fax_sent" in e.codes),  # 已传真: before the queries by which the document was found
    ("result_query", lambda e: "result_query" in e.codes),  # 办理结果查询: of the caller's own ticket, before general knowledge
    ("knowledge_query", lambda e: "knowledge_query" in e.codes),  # 政策与指南查询
    ("self_service", lambda e: "self_service" in e.codes),  # 其他自助服务 (IVR-34)
    ("out_of_hours", lambda e: "out_of_hours" in e.codes),  # 非服务时间: asked for an agent, heard the hours, left no message
    ("wrong_key", lambda e: "wrong_key" in e.codes),  # 按键无效: given up after too many wrong keys or none
    ("ivr_hangup", lambda _: True),  # IVR挂断: left the menu without asking for an agent and without anything above
)
DISPOSITIONS = tuple(dict.fromkeys(name for name, _ in _DISPOSITIONS))

_HUNG_UP_BY: tuple[tuple[str, Callable[[Ending], bool]], ...] = (
    ("system", lambda e: e.lost),
    ("agent", lambda e: e.connected and e.completed_by == "agent"),
    ("caller", lambda e: e.caller_asked),
    ("system", lambda _: True),
)


def codes(marks: Iterable[str]) -> frozenset[str]:
    """What the marks of a path say about the ending."""
    return frozenset(_SAID_BY[mark] for mark in marks if mark in _SAID_BY)


def disposition(ending: Ending) -> str:
    """One of ``DISPOSITIONS``."""
    return next(name for name, holds in _DISPOSITIONS if holds(ending))


def hung_up_by(ending: Ending) -> str:
    """``caller``, ``agent`` or ``system``; after the agent ended the conversation it stays ``agent``, whatever followed."""
    return next(who for who, holds in _HUNG_UP_BY if holds(ending))

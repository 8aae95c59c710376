"""What an agent may order in which state, and what the telephone makes of it: one table each, and one drawing of both. Pure.

The state is never assumed: it is what the bridge sees (``agent_states``), and whether there is a session (ORG-20, ORG-50). Only
``offline`` and ``unreachable`` are told apart here: without a session, or with one and a telephone that cannot be reached. Who is
busy may order a pause: it begins with the end of the call. A refusal is a code of ``acd.errors``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from acd.errors import RefusedError

STATES = ("offline", "unreachable", "ready", "paused", "ringing", "talking", "holding", "wrap_up", "elsewhere")
IN_A_CALL = frozenset({"ringing", "talking", "holding"})
NO_ANSWER = "no_answer"
"""The reason of the pause that missed calls make."""
_MAY_WRAP_UP = frozenset({"paused", "wrap_up", "elsewhere"})
"""Whoever is in wrap-up time and dials a code for it is elsewhere."""
_SAME = "="
_NOT_IN = {"offline": "!not_logged_in"}
_BUSY_STAY = dict.fromkeys(("ringing", "talking", "holding", "elsewhere"), _SAME)

ORDERS: Mapping[str, Mapping[str, str]] = {
    "log_in": {"offline": "unreachable", **dict.fromkeys(STATES[1:], "!already_logged_in")},
    "move": {
        **_NOT_IN,
        **dict.fromkeys(("unreachable", "ready", "paused", "wrap_up"), "unreachable"),
        **dict.fromkeys((*sorted(IN_A_CALL), "elsewhere"), "!in_a_call"),
    },
    "displace": {
        "offline": _SAME,
        **dict.fromkeys(("unreachable", "ready", "paused", "wrap_up"), "offline"),
        **dict.fromkeys((*sorted(IN_A_CALL), "elsewhere"), "!seat_busy"),
    },
    "log_out": {
        **_NOT_IN,
        **dict.fromkeys(("unreachable", "ready", "paused", "wrap_up", "elsewhere"), "offline"),
        **dict.fromkeys(sorted(IN_A_CALL), "!in_a_call"),
    },
    "force_out": {**_NOT_IN, **dict.fromkeys(STATES[1:], "offline")},
    "pause": {**_NOT_IN, "unreachable": _SAME, "ready": "paused", "paused": _SAME, "wrap_up": "paused", **_BUSY_STAY},
    "ready": {**_NOT_IN, "unreachable": _SAME, "ready": "!already_ready", "paused": "ready", "wrap_up": "ready", **_BUSY_STAY},
}
"""Order -> state -> state after it; ``=``: as before, ``!code``: refused."""

TELEPHONE: Mapping[str, Mapping[str, str]] = {
    "can be reached": {"unreachable": "ready"},
    "cannot be reached": dict.fromkeys(
        ("ready", "paused", "wrap_up", "ringing", "talking", "holding", "elsewhere"), "unreachable"
    ),
    "rings": {"ready": "ringing"},
    "is not answered": {"ringing": "ready"},
    "missed too many": {"ringing": "paused"},
    "answers": {"ringing": "talking"},
    "holds": {"talking": "holding"},
    "resumes": {"holding": "talking"},
    "call ends": {"talking": "wrap_up", "holding": "wrap_up"},
    "wrap-up is over": {"wrap_up": "ready"},
    "is picked up": {"ready": "elsewhere", "paused": "elsewhere", "wrap_up": "elsewhere"},
    "is put down": {"elsewhere": "ready"},
}
"""What happens at the telephone -> from state -> to state, as a rule; after a gap the bridge may see any state follow any."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent stands: ``state`` with the session taken in, and the pause that was ordered."""

    state: str
    paused: bool = False
    pause_reason: str = ""


def standing(seen: str | None, *, has_session: bool, paused: bool = False, pause_reason: str = "") -> Standing:
    """From what the bridge sees and the session that is open, if one is."""
    if not has_session:
        return Standing(state="offline")
    state = "unreachable" if seen in (None, "offline") else seen or ""
    return Standing(state=state, paused=paused, pause_reason=pause_reason)


def decide(now: Standing, order: str, reason: str = "") -> Standing:
    """How the agent stands after an order; raises ``RefusedError`` with what is in the way."""
    after = ORDERS[order][now.state]
    if after.startswith("!"):
        raise RefusedError(after[1:], state=now.state)
    state = now.state if after == _SAME else after
    if order == "pause":
        if (now.paused, now.pause_reason) == (True, reason):
            raise RefusedError("already_paused", reason=reason)
        return Standing(state=state, paused=True, pause_reason=reason)
    if order == "ready":
        if not now.paused and now.state not in _MAY_WRAP_UP:
            raise RefusedError("already_ready")
        return Standing(state=state)
    return Standing(state=state, paused=now.paused and order == "move", pause_reason=now.pause_reason if order == "move" else "")


def ends_wrap_up(now: Standing, order: str) -> bool:
    """Whether app_queue is to ring the agent at once although the wrap-up time has not passed."""
    return order == "ready" and now.state in ("wrap_up", "elsewhere")


def drawing() -> str:
    """Both tables as a Mermaid state diagram."""
    edges: dict[tuple[str, str], list[str]] = {}
    for label, moves in (*ORDERS.items(), *TELEPHONE.items()):
        for state, after in moves.items():
            if after != _SAME and not after.startswith("!"):
                edges.setdefault((state, after), []).append(label)
    lines = [f"    {state} --> {after}: {', '.join(labels)}" for (state, after), labels in edges.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> offline", *lines])

"""The three-way call of agent, citizen and undertaking unit: where each of them is, what may be ordered when, how it ended. Pure.

The dialplan (asterisk-conf/threeway.conf.j2) carries the call; here is the book. Each of the three tells its own steps in their
order; those of different channels may arrive in any order and late, so a step moves only the one whose it is, and the phase is
read off where all three are. Nothing here is remembered between steps but ``State``, which is a row of the database.

Rules: consent first (TWC-02 to TWC-05), two attempts (TWC-08), private before joined (TWC-10), the ends (TWC-12 to TWC-14), what
is written down (TWC-15).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec

from acd.errors import RefusedError
from acd.threeway_state import (
    ATTEMPTS,
    Alarm,
    Attempt,
    Caller,
    Disposition,
    Effect,
    Order,
    Outcome,
    Phase,
    Send,
    State,
    Told,
    Write,
)

ASKED_SECONDS = 5.0
"""So long an order that changes the phase keeps others out, when nothing is seen of it."""
_CAUSE_NORMAL = "16"

ORDERS: Mapping[str, tuple[frozenset[Phase], Disposition]] = {
    "join": (frozenset({"private"}), ""),
    "cancel": (frozenset({"dialling"}), "cancelled"),
    "decline": (frozenset({"private"}), "declined"),
    "machine": (frozenset({"private"}), "machine"),
    "fax": (frozenset({"private"}), "fax"),
    "wrong_unit": (frozenset({"private", "joined"}), "wrong_unit"),
    "drop_unit": (frozenset({"joined", "farewell", "without_agent"}), ""),
    "release_caller": (frozenset({"joined"}), ""),
    "take_up": (frozenset({"held", "without_agent"}), ""),
    "send_digits": (frozenset({"private", "joined", "farewell"}), ""),
}
"""Order -> the phases that it belongs to, and what it says of the unit."""


def begin(state: State) -> Send:
    """The one action that begins it: the citizen to the music, the agent to dial. All that is to be known goes with it."""
    first, second = (state.numbers[0].number, state.numbers[-1].number)
    return Send(
        "Redirect",
        {
            "channel": state.caller_channel,
            "context": "threeway-caller",
            "exten": f"{state.threeway_id}*{second}",
            "extra_channel": state.agent_channel,
            "extra_context": "threeway-dial",
            "extra_exten": f"{state.threeway_id}*{first}*{caller(state)}",
        },
    )


def caller(state: State) -> str:
    """The citizen's channel, as short as an extension wants it ([threeway-meet])."""
    channel = state.caller_channel
    return f"c{channel[8:]}" if channel.startswith("command-") else channel.removeprefix(f"{state.node}-")


def apply(state: State, event: Told | Order) -> tuple[State, list[Effect]]:
    """What is so after the event, and what is to be done. Raises ``RefusedError`` for an order that does not belong here."""
    if isinstance(event, Order):
        return _order(state, event)
    return _settle(state, _move(state, event), event.at)


def replaced(state: State, channel: str, agent: str) -> State:
    """The agent's telephone has put another one in its place; ``agent``: who sits there, if that is known."""
    return msgspec.structs.replace(state, agent_channel=channel, agent=agent or state.agent)


def failed(state: State, at: dt.datetime) -> tuple[State, list[Effect]]:
    """It could not begin, or its call ended without a word: closed."""
    if state.ended_at:
        return state, []
    gone = msgspec.structs.replace(state, caller_is="gone", agent_is="gone", unit_is="gone")
    return _settle(state, gone, at)


def refused(state: State, at: dt.datetime, agent: str = "") -> tuple[State, list[Effect]]:
    """Asterisk has refused what was ordered: other orders may come; what could not even begin is over.

    Nothing was taken back then, so the end decides about the draft (TWC-08); what was said of the unit stays said. ``agent``:
    whose it was before somebody else wanted to take it up.
    """
    if not state.heard and state.phase == "dialling":
        return failed(state, at)
    disposition = "" if state.disposition == "cancelled" else state.disposition
    after = msgspec.structs.replace(state, asked="", asked_at=None, disposition=disposition, agent=agent or state.agent)
    return after, []


def _order(state: State, order: Order) -> tuple[State, list[Effect]]:
    phases, disposition = ORDERS[order.what]
    if state.phase not in phases:
        raise RefusedError("wrong_phase", order=order.what, phase=state.phase)
    if order.what == "send_digits":
        return state, []
    if state.asked_at and (order.at - state.asked_at).total_seconds() < ASKED_SECONDS:
        raise RefusedError("already_ordered", order=state.asked)
    if order.what == "drop_unit":
        if state.phase == "farewell" and not (state.is_service_line or order.is_firm):
            raise RefusedError("unit_hangs_up_first")
        disposition = "not_competent" if state.phase == "joined" and not order.is_solved else ""
    marks = {"disposition": disposition or state.disposition, "agent": order.agent or state.agent}
    after = msgspec.structs.replace(state, asked=order.what, asked_at=order.at, **marks)
    return after, list(_COMMANDS.get(order.what, _drop)(state))


def _join(state: State) -> list[Effect]:
    return [_redirect(state.caller_channel, "threeway-join", state)]


def _cancel(state: State) -> list[Effect]:
    return [_redirect(state.agent_channel, "threeway-back", state)]


def _release(state: State) -> list[Effect]:
    return [_redirect(state.caller_channel, "threeway-done", state)]


def _drop(state: State) -> list[Effect]:
    return [Send("Hangup", {"channel": state.unit_channel, "cause": _CAUSE_NORMAL})]


def _nothing(_: State) -> list[Effect]:
    """Whoever takes it up is not known here."""
    return []


def _redirect(channel: str, context: str, state: State) -> Send:
    return Send("Redirect", {"channel": channel, "context": context, "exten": str(state.threeway_id)})


_COMMANDS: Mapping[str, Callable[[State], list[Effect]]] = {
    "join": _join,
    "cancel": _cancel,
    "release_caller": _release,
    "take_up": _nothing,
}
"""What an order sends; all others let the unit go, and the dialplan does the rest."""


def _move(state: State, told: Told) -> State:
    """The state with this step in it: facts always, places only when no later step of the channel was heard."""
    is_late = told.number <= state.heard.get(told.channel, 0)
    heard = state.heard if is_late else {**state.heard, told.channel: told.number}
    state = msgspec.structs.replace(state, heard=heard)
    if told.what in ("dialling", "dialled", "answered"):
        state = _attempted(state, told)
    if told.what == "joined" and not state.joined_at:
        state = msgspec.structs.replace(state, joined_at=told.at)
    mover = _MOVES.get(told.what)
    return mover(state, told) if mover and not is_late else state


def _attempted(state: State, told: Told) -> State:
    """What is known of an attempt; of one that was not told yet, its place is kept."""
    place = int(told.words.get("attempt", "0")) - 1
    if not 0 <= place < ATTEMPTS:
        return state
    known = list(state.attempts)
    while len(known) <= place:
        known.append(Attempt(number=state.numbers[min(len(known), len(state.numbers) - 1)].number, dialled_at=told.at))
    changes: dict[str, object] = {"number": told.words.get("number", known[place].number)}
    if told.what == "dialling":
        changes["dialled_at"] = told.at
    elif not known[place].result:
        result = "ANSWER" if told.what == "answered" else told.words.get("result", "")
        changes |= {"ended_at": told.at, "result": result, "cause": told.words.get("cause", "")}
    known[place] = msgspec.structs.replace(known[place], **changes)
    return msgspec.structs.replace(state, attempts=known)


def _answered(state: State, told: Told) -> State:
    changes: dict[str, object] = {"unit_is": "room", "unit_channel": told.channel, "connected_at": told.at}
    if state.agent_is == "dialling":
        changes["agent_is"] = "room"
    return msgspec.structs.replace(state, **changes)


def _unit_left(state: State, told: Told) -> State:
    return _leaves(msgspec.structs.replace(state, unit_is="gone", unit_channel=told.channel), "unit")


def _caller(place: Caller) -> Callable[[State, Told], State]:
    def move(state: State, told: Told) -> State:
        if told.channel != state.caller_channel or state.caller_is == "gone":
            return state
        moved = msgspec.structs.replace(state, caller_is=place)
        return _leaves(moved, "caller") if place == "gone" else moved

    return move


def _together(state: State, told: Told) -> State:
    if told.channel != state.agent_channel:
        return state
    return msgspec.structs.replace(state, agent_is="caller", caller_is="agent" if state.caller_is != "gone" else "gone")


def _agent_left(state: State, told: Told) -> State:
    if told.channel != state.agent_channel:
        return state
    return _leaves(msgspec.structs.replace(state, agent_is="gone"), "agent")


def _entered(state: State, told: Told) -> State:
    return msgspec.structs.replace(replaced(state, told.channel, told.words.get("agent", "")), agent_is="room")


def _leaves(state: State, who: str) -> State:
    return state if who in state.left else msgspec.structs.replace(state, left=[*state.left, who])


_MOVES: Mapping[str, Callable[[State, Told], State]] = {
    "answered": _answered,
    "joined": _caller("room"),
    "requeued": _caller("queue"),
    "done": _caller("gone"),
    "caller_left": _caller("gone"),
    "together": _together,
    "entered": _entered,
    "agent_left": _agent_left,
    "unit_left": _unit_left,
}


def _settle(before: State, state: State, at: dt.datetime) -> tuple[State, list[Effect]]:
    """What follows from where everybody is now."""
    effects: list[Effect] = []
    if before.ended_at:
        stray = (before.unit_is, state.unit_is) == ("away", "room")
        return state, [*_drop(state)] if stray else []
    if _is_over(state):
        state = msgspec.structs.replace(state, ended_at=at, outcome=outcome(state), asked="", asked_at=None)
        effects += [] if state.outcome == "cancelled" else [Write()]
    elif state.phase != before.phase:
        state = msgspec.structs.replace(state, asked="", asked_at=None)
    alone = ("without_agent", "held")
    if (state.phase in alone) != (before.phase in alone):
        effects.append(Alarm(state.phase in alone))
    return state, effects


def _is_over(state: State) -> bool:
    """Citizen and agent are together again, or the unit is not there, nor dialled, and neither does the citizen wait."""
    if state.agent_is == "caller":
        return True
    return state.agent_is != "dialling" and state.unit_is != "room" and state.caller_is in ("gone", "queue")


def outcome(state: State) -> Outcome:
    """How it ended, in one word (TWC-15)."""
    if state.disposition in ("wrong_unit", "not_competent"):
        return "not_competent"
    if state.joined_at:
        return "answered"
    if state.disposition == "cancelled":
        return "cancelled"
    if state.connected_at:
        return _unjoined(state)
    if "caller" in state.left:
        return "caller_left"
    tried = len(state.attempts) == ATTEMPTS and all(attempt.result for attempt in state.attempts)
    return "unreachable" if tried and "agent" not in state.left else "failed"


def _unjoined(state: State) -> Outcome:
    """The unit had answered, and citizen and unit never talked."""
    if state.disposition in ("machine", "fax"):
        return "unreachable"
    if state.disposition == "declined" or state.left[:1] == ["unit"]:
        return "declined"
    return "caller_left" if state.left[:1] == ["caller"] else "failed"

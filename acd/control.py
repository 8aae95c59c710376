"""A citizen's call in an agent's hands: who has it, in what way, what may be ordered then and what a step makes of it. Pure.

The dialplan (asterisk-conf/control.conf.j2) carries the call; here is the book. An order says at once where the call will be,
and the steps of its channels say where it is: they come a moment later, and of different channels in any order, so each step says
what holds whatever was before. Rules: IVR-21 to IVR-23, IVR-28.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from acd.errors import RefusedError

Place = Literal["talking", "held", "consulting", "consulted", "party", "parked", "sent", "queue", "over"]
"""Where the citizen is: with the agent, waiting alone, waiting while the agent asks (and has reached) somebody, with several, in
a parking place, on the way to somebody else, in a queue, or in no agent's hands any more."""
Emergency = Literal["", "dialling", "again", "answered", "failed"]
Kind = Literal["agent", "queue", "outside"]
_LETTERS: Mapping[Kind, str] = {"agent": "a", "queue": "q", "outside": "o"}


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``control_calls``. ``citizen``, ``leg``, ``colleague_leg``: uniqueids of channels; ``colleague``: who is asked."""

    node: str
    citizen: str
    call_id: str
    agent: str = ""
    leg: str = ""
    place: Place = "talking"
    colleague: str = ""
    colleague_leg: str = ""
    slot: str = ""
    result: str = ""
    emergency: Emergency = ""
    searching_since: dt.datetime | None = None
    silent_since: dt.datetime | None = None


class Target(msgspec.Struct, frozen=True):
    """Whom to ask, or to send a citizen to: ``dialled`` is an agent's seat, a queue's name or an outside number."""

    kind: Kind
    name: str
    dialled: str

    @property
    def exten(self) -> str:
        """As the dialplan wants it."""
        return f"{_LETTERS[self.kind]}{self.dialled}"


class Send(msgspec.Struct, frozen=True):
    """Ask Asterisk for an action of ``ami_bridge.actions``."""

    action: str
    parameters: Mapping[str, str]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted: a key of ``ORDERS``. ``seat``: of the agent whose call it is, where a refused call comes back to."""

    what: str
    at: dt.datetime
    target: Target | None = None
    slot: str = ""
    number: str = ""
    seat: str = ""


class Told(msgspec.Struct, frozen=True):
    """A step: what the channel told about itself. ``agent``: who sits at the seat that it names, if it names one."""

    what: str
    words: Mapping[str, str]
    channel: str
    agent: str = ""


Decided = tuple[Stand, Sequence[Send]]
_WITH_AGENT: frozenset[Place] = frozenset({"talking", "held", "consulting", "consulted", "party"})


def decide(stand: Stand, order: Order) -> Decided:
    """Where the call will be, and what to ask Asterisk for; raises ``RefusedError`` (``not_now``) where it cannot be done."""
    places, carry_out = ORDERS[order.what]
    if stand.place not in places or not stand.leg:
        raise RefusedError("not_now", order=order.what, place=stand.place)
    return carry_out(stand, order)


def apply(stand: Stand, told: Told) -> Stand:
    """Where the call is, after a step of one of its channels."""
    change = _STEPS.get(told.what)
    return change(stand, told) if change else stand


def reminder(stand: Stand, seconds: int) -> dt.datetime | None:
    """When an agent who searches without hold has to speak to the citizen again (IVR-21); None: not at all."""
    if stand.searching_since is None or stand.place != "talking":
        return None
    return stand.searching_since + dt.timedelta(seconds=seconds)


def _dual(citizen: tuple[str, str, str], other: tuple[str, str, str]) -> Send:
    """Both at once: each is a channel, a context and an extension."""
    (channel, context, exten), (extra, extra_context, extra_exten) = citizen, other
    return Send(
        "Redirect",
        {
            "channel": channel,
            "context": context,
            "exten": exten,
            "extra_channel": extra,
            "extra_context": extra_context,
            "extra_exten": extra_exten,
        },
    )


def _single(channel: str, context: str, exten: str) -> Send:
    return Send("Redirect", {"channel": channel, "context": context, "exten": exten})


def _alone(stand: Stand, place: Place) -> Stand:
    return msgspec.structs.replace(stand, place=place, colleague="", colleague_leg="")


def _hold(stand: Stand, _: Order) -> Decided:
    send = _dual((stand.citizen, "held", stand.leg), (stand.leg, "holding", stand.citizen))
    return msgspec.structs.replace(_alone(stand, "held"), searching_since=None), [send]


def _back(stand: Stand, _: Order) -> Decided:
    return _alone(stand, "talking"), [_single(stand.leg, "back", stand.citizen)]


def _consult(stand: Stand, order: Order) -> Decided:
    assert order.target
    to = (stand.leg, "consult", f"{order.target.exten}*{stand.citizen}")
    send = _single(*to) if stand.place == "held" else _dual((stand.citizen, "held", stand.leg), to)
    now = msgspec.structs.replace(_alone(stand, "consulting"), colleague=order.target.name, result="", searching_since=None)
    return now, [send]


def _complete(stand: Stand, _: Order) -> Decided:
    """The colleague goes to the citizen; the agent leaves."""
    now = msgspec.structs.replace(_alone(stand, "talking"), agent=stand.colleague, leg=stand.colleague_leg)
    return now, [_dual((stand.colleague_leg, "back", stand.citizen), (stand.leg, "handed", "s"))]


def _three(stand: Stand, _: Order) -> Decided:
    pair = _dual((stand.leg, "party", stand.citizen), (stand.colleague_leg, "party", stand.citizen))
    return msgspec.structs.replace(stand, place="party"), [pair, _single(stand.citizen, "party-citizen", "s")]


def _transfer(stand: Stand, order: Order) -> Decided:
    assert order.target
    send = _dual((stand.citizen, "sent", f"{order.target.exten}*{order.seat}"), (stand.leg, "handed", "s"))
    place: Place = "queue" if order.target.kind == "queue" else "sent"
    return msgspec.structs.replace(_alone(stand, place), agent="", leg="", colleague=order.target.name, result=""), [send]


def _park(stand: Stand, order: Order) -> Decided:
    send = _dual((stand.citizen, "parked", f"p{order.slot}*{order.seat}"), (stand.leg, "handed", "s"))
    return msgspec.structs.replace(_alone(stand, "parked"), agent="", leg="", slot=order.slot, result=""), [send]


def _emergency(stand: Stand, order: Order) -> Decided:
    send = _dual((stand.citizen, "emergency", f"{order.number}*{stand.leg}"), (stand.leg, "party", stand.citizen))
    now = msgspec.structs.replace(_alone(stand, "party"), emergency="dialling", colleague=order.number, result="")
    return msgspec.structs.replace(now, searching_since=None), [send]


def _hang_up(stand: Stand, _: Order) -> Decided:
    return _alone(stand, "over"), [Send("Hangup", {"channel": stand.citizen, "cause": "16"})]


def _drop(stand: Stand, order: Order) -> Decided:
    """Whoever was asked goes; a citizen who waits comes back, and of three two are left."""
    if not stand.colleague_leg:
        raise RefusedError("not_now", order=order.what, place=stand.place)
    return stand, [Send("Hangup", {"channel": stand.colleague_leg, "cause": "16"})]


def _survey(stand: Stand, _: Order) -> Decided:
    send = _dual((stand.citizen, "control-over", "s"), (stand.leg, "handed", "s"))
    return msgspec.structs.replace(_alone(stand, "over"), agent="", leg=""), [send]


def _search(stand: Stand, order: Order) -> Decided:
    return msgspec.structs.replace(stand, searching_since=order.at), []


def _found(stand: Stand, _: Order) -> Decided:
    return msgspec.structs.replace(stand, searching_since=None), []


def _silent(stand: Stand, order: Order) -> Decided:
    return msgspec.structs.replace(stand, silent_since=stand.silent_since or order.at), []


_ASKING: frozenset[Place] = frozenset({"consulting", "consulted"})
ORDERS: Mapping[str, tuple[frozenset[Place], Callable[[Stand, Order], Decided]]] = {
    "hold": (frozenset({"talking"}), _hold),
    "resume": (frozenset({"held"}), _back),
    "consult": (frozenset({"talking", "held"}), _consult),
    "back": (_ASKING, _back),
    "complete": (frozenset({"consulted"}), _complete),
    "three": (frozenset({"consulted"}), _three),
    "drop": (frozenset({"consulted", "party"}), _drop),
    "transfer": (frozenset({"talking", "held"}), _transfer),
    "park": (frozenset({"talking", "held"}), _park),
    "emergency": (_WITH_AGENT, _emergency),
    "hang_up": (_WITH_AGENT, _hang_up),
    "survey": (frozenset({"talking", "held"}), _survey),
    "search": (frozenset({"talking"}), _search),
    "found": (_WITH_AGENT, _found),
    "silent": (frozenset({"talking"}), _silent),
}
"""Order -> where the call may be then, and what it does."""


def _was_held(stand: Stand, told: Told) -> Stand:
    """The agent of a consultation keeps the citizen waiting too."""
    leg = told.words.get("agent", "")
    return msgspec.structs.replace(stand, place=stand.place if stand.place in _ASKING else "held", leg=leg)


def _was_joined(stand: Stand, told: Told) -> Stand:
    leg = told.words.get("agent", "")
    agent = stand.colleague if leg == stand.colleague_leg else stand.agent
    return msgspec.structs.replace(_alone(stand, "talking"), leg=leg, agent=agent, slot="")


def _asks(stand: Stand, told: Told) -> Stand:
    return msgspec.structs.replace(stand, place="consulting" if told.channel == stand.leg else stand.place)


def _was_consulted(stand: Stand, told: Told) -> Stand:
    place: Place = "consulted" if stand.place in ("consulting", "held") else stand.place
    return msgspec.structs.replace(stand, place=place, colleague=told.agent or stand.colleague, colleague_leg=told.channel)


def _consult_ended(stand: Stand, told: Told) -> Stand:
    stand = msgspec.structs.replace(stand, result=told.words.get("result", ""))
    return _alone(stand, "held") if stand.place in _ASKING and told.channel == stand.leg else stand


def _taken(stand: Stand, told: Told) -> Stand:
    """Somebody took a call that was sent on, or parked."""
    agent = told.agent or stand.colleague
    return msgspec.structs.replace(_alone(stand, "talking"), agent=agent, leg=told.channel, slot="")


def _gone(place: Place) -> Callable[[Stand, Told], Stand]:
    def changed(stand: Stand, _: Told) -> Stand:
        return msgspec.structs.replace(_alone(stand, place), agent="", leg="", slot="", searching_since=None)

    return changed


def _was_sent(stand: Stand, told: Told) -> Stand:
    """Also by the agent's own telephone."""
    target = told.words.get("target", "")
    return msgspec.structs.replace(stand, place="sent", agent="", leg="", colleague_leg="", colleague=stand.colleague or target)


def _returned(stand: Stand, told: Told) -> Stand:
    return msgspec.structs.replace(_gone("sent")(stand, told), result=told.words.get("result", ""))


def _was_parked(stand: Stand, told: Told) -> Stand:
    return msgspec.structs.replace(_gone("parked")(stand, told), slot=told.words.get("slot", ""))


def _in_party(stand: Stand, _: Told) -> Stand:
    return msgspec.structs.replace(stand, place="party")


def _left_party(stand: Stand, told: Told) -> Stand:
    if told.channel == stand.citizen:
        return _gone("over")(stand, told)
    if told.channel == stand.leg:
        return msgspec.structs.replace(stand, agent="", leg="")
    return msgspec.structs.replace(stand, colleague="", colleague_leg="") if told.channel == stand.colleague_leg else stand


def _emergency_answered(stand: Stand, told: Told) -> Stand:
    return msgspec.structs.replace(stand, emergency="answered", colleague_leg=told.channel)


def _emergency_over(stand: Stand, told: Told) -> Stand:
    """One attempt is over. After an answer nothing is left to say."""
    result, attempt = told.words.get("result", ""), told.words.get("attempt", "")
    if result == "ANSWER" or stand.emergency in ("", "answered"):
        return msgspec.structs.replace(stand, result=result)
    return msgspec.structs.replace(stand, emergency="again" if attempt == "1" else "failed", result=result)


_STEPS: Mapping[str, Callable[[Stand, Told], Stand]] = {
    "held": _was_held,
    "joined": _was_joined,
    "lost": _gone("queue"),
    "over": _gone("over"),
    "citizen_left": _gone("over"),
    "consulting": _asks,
    "consulted": _was_consulted,
    "consult_over": _consult_ended,
    "sent": _was_sent,
    "taken": _taken,
    "returned": _returned,
    "parked": _was_parked,
    "picked_up": _taken,
    "attended": _taken,
    "party": _in_party,
    "party_left": _left_party,
    "emergency": _in_party,
    "emergency_answered": _emergency_answered,
    "emergency_over": _emergency_over,
}
"""What a step of area ``control`` makes of the call."""

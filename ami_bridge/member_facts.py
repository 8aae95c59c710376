"""Facts about the members of queues, who waits in them, and how a call that we made went, from AMI events. Pure.

A member is an interface in a queue; an agent is the name that its members share (telephone and browser, see queues.conf). The
events of a member all carry the whole member, in 18 to 22; what an older Asterisk leaves out is 0. The entries of a list
(``QueueStatus``) carry no time of their own: theirs is when they were received.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from ami_bridge.fact import Fact, Headers, Parse, queue_of, whole


class MemberSeen(Fact, frozen=True):
    """A member as it is now. ``status`` is Asterisk's device state; ``last_call`` and ``last_pause`` are epoch seconds, 0: never.

    ``wrapup_seconds`` is the member's own wrap-up time, 0: the queue's. ``is_status``: said because the device's state changed,
    ``is_pause``: because it was paused or not any more, ``is_added``: because it became a member just now.
    """

    queue: str
    agent: str
    interface: str
    status: int
    paused: bool
    pause_reason: str = ""
    penalty: int = 0
    last_call: int = 0
    last_pause: int = 0
    wrapup_seconds: int = 0
    in_call: bool = False
    is_status: bool = False
    is_pause: bool = False
    is_added: bool = False


class MemberGone(Fact, frozen=True):
    """A member was taken out of a queue."""

    queue: str
    agent: str
    interface: str


class QueueListed(Fact, frozen=True):
    """A queue, in the list of all: its members and its waiting callers follow."""

    queue: str


class WaitingSeen(Fact, frozen=True):
    """A caller waits in a queue at this moment; ``call_id`` is the channel's uniqueid too, as Asterisk tells no more here."""

    uniqueid: str
    queue: str
    wait_seconds: int


class ListingEnded(Fact, frozen=True):
    """The list of all queues is complete: members and waiting callers that were not in it are no more."""


class OriginateEnded(Fact, frozen=True):
    """How a call that we asked for went: answered, or not, for ``cause`` (``ORIGINATE_CAUSES``). ``command`` is its ActionID."""

    command: str
    uniqueid: str
    answered: bool
    cause: int


ORIGINATE_CAUSES = {0: "not reachable", 1: "no answer", 3: "no answer", 4: "answered", 5: "busy", 8: "congested"}


def _member(h: Headers, at: dt.datetime, agent: str, interface: str, **why: bool) -> MemberSeen:
    return MemberSeen(
        at=at,
        call_id="",
        queue=h["queue"],
        agent=agent,
        interface=interface,
        status=int(h["status"]),
        paused=h["paused"] == "1",
        pause_reason=h.get("pausedreason", ""),
        penalty=whole(h.get("penalty")),
        last_call=whole(h.get("lastcall")),
        last_pause=whole(h.get("lastpause")),
        wrapup_seconds=whole(h.get("wrapuptime")),
        in_call=h.get("incall") == "1",
        **why,
    )


def _told(**why: bool) -> Callable[[Headers, dt.datetime], Fact]:
    return lambda h, at: _member(h, at, h["membername"], h["interface"], **why)


def _listed(h: Headers, at: dt.datetime) -> Fact:
    return _member(h, at, h["name"], h["location"], is_status=True)


def _gone(h: Headers, at: dt.datetime) -> Fact:
    return MemberGone(at=at, call_id="", queue=h["queue"], agent=h["membername"], interface=h["interface"])


def _queue(h: Headers, at: dt.datetime) -> Fact:
    return QueueListed(at=at, call_id="", queue=queue_of(h["queue"]))


def _waiting(h: Headers, at: dt.datetime) -> Fact:
    unique = h["uniqueid"]
    return WaitingSeen(at=at, call_id=unique, uniqueid=unique, queue=queue_of(h["queue"]), wait_seconds=whole(h["wait"]))


def _end(_: Headers, at: dt.datetime) -> Fact:
    return ListingEnded(at=at, call_id="")


def _originated(h: Headers, at: dt.datetime) -> Fact:
    unique, answered = h["uniqueid"], h["response"] == "Success"
    return OriginateEnded(
        at=at, call_id=unique, command=h["actionid"], uniqueid=unique, answered=answered, cause=whole(h["reason"])
    )


EVENTS: dict[str, Parse] = {
    "QueueMemberStatus": _told(is_status=True),
    "QueueMemberAdded": _told(is_status=True, is_added=True),
    "QueueMemberRemoved": _gone,
    "QueueMemberPause": _told(is_pause=True),
    "QueueMemberPenalty": _told(),
    "QueueMemberRinginuse": _told(),
    "OriginateResponse": _originated,
}
"""Sent when something happens: they have to pass the filters of ``manager.conf``."""
LISTED: dict[str, Parse] = {
    "QueueParams": _queue,
    "QueueMember": _listed,
    "QueueEntry": _waiting,
    "QueueStatusComplete": _end,
}
"""Sent only as the answer to ``QueueStatus``, which no filter holds back."""

"""What has to be asked of Asterisk so that its queues have the members that they should have. Pure.

Wanted: a member for each telephone of a seat, in each queue that the policy gives the agent who works there. Present: the members
as the bridge sees them. A pause that somebody made at Asterisk itself, after the agent's last order, is the agent's from then on
(``adopted``); any other difference is put right, so that a restart, of whatever it may be, changes nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

Key = tuple[str, str]
"""Queue and interface."""
_SEAT = re.compile(r"PJSIP/[0-9]{3,5}(?:@browser)?")


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """An agent at a seat: an open session. ``ordered_at``: of the agent's last order."""

    agent: str
    seat: str
    ordered_at: dt.datetime
    paused: bool = False
    pause_reason: str = ""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """A member that a queue has. ``paused_at``: when Asterisk told of its pause or the end of it; None: it was only listed."""

    queue: str
    interface: str
    agent: str
    penalty: int
    paused: bool
    pause_reason: str
    status: int
    paused_at: dt.datetime | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A member that a queue should have."""

    agent: str
    penalty: int
    paused: bool
    pause_reason: str


class Command(msgspec.Struct, frozen=True):
    """One action to ask for."""

    action: str
    parameters: dict[str, str | int | bool]


def interfaces(seat: str) -> tuple[str, str]:
    """The telephone of a seat and its browser's."""
    return f"PJSIP/{seat}", f"PJSIP/{seat}@browser"


def wanted(at_work: Iterable[Work], memberships: Mapping[Key, int]) -> dict[Key, Wanted]:
    """The members that there should be; ``memberships``: (queue, agent) -> penalty."""
    queues: dict[str, list[tuple[str, int]]] = {}
    for (queue, agent), penalty in memberships.items():
        queues.setdefault(agent, []).append((queue, penalty))
    return {
        (queue, interface): Wanted(agent=work.agent, penalty=penalty, paused=work.paused, pause_reason=work.pause_reason)
        for work in at_work
        for queue, penalty in queues.get(work.agent, ())
        for interface in interfaces(work.seat)
    }


def difference(want: Mapping[Key, Wanted], present: Mapping[Key, Present]) -> list[Command]:
    """The commands that make one of the other, adding before taking away, so that no queue is without anybody meanwhile."""
    return [*_adding(want, present), *_pausing(want, present), *_removing(want, present)]


def change(before: Mapping[Key, Wanted], after: Mapping[Key, Wanted]) -> list[Command]:
    """The commands of an order, by what was wanted before it: right also where the last order is not seen in Asterisk yet."""
    return difference(after, {key: _as_present(key, one) for key, one in before.items()})


def renewal(want: Mapping[Key, Wanted]) -> list[Command]:
    """Take these members out and put them back: app_queue forgets their last call, and so the wrap-up time after it."""
    return [command for key, one in want.items() for command in (_remove(*key), _add(key, one))]


def adopted(
    at_work: Iterable[Work], present: Iterable[Present], newer_by: dt.timedelta
) -> dict[str, tuple[bool, str, dt.datetime]]:
    """Agents who were paused, or made ready, at Asterisk itself and at all their telephones: how, why, when."""
    by_agent: dict[str, list[Present]] = {}
    for member in present:
        by_agent.setdefault(member.agent, []).append(member)
    found = {}
    for work in at_work:
        theirs = by_agent.get(work.agent, [])
        states = {(member.paused, member.pause_reason if member.paused else "") for member in theirs}
        told = [member.paused_at for member in theirs]
        if len(states) != 1 or None in told or states == {(work.paused, work.pause_reason)}:
            continue
        at = min(moment for moment in told if moment)
        if at > work.ordered_at + newer_by:
            found[work.agent] = (*states.pop(), at)
    return found


def _adding(want: Mapping[Key, Wanted], present: Mapping[Key, Present]) -> Iterator[Command]:
    for key, one in want.items():
        there = present.get(key)
        if there is not None and there.agent != one.agent:
            yield _remove(*key)
            there = None
        if there is None:
            yield _add(key, one)
        elif there.penalty != one.penalty:
            yield Command("QueuePenalty", {"queue": key[0], "interface": key[1], "penalty": one.penalty})


def _pausing(want: Mapping[Key, Wanted], present: Mapping[Key, Present]) -> Iterator[Command]:
    """An interface in all its queues at once."""
    told = set()
    for key, one in want.items():
        there = present.get(key)
        if there is None or there.agent != one.agent or key[1] in told:
            continue
        if there.paused != one.paused or (one.paused and there.pause_reason != one.pause_reason):
            told.add(key[1])
            why = {"reason": one.pause_reason} if one.paused else {}
            yield Command("QueuePause", {"interface": key[1], "paused": one.paused, **why})


def _removing(want: Mapping[Key, Wanted], present: Mapping[Key, Present]) -> Iterator[Command]:
    """Members that are no telephone of a seat are somebody else's, and stay."""
    for key in present.keys() - want.keys():
        if _SEAT.fullmatch(key[1]):
            yield _remove(*key)


def _add(key: Key, one: Wanted) -> Command:
    queue, interface = key
    why: dict[str, str | int | bool] = {"reason": one.pause_reason} if one.paused else {}
    known = {"queue": queue, "interface": interface, "member": one.agent, "state_interface": interface}
    return Command("QueueAdd", {**known, "penalty": one.penalty, "paused": one.paused, **why})


def _as_present(key: Key, one: Wanted) -> Present:
    return Present(
        queue=key[0],
        interface=key[1],
        agent=one.agent,
        penalty=one.penalty,
        paused=one.paused,
        pause_reason=one.pause_reason,
        status=0,
    )


def _remove(queue: str, interface: str) -> Command:
    return Command("QueueRemove", {"queue": queue, "interface": interface})

"""Which members Asterisk's queues have: each as it is told, and the list of all after each login, which is the whole truth. Pure.

What the acd process compares with who should be a member. A queue goes by its whole name here, ``hotline.1001`` too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec

from ami_bridge.fact import Fact
from ami_bridge.member_facts import ListingEnded, MemberGone, MemberSeen, QueueListed

Key = tuple[str, str]
"""Queue and interface."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a queue, or one that is no more (``is_gone``). ``paused_at``: when its pause, or the end of one, was told.

    None: what it is was only listed, and may be as old as Asterisk.
    """

    queue: str
    interface: str
    agent: str
    at: dt.datetime
    penalty: int = 0
    paused: bool = False
    pause_reason: str = ""
    status: int = 0
    paused_at: dt.datetime | None = None
    is_gone: bool = False


class Listed(msgspec.Struct, frozen=True):
    """All queues were listed: these are all their members, and the agents that have any."""

    at: dt.datetime
    members: tuple[Key, ...]
    agents: tuple[str, ...]


class State(msgspec.Struct):
    """Members known; ``listed``: those of a list that has begun."""

    members: dict[Key, Member] = msgspec.field(default_factory=dict)
    listed: set[Key] | None = None


def apply(state: State, fact: Fact) -> list[Member | Listed]:
    """Fold one fact in (``state`` is changed in place); returns what is no longer as it was."""
    match fact:
        case MemberSeen():
            return _seen(state, fact)
        case MemberGone():
            return _gone(state, [(fact.queue, fact.interface)], fact.at)
        case QueueListed() if state.listed is None:
            state.listed = set()
        case ListingEnded():
            listed, state.listed = state.listed or set(), None
            gone = _gone(state, state.members.keys() - listed, fact.at)
            agents = {member.agent for member in state.members.values()}
            return [*gone, Listed(fact.at, tuple(sorted(listed)), tuple(sorted(agents)))]
        case _:
            pass
    return []


def begin(state: State) -> None:
    """A new login: a list that was not finished is not continued."""
    state.listed = None


def unlike(state: State, listing: Iterable[Fact]) -> set[Key]:
    """Members that are known and not in a list of all, or in it and not known."""
    return state.members.keys() ^ {(fact.queue, fact.interface) for fact in listing if isinstance(fact, MemberSeen)}


def _seen(state: State, fact: MemberSeen) -> list[Member | Listed]:
    key = (fact.queue, fact.interface)
    if state.listed is not None:
        state.listed.add(key)
    known = state.members.get(key)
    is_same_pause = known is not None and (known.paused, known.pause_reason) == (fact.paused, fact.pause_reason)
    now = Member(
        queue=fact.queue,
        interface=fact.interface,
        agent=fact.agent,
        at=fact.at,
        penalty=fact.penalty,
        paused=fact.paused,
        pause_reason=fact.pause_reason,
        status=fact.status,
        paused_at=fact.at if fact.is_pause else known.paused_at if known and is_same_pause else None,
    )
    state.members[key] = now
    return [] if known and msgspec.structs.replace(known, at=now.at) == now else [now]


def _gone(state: State, keys: set[Key] | list[Key], at: dt.datetime) -> list[Member | Listed]:
    known = [member for key in sorted(keys) if (member := state.members.pop(key, None))]
    return [msgspec.structs.replace(member, at=at, is_gone=True) for member in known]

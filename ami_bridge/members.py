"""Agents as they are now: offline, ready, paused, ringing, talking, holding, wrap_up, elsewhere, each with its beginning. Pure.

Theory of operation. An agent is the name that its members (interface in a queue) share. Two witnesses are laid together: the
members' device states say whether a telephone can be reached and is in use; the queues' own events say what it is in use for
(a telephone that rings is "busy" to Asterisk); in use for no queue's call, it is elsewhere. A telephone that is free again ends
what was not seen to end. Wrap-up is the time in which app_queue does not ring the member: until ``LastCall`` plus the wrap-up
time, by Asterisk's clock.

Nothing is assumed over a gap: the list of all queues (``QueueStatus``) after each login restates every member, and what is not
in it is gone. Legal facts are the keys of ``_APPLY``; others change nothing. Time is that of the facts; wrap-ups end by ``tick``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ami_bridge import facts
from ami_bridge.fact import Fact, queue_of
from ami_bridge.member_facts import ListingEnded, MemberGone, MemberSeen, QueueListed

_FREE, _RINGING, _ON_HOLD = 1, 6, 8
_IN_USE = frozenset({2, 3, 6, 7, 8})
REACHABLE = _IN_USE | {_FREE}
"""Device states: 0 unknown, 1 not in use, 2 in use, 3 busy, 4 invalid, 5 unavailable, 6 ringing, 7 ring+in use, 8 on hold."""
STATES = ("offline", "ready", "paused", "ringing", "talking", "holding", "wrap_up", "elsewhere")
BUSY = frozenset({"ringing", "talking", "holding", "wrap_up", "elsewhere"})


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """An agent at ``at``: in ``state`` since ``since``. ``call_id``: of the queue's call that it is in, if any.

    ``paused``: no queue rings it, whatever else it does. ``queues``: those it is a member of; logged in where it is not offline.
    ``channel``: the uniqueid of its leg in ``call_id``, or empty.
    """

    agent: str
    state: str
    since: dt.datetime
    paused: bool
    pause_reason: str
    call_id: str | None
    queues: tuple[str, ...]
    at: dt.datetime
    channel: str = ""


class _Part(msgspec.Struct):
    """An agent's part in a queue's call: ``ringing``, ``talking`` or ``holding``; ``leg`` is the uniqueid of its channel."""

    call_id: str
    leg: str
    interface: str
    state: str


class _Agent(msgspec.Struct):
    members: dict[tuple[str, str], MemberSeen] = msgspec.field(default_factory=dict)
    parts: list[_Part] = msgspec.field(default_factory=list)
    last_call: int = 0
    last_queue: str = ""
    """Of its last call: app_queue gives the wrap-up time of that one."""
    ending: str = ""
    """What it did last for a queue, until its telephone is free again."""
    shown: AgentState | None = None


class State(msgspec.Struct):
    """Every agent of a node. ``wrapup_seconds``: the wrap-up time of queues that ``wrapups`` does not name."""

    wrapup_seconds: int
    wrapups: Mapping[str, int] = {}
    agents: dict[str, _Agent] = msgspec.field(default_factory=dict)
    legs: dict[str, str] = msgspec.field(default_factory=dict)
    calls: dict[str, set[str]] = msgspec.field(default_factory=dict)
    listed: set[tuple[str, str]] | None = None
    deadlines: dict[str, dt.datetime] = msgspec.field(default_factory=dict)


def apply(state: State, fact: Fact) -> list[AgentState]:
    """Fold one fact in (``state`` is changed in place); returns the agents that are no longer what they were."""
    change = _APPLY.get(type(fact))
    if change is None:
        return []
    return _shown(state, change(state, fact), fact.at)


def tick(state: State, at: dt.datetime) -> list[AgentState]:
    """Time has passed: wrap-ups that are over."""
    over = {agent: deadline for agent, deadline in state.deadlines.items() if deadline <= at}
    return [seen for agent, deadline in over.items() for seen in _shown(state, {agent}, deadline)]


def next_deadline(state: State) -> dt.datetime | None:
    """When ``tick`` has something to do."""
    return min(state.deadlines.values(), default=None)


def all_agents(state: State) -> list[AgentState]:
    """Every agent known, as it is now."""
    return [agent.shown for agent in state.agents.values() if agent.shown]


def _seen(state: State, fact: MemberSeen) -> set[str]:
    key = (fact.queue, fact.interface)
    if state.listed is not None:
        state.listed.add(key)
    agent = state.agents.setdefault(fact.agent, _Agent())
    agent.members[key] = fact
    agent.last_call = max(agent.last_call, fact.last_call)
    if fact.is_added:  # app_queue has forgotten its last call: taken out and put back, an agent is ready now
        agent.last_call = max(seen.last_call for seen in agent.members.values())
    if fact.is_status and fact.status == _FREE:
        _release(state, agent, lambda part: part.interface in (fact.interface, "") and not _is_in_use(agent, part.interface))
    return {fact.agent}


def _gone(state: State, fact: MemberGone) -> set[str]:
    agent = state.agents.get(fact.agent)
    if agent is None:
        return set()
    agent.members.pop((fact.queue, fact.interface), None)
    return {fact.agent}


def _begin_list(state: State, _: Fact) -> set[str]:
    if state.listed is None:
        state.listed = set()
    return set()


def _drop_list(state: State, _: Fact) -> set[str]:
    """A new login: what an earlier list had begun is not continued."""
    state.listed = None
    return set()


def _end_list(state: State, _: ListingEnded) -> set[str]:
    listed, state.listed = state.listed or set(), None
    for agent in state.agents.values():
        agent.members = {key: seen for key, seen in agent.members.items() if key in listed}
        _release(state, agent, lambda part, agent=agent: not _is_in_use(agent, part.interface))  # type: ignore[misc]
    return set(state.agents)


def _called(state: State, fact: facts.AgentCalled) -> set[str]:
    agent = state.agents.setdefault(fact.agent, _Agent())
    _release(state, agent, lambda part: (part.call_id, part.leg) == (fact.call_id, fact.leg))
    _add(state, fact.agent, _Part(fact.call_id, fact.leg, fact.interface, "ringing"))
    return {fact.agent}


def _connected(state: State, fact: facts.AgentConnected) -> set[str]:
    """The one who answered talks; nobody else is rung for this call any more."""
    agent = state.agents.setdefault(fact.agent, _Agent())
    interface = next((part.interface for part in agent.parts if fact.leg and part.leg == fact.leg), "")
    changed = _stop_ringing(state, fact.call_id) | {fact.agent}
    _release(state, agent, lambda part: part.call_id == fact.call_id)
    _add(state, fact.agent, _Part(fact.call_id, fact.leg, interface, "talking"))
    return changed


def _not_answered(state: State, fact: facts.RingNoAnswer) -> set[str]:
    agent = state.agents.get(fact.agent)
    if agent:
        _release(state, agent, lambda part: part.call_id == fact.call_id and part.state == "ringing")
    return {fact.agent}


def _completed(state: State, fact: facts.AgentCompleted) -> set[str]:
    agent = state.agents.get(fact.agent)
    if agent is None:
        return set()
    _release(state, agent, lambda part: part.call_id == fact.call_id)
    agent.last_call, agent.last_queue = max(agent.last_call, int(fact.at.timestamp())), fact.queue
    return {fact.agent}


def _abandoned(state: State, fact: facts.CallerAbandoned) -> set[str]:
    return _stop_ringing(state, fact.call_id)


def _channel_ended(state: State, fact: facts.ChannelEnded) -> set[str]:
    changed = _stop_ringing(state, fact.call_id) if fact.uniqueid == fact.call_id else set()
    name = state.legs.get(fact.uniqueid)
    if name:
        _release(state, state.agents[name], lambda part: part.leg == fact.uniqueid)
        changed.add(name)
    return changed


def _held(state: State, fact: facts.Held) -> set[str]:
    return _hold(state, fact.uniqueid, "holding")


def _unheld(state: State, fact: facts.Unheld) -> set[str]:
    return _hold(state, fact.uniqueid, "talking")


def _hold(state: State, leg: str, now: str) -> set[str]:
    name = state.legs.get(leg)
    if name is None:
        return set()
    for part in state.agents[name].parts:
        if part.leg == leg and part.state != "ringing":
            part.state = now
    return {name}


def _stop_ringing(state: State, call_id: str) -> set[str]:
    changed = set(state.calls.get(call_id, ()))
    for name in changed:
        _release(state, state.agents[name], lambda part: part.call_id == call_id and part.state == "ringing")
    return changed


def _add(state: State, name: str, part: _Part) -> None:
    state.agents[name].parts.append(part)
    state.calls.setdefault(part.call_id, set()).add(name)
    if part.leg:
        state.legs[part.leg] = name


def _release(state: State, agent: _Agent, which: Callable[[_Part], bool]) -> None:
    """Take parts away from an agent, and out of the indexes."""
    for part in [part for part in agent.parts if which(part)]:
        agent.parts.remove(part)
        agent.ending = "ringing" if part.state == "ringing" else "talking"
        name = state.legs.pop(part.leg, "") or next(name for name, one in state.agents.items() if one is agent)
        names = state.calls.get(part.call_id, set())
        if not any(other.call_id == part.call_id for other in agent.parts):
            names.discard(name)
        if not names:
            state.calls.pop(part.call_id, None)


def _is_in_use(agent: _Agent, interface: str) -> bool:
    """Whether a telephone of the agent, or any where none is named, is in use."""
    return any(seen.status in _IN_USE for (_, one), seen in agent.members.items() if interface in (one, ""))


def _shown(state: State, names: set[str], at: dt.datetime) -> list[AgentState]:
    """The agents among ``names`` that look otherwise than before."""
    changed = []
    for name in sorted(names):
        agent = state.agents.get(name)
        if agent is None:
            continue
        now, before = _view(state, name, agent, at), agent.shown
        if before and (before.state, before.call_id) == (now.state, now.call_id):
            now = msgspec.structs.replace(now, since=before.since)
        if before is None or msgspec.structs.replace(before, at=now.at) != now:
            agent.shown = now
            changed.append(now)
        if not agent.members and not agent.parts:
            del state.agents[name]
    return changed


def _view(state: State, name: str, agent: _Agent, at: dt.datetime) -> AgentState:
    members = list(agent.members.values())
    reachable = [seen for seen in members if seen.status in REACHABLE]
    paused = [seen for seen in reachable or members if seen.paused]
    is_paused = bool(paused) and len(paused) == len(reachable or members)
    until = _wrapped_up(state, agent)
    doing, call_id, channel = _doing(agent)
    if doing is None:
        doing = "offline" if not reachable else "paused" if is_paused else "wrap_up" if until and at < until else "ready"
    state.deadlines.pop(name, None)
    if doing == "wrap_up" and until:
        state.deadlines[name] = until
    return AgentState(
        agent=name,
        state=doing,
        since=at,
        paused=is_paused,
        pause_reason=max((seen.last_pause, seen.pause_reason) for seen in paused)[1] if is_paused else "",
        call_id=call_id,
        queues=tuple(sorted({queue_of(seen.queue) for seen in members})),
        at=at,
        channel=channel,
    )


def _doing(agent: _Agent) -> tuple[str | None, str | None, str]:
    """What a busy agent does, in which call, on which channel: by the queue's events, else by the telephone's state alone."""
    for doing in ("talking", "holding", "ringing"):
        for part in agent.parts:
            if part.state == doing:
                return doing, part.call_id, part.leg
    in_use = {seen.status for seen in agent.members.values()} & _IN_USE
    if not in_use:
        agent.ending = ""
        return None, None, ""
    if in_use == {_RINGING}:
        return "ringing", None, ""
    if any(seen.in_call for seen in agent.members.values()):
        return "holding" if in_use == {_ON_HOLD} else "talking", None, ""
    return agent.ending or "elsewhere", None, ""


def _wrapped_up(state: State, agent: _Agent) -> dt.datetime | None:
    """Until when app_queue leaves the agent alone after its last call; None before the first one, or without wrap-up time."""
    queues = {agent.last_queue} if agent.last_queue else {queue_of(queue) for queue, _ in agent.members}
    own = max((seen.wrapup_seconds for seen in agent.members.values()), default=0)
    seconds = own or max((state.wrapups.get(queue, state.wrapup_seconds) for queue in queues), default=0)
    return dt.datetime.fromtimestamp(agent.last_call + seconds, dt.UTC) if agent.last_call and seconds else None


_APPLY: dict[type[Fact], Callable[[State, Any], set[str]]] = {
    MemberSeen: _seen,
    MemberGone: _gone,
    QueueListed: _begin_list,
    ListingEnded: _end_list,
    facts.Booted: _drop_list,
    facts.AgentCalled: _called,
    facts.AgentConnected: _connected,
    facts.RingNoAnswer: _not_answered,
    facts.AgentCompleted: _completed,
    facts.CallerAbandoned: _abandoned,
    facts.ChannelEnded: _channel_ended,
    facts.Held: _held,
    facts.Unheld: _unheld,
}

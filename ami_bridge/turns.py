"""What each agent who was rung for a call did (metrics, section 4: talk, hold and wrap-up time, ring-no-answer). Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from ami_bridge import calls, facts, visits
from ami_bridge.calls import Call, Source
from ami_bridge.lines import Turn

_MICROSECOND = dt.timedelta(microseconds=1)


class _Ring(msgspec.Struct, kw_only=True):
    """A turn in the making."""

    agent: str
    queue: str
    rang_at: dt.datetime
    leg: str
    source: Source
    result: str = "ringing"
    connected_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    ended_by: str = ""
    ring_us: int | None = None


def of_call(call: Call, node: str = "", wrapup_us: int = 0, wrapups: Mapping[str, int] = {}) -> tuple[Turn, ...]:
    """The turns of this call, in the order of their beginnings.

    ``wrapup_us``: what a queue gives after a conversation, unless ``wrapups`` names it.
    """
    rings: list[_Ring] = []
    for at, source, fact in visits.agreed([piece for piece in call.told if type(piece[2]) in _OF_AGENTS]):
        match fact:
            case facts.AgentCalled() if not _find(rings, fact.agent, "ringing"):
                rings.append(_Ring(agent=fact.agent, queue=fact.queue, rang_at=at, leg=fact.leg, source=source))
            case facts.RingNoAnswer():
                _missed(rings, fact, source)
            case facts.AgentConnected():
                _connected(rings, fact, source)
            case facts.AgentCompleted():
                _completed(rings, fact)
            case facts.Transferred():
                _sent_on(rings, at)
    if not rings:
        return ()
    _close(call, rings)
    return tuple(
        _turn(call, ring, number, node, wrapups.get(ring.queue, wrapup_us)) for number, ring in enumerate(rings, start=1)
    )


_OF_AGENTS = frozenset({facts.AgentCalled, facts.RingNoAnswer, facts.AgentConnected, facts.AgentCompleted, facts.Transferred})


def _find(rings: list[_Ring], agent: str, result: str) -> _Ring | None:
    for ring in reversed(rings):
        if ring.agent == agent and ring.result == result:
            return ring
    return None


def _missed(rings: list[_Ring], fact: facts.RingNoAnswer, source: Source) -> None:
    ring = _find(rings, fact.agent, "ringing")
    if ring is None:
        rang_at = fact.at - dt.timedelta(microseconds=fact.ring_us)
        ring = _Ring(agent=fact.agent, queue=fact.queue, rang_at=rang_at, leg="", source=source)
        rings.append(ring)
    ring.result, ring.ended_at, ring.ring_us = "ring_no_answer", fact.at, fact.ring_us or None


def _connected(rings: list[_Ring], fact: facts.AgentConnected, source: Source) -> None:
    ring = _find(rings, fact.agent, "ringing")
    if ring is None:
        ring = _Ring(agent=fact.agent, queue=fact.queue, rang_at=fact.at, leg=fact.leg, source=source)
        rings.append(ring)
    ring.result, ring.connected_at = "answered", fact.at
    ring.leg = fact.leg or ring.leg
    for other in rings:
        if other.result == "ringing":
            other.result, other.ended_at = "other_answered", fact.at


def _completed(rings: list[_Ring], fact: facts.AgentCompleted) -> None:
    ring = _find(rings, fact.agent, "answered")
    if ring and ring.ended_at is None:
        ring.ended_at, ring.ended_by = fact.at, fact.reason


def _sent_on(rings: list[_Ring], at: dt.datetime) -> None:
    """A transfer ends the part of the agent who talks."""
    for ring in rings:
        if ring.result == "answered" and ring.ended_at is None:
            ring.ended_at, ring.ended_by = at, "transfer"


def _close(call: Call, rings: list[_Ring]) -> None:
    """What was still going on when the call ended, or the caller left the queue, ended then."""
    for ring in rings:
        if ring.result == "ringing":
            left = (at for at, _, fact in call.told if type(fact) in _WITHOUT_AN_AGENT and at >= ring.rang_at)
            end = min(left, default=None) or calls.closed_at(call)
            if end is not None:
                ring.result, ring.ended_at = "caller_left", max(end, ring.rang_at)
        elif ring.result == "answered" and ring.ended_at is None:
            ring.ended_at = calls.closed_at(call)


_WITHOUT_AN_AGENT = frozenset({facts.CallerAbandoned, facts.QueueExited})


def _turn(call: Call, ring: _Ring, number: int, node: str, wrapup_us: int) -> Turn:
    talked = _between(ring.connected_at, ring.ended_at or call.last_at)
    held = min(_held(call, ring), talked)
    rung_until = ring.connected_at or ring.ended_at or call.last_at
    return Turn(
        node=node,
        call_id=call.call_id,
        number=number,
        agent=ring.agent,
        queue=ring.queue,
        rang_at=ring.rang_at,
        result=ring.result,
        connected_at=ring.connected_at,
        ended_at=ring.ended_at,
        ring_us=ring.ring_us if ring.ring_us is not None else _between(ring.rang_at, rung_until),
        talk_us=talked - held,
        hold_us=held,
        wrapup_us=wrapup_us if ring.connected_at and ring.ended_at else 0,
        ended_by=ring.ended_by,
        repaired=ring.source is not Source.AMI,
    )


def _held(call: Call, ring: _Ring) -> int:
    """How long this agent's telephone kept the caller on hold during the conversation."""
    if ring.connected_at is None or not ring.leg:
        return 0
    end, since, held = ring.ended_at or call.last_at, None, 0
    for at, _, fact in call.told:
        if type(fact) is facts.Held and fact.uniqueid == ring.leg:
            since = since or at
        elif type(fact) is facts.Unheld and fact.uniqueid == ring.leg and since:
            held, since = held + _between(since, at), None
    return held + _between(since, end)


def _between(begin: dt.datetime | None, end: dt.datetime) -> int:
    return max(0, (end - begin) // _MICROSECOND) if begin else 0

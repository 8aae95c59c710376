"""Who has whom in conversations that go on, from the calls' evidence: for a bridge that was away when they began. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from ami_bridge import facts
from ami_bridge.calls import Call
from ami_bridge.fact import Fact


def in_hand(calls: Iterable[Call], present: Collection[str]) -> list[Fact]:
    """The facts that say so: the connection of each agent whose channel is among ``present``, and a hold that is not over.

    Of an agent's channel of which two witnesses tell, the one is taken that knows the queue: the other knows the seat alone.
    """
    found: list[Fact] = []
    for call in calls:
        legs: dict[str, facts.AgentConnected] = {}
        held: dict[str, facts.Held] = {}
        for _, _, fact in call.told:
            match fact:
                case facts.AgentConnected():
                    leg = fact.leg or fact.uniqueid
                    if leg != call.call_id and (leg not in legs or fact.queue):
                        legs[leg] = msgspec.structs.replace(fact, call_id=call.call_id, leg=leg)
                case facts.AgentCompleted():
                    legs = {leg: other for leg, other in legs.items() if other.agent != fact.agent}
                case facts.Held():
                    held[fact.uniqueid] = fact
                case facts.Unheld():
                    held.pop(fact.uniqueid, None)
        for leg, connected in legs.items():
            if leg in present:
                found += [connected, *([held[leg]] if leg in held else [])]
    return found

"""All that one call amounts to: its record, its requests, its agents' turns. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ami_bridge import calls, requests, turns
from ami_bridge.calls import Call, CallRecord, Source
from ami_bridge.lines import Request, Turn
from ami_bridge.requests import Rules


class CallFacts(msgspec.Struct, frozen=True):
    """The rows of one call, to be stored together; what is not among them is no longer so.

    ``is_heard``: the call's beginning was heard over AMI, so a repair of it knows what AMI said.
    """

    record: CallRecord
    requests: tuple[Request, ...] = ()
    turns: tuple[Turn, ...] = ()
    is_heard: bool = True

    @property
    def call_id(self) -> str:
        """The call's linkedid."""
        return self.record.call_id


def of_call(call: Call, rules: Rules, *, node: str, wrapup_us: int = 0, wrapups: Mapping[str, int] = {}) -> CallFacts:
    """The rows that the evidence amounts to now."""
    is_heard = call.started.source is Source.AMI
    found = turns.of_call(call, node, wrapup_us, wrapups)
    return CallFacts(calls.record(call), requests.of_call(call, rules, node), found, is_heard)

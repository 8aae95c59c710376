"""The requests of a call, each with exactly one outcome (metrics, sections 1 and 2). Pure."""

from __future__ import annotations

import msgspec

from ami_bridge.calls import Call
from ami_bridge.lines import Request


class Rules(msgspec.Struct, frozen=True):
    """What a city may set (CFG-05)."""

    short_abandon_us: int = 5_000_000


def of_call(call: Call, rules: Rules) -> tuple[Request, ...]:
    """The requests of this call, in the order of their starts."""
    raise NotImplementedError

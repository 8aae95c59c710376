"""What each agent who was rung for a call did (metrics, section 4: talk, hold and wrap-up time, ring-no-answer). Pure."""

from __future__ import annotations

from ami_bridge.calls import Call
from ami_bridge.lines import Turn


def of_call(call: Call) -> tuple[Turn, ...]:
    """The turns of this call, in the order of their beginnings."""
    raise NotImplementedError

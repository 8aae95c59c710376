"""How a visit of a queue ended, and what that makes of the request: two tables (metrics, section 2). Pure.

Asterisk raises ``QueueCallerAbandon`` for time-outs, empty queues and withdrawals as well as for hang-ups, so the outcome is read
from the exit status of ``Queue()``, and from the caller's own end where there is none. The first line that holds decides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import msgspec

from ami_bridge.dispositions import QUEUE_EXITS
from ami_bridge.visits import Visit

AT_ONCE = dt.timedelta(seconds=1)
"""A caller whose channel ends so soon after leaving the queue left the queue by hanging up."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the end of one visit.

    ``gone_at``: the caller's hang-up; ``went_on``: the call did something else afterwards; ``lost``: Asterisk or its record of
    the call is gone.
    """

    visit: Visit
    gone_at: dt.datetime | None
    went_on: bool
    lost: bool

    @property
    def by_status(self) -> str:
        """The outcome that the exit status amounts to; empty when there is none, or a key."""
        status = self.visit.status
        return "" if not status or status.startswith("KEY") else QUEUE_EXITS.get(status, "system_fault")

    @property
    def hung_up(self) -> bool:
        """Whether the caller's hang-up ended the waiting."""
        if self.gone_at is None or self.went_on:
            return False
        left_at = self.visit.left_at
        return left_at is None or self.gone_at - left_at <= AT_ONCE or (self.visit.is_reached and not self.visit.is_withdrawn)


_OUTCOMES: tuple[tuple[str, Callable[[End], bool]], ...] = (
    ("answered", lambda e: e.visit.connection is not None or e.by_status == "answered"),
    ("key_exit", lambda e: e.visit.status.startswith("KEY")),
    ("timed_out", lambda e: e.by_status == "timed_out"),
    ("no_agents", lambda e: e.by_status == "no_agents"),
    ("queue_full", lambda e: e.by_status == "queue_full"),
    ("system_fault", lambda e: e.by_status == "system_fault"),
    ("abandoned", lambda e: e.hung_up),
    # Streams of dialplans that do not tell the exit status: the caller left the queue, and the call went on.
    ("timed_out", lambda e: e.visit.is_withdrawn and (e.went_on or e.gone_at is not None)),
    ("key_exit", lambda e: e.visit.left_at is not None and (e.went_on or e.gone_at is not None)),
    ("system_fault", lambda e: e.lost),
    ("waiting", lambda _: True),
)


def of_visit(end: End) -> str:
    """One of ``lines.OUTCOMES``; whether an abandon was a short one is the request's affair, as is a call-back."""
    return next(name for name, holds in _OUTCOMES if holds(end))


GOES_ON = frozenset({"timed_out", "no_agents", "queue_full", "system_fault"})
"""After these, a further visit without the caller's doing is an overflow within the same request."""
MAY_BE_CALLED_BACK = GOES_ON | {"key_exit"}
"""After these the caller may have been offered a call-back, and have accepted it."""

"""Overload of a queue: every agent who could take a call is busy, and too many callers wait (metrics, section 3). Pure.

The windows are excluded from the net figures, so they begin and end by what is known, never by what is assumed: after a gap a
window ends at the last time it was known to hold, and another begins when a fresh list of the queues shows it again.

An agent on pause is not busy and takes no calls either: one of sixty on pause hides no overload, and a queue whose agents are all
on pause, or in which nobody is logged in, is not overloaded but not staffed (KPI-01: load above seat capacity).
"""

from __future__ import annotations

import datetime as dt

import msgspec

from ami_bridge.members import BUSY, REACHABLE
from ami_bridge.members import State as Members


class Staff(msgspec.Struct, frozen=True):
    """The agents logged in to a queue: all of them, and how many can be rung, are busy, are on pause."""

    logged_in: int = 0
    ready: int = 0
    busy: int = 0
    paused: int = 0


class Opened(msgspec.Struct, frozen=True):
    """A window begins."""

    queue: str
    at: dt.datetime


class Closed(msgspec.Struct, frozen=True):
    """The window of a queue ends; never before it began."""

    queue: str
    at: dt.datetime


Effect = Opened | Closed


class State(msgspec.Struct):
    """``waiting_limit``: ``queue.overload_waiting``. ``open``: when each window that is open began."""

    waiting_limit: int
    open: dict[str, dt.datetime] = msgspec.field(default_factory=dict)


def staff(members: Members, queue: str) -> Staff:
    """Who is logged in to a queue."""
    found = {"ready": 0, "busy": 0, "paused": 0}
    for agent in members.agents.values():
        seats = [seen for (name, _), seen in agent.members.items() if name == queue and seen.status in REACHABLE]
        if seats and agent.shown:
            paused = all(seen.paused for seen in seats)
            found["busy" if agent.shown.state in BUSY else "paused" if paused else "ready"] += 1
    return Staff(sum(found.values()), **found)


def queues(members: Members) -> set[str]:
    """Every queue that has a member."""
    return {queue for agent in members.agents.values() for queue, _ in agent.members}


def step(state: State, queue: str, waiting: int, staffed: Staff, at: dt.datetime) -> list[Effect]:
    """A queue at ``at``, with so many callers waiting: the window that begins or ends, if any."""
    is_overloaded = waiting > state.waiting_limit and staffed.busy > 0 and staffed.ready == 0
    if is_overloaded and queue not in state.open:
        state.open[queue] = at
        return [Opened(queue, at)]
    return [] if is_overloaded else _close(state, [queue], at)


def lose(state: State, heard_at: dt.datetime) -> list[Effect]:
    """The link is gone, last heard of at ``heard_at``: nothing is known to hold any more."""
    return _close(state, list(state.open), heard_at)


def resume(found: dict[str, dt.datetime], heard_at: dt.datetime) -> list[Effect]:
    """At the start: windows left open (queue: beginning) by a bridge that last heard of Asterisk at ``heard_at`` end there."""
    return [Closed(queue, max(begun, heard_at)) for queue, begun in sorted(found.items())]


def _close(state: State, names: list[str], at: dt.datetime) -> list[Effect]:
    return [Closed(queue, max(state.open.pop(queue), at)) for queue in sorted(names) if queue in state.open]

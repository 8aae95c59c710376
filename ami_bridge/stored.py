"""What a bridge hands to its store: rows of calls, steps, gaps, agents, members, status and position. Pure."""

from __future__ import annotations

import datetime as dt

import msgspec

from ami_bridge.channel_log import Position as Log
from ami_bridge.facts import AcdStep
from ami_bridge.lines import Gap
from ami_bridge.members import AgentState
from ami_bridge.membership import Listed, Member
from ami_bridge.rows import CallFacts


class Position(msgspec.Struct, frozen=True):
    """From where to go on after a restart: the oldest journal segment needed, and how far the two logs were used."""

    segment: int
    channel_log: Log = Log()
    queue_log: Log = Log()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table ``bridge_status``, told every second; the backlog is the store's own to tell."""

    at: dt.datetime
    connected: bool
    connected_since: dt.datetime | None
    event_lag_ms: int | None
    journal_segment: int
    journal_bytes: int
    journal_failing_since: dt.datetime | None
    calls_open: int
    events: int
    unwanted: int
    undecodable: int
    oversized: int
    conservation_violations: int
    gaps_open: int
    rss_bytes: int
    refused: int = 0


Item = CallFacts | AcdStep | Gap | AgentState | Member | Listed | Status
Key = tuple[str, str]


def key(item: Item) -> Key:
    """Items with the same key replace one another. A gap is known by its beginning, or, without one, by its end."""
    match item:
        case CallFacts():
            return "call", item.call_id
        case AcdStep():
            return "step", f"{item.uniqueid} {item.number}"
        case Gap():
            return "gap", str(item.begin or item.end)
        case AgentState():
            return "agent", item.agent
        case Member():
            return "member", f"{item.queue} {item.interface}"
        case Listed() | Status():
            return type(item).__name__, ""

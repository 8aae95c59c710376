"""What the live figures are fed with: rows of the tables that the bridges write, as far as they count. Pure.

Fields are columns of the same names (``hotline/sql/schema.sql``).
"""

from __future__ import annotations

import datetime as dt

import msgspec


class RequestRow(msgspec.Struct, frozen=True):
    """Of table ``requests``."""

    node: str
    call_id: str
    number: int
    kind: str
    queue: str
    skill: str
    requested_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str
    wait_us: int
    repaired: bool
    excluded: str | None
    void: bool


class CallRow(msgspec.Struct, frozen=True):
    """Of table ``calls``, inbound."""

    node: str
    call_id: str
    started_at: dt.datetime
    connected_at: dt.datetime | None
    disposition: str | None


class TurnRow(msgspec.Struct, frozen=True):
    """Of table ``agent_turns``."""

    node: str
    call_id: str
    number: int
    agent: str
    rang_at: dt.datetime
    result: str
    talk_us: int
    hold_us: int
    wrapup_us: int
    void: bool


class AgentRow(msgspec.Struct, frozen=True):
    """Of table ``agent_states``."""

    node: str
    agent: str
    state: str
    since: dt.datetime
    paused: bool
    pause_reason: str
    queues: tuple[str, ...]


class GapRow(msgspec.Struct, frozen=True):
    """Of table ``gaps``; ``from_at`` None: nothing is known from before; ``to_at`` None: open."""

    gap_id: str
    node: str
    from_at: dt.datetime | None
    to_at: dt.datetime | None
    cause: str


class BridgeRow(msgspec.Struct, frozen=True):
    """Of table ``bridge_status``: what a bridge said of itself at ``at``."""

    node: str
    at: dt.datetime
    connected: bool
    connected_since: dt.datetime | None
    event_lag_ms: int | None
    journal_segment: int
    journal_bytes: int
    journal_failing_since: dt.datetime | None
    backlog: int
    calls_open: int
    events: int
    unwanted: int
    undecodable: int
    oversized: int
    conservation_violations: int
    gaps_open: int
    rss_bytes: int
    refused: int = 0


Row = RequestRow | CallRow | TurnRow | AgentRow | GapRow | BridgeRow

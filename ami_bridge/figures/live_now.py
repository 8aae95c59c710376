"""What the live screen says beside rates: who waits, what agents do, how old a node's figures are, which gap touches. Pure."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from ami_bridge.figures.live_rows import AgentRow, BridgeRow, GapRow
from ami_bridge.figures.live_totals import Group, RequestLine
from ami_bridge.figures.windows import Span, microseconds, moment

WHOLE = "whole"
MOST_ACTIVE = ("talking", "holding", "elsewhere", "wrap_up", "ringing", "paused", "ready", "offline")
"""An agent whom several nodes know is in the first of these that one of them says."""
_SECOND = dt.timedelta(seconds=1)


class Now(msgspec.Struct, frozen=True):
    """Who waits now: callers, callers whom agents sent on, and since when the first of them all."""

    waiting: int
    transfers: int
    longest_since: dt.datetime | None
    longest_seconds: int | None


class Node(msgspec.Struct, frozen=True):
    """``as_of``: up to when the node's events are known, which is how old its figures are; None when nothing was ever heard."""

    as_of: dt.datetime | None
    connected: bool
    connected_since: dt.datetime | None
    event_lag_ms: int | None
    journal_failing_since: dt.datetime | None
    backlog: int
    conservation_violations: int
    gaps_open: int


def views(group: Group) -> tuple[str, str, str, str]:
    """In which views these requests are counted."""
    return WHOLE, f"node:{group.node}", f"queue:{group.queue}", f"skill:{group.skill}"


def waiting(lines: list[RequestLine], at: dt.datetime) -> Now:
    """Transfers wait like callers; both are in ``longest``."""
    transfers = sum(line.group.kind == "transfer" for line in lines)
    since = moment(min(line.start_us for line in lines)) if lines else None
    longest = max(0, (at - since) // _SECOND) if since else None
    return Now(len(lines) - transfers, transfers, since, longest)


def states(view: str, rows: Iterable[AgentRow], skills: Mapping[str, str]) -> dict[str, int]:
    """How many agents are in each state; one whom several nodes know is in the most active of his states."""
    kind, _, name = view.partition(":")
    found: dict[str, str] = {}
    for row in rows:
        if _belongs(row, kind, name, skills):
            found[row.agent] = min(row.state, found.get(row.agent, "offline"), key=MOST_ACTIVE.index)
    return dict.fromkeys(MOST_ACTIVE, 0) | Counter(found.values())


def node(row: BridgeRow, gaps: Iterable[GapRow]) -> Node:
    """Without a connection, the figures are as old as the gap that is open."""
    opened = [gap.from_at for gap in gaps if gap.node == row.node and gap.to_at is None]
    return Node(
        as_of=row.at if row.connected else min((at for at in opened if at), default=None),
        connected=row.connected,
        connected_since=row.connected_since,
        event_lag_ms=row.event_lag_ms,
        journal_failing_since=row.journal_failing_since,
        backlog=row.backlog,
        conservation_violations=row.conservation_violations,
        gaps_open=row.gaps_open,
    )


def touches(gap: GapRow, span: Span) -> bool:
    """Whether something in this window may not have been heard."""
    begins_before = gap.from_at is None or microseconds(gap.from_at) < span[1]
    return begins_before and (gap.to_at is None or microseconds(gap.to_at) > span[0])


def _belongs(row: AgentRow, kind: str, name: str, skills: Mapping[str, str]) -> bool:
    match kind:
        case "node":
            return row.node == name
        case "queue":
            return name in row.queues
        case "skill":
            return any(skills.get(queue) == name for queue in row.queues)
        case _:
            return True

"""One batch of a node's rows, inside the caller's transaction: the rows that changed get the node's next version.

Theory of operation. The row of the node in ``bridge_positions`` is locked first, so the commits of a node come one after another,
in the order of their versions, and nobody sets an exclusion meanwhile. Rows are compared in the database: one that is as it was
stays untouched, version included. If anything changed, the node's version goes up, quarter-hours are marked for the roll-ups, and
listeners are woken.

A call never goes backwards: one that has ended is not opened again, and what AMI saw whole is not replaced by a repair that did
not hear the call's beginning; then its requests and turns stay too. A request that ended is not waiting again, unless the caller
went on to another queue.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import asyncpg
import msgspec

from ami_bridge.facts import AcdStep
from ami_bridge.lines import Gap, Request
from ami_bridge.members import AgentState
from ami_bridge.membership import Listed, Member
from ami_bridge.rows import CallFacts
from ami_bridge.stored import Item, Position, Status
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "store.sql")
_LONGEST_CALL = dt.timedelta(days=2)
_GAPS = uuid.UUID("6f1e3a52-5c1b-4c8e-9d59-0a9d3d1f7b10")


def times(items: Sequence[Item]) -> Iterator[dt.datetime]:
    """The times by which the rows of these items are partitioned."""
    for item in items:
        if isinstance(item, CallFacts):
            yield from (request.requested_at for request in item.requests)
            yield from (turn.rang_at for turn in item.turns)


async def write(
    connection: asyncpg.Connection,
    node: str,
    items: Sequence[Item],
    position: Position,
    *,
    skill: Callable[[str], str],
    backlog: int,
) -> int:
    """Write all of them; returns the node's version afterwards."""
    logs = (position.channel_log, position.queue_log)
    version: int = await connection.fetchval(
        _QUERIES["store_position"], node, position.segment, *(part for log in logs for part in (log.file, log.offset))
    )
    calls = [item for item in items if isinstance(item, CallFacts)]
    changed = [
        bool(calls) and await _calls(connection, node, version + 1, calls, skill),
        await _steps(connection, node, version + 1, [item for item in items if isinstance(item, AcdStep)]),
        await _gaps(connection, node, [item for item in items if isinstance(item, Gap)]),
        await _members(connection, node, version + 1, items),
        await _agents(connection, node, version + 1, [item for item in items if isinstance(item, AgentState)]),
    ]
    if any(changed):
        version += 1
        await connection.execute(_QUERIES["next_version"], node, version)
    for status in (item for item in items if isinstance(item, Status)):
        await connection.execute(_QUERIES["store_status"], node, _json([status]), backlog, version)
    return version


async def _calls(
    connection: asyncpg.Connection, node: str, version: int, found: list[CallFacts], skill: Callable[[str], str]
) -> bool:
    """Calls, requests and turns, and the marks for the roll-ups."""
    known = {row["call_id"]: row for row in await connection.fetch(_QUERIES["known_calls"], node, [one.call_id for one in found])}
    found = [one for one in found if not _is_behind(one, known.get(one.call_id))]
    if not found:
        return False
    records = [one.record for one in found]
    began = [row["started_at"] for row in known.values()] + [record.started_at for record in records]
    calls = [one.call_id for one in found]
    since = min([*began, *times(found)]) - _LONGEST_CALL
    stored = await connection.fetch(_QUERIES["store_calls"], node, version, _json(records))
    marks = [row["started_at"] for row in stored]
    marks += [known[row["call_id"]]["started_at"] for row in stored if row["call_id"] in known]
    requests = _json([_request(request, skill) for one in found for request in one.requests])
    turns = _json([turn for one in found for turn in one.turns])
    asked = await connection.fetch(_QUERIES["store_requests"], node, version, requests, calls, since)
    rung = await connection.fetchval(_QUERIES["store_turns"], node, version, turns, calls, since)
    changed = {row["call_id"] for row in asked}
    marks += [row["requested_at"] for row in asked]
    marks += [record.started_at for record in records if record.call_id in changed]
    if marks:
        await connection.execute(_QUERIES["mark"], node, version, marks)
    return bool(marks or rung)


def _is_behind(fresh: CallFacts, known: asyncpg.Record | None) -> bool:
    """Whether the row in the database knows more than what comes."""
    if known is None or known["ended_at"] is None:
        return False
    return fresh.record.ended_at is None or (fresh.record.repaired and not known["repaired"] and not fresh.is_heard)


async def _steps(connection: asyncpg.Connection, node: str, version: int, found: list[AcdStep]) -> bool:
    """A step that is there stays as it is."""
    return bool(found and await connection.fetchval(_QUERIES["store_steps"], node, version, _json(found)))


async def _gaps(connection: asyncpg.Connection, node: str, found: list[Gap]) -> bool:
    """A gap that was closed is not opened again; one without any time says nothing."""
    changed = False
    for gap in found:
        if gap.begin or gap.end:
            gap_id = uuid.uuid5(_GAPS, f"{node} {gap.begin or gap.end}")
            changed |= bool(await connection.fetchval(_QUERIES["store_gap"], gap_id, node, gap.begin, gap.end, gap.cause))
    return changed


async def _agents(connection: asyncpg.Connection, node: str, version: int, found: list[AgentState]) -> bool:
    return bool(found and await connection.fetchval(_QUERIES["store_agents"], node, version, _json(found)))


async def _members(connection: asyncpg.Connection, node: str, version: int, items: Sequence[Item]) -> bool:
    """The whole list first: what came with it or after it stays. One without a member is one that is gone."""
    changed = 0
    for listed in (item for item in items if isinstance(item, Listed)):
        values = (listed.at, _json(listed.members), list(listed.agents))
        changed += await connection.fetchval(_QUERIES["store_listing"], node, version, *values)
    found = [item for item in items if isinstance(item, Member)]
    if found:
        changed += await connection.fetchval(_QUERIES["store_members"], node, version, _json(found))
    return changed > 0


def _request(request: Request, skill: Callable[[str], str]) -> dict[str, object]:
    return msgspec.structs.asdict(request) | {"wait_us": request.wait_us(), "skill": skill(request.queue)}


def _json(rows: Sequence[object]) -> str:
    return msgspec.json.encode(rows).decode()

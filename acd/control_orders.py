"""What agents order for their call: hold, consult, transfer, park, emergency hand-over, ending it (IVR-21 to IVR-23).

Each order locks the call's row, decides (``acd/control.py``), saves and asks Asterisk in one transaction, and answers with the
call as it is then; one that Asterisk refused is taken back. ``hear`` follows what the dialplan tells of area ``control``.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import asyncpg
import msgspec

from acd import control, control_rules, orders
from acd.control import Kind, Order, Stand, Target
from acd.control_rules import Call, Disposition
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from hotline import clock, sql

QUERIES = sql.load(Path(__file__).parent / "sql" / "control.sql")
RIGHT = "call.control"
_NUMBER = re.compile(r"[0-9]{3,20}")
_BUSY = frozenset({"ringing", "talking", "holding"})
_ALWAYS = frozenset({"emergency", "search", "found", "silent"})
"""What may be ordered in a three-way call too, which has orders of its own (``acd/threeways.py``)."""
_FORGOTTEN_SECONDS = 120
"""So long after its time a parking place that nobody said to be left counts as free."""


class Emergency(msgspec.Struct, frozen=True):
    """The hand-over that was begun: who is dialled, and what the agent will be asked for: the number that calls."""

    call: Stand
    kind: str
    number: str
    caller: str


async def hold(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The citizen hears music. Raises ``RefusedError``, as all do: ``not_allowed``, ``not_in_a_call``, ``not_now``, …"""
    return await _order(parts, person, agent, "hold")


async def resume(parts: Parts, person: Person, agent: str = "") -> Stand:
    """Agent and citizen talk again."""
    return await _order(parts, person, agent, "resume")


async def consult(parts: Parts, person: Person, kind: Kind, name: str, agent: str = "") -> Stand:
    """Ask somebody while the citizen waits with music. Raises ``unknown_target``, ``unknown_queue``, ``agent_busy``, …"""
    return await _order(parts, person, agent, "consult", kind=kind, name=name)


async def back(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The consultation is over or given up: back to the citizen."""
    return await _order(parts, person, agent, "back")


async def complete(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The one who was asked takes the citizen; the agent leaves (attended transfer)."""
    return await _order(parts, person, agent, "complete")


async def three(parts: Parts, person: Person, agent: str = "") -> Stand:
    """Citizen, agent and the one who was asked talk together."""
    return await _order(parts, person, agent, "three")


async def drop(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The one who was asked goes."""
    return await _order(parts, person, agent, "drop")


async def transfer(parts: Parts, person: Person, kind: Kind, name: str, agent: str = "") -> Stand:
    """Send the citizen on; refused at once, or nobody answers: the call comes back to the agent, then to the queue."""
    return await _order(parts, person, agent, "transfer", kind=kind, name=name)


async def park(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The citizen waits in ``slot``, which any agent dials to take the call. Raises ``no_free_place``."""
    return await _order(parts, person, agent, "park")


async def survey(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The conversation is over: the citizen is asked for a rating, as the flow has it (IVR-20)."""
    return await _order(parts, person, agent, "survey")


async def search(parts: Parts, person: Person, agent: str = "", *, searching: bool = True) -> dt.datetime | None:
    """The agent looks something up without hold, or has found it; when to speak to the citizen again (IVR-21)."""
    stand = await _order(parts, person, agent, "search" if searching else "found")
    return control.reminder(stand, parts.settings.control.search_seconds)


async def silent(parts: Parts, person: Person, agent: str = "") -> dt.datetime:
    """Nobody speaks: from when on the agent may hang up with ``silent`` (IVR-22)."""
    stand = await _order(parts, person, agent, "silent")
    assert stand.silent_since
    return stand.silent_since + dt.timedelta(seconds=parts.settings.control.silence_seconds)


async def emergency(parts: Parts, person: Person, kind: str, agent: str = "") -> Emergency:
    """Police, fire brigade or ambulance come into the conversation; agent and citizen talk on while they are dialled, twice.

    ``kind``: police, fire or medical; raises ``unknown_kind`` for another.
    """
    numbers = {name: str(getattr(parts.settings.control, name)) for name in ("police", "fire", "medical")}
    if kind not in numbers:
        raise RefusedError("unknown_kind", kind=kind, kinds=sorted(numbers))
    call = await _order(parts, person, agent, "emergency", number=numbers[kind])
    caller = await parts.pool.fetchval(QUERIES["caller_of"], call.node, call.call_id)
    return Emergency(call, kind, numbers[kind], caller or "")


async def hang_up(parts: Parts, person: Person, disposition: Disposition, agent: str = "", *, explained: bool = False) -> Stand:
    """The agent ends the call first, for a reason of the table (IVR-23); ``explained``: politely, before (CAL-06).

    Raises ``not_silent_yet``, ``not_warned_yet``, ``not_explained_yet``.
    """
    return await _order(parts, person, agent, "hang_up", disposition=disposition, explained=explained)


async def current(parts: Parts, person: Person, agent: str = "") -> Stand:
    """The call that the agent has. Raises ``not_in_a_call``."""
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, RIGHT, agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        return await locked(connection, parts, agent)


async def parked(parts: Parts, person: Person) -> list[dict[str, object]]:
    """Who waits in which parking place, since when."""
    await orders.authorise(parts.pool, person, RIGHT, person.agent)
    return [dict(row) for row in await parts.pool.fetch(QUERIES["parked"], parts.node)]


async def locked(connection: asyncpg.Connection, parts: Parts, agent: str) -> Stand:
    """The agent's call, its row locked: as the queue's events have it, else as the steps have. Raises ``not_in_a_call``."""
    now = await connection.fetchrow(QUERIES["working"], parts.node, agent)
    if now is not None and now["call_id"] and now["channel"] and now["state"] != "ringing":
        return await _of_queue(connection, parts.node, agent, now["call_id"], now["channel"])
    citizen = await connection.fetchval(QUERIES["of_agent"], parts.node, agent)
    if citizen is None:
        raise RefusedError("not_in_a_call", agent=agent)
    return await _row(connection, parts.node, citizen)


async def _of_queue(connection: asyncpg.Connection, node: str, agent: str, call_id: str, leg: str) -> Stand:
    """The call that the queue gave to the agent. Somebody who is asked in a consultation does not have the citizen's call, unless
    the telephone of the one who asked has put the two together."""
    joined = await connection.fetchval(QUERIES["of_leg"], node, agent, leg)
    if joined:
        return await _row(connection, node, joined)
    await connection.execute(QUERIES["begin"], node, call_id, call_id, agent, leg, "talking")
    known = await _row(connection, node, call_id)
    if known.leg == leg:
        return known
    if known.colleague_leg == leg:
        raise RefusedError("not_in_a_call", agent=agent)
    return Stand(node=node, citizen=call_id, call_id=call_id, agent=agent, leg=leg)


async def _row(connection: asyncpg.Connection, node: str, citizen: str) -> Stand:
    row = await connection.fetchrow(QUERIES["locked"], node, citizen)
    if row is None:
        raise RefusedError("unknown_call")
    return Stand(**dict(row))


async def save(connection: asyncpg.Connection, stand: Stand) -> None:
    """Write the row, and tell whoever listens (``control``: node and channel)."""
    fields = (
        "agent",
        "leg",
        "place",
        "colleague",
        "colleague_leg",
        "slot",
        "result",
        "emergency",
        "searching_since",
        "silent_since",
    )
    await connection.execute(QUERIES["save"], stand.node, stand.citizen, *(getattr(stand, name) for name in fields))


async def _order(
    parts: Parts,
    person: Person,
    agent: str,
    what: str,
    *,
    kind: Kind | None = None,
    name: str = "",
    number: str = "",
    disposition: Disposition | None = None,
    explained: bool = False,
) -> Stand:
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, RIGHT, agent)
    now = clock.now()
    async with parts.pool.acquire() as connection, connection.transaction():
        before = await locked(connection, parts, agent)
        if what not in _ALWAYS and await connection.fetchval(QUERIES["in_threeway"], before.node, before.call_id):
            raise RefusedError("not_now", order=what, place="threeway")
        target = await _target(connection, parts, agent, kind, name) if kind else None
        if disposition:
            await _dispose(connection, parts, person, before, disposition, explained=explained, now=now)
        order = Order(
            what=what,
            at=now,
            target=target,
            slot=await _slot(connection, parts) if what == "park" else "",
            number=number,
            seat=await _seat(connection, parts, agent) if what in ("transfer", "park") else "",
        )
        after, sends = control.decide(before, order)
        await save(connection, after)
        asked = [
            await orders.command(connection, parts.node, send.action, send.parameters, person=person, reason=f"control:{what}")
            for send in sends
        ]
        detail = {
            "call_id": after.call_id,
            "target": name,
            "number": number,
            "slot": after.slot,
            "disposition": disposition or "",
        }
        told = {key: value for key, value in detail.items() if value}
        await orders.audit(connection, person, f"call.{what}", f"agent:{agent}", told)
    try:
        await orders.done(parts.pool, asked)
    except RefusedError as error:
        if error.code == "asterisk_refused":
            await _take_back(parts, before, after)
        raise
    return after


async def _take_back(parts: Parts, before: Stand, after: Stand) -> None:
    """Asterisk did not do it: the call is where it was, unless a step has said otherwise since."""
    async with parts.pool.acquire() as connection, connection.transaction():
        if await _row(connection, after.node, after.citizen) == after:
            await save(connection, before)


async def _seat(connection: asyncpg.Connection, parts: Parts, agent: str) -> str:
    row = await connection.fetchrow(QUERIES["seat_of"], parts.node, agent)
    return row["seat"] if row else ""


async def _slot(connection: asyncpg.Connection, parts: Parts) -> str:
    """A place that nobody waits in; two who park at once get two."""
    await connection.execute(QUERIES["one_at_a_time"])
    longest = parts.settings.control.park_seconds + parts.settings.queue.ring_seconds + _FORGOTTEN_SECONDS
    slot = await connection.fetchval(QUERIES["free_slots"], parts.node, parts.settings.control.slots(), float(longest))
    if slot is None:
        raise RefusedError("no_free_place")
    return str(slot)


async def _target(connection: asyncpg.Connection, parts: Parts, agent: str, kind: Kind, name: str) -> Target:
    """Whom that is, and how it is reached; who is not there or busy is not rung at all."""
    match kind:
        case "queue":
            queues = {parts.settings.queue.name, parts.settings.queue.english_name, *parts.settings.queues}
            if name not in queues:
                raise RefusedError("unknown_queue", queue=name)
            return Target(kind, name, name)
        case "outside":
            return Target(kind, name, checked_number(name))
        case "agent":
            if name == agent or not await connection.fetchval(QUERIES["is_agent"], name):
                raise RefusedError("unknown_target", agent=name)
            row = await connection.fetchrow(QUERIES["seat_of"], parts.node, name)
            if row is None or row["state"] == "offline":
                raise RefusedError("agent_not_there", agent=name)
            if row["state"] in _BUSY:
                raise RefusedError("agent_busy", agent=name)
            return Target(kind, name, row["seat"])


def checked_number(number: str) -> str:
    """An outside number: digits. Raises ``bad_number``."""
    if not _NUMBER.fullmatch(number):
        raise RefusedError("bad_number", number=number)
    return number


async def _dispose(
    connection: asyncpg.Connection,
    parts: Parts,
    person: Person,
    stand: Stand,
    disposition: Disposition,
    *,
    explained: bool,
    now: dt.datetime,
) -> None:
    """Why the agent ends the call; raises ``RefusedError`` where that is no reason yet."""
    level = await connection.fetchval(QUERIES["mark_of_call"], stand.node, stand.call_id)
    call = Call(silent_since=stand.silent_since, level=level or 0, explained=explained)
    control_rules.check_hang_up(disposition, call, now, parts.settings.control.silence_seconds)
    values = (stand.node, stand.call_id, stand.agent, disposition, person.username, now)
    await connection.execute(QUERIES["dispose"], *values)

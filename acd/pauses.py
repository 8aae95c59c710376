"""Pause and resume of a call's recording by its agent: a card number and the like is kept nowhere (QUA-01, SEC-11).

``pause`` has Asterisk mute the recorder of every channel of the call: the file goes on with silence, so that the rest keeps its
place. The citizen's channel carries ``HOTLINE_PAUSED``: whoever joins meanwhile waits until the new recorder is muted, too
(asterisk-conf/extensions.conf.j2, ``recording``). It resumes by itself after ``recordings.longest_pause_seconds``, when the agent
has the call no more, and with the end of the call. What was paused stays in ``recording_pauses``.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import msgspec
import structlog

from acd import control_orders, orders
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from ami_bridge.actions import Parameters
from hotline import clock, database, sql

QUERIES = sql.load(Path(__file__).parent / "sql" / "pauses.sql")
RIGHT = "call.pause_recording"
_BY_ITSELF = Person("acd", "supervisor")
_LOOK_SECONDS = 0.5
_GONE = "no such channel"
_log = structlog.get_logger()


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``recording_pauses``; ``until``: when it ends by itself at the latest, None once it has ended."""

    pause_id: int
    call_id: str
    agent: str
    reason: str
    paused_by: str
    paused_at: dt.datetime
    resumed_at: dt.datetime | None = None
    until: dt.datetime | None = None


async def pause(parts: Parts, person: Person, agent: str = "", reason: str = "") -> Pause:
    """Nothing that is said from now on is kept, when this returns.

    Raises ``RefusedError``: ``not_allowed``, ``not_in_a_call``, ``recording_paused``, ``asterisk_refused``, ``outcome_unknown``.
    """
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, RIGHT, agent)
    call_id = await _call_of(parts, agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["lock"], parts.node, call_id)
        values = (parts.node, call_id, agent, reason, person.username, clock.now())
        row = await connection.fetchrow(QUERIES["begin"], *values)
        if row is None:
            raise RefusedError("recording_paused", agent=agent)
        await orders.audit(connection, person, RIGHT, f"agent:{agent}", {"call_id": call_id, "reason": reason})
        asked = await _switch(connection, parts.node, call_id, person, is_on=True)
    try:
        await _done(parts, asked)
    except RefusedError as error:
        if error.code == "asterisk_refused":
            await _end(parts, row["pause_id"], _BY_ITSELF)
        raise
    return _pause(parts, row)


async def resume(parts: Parts, person: Person, agent: str = "") -> Pause:
    """All is kept again. Raises ``recording_not_paused`` beside those of ``pause``."""
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, RIGHT, agent)
    open_one = await parts.pool.fetchval(QUERIES["open_of_call"], parts.node, await _call_of(parts, agent))
    ended = await _end(parts, open_one, person) if open_one else None
    if ended is None:
        raise RefusedError("recording_not_paused", agent=agent)
    return ended


async def hear(connection: asyncpg.Connection, parts: Parts, step: Step) -> None:
    """A channel tells that it is recorded for a call: while that is paused, its recorder is muted at once."""
    call_id = step.words().get("call", "")
    if step.what != "on" or not call_id:
        return
    await connection.execute(QUERIES["lock"], parts.node, call_id)
    if await connection.fetchval(QUERIES["open_of_call"], parts.node, call_id):
        await _mute(connection, parts.node, [step.uniqueid], _BY_ITSELF, is_on=True)


async def run(parts: Parts) -> None:
    """For ever: end what is over, or has lasted too long."""
    while True:
        try:
            await parts.pool.execute(QUERIES["close_ended"], parts.node)
            longest = float(parts.settings.recordings.longest_pause_seconds)
            for row in await parts.pool.fetch(QUERIES["due"], parts.node, longest):
                await _end(parts, row["pause_id"], _BY_ITSELF)
        except RefusedError as error:
            _log.warning("a recording cannot be resumed; it is tried again", error=error.code, details=error.details)
        except database.TROUBLE as error:
            database.stop_if_cancelled()
            _log.warning("paused recordings cannot be looked after", error=str(error) or type(error).__name__)
        await asyncio.sleep(_LOOK_SECONDS)


async def _call_of(parts: Parts, agent: str) -> str:
    """The call that the agent has; its row is locked no longer than that: a step may hold the lock of a call and want the row."""
    async with parts.pool.acquire() as connection, connection.transaction():
        return (await control_orders.locked(connection, parts, agent)).call_id


async def _end(parts: Parts, pause_id: int, person: Person) -> Pause | None:
    """Unmute, and write down when that was done; None: it was ended already."""
    async with parts.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(QUERIES["locked"], pause_id)
        if row is None:
            return None
        await connection.execute(QUERIES["lock"], parts.node, row["call_id"])
        asked = await _switch(connection, parts.node, row["call_id"], person, is_on=False)
    await _done(parts, asked)
    by = "" if person is _BY_ITSELF else person.username
    async with parts.pool.acquire() as connection, connection.transaction():
        ended = await connection.fetchrow(QUERIES["end"], pause_id, by, clock.now())
        if ended is None:
            return None
        detail = {"call_id": ended["call_id"]}
        await orders.audit(connection, person, "call.resume_recording", f"agent:{ended['agent']}", detail)
    return _pause(parts, ended)


async def _switch(connection: asyncpg.Connection, node: str, call_id: str, person: Person, *, is_on: bool) -> list[uuid.UUID]:
    """Ask for silence, or sound, in all recorders of a call: the citizen's channel first, and with the mark on it."""
    rows = await connection.fetch(QUERIES["recorders"], node, f"call={call_id}")
    mark = {"channel": call_id, "variable": "HOTLINE_PAUSED", "value": "yes" if is_on else ""}
    first = await orders.command(connection, node, "Setvar", mark, person=person, reason=RIGHT)
    channels = dict.fromkeys((call_id, *(row["uniqueid"] for row in rows)))
    return [first, *await _mute(connection, node, channels, person, is_on=is_on)]


async def _mute(
    connection: asyncpg.Connection, node: str, channels: Iterable[str], person: Person, *, is_on: bool
) -> list[uuid.UUID]:
    asked = []
    for channel in channels:
        muted: Parameters = {"channel": channel, "direction": "both", "muted": is_on}
        marked: Parameters = {"channel": channel, "variable": "HOTLINE_MUTED", "value": "yes" if is_on else ""}
        for action, parameters in (("MixMonitorMute", muted), ("Setvar", marked)):
            asked.append(await orders.command(connection, node, action, parameters, person=person, reason=RIGHT))
    return asked


async def _done(parts: Parts, asked: list[uuid.UUID]) -> None:
    """Wait until all is done. A channel that is gone has nothing to mute, and one whose recorder was stopped neither."""
    found = await orders.settled(parts.pool, asked)
    for outcome in found:
        if outcome.state not in ("done", "refused"):
            raise RefusedError("outcome_unknown")
    for outcome in found[:2]:
        message = str(outcome.answer.get("message", "")) if outcome.state == "refused" else ""
        if message and _GONE not in message.lower():
            raise RefusedError("asterisk_refused", message=message)


def _pause(parts: Parts, row: asyncpg.Record) -> Pause:
    longest = dt.timedelta(seconds=parts.settings.recordings.longest_pause_seconds)
    return Pause(**dict(row), until=None if row["resumed_at"] else row["paused_at"] + longest)

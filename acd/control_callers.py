"""Malicious callers, blocks, and calls that an agent ended first (IVR-23, CAL-07, CAL-08).

A mark is made by an agent and by nothing else; the third within the window, and each later one, is reported to the shift leader
when the call is over. Nothing is blocked because of marks: a block is a decision of the office, for a time.
"""

from __future__ import annotations

import datetime as dt

import msgspec
import structlog

from acd import control_orders, control_outbound, control_rules, orders
from acd.control_orders import QUERIES
from acd.control_rules import Level, Turn
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from hotline import clock, numbers, rounds

_log = structlog.get_logger()
_PAUSE_SECONDS = 2.0


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A caller was marked: ``level`` says what the agent does (``control_rules.SAYS``)."""

    number: str
    call_id: str
    level: Level
    says: str


async def mark_malicious(parts: Parts, person: Person, agent: str = "", note: str = "") -> Mark:
    """The caller of the agent's call is malicious; again in one call counts only after a reset. Raises ``no_number``."""
    agent = agent or person.agent
    await orders.authorise(parts.pool, person, "caller.mark_malicious", agent)
    now = clock.now()
    async with parts.pool.acquire() as connection, connection.transaction():
        stand = await control_orders.locked(connection, parts, agent)
        number = await connection.fetchval(QUERIES["caller_of"], stand.node, stand.call_id)
        if not number:
            raise RefusedError("no_number")
        known = await connection.fetchval(QUERIES["mark_of_call"], stand.node, stand.call_id)
        if known is None:
            await connection.execute(QUERIES["lock_number"], number)
            window = dt.timedelta(days=parts.settings.control.malicious_days)
            rows = await connection.fetch(QUERIES["marks_of"], number, now - window, stand.node, stand.call_id)
            known = control_rules.level((row["marked_at"] for row in rows), now, window)
            values = (number, stand.node, stand.call_id, agent, known, note, person.username, now)
            await connection.execute(QUERIES["mark"], *values)
            await orders.audit(connection, person, "caller.mark_malicious", f"caller:{number}", {"level": known, "note": note})
    return Mark(number=number, call_id=stand.call_id, level=known, says=control_rules.SAYS[known])


async def level_of(parts: Parts, number: str) -> int:
    """How many marks of a number count now (IVR-24)."""
    since = clock.now() - dt.timedelta(days=parts.settings.control.malicious_days)
    return len(await parts.pool.fetch(QUERIES["marks_of"], number, since, "", ""))


async def reset_malicious(parts: Parts, person: Person, number: str) -> int:
    """The shift leader begins the count anew; returns how many marks do not count any more."""
    await orders.authorise(parts.pool, person, "caller.reset_malicious")
    async with parts.pool.acquire() as connection, connection.transaction():
        count = int(await connection.fetchval(QUERIES["reset"], number, person.username, clock.now()))
        await connection.execute(QUERIES["clear_report"], number)
        await orders.audit(connection, person, "caller.reset_malicious", f"caller:{number}", {"marks": count})
    return count


async def block(parts: Parts, person: Person, number: str, until: dt.datetime, reason: str) -> int:
    """The office decides that a number is not put through to agents until then (CAL-08); returns the decision's number.

    The number still reaches the hotline: its flow says that nobody is free, and offers a message (``acd/routing.py``).
    Raises ``bad_time``, ``bad_number``.
    """
    await orders.authorise(parts.pool, person, "caller.block")
    now, number = clock.now(), _normal(number)
    values = (number, now, control_rules.block_ends(until, now), reason, person.username)
    async with parts.pool.acquire() as connection, connection.transaction():
        block_id = int(await connection.fetchval(QUERIES["block"], *values))
        await orders.audit(connection, person, "caller.block", f"caller:{number}", {"until": until.isoformat(), "reason": reason})
    return block_id


async def unblock(parts: Parts, person: Person, number: str) -> int:
    """The office takes it back; returns how many decisions were in force."""
    await orders.authorise(parts.pool, person, "caller.block")
    number = _normal(number)
    async with parts.pool.acquire() as connection, connection.transaction():
        count = int(await connection.fetchval(QUERIES["unblock"], number, clock.now(), person.username))
        await orders.audit(connection, person, "caller.unblock", f"caller:{number}", {"blocks": count})
    return count


def _normal(number: str) -> str:
    """The form in which callers' numbers are compared. Raises ``bad_number``."""
    return control_orders.checked_number(numbers.normal(number))


async def run(parts: Parts) -> None:
    """For ever: reports of malicious callers, flags, calls to outside that were lost; PostgreSQL may come and go."""
    await rounds.forever(lambda: keep(parts), "reports and flags wait for the database", every=_PAUSE_SECONDS)


async def keep(parts: Parts) -> None:
    """One round."""
    await parts.pool.fetchval(QUERIES["report"], parts.node)
    await _flag(parts)
    await control_outbound.close_lost(parts)


async def _flag(parts: Parts) -> None:
    """Look at the calls that ended since the last round; the first round begins with those to come."""
    async with parts.pool.acquire() as connection, connection.transaction():
        position = await connection.fetchval(QUERIES["position"], parts.node)
        newest = await connection.fetchval(QUERIES["newest_call"], parts.node)
        if position is None or position >= newest:
            await connection.execute(QUERIES["move"], parts.node, newest)
            return
        rows = await connection.fetch(QUERIES["ended_calls"], parts.node, position, newest)
        for row in rows:
            turn = Turn(ended_by=row["ended_by"], dispositions=frozenset(row["dispositions"]), went_on=row["went_on"])
            if control_rules.is_flagged(turn):
                values = (row["call_id"], row["number"], row["agent"], row["ended_at"])
                await connection.execute(QUERIES["flag"], parts.node, *values)
        await connection.execute(QUERIES["move"], parts.node, newest)

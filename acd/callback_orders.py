"""What agents do with the call-back list: take the next entry, call it, or give it back.

Nobody is called twice at once, nobody while in a call, and nobody before a caller on the line who waits longer; nothing is
dialled before the agent says yes.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import asyncpg

from acd import callback_rules, callbacks, orders
from acd.callback_rules import Result
from acd.callbacks import Entry
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from hotline import clock, numbers, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "callbacks.sql")
_RIGHT = "call.callback"


async def take(parts: Parts, person: Person) -> Entry | None:
    """The next entry of the agent's queues, for this agent alone; the one that it has already; None when nobody is to be called.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_agent``.
    """
    await orders.authorise(parts.pool, person, _RIGHT, person.agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(_QUERIES["lock_agent"], person.agent)
        known = await connection.fetchval(_QUERIES["claimed_by"], person.agent)
        if known is None:
            queues = await connection.fetchval(_QUERIES["queues_of"], parts.node, person.agent)
            if queues is None:
                raise RefusedError("unknown_agent", agent=person.agent)
            now = clock.now()
            known = await connection.fetchval(_QUERIES["next"], parts.node, queues, now)
            if known is None:
                return None
            until = now + callbacks.rules(parts.settings).offer
            await connection.execute(_QUERIES["claim"], known, person.agent, until)
            await orders.audit(connection, person, "callback.take", f"callback:{known}", {})
        return await _entry(connection, known)


async def give_back(parts: Parts, person: Person, entry_id: uuid.UUID) -> Entry:
    """Not now: somebody else may take it. Raises ``RefusedError``: ``not_allowed``, ``unknown_entry``, ``entry_not_yours``."""
    await orders.authorise(parts.pool, person, _RIGHT, person.agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        await _mine(connection, person, entry_id)
        await connection.execute(_QUERIES["release"], entry_id)
        await orders.audit(connection, person, "callback.give_back", f"callback:{entry_id}", {})
        return await _entry(connection, entry_id)


async def withdraw(parts: Parts, person: Person, entry_id: uuid.UUID, note: str) -> Entry:
    """Nobody needs to be called: by whom it is claimed, or by who leads. ``note`` says why. Raises ``RefusedError``."""
    async with parts.pool.acquire() as connection, connection.transaction():
        found = await _entry(connection, entry_id)
        await orders.authorise(connection, person, _RIGHT, found.agent or "-")
        if found.state not in ("waiting", "claimed"):
            raise RefusedError("entry_not_open", state=found.state)
        await connection.execute(_QUERIES["settle"], entry_id, "withdrawn", person.username, note)
        await orders.audit(connection, person, "callback.withdraw", f"callback:{entry_id}", {"note": note})
        return await _entry(connection, entry_id)


async def listed(parts: Parts, person: Person, *, queue: str | None = None, is_open: bool = True, page: int = 1) -> list[Entry]:
    """The list, for whoever works on it; what it shows of citizens leaves an audit line (SEC-12)."""
    await orders.authorise(parts.pool, person, "callback.list", person.agent)
    found = await callbacks.listed(parts.pool, queue, is_open=is_open, page=page)
    await orders.audit(parts.pool, person, "callback.list", "callbacks", {"entries": [str(one.entry_id) for one in found]})
    return found


async def begin(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID, outbound_id: uuid.UUID) -> None:
    """The agent said yes: in the transaction that orders the call. Raises ``RefusedError`` as ``give_back``."""
    await _mine(connection, person, entry_id)
    await connection.execute(_QUERIES["call"], entry_id, outbound_id)
    await orders.audit(connection, person, "callback.call", f"callback:{entry_id}", {"outbound_id": str(outbound_id)})


async def number_of(parts: Parts, entry_id: uuid.UUID) -> str:
    """The number to be dialled. Raises ``RefusedError``: ``unknown_entry``."""
    async with parts.pool.acquire() as connection, connection.transaction():
        return numbers.dialled((await _entry(connection, entry_id)).number)


async def ended(connection: asyncpg.Connection, parts: Parts, outbound_id: uuid.UUID, result: Result | None) -> None:
    """What came of the call: settled, or tried again later; None: the number was not dialled, which was no try.

    A call for no entry, or one known already, changes nothing.
    """
    row = await connection.fetchrow(_QUERIES["of_outbound"], outbound_id)
    if row is None:
        return
    if result is None:
        await connection.execute(_QUERIES["not_dialled"], row["entry_id"])
        return
    after = callback_rules.after_try(row["tries"], result, clock.now(), callbacks.rules(parts.settings))
    if after.is_settled:
        await connection.execute(_QUERIES["settle"], row["entry_id"], result, "system", "")
    else:
        await connection.execute(_QUERIES["again"], row["entry_id"], result, after.not_before)


async def _entry(connection: asyncpg.Connection, entry_id: uuid.UUID) -> Entry:
    row = await connection.fetchrow(_QUERIES["entry"], entry_id)
    if row is None:
        raise RefusedError("unknown_entry")
    return callbacks.entry(row)


async def _mine(connection: asyncpg.Connection, person: Person, entry_id: uuid.UUID) -> None:
    found = await _entry(connection, entry_id)
    if found.state != "claimed" or found.agent != person.agent:
        raise RefusedError("entry_not_yours", state=found.state)

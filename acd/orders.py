"""What every order has in common: who may, what Asterisk made of it, and the line that it leaves in the audit log (SEC-12).

An order is a function of a module beside this one. It changes its rows and asks for its commands in one transaction, so that the
one is never without the other; then it waits for what became of the commands and answers with that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import asyncpg
import msgspec

from acd import permissions
from acd.errors import RefusedError
from acd.permissions import Person
from ami_bridge import commands
from ami_bridge.actions import Parameters
from ami_bridge.commands import Outcome
from hotline import clock, sql

Database: TypeAlias = "asyncpg.Pool | asyncpg.Connection"
_QUERIES = sql.load(Path(__file__).parent / "sql" / "orders.sql")
PATIENCE_SECONDS = 5.0
"""How long an order waits for Asterisk's answer; a command that could not be sent by then is not sent any more."""


async def authorise(database: Database, person: Person, action: str, agent: str = "", mentor: str = "") -> None:
    """Raise ``RefusedError`` unless the person may; a refusal leaves an audit line."""
    try:
        permissions.check(person, action, agent, mentor)
    except RefusedError:
        await audit(database, person, f"{action}.refused", f"agent:{agent}" if agent else "", {"role": person.role})
        raise


async def audit(database: Database, person: Person, action: str, subject: str, detail: object) -> None:
    """Write a line: who did what to whom, and what about it."""
    await database.execute(_QUERIES["audit"], person.username, action, subject, msgspec.json.encode(detail).decode())


async def command(
    database: Database,
    node: str,
    action: str,
    parameters: Parameters,
    *,
    person: Person,
    reason: str,
    seconds: float = PATIENCE_SECONDS,
) -> uuid.UUID:
    """Ask a node's Asterisk; inside a transaction it is sent when that is committed. Raises ``CommandRefusedError``."""
    return await commands.ask(database, node, action, parameters, asked_by=person.username, reason=reason, within_seconds=seconds)


async def settled(pool: asyncpg.Pool, asked: Iterable[uuid.UUID], seconds: float = PATIENCE_SECONDS) -> list[Outcome]:
    """What became of the commands, in their order; ``unknown`` when nobody can say within this time."""
    deadline = clock.monotonic() + seconds
    found = []
    for one in asked:
        left = max(0.0, deadline - clock.monotonic())
        found.append(await commands.wait(pool, one, seconds=left) or Outcome("unknown"))
    return found


async def done(pool: asyncpg.Pool, asked: Iterable[uuid.UUID], seconds: float = PATIENCE_SECONDS) -> list[Outcome]:
    """``settled``, where all must be done; raises ``RefusedError``: ``asterisk_refused`` (its words), ``outcome_unknown``."""
    found = await settled(pool, asked, seconds)
    for outcome in found:
        if outcome.state in ("refused", "expired"):
            raise RefusedError("asterisk_refused", message=outcome.answer.get("message", outcome.state))
        if outcome.state != "done":
            raise RefusedError("outcome_unknown")
    return found

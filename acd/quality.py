"""What is to be looked at afterwards: calls that an agent ended first, malicious callers, blocks (IVR-23, CAL-07, CAL-08).

Whoever looks at callers' numbers leaves an audit line (SEC-12).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person, may
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "quality.sql")


class Flag(msgspec.Struct, frozen=True):
    """A turn of an agent to look at; ``kind``: agent_hung_up_first."""

    flag_id: int
    node: str
    call_id: str
    agent: str
    kind: str
    at: dt.datetime


class Marked(msgspec.Struct, frozen=True):
    """A caller who was marked: how often, at which level last, and whether the shift leader was told."""

    number: str
    marks: int
    level: int
    last_at: dt.datetime
    last_by: str
    reported: bool


class Block(msgspec.Struct, frozen=True):
    """A decision of the office that is in force."""

    block_id: int
    number: str
    from_at: dt.datetime
    until_at: dt.datetime
    reason: str
    set_by: str


async def flags(parts: Parts, person: Person, begin: dt.datetime, end: dt.datetime, agent: str = "") -> list[Flag]:
    """The flags of a time, the latest first: of one agent or of all; who does not lead sees their own."""
    whose = agent if agent or may(person, "quality.see", "*") else person.agent
    await orders.authorise(parts.pool, person, "quality.see", whose)
    return [Flag(*row.values()) for row in await parts.pool.fetch(_QUERIES["flags"], begin, end, whose)]


async def marked(parts: Parts, person: Person) -> list[Marked]:
    """Callers whose marks count now, the latest first. Raises ``RefusedError`` (``not_allowed``)."""
    await orders.authorise(parts.pool, person, "caller.list")
    since = clock.now() - dt.timedelta(days=parts.settings.control.malicious_days)
    found = [Marked(*row.values()) for row in await parts.pool.fetch(_QUERIES["marked"], since)]
    await orders.audit(parts.pool, person, "caller.list_malicious", "callers", {"numbers": [one.number for one in found]})
    return found


async def blocks(parts: Parts, person: Person) -> list[Block]:
    """Who is not taken now, by decision of the office. Raises ``RefusedError`` (``not_allowed``)."""
    await orders.authorise(parts.pool, person, "caller.list")
    found = [Block(*row.values()) for row in await parts.pool.fetch(_QUERIES["blocks"], clock.now())]
    await orders.audit(parts.pool, person, "caller.list_blocks", "callers", {"numbers": [one.number for one in found]})
    return found

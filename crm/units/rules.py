"""Dispatch rules: what was agreed about whose a kind of matter is, by a consultation or by the office (LIF-23)."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from acd import orders
from acd.permissions import Person
from crm import idempotency, permissions
from crm.errors import RefusedError
from crm.units import taxonomy, tree
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "suggestions.sql")
LARGEST_PAGE = 500


class DispatchRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule. Empty conditions are none; ``valid_to``: the last day; ``ticket_id``: that was consulted about."""

    rule_id: uuid.UUID = msgspec.field(default_factory=uuid.uuid4)
    category: str = ""
    term: str = ""
    territory: str = ""
    words: str = ""
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None = None
    origin: Literal["office", "consultation"] = "office"
    ticket_id: int | None = None
    note: str = ""
    made_by: str = ""
    made_at: dt.datetime = msgspec.field(default_factory=clock.now)
    ended_by: str = ""
    ended_at: dt.datetime | None = None


class Rules(msgspec.Struct, frozen=True):
    """A page of rules, the newest first, and how many there are in all."""

    rules: list[DispatchRule]
    total: int


async def make_rule(connection: asyncpg.Connection, person: Person, rule: DispatchRule) -> DispatchRule:
    """Keep a rule and its audit line; for a consultation in its transaction. Who may is decided by whoever asks.

    Raises ``RefusedError``: ``bad_rule`` (no condition, days the wrong way round, an unknown category), ``unknown_unit``.
    """
    if not (rule.category or rule.term or rule.territory or rule.words):
        raise RefusedError("bad_rule", condition="")
    if rule.valid_to is not None and rule.valid_to < rule.valid_from:
        raise RefusedError("bad_rule", valid_to=rule.valid_to)
    if rule.category and await taxonomy.known(connection, rule.category) is None:
        raise RefusedError("bad_rule", category=rule.category)
    if not await tree.is_active(connection, rule.unit):
        raise RefusedError("unknown_unit", unit=rule.unit)
    kept = msgspec.structs.replace(rule, made_by=person.username)
    values = [getattr(kept, name) for name in DispatchRule.__struct_fields__ if not name.startswith("ended_")]
    await connection.execute(_QUERIES["add_rule"], *values)
    detail = {"unit": rule.unit, "category": rule.category, "origin": rule.origin, "ticket": rule.ticket_id}
    await orders.audit(connection, person, "dispatch_rule.add", f"dispatch_rule:{rule.rule_id}", detail)
    return kept


async def agree(connection: asyncpg.Connection, person: Person, rule: DispatchRule) -> None:
    """A consultation's conclusion: it takes the place of what was agreed before about just this kind of matter.

    Nothing changes when that was the same unit. Raises ``RefusedError`` as ``make_rule``.
    """
    before = await connection.fetch(_QUERIES["agreed"], rule.category, rule.term, rule.territory, rule.words)
    if any(row["unit"] == rule.unit for row in before):
        return
    for row in before:
        await connection.execute(_QUERIES["end_rule"], row["rule_id"], rule.made_at, person.username)
        await orders.audit(connection, person, "dispatch_rule.end", f"dispatch_rule:{row['rule_id']}", {"for": str(rule.rule_id)})
    await make_rule(connection, person, rule)


async def add(pool: asyncpg.Pool, person: Person, rule: DispatchRule) -> DispatchRule:
    """A rule of the office. Raises ``RefusedError`` as ``make_rule``, and ``not_allowed``."""
    permissions.check(person, "dispatch.rules_keep")
    async with pool.acquire() as connection, connection.transaction():
        await idempotency.claim(connection)
        kept = await make_rule(connection, person, rule)
        await idempotency.keep(connection, kept)
        return kept


async def listed(
    pool: asyncpg.Pool, person: Person, *, ended: bool = False, unit: str = "", limit: int = 100, page: int = 1
) -> Rules:
    """Rules; ``ended``: also those that hold no more, ``unit``: for this unit. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "dispatch.rules")
    size = min(max(limit, 1), LARGEST_PAGE)
    rows = await pool.fetch(_QUERIES["rules_listed"], ended, unit, size, (page - 1) * size)
    return Rules([_rule(row) for row in rows], rows[0]["total"] if rows else 0)


async def end(pool: asyncpg.Pool, person: Person, rule_id: uuid.UUID) -> DispatchRule:
    """It holds no more; it stays to be read. Raises ``RefusedError``: ``not_allowed``, ``unknown_rule``, ``rule_ended``."""
    permissions.check(person, "dispatch.rules_keep")
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_QUERIES["end_rule"], rule_id, clock.now(), person.username):
            known = await connection.fetchrow(_QUERIES["rule"], rule_id)
            raise RefusedError("rule_ended" if known else "unknown_rule")
        await orders.audit(connection, person, "dispatch_rule.end", f"dispatch_rule:{rule_id}", {})
        return _rule(await connection.fetchrow(_QUERIES["rule"], rule_id))


def _rule(row: asyncpg.Record) -> DispatchRule:
    return DispatchRule(**{name: row[name] for name in DispatchRule.__struct_fields__})

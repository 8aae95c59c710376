"""Who is told what happens to tickets: the administrator's orders, each with a line in the audit log (SEC-12)."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency, permissions
from crm.errors import RefusedError
from crm.tickets.life_cycle import ACTIONS
from crm.webhooks import address
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "webhooks.sql")
EVENTS = ("opened", *ACTIONS)
"""What can be told: that a ticket was opened, and each action of the life cycle."""
DeliveryState = Literal["waiting", "delivered", "dead"]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver. No ``events``: all. ``waiting``: deliveries on their way; ``dead``: those that were given up."""

    subscription_id: uuid.UUID
    name: str
    url: str
    events: list[str]
    state: Literal["active", "paused"]
    made_by: str
    made_at: dt.datetime
    changed_at: dt.datetime
    waiting: int = 0
    dead: int = 0


class Subscriptions(msgspec.Struct, frozen=True):
    """All receivers, the oldest first."""

    subscriptions: list[Subscription]


class Added(msgspec.Struct, frozen=True):
    """A new receiver, and the secret with which it checks signatures: shown this once."""

    subscription: Subscription
    secret: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What was told, or is to be. ``status``: of the last answer, null: there was none; ``problem``: what was wrong with it."""

    delivery_id: uuid.UUID
    event: str
    body: str
    made_at: dt.datetime
    state: DeliveryState
    tries: int
    next_at: dt.datetime
    status: int | None
    problem: str
    settled_at: dt.datetime | None


class Deliveries(msgspec.Struct, frozen=True):
    """A page, the newest first, and how many there are in all."""

    deliveries: list[Delivery]
    total: int


async def listed(parts: Parts, person: Person) -> Subscriptions:
    """All of them."""
    permissions.check(person, "webhook.see")
    return Subscriptions([_subscription(row) for row in await parts.pool.fetch(_QUERIES["listed"], None)])


async def add(parts: Parts, person: Person, *, name: str, url: str, events: list[str]) -> Added:
    """A new one. Raises ``RefusedError``: ``bad_webhook_url``, ``bad_values``, ``not_allowed``."""
    permissions.check(person, "webhook.keep")
    _check(url, events)
    found, secret = uuid.uuid4(), secrets.token_urlsafe(32)
    async with parts.pool.acquire() as connection, connection.transaction():
        await idempotency.claim(connection)
        await connection.execute(_QUERIES["add"], found, name, url, events, secret, person.username)
        await orders.audit(connection, person, "webhook.add", f"webhook:{found}", {"name": name, "url": url, "events": events})
        added = Added(await _get(connection, found), secret)
        await idempotency.keep(connection, added)
        return added


async def amend(
    parts: Parts,
    person: Person,
    found: uuid.UUID,
    *,
    name: str | None = None,
    url: str | None = None,
    events: list[str] | None = None,
    state: Literal["active", "paused"] | None = None,
) -> Subscription:
    """None leaves a value as it is; while it is paused deliveries wait. Raises as ``add``, and ``unknown_webhook``."""
    permissions.check(person, "webhook.keep")
    _check(url, events)
    changed = {
        name: value for name, value in (("name", name), ("url", url), ("events", events), ("state", state)) if value is not None
    }
    async with parts.pool.acquire() as connection, connection.transaction():
        await idempotency.claim(connection)
        await connection.execute(_QUERIES["amend"], found, name, url, events, state)
        subscription = await _get(connection, found)
        await orders.audit(connection, person, "webhook.amend", f"webhook:{found}", changed)
        await idempotency.keep(connection, subscription)
        return subscription


async def end(parts: Parts, person: Person, found: uuid.UUID) -> None:
    """It is told nothing more. Raises ``RefusedError``: ``unknown_webhook``, ``not_allowed``."""
    permissions.check(person, "webhook.keep")
    async with parts.pool.acquire() as connection, connection.transaction():
        await _get(connection, found)
        await connection.execute(_QUERIES["amend"], found, None, None, None, "ended")
        await orders.audit(connection, person, "webhook.end", f"webhook:{found}", {})


async def ping(parts: Parts, person: Person, found: uuid.UUID) -> Delivery:
    """A trial: what happens to it is seen among the deliveries. Raises ``RefusedError``: ``unknown_webhook``."""
    permissions.check(person, "webhook.keep")
    async with parts.pool.acquire() as connection, connection.transaction():
        await _get(connection, found)
        body = msgspec.json.encode({"event": "ping", "at": clock.now()}).decode()
        delivery = await connection.fetchval(_QUERIES["ping"], found, body)
        await orders.audit(connection, person, "webhook.ping", f"webhook:{found}", {})
        return _delivery(await connection.fetchrow(_QUERIES["delivery"], found, delivery))


async def deliveries(
    parts: Parts, person: Person, found: uuid.UUID, *, state: DeliveryState | None = None, limit: int = 100, page: int = 1
) -> Deliveries:
    """Of one receiver; beyond the last page ``total`` is 0. Raises ``RefusedError``: ``unknown_webhook``, ``not_allowed``."""
    permissions.check(person, "webhook.see")
    await _get(parts.pool, found)
    rows = await parts.pool.fetch(_QUERIES["deliveries"], found, state, limit, (page - 1) * limit)
    return Deliveries([_delivery(row) for row in rows], rows[0]["total"] if rows else 0)


async def redeliver(parts: Parts, person: Person, found: uuid.UUID, delivery: uuid.UUID) -> None:
    """Send once more, under the same id, what was delivered or given up.

    Raises ``RefusedError``: ``unknown_delivery``, ``not_settled``, ``not_allowed``.
    """
    permissions.check(person, "webhook.keep")
    async with parts.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_QUERIES["redeliver"], found, delivery):
            is_known = await connection.fetchrow(_QUERIES["delivery"], found, delivery)
            raise RefusedError("not_settled" if is_known else "unknown_delivery")
        await orders.audit(connection, person, "webhook.redeliver", f"webhook:{found}", {"delivery": str(delivery)})


def _check(url: str | None, events: list[str] | None) -> None:
    if url is not None and not address.is_url(url):
        raise RefusedError("bad_webhook_url", url=url)
    if strangers := sorted(set(events or ()) - set(EVENTS)):
        raise RefusedError("bad_values", events=strangers, allowed=EVENTS)


async def _get(database: asyncpg.Pool | asyncpg.Connection, found: uuid.UUID) -> Subscription:
    row = await database.fetchrow(_QUERIES["listed"], found)
    if row is None:
        raise RefusedError("unknown_webhook")
    return _subscription(row)


def _subscription(row: asyncpg.Record) -> Subscription:
    return Subscription(**dict(row))


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__struct_fields__})

"""Webhooks: who else is told what happens to tickets (``docs/api.md``)."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal, get_args

import msgspec

from acd.permissions import Person
from crm.webhooks import subscriptions
from crm.webhooks.address import LONGEST
from crm.webhooks.subscriptions import Added, Deliveries, Delivery, DeliveryState, Subscription, Subscriptions
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Word, ordered
from desks.parameters import Parameter, one_of

Url = Annotated[str, msgspec.Meta(max_length=LONGEST, pattern=r"^https?://[!-~]+$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]+$")]
Events = Annotated[list[Word], msgspec.Meta(max_length=100)]
_STATES = get_args(DeliveryState)
_STATE = Parameter(
    name="state", read=one_of(_STATES), schema={"type": "string", "enum": list(_STATES)}, chinese="推送状态", english="State"
)
_LIST = (_STATE, parameters.PAGE, parameters.LIMIT)


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new receiver. ``events``: actions on tickets, or ``opened``; none: all."""

    name: Name
    url: Url
    events: Events = []


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """null: stays as it is. While it is paused deliveries wait."""

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    state: Literal["active", "paused"] | None = None


async def everything(ask: Ask, person: Person) -> Subscriptions:
    """``GET /api/webhooks``."""
    return await subscriptions.listed(ask.parts.acd, person)


async def add(ask: Ask, person: Person, *, name: str, url: str, events: list[str]) -> Added:
    """``POST /api/webhooks``."""
    return await subscriptions.add(ask.parts.acd, person, name=name, url=url, events=events)


async def amend(
    ask: Ask,
    person: Person,
    *,
    id: uuid.UUID,
    name: str | None,
    url: str | None,
    events: list[str] | None,
    state: Literal["active", "paused"] | None,
) -> Subscription:
    """``PATCH /api/webhooks/{id}``."""
    return await subscriptions.amend(ask.parts.acd, person, id, name=name, url=url, events=events, state=state)


async def end(ask: Ask, person: Person, *, id: uuid.UUID) -> None:
    """``POST /api/webhooks/{id}/end``."""
    await subscriptions.end(ask.parts.acd, person, id)


async def ping(ask: Ask, person: Person, *, id: uuid.UUID) -> Delivery:
    """``POST /api/webhooks/{id}/ping``."""
    return await subscriptions.ping(ask.parts.acd, person, id)


async def deliveries(
    ask: Ask, person: Person, *, id: uuid.UUID, state: DeliveryState | None, page: int, limit: int
) -> Deliveries:
    """``GET /api/webhooks/{id}/deliveries``."""
    return await subscriptions.deliveries(ask.parts.acd, person, id, state=state, page=page, limit=limit)


async def redeliver(ask: Ask, person: Person, *, id: uuid.UUID, delivery: uuid.UUID) -> None:
    """``POST /api/webhooks/{id}/deliveries/{delivery}/redeliver``."""
    await subscriptions.redeliver(ask.parts.acd, person, id, delivery)


_SEE, _KEEP = "webhook.see", "webhook.keep"
_ONE = "/api/webhooks/{id}"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/webhooks", everything, _SEE, ("推送订阅", "Webhooks"), answer=Subscriptions),
    ordered("POST", "/api/webhooks", add, _KEEP, ("新增推送订阅", "Add a webhook"), body=Receiver, answer=Added, claims=True),
    ordered("PATCH", _ONE, amend, _KEEP, ("修改推送订阅", "Amend a webhook"), body=Amendment, answer=Subscription, claims=True),
    ordered("POST", f"{_ONE}/end", end, _KEEP, ("停止推送", "End a webhook")),
    ordered("POST", f"{_ONE}/ping", ping, _KEEP, ("试推送", "Try a webhook"), answer=Delivery),
    ordered("GET", f"{_ONE}/deliveries", deliveries, _SEE, ("推送记录", "Deliveries"), query=_LIST, answer=Deliveries),
    ordered("POST", f"{_ONE}/deliveries/{{delivery}}/redeliver", redeliver, _KEEP, ("重新推送", "Deliver once more")),
)

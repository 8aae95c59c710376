"""What is set and seen beside the figures: exclusions (KPI-40, ORG-25), gaps (metrics, section 6), alarms (KPI-43)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import asyncpg
import msgspec
from aiohttp import web

from ami_bridge.errors import ExclusionError
from ami_bridge.figures import alarms, exclusions
from ami_bridge.figures.exclusions import Exclusion, Scope
from ami_bridge.lines import Gap
from desks import answers
from desks.desk import Ask
from desks.errors import RefusedError
from desks.parameters import within
from hotline import clock, sql

_QUERIES = sql.load(Path(__file__).parent / "sql" / "records.sql")
_LONGEST = dt.timedelta(days=31)
"""An exclusion is an event, not a state; and while it is set, no bridge commits."""
Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.:@*#+-]{1,80}$")]


class NewExclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A proposal: requests that start in the time are left out of the net figures, once somebody else has confirmed it."""

    begin: Annotated[dt.datetime, msgspec.Meta(tz=True)] = msgspec.field(name="from")
    end: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = msgspec.field(name="to", default=None)
    reason: exclusions.Reason
    queue: Name | None = None
    node: Name | None = None
    note: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")] = ""


class NewEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests that start at this moment or later are counted again; None: now."""

    at: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None


class Made(msgspec.Struct, frozen=True):
    """The new exclusion."""

    exclusion_id: uuid.UUID


class Changed(msgspec.Struct, frozen=True):
    """So many requests are now excluded, or not any more."""

    requests: int


class Exclusions(msgspec.Struct, frozen=True):
    """Those that touch the time, the latest first; in force are those that are confirmed and not withdrawn."""

    exclusions: list[Exclusion]


class Gaps(msgspec.Struct, frozen=True):
    """Those that touch the time, the latest first."""

    gaps: list[Gap]


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A row of table ``alarms``; on while ``cleared_at`` is null."""

    alarm_id: uuid.UUID
    kind: str
    subject: str
    raised_at: dt.datetime
    cleared_at: dt.datetime | None
    value: float | None
    limit_value: float | None
    seen_by: str | None
    seen_at: dt.datetime | None


class Alarms(msgspec.Struct, frozen=True):
    """Those that were on in the time, and those that are on now; the latest first."""

    alarms: list[Alarm]


class Seen(msgspec.Struct, frozen=True):
    """``first``: nobody had seen it before."""

    first: bool


async def list_exclusions(ask: Ask) -> web.Response:
    """``GET /api/exclusions``."""
    return answers.json(Exclusions(await exclusions.overlapping(ask.parts.pool, ask.query["from"], ask.query["to"])))


async def propose(ask: Ask) -> web.Response:
    """``POST /api/exclusions``."""
    body: NewExclusion = ask.body
    begin, end = within("from", body.begin), within("to", body.end or clock.now())
    if body.end is not None and end <= begin:
        raise RefusedError("bad_interval", **{"from": begin, "to": end})
    if end - begin > _LONGEST:
        raise RefusedError("interval_too_long", parameter="to", most_days=_LONGEST.days)
    scope = Scope(begin, end if body.end else None, body.queue, body.node)
    made = await exclusions.propose(ask.parts.pool, scope, body.reason, ask.person.username, body.note)
    return answers.json(Made(made))


async def confirm(ask: Ask) -> web.Response:
    """``POST /api/exclusions/{id}/confirm``: by the office, and never by who set it."""
    key = _key(ask)
    row = await _known(ask.parts.pool, key)
    if row["confirmed_by"] or row["withdrawn_by"]:
        raise RefusedError("already_settled")
    if row["person"] == ask.person.username:
        raise RefusedError("same_person", person=row["person"])
    return await _change(ask, lambda: exclusions.confirm(ask.parts.pool, key, ask.person.username))


async def withdraw(ask: Ask) -> web.Response:
    """``POST /api/exclusions/{id}/withdraw``: what it left out is counted again."""
    key = _key(ask)
    if (await _known(ask.parts.pool, key))["withdrawn_by"]:
        raise RefusedError("already_settled")
    return await _change(ask, lambda: exclusions.withdraw(ask.parts.pool, key, ask.person.username))


async def end(ask: Ask) -> web.Response:
    """``POST /api/exclusions/{id}/end``: one that is still open; the system's own ends by itself (ORG-25)."""
    key, body, now = _key(ask), ask.body, clock.now()
    row, at = await _known(ask.parts.pool, key), within("at", body.at or now)
    if row["reason"] == "overload":
        raise web.HTTPForbidden
    if row["to_at"] or row["withdrawn_by"]:
        raise RefusedError("already_settled")
    if at <= row["from_at"]:
        raise RefusedError("bad_interval", **{"from": row["from_at"], "at": at})
    if at > now and at - row["from_at"] > _LONGEST:  # one that was forgotten for longer can be ended all the same
        raise RefusedError("interval_too_long", parameter="at", most_days=_LONGEST.days)
    return await _change(ask, lambda: exclusions.end(ask.parts.pool, key, at, ask.person.username))


async def list_gaps(ask: Ask) -> web.Response:
    """``GET /api/gaps``."""
    return answers.json(Gaps(await gaps_between(ask.parts.pool, ask.query["from"], ask.query["to"], ask.query["node"])))


async def gaps_between(pool: asyncpg.Pool, begin: dt.datetime, end: dt.datetime, node: str | None) -> list[Gap]:
    """The gaps that touch this time."""
    return [
        Gap(row["node"], row["from_at"], row["to_at"], row["cause"])
        for row in await pool.fetch(_QUERIES["gaps"], begin, end, node)
    ]


async def list_alarms(ask: Ask) -> web.Response:
    """``GET /api/alarms``: without a time, those of the last day."""
    end = ask.query["to"] or clock.now()
    begin = ask.query["from"] or end - dt.timedelta(days=1)
    rows = await ask.parts.pool.fetch(_QUERIES["alarms"], begin, end)
    return answers.json(Alarms([Alarm(**{name: row[name] for name in Alarm.__struct_fields__}) for row in rows]))


async def see(ask: Ask) -> web.Response:
    """``POST /api/alarms/{id}/seen``."""
    key = _key(ask)
    if await ask.parts.pool.fetchrow(_QUERIES["alarm"], key) is None:
        raise web.HTTPNotFound
    return answers.json(Seen(await alarms.see(ask.parts.pool, key, ask.person.username)))


def _key(ask: Ask) -> uuid.UUID:
    try:
        return uuid.UUID(ask.request.match_info["id"])
    except ValueError:
        raise web.HTTPNotFound from None


async def _known(pool: asyncpg.Pool, key: uuid.UUID) -> asyncpg.Record:
    row = await pool.fetchrow(_QUERIES["exclusion"], key)
    if row is None:
        raise web.HTTPNotFound
    return row


async def _change(ask: Ask, change: Callable[[], Awaitable[int]]) -> web.Response:
    """Somebody else may have been faster."""
    del ask
    try:
        return answers.json(Changed(await change()), HTTPStatus.OK)
    except ExclusionError:
        raise RefusedError("already_settled") from None

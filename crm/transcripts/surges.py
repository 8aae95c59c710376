"""Surges are watched, told and decided (REP-11): an alarm with the calls behind it; the shift leader confirms or dismisses.

Confirmed: a master ticket is drafted for what all of them report (TKT-18), and an announcement for callers (IVR-33) is drafted;
leaders see the alarm. Dismissed: no alarm until the surge is over. A surge is over when it has been below its limit for an hour.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec
import structlog

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm import alarms, permissions
from crm.errors import RefusedError
from crm.knowledge import entries
from crm.knowledge.entry import Content
from crm.profiles import store as profiles
from crm.profiles.profile import Profile
from crm.tickets import intake, numbering
from crm.tickets.intake import Opening
from crm.tickets.ticket import number
from crm.tickets.work import Work, begun
from crm.transcripts import surge
from crm.transcripts.surge import Rules, Surge
from hotline import clock, rounds, sql
from hotline.clock import SHANGHAI

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "surges.sql")
_log = structlog.get_logger()
EVERY_SECONDS = 30.0
KIND = "topic_surge"
HOUR, WEEK = dt.timedelta(hours=1), dt.timedelta(days=7)
State = Literal["raised", "confirmed", "dismissed"]
_EDITOR = "editor"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One of the calls or tickets behind a surge."""

    at: dt.datetime
    node: str
    call_id: str
    ticket: str
    recording_id: int | None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A surge. ``topic``: ``c:LEAF`` or ``s:SUBJECT TERM`` with its name in both languages; ``place`` empty: everywhere."""

    surge_id: uuid.UUID
    topic: str
    name_zh: str
    name_en: str
    place: str
    state: State
    raised_at: dt.datetime
    last_at: dt.datetime
    ended_at: dt.datetime | None
    contacts: int
    baseline: float
    limit: float
    decided_by: str
    decided_at: dt.datetime | None
    note: str
    master_ticket: str
    announcement: uuid.UUID | None


async def run(parts: Parts) -> None:
    """For ever; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await watch(connection, profiles.current(parts.settings), clock.now())

    await rounds.forever(work, "surges are not watched", every=EVERY_SECONDS)


async def watch(connection: asyncpg.Connection, profile: Profile, now: dt.datetime) -> list[Surge]:
    """One look: surges begin, go on and end, and so do their alarms; all of it is one transaction."""
    rules = Rules(profile.surge_factor, profile.surge_least, profile.surge_at_place)
    async with connection.transaction():
        found = await _found(connection, rules, now)
        for one in found:
            await _keep(connection, one, now)
        await connection.execute(_QUERIES["over"], now - HOUR)
        open_ones = await connection.fetch(_QUERIES["open"])
        wanted = {(KIND, _subject(row)): float(row["contacts"]) for row in open_ones if row["state"] != "dismissed"}
        await alarms.keep(connection, (KIND,), now, wanted)
    return found


async def _found(connection: asyncpg.Connection, rules: Rules, now: dt.datetime) -> list[Surge]:
    counts = await _counts(connection, now)
    before: list[Counter[str]] = []
    if any(contacts >= rules.least for contacts in counts.values()):
        before = [await _counts(connection, now - week * WEEK) for week in range(1, surge.WEEKS + 1)]
    midnight = _midnight(now)
    rows = await connection.fetch(_QUERIES["at_places"], midnight, numbering.first_since(midnight), rules.at_place)
    places = [(row["topic"], row["place"], row["contacts"]) for row in rows]
    return surge.of_hour(counts, before, rules) + surge.at_places(places, rules)


async def _counts(connection: asyncpg.Connection, until: dt.datetime) -> Counter[str]:
    rows = await connection.fetch(_QUERIES["counts"], until - HOUR, until, numbering.first_since(until - HOUR))
    return Counter({row["topic"]: row["contacts"] for row in rows})


async def _keep(connection: asyncpg.Connection, one: Surge, now: dt.datetime) -> None:
    row = await connection.fetchrow(_QUERIES["keep"], one.topic, one.place, now, one.contacts, one.baseline, one.limit)
    since = _midnight(now) if one.place else now - HOUR
    await connection.execute(_QUERIES["behind"], row["surge_id"], one.topic, one.place, since, numbering.first_since(since))
    if row["is_new"]:
        _log.warning("many call about one thing", topic=one.topic, place=one.place, contacts=one.contacts, usual=one.baseline)


def _midnight(now: dt.datetime) -> dt.datetime:
    """When this day of Shanghai began."""
    return now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _subject(row: asyncpg.Record) -> str:
    return f"{row['topic']} {row['place']}".strip()


async def shown(
    connection: asyncpg.Connection, person: Person, *, only_open: bool, state: str, page: int, limit: int
) -> list[Shown]:
    """The newest first. Raises ``RefusedError``: ``not_allowed``."""
    permissions.check(person, "surge.see")
    return [_shown(row) for row in await connection.fetch(_QUERIES["list"], only_open, state, limit, (page - 1) * limit)]


async def contacts(
    connection: asyncpg.Connection, person: Person, surge_id: uuid.UUID, *, page: int, limit: int
) -> list[Contact]:
    """The calls and tickets behind a surge, the oldest first. Raises ``RefusedError``: ``not_allowed``, ``unknown_surge``."""
    permissions.check(person, "surge.see")
    if await connection.fetchrow(_QUERIES["one"], surge_id) is None:
        raise RefusedError("unknown_surge", surge=str(surge_id))
    rows = await connection.fetch(_QUERIES["contacts"], surge_id, limit, (page - 1) * limit)
    await orders.audit(connection, person, "surge.contacts", f"surge:{surge_id}", {"contacts": [row["contact"] for row in rows]})
    return [
        Contact(
            at=row["at"],
            node=row["node"],
            call_id=row["call_id"],
            ticket=number(row["ticket_id"], row["channel"]) if row["ticket_id"] else "",
            recording_id=row["recording_id"],
        )
        for row in rows
    ]


async def confirm(parts: Parts, person: Person, surge_id: uuid.UUID, note: str) -> Shown:
    """It is so: a master ticket and an announcement are drafted with the decision, or nothing is.

    Raises ``RefusedError``: ``not_allowed``, ``unknown_surge``, ``surge_decided``.
    """
    permissions.check(person, "surge.decide")
    async with begun(parts, person, "ticket.open", f"surge:{surge_id}") as work:
        permissions.check(person, "ticket.open")
        before = await _undecided(work.connection, surge_id)
        master = await _master(work, surge_id, before, note)
        saved = await entries.create(work.connection, Person(person.username, _EDITOR), _announcement(before, note), why=note)
        await _decided(work.connection, person, surge_id, "confirmed", note, made=(master, saved.entry_id))
        return _shown(await work.connection.fetchrow(_QUERIES["one"], surge_id))


async def dismiss(parts: Parts, person: Person, surge_id: uuid.UUID, note: str) -> Shown:
    """It is nothing: the alarm is over at the next look. Raises as ``confirm``."""
    permissions.check(person, "surge.decide")
    async with parts.pool.acquire() as connection, connection.transaction():
        await _undecided(connection, surge_id)
        await _decided(connection, person, surge_id, "dismissed", note)
        return _shown(await connection.fetchrow(_QUERIES["one"], surge_id))


async def reopen(parts: Parts, person: Person, surge_id: uuid.UUID) -> Shown:
    """A dismissal is taken back. Raises ``RefusedError``: ``not_allowed``, ``unknown_surge``, ``surge_decided``."""
    permissions.check(person, "surge.decide")
    async with parts.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_QUERIES["lock"], surge_id)
        if row is None:
            raise RefusedError("unknown_surge", surge=str(surge_id))
        if row["state"] == "confirmed":
            raise RefusedError("surge_decided", state=row["state"])
        await connection.execute(_QUERIES["reopen"], surge_id)
        await orders.audit(connection, person, "surge.reopen", f"surge:{surge_id}", {})
        return _shown(await connection.fetchrow(_QUERIES["one"], surge_id))


async def _undecided(connection: asyncpg.Connection, surge_id: uuid.UUID) -> asyncpg.Record:
    row = await connection.fetchrow(_QUERIES["lock"], surge_id)
    if row is None:
        raise RefusedError("unknown_surge", surge=str(surge_id))
    if row["state"] != "raised":
        raise RefusedError("surge_decided", state=row["state"])
    return row


async def _decided(
    connection: asyncpg.Connection,
    person: Person,
    surge_id: uuid.UUID,
    state: State,
    note: str,
    *,
    made: tuple[int, uuid.UUID] | tuple[None, None] = (None, None),
) -> None:
    """``made``: the master ticket and the announcement."""
    await connection.execute(_QUERIES["decide"], surge_id, state, person.username, clock.now(), note, *made)
    await orders.audit(connection, person, f"surge.{state}", f"surge:{surge_id}", {"note": note, "master_ticket": made[0]})


async def _master(work: Work, surge_id: uuid.UUID, row: asyncpg.Record, note: str) -> int:
    """The id of the master ticket: its source is the surge, and becomes a ticket once."""
    kind, _, about = row["topic"].partition(":")
    said = "\n".join(text for text in (f"{row['contacts']} 件来电集中反映：{about} {row['place']}".strip(), note) if text)
    classed = {"category": about} if kind == "c" else {"subject_terms": (about,)}
    opening = msgspec.convert({"content": said, "event_place": row["place"], "source": f"surge:{surge_id}", **classed}, Opening)
    try:
        return numbering.id_of((await intake.opened(work, opening)).number)
    except RefusedError as refused:
        if refused.code != "already_opened":
            raise
        return numbering.id_of(str(refused.details["number"]))


def _announcement(row: asyncpg.Record, note: str) -> Content:
    """What callers may be told, for an editor to finish: it is a draft, and nobody hears it before it is released."""
    about, now = row["topic"].partition(":")[2], clock.now()
    title = f"{about} {row['place']}".strip()[:100]
    return Content(
        kind="announcement", title=title, answer=note or title, binding=True, valid_from=now, valid_to=now + dt.timedelta(days=1)
    )


def _shown(row: asyncpg.Record) -> Shown:
    about = row["topic"].partition(":")[2]
    same = ("surge_id", "topic", "place", "state", "raised_at", "last_at", "ended_at", "contacts", "baseline", "decided_at")
    return Shown(
        name_zh=row["name_zh"] or about,
        name_en=row["name_en"] or about,
        limit=row["limit_value"],
        decided_by=row["decided_by"] or "",
        note=row["note"],
        master_ticket=number(row["master_ticket"], "telephone") if row["master_ticket"] else "",
        announcement=row["announcement"],
        **{name: row[name] for name in same},
    )

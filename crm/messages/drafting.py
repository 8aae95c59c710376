"""A message becomes one draft ticket as soon as it is stored; what a machine heard of it is filled in later (IVR-08 to IVR-11).

The row of ``message_intake``, the draft and everything beside it are one transaction: a process that dies has done nothing of
it, and of two only one does it. A draft is filled in as long as nobody has taken it on or changed it. What cannot become a draft
stays on the list with the reason and is tried again; what is empty, silent or a fax's tone is set aside, and can be brought back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from acd.permissions import Person
from crm.clocks import due
from crm.errors import RefusedError
from crm.messages import said, suggesting, tables, urgent
from crm.messages.suggesting import QUERIES
from crm.messages.urgent import Found
from crm.profiles import store as profiles
from crm.tickets import cases, numbering, store
from crm.tickets import intake as tickets
from crm.tickets.intake import Opening
from crm.tickets.orders import Edit, MarkUrgent, Order
from crm.tickets.ticket import Ticket
from crm.tickets.work import Work, begun
from hotline import clock, database

NIGHT = Person("night-intake", "agent")
"""Who opens the drafts; they are this one's until somebody takes the message on."""
SILENT = frozenset(("empty", "silent", "fax"))
"""What the recordings worker says of messages in which nobody speaks."""
_log = structlog.get_logger()


async def take(parts: Parts, message: int) -> None:
    """A draft for this message; or it is set aside, or refused and tried again later. Done already: nothing happens."""
    row = await parts.pool.fetchrow(QUERIES["message"], message)
    try:
        async with begun(parts, NIGHT, "ticket.open", f"message:{message}") as work:
            mine = await _begun(work, row)
            if mine is None:
                return
            if row["quality"] in SILENT and not mine["kept"]:
                await work.connection.execute(QUERIES["set_aside"], message, NIGHT.username, row["quality"], work.now)
                return
            # another: the call may have a ticket of its own; the message is one matter more
            done = await tickets.opened(work, Opening(message=message, another=True))
            ticket_id = numbering.id_of(done.number)
            await _opened(work, row, ticket_id, done.version)
            if mine["claimed_by"]:
                await hand_over(work, ticket_id, mine["claimed_by"])
    except RefusedError as refused:
        await _refused(parts, row, refused.code, str(refused.details.get("number", "")))
    except database.TROUBLE as error:
        if database.is_away(error):
            raise
        _log.warning("no draft can be made of a message", message=message, error=str(error))
        await _refused(parts, row, "system_fault")


async def _begun(work: Work, row: Any) -> asyncpg.Record | None:
    """The message's row, locked, if nobody else has done it or does it now."""
    profile = profiles.current(work.parts.settings)
    working = due.working_time(profile, work.parts.settings.calendar)
    until = due.due("dispatch", row["left_at"], due.Facts(), profile, working).at
    begun_with = (row["message_id"], row["recording_id"], work.now, until)
    return await work.connection.fetchrow(QUERIES["begin"], *begun_with) or await work.connection.fetchrow(
        QUERIES["begin_again"], row["message_id"]
    )


async def _opened(work: Work, row: Any, ticket_id: int, version: int) -> None:
    profile = profiles.current(work.parts.settings)
    found = await suggesting.make(work.connection, row, "", profile, ticket_id=ticket_id)
    await work.connection.execute(QUERIES["opened"], row["message_id"], ticket_id, version, _json(found))


async def _refused(parts: Parts, row: Any, code: str, number: str = "") -> None:
    """Why there is no draft; one that somebody opened by hand is the message's (``already_opened``)."""
    now, profile = clock.now(), profiles.current(parts.settings)
    until = due.due("dispatch", row["left_at"], due.Facts(), profile, due.working_time(profile, parts.settings.calendar)).at
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["refused"], row["message_id"], row["recording_id"], code, now, until)
        if code == "already_opened" and number:
            await connection.execute(QUERIES["opened"], row["message_id"], numbering.id_of(number), 0, "{}")
    _log.info("a message has no draft of ours", message=row["message_id"], why=code, ticket=number)


async def hand_over(work: Work, ticket_id: int, to: str, role: str = "") -> int:
    """The draft is this person's from now on (or ``NIGHT``'s again); its version. What is no draft any more stays as it is."""
    await store.lock(work.connection, (ticket_id,))
    work.now = clock.now()
    ticket = await store.load(work.connection, ticket_id)
    if ticket.state != "draft" or ticket.accept_agent == to:
        return ticket.version
    released = not (profiles.current(work.parts.settings).trainee_release and role == "trainee")
    values: dict[str, Any] = {"accept_agent": to, "released": released}
    version = await store.save(work.connection, ticket, values, work.now)
    changed = msgspec.structs.replace(ticket, **values, version=version)
    detail = {"changed": {"accept_agent": [ticket.accept_agent, to]}}
    line = store.event(changed, work.person, "claim", work.now, from_state=ticket.state, detail=detail)
    await store.write_down(work.connection, ticket_id, line)
    await cases.told(work, "claim", changed, from_state=ticket.state)
    return version


async def hear(parts: Parts, message: int) -> None:
    """Look through the transcript of a message: fill the draft in, look for urgent words, suggest; an alarm at once if it is
    urgent. Nothing happens when that was done, or is being done."""
    async with begun(parts, NIGHT, "ticket.edit", f"message:{message}") as work:
        row = await work.connection.fetchrow(QUERIES["hear"], message)
        if row is None:
            return
        if _nothing_said(row):
            await work.connection.execute(QUERIES["set_aside"], message, NIGHT.username, "nothing_said", work.now)
            return
        profile = profiles.current(parts.settings)
        found = urgent.find(row["text"], tables.urgent_words(profile), tables.read().negation)
        suggestions = await suggesting.make(work.connection, row, row["text"], profile, ticket_id=row["ticket_id"] or 0)
        version = await _filled(work, row, found)
        heard = (message, work.now, version, bool(found), _json(found), _json(suggestions))
        await work.connection.execute(QUERIES["heard"], *heard)
        await work.connection.execute(QUERIES["alarms"], work.now)
    if found:
        _log.warning("an urgent message", message=message, kinds=sorted({one.kind for one in found}))


def _nothing_said(row: Any) -> bool:
    """A machine heard no word, and no voice was found either."""
    is_quiet = row["quality"] in SILENT or not row["has_speech"]
    return not row["text"].strip() and is_quiet and not row["kept"] and not row["claimed_by"]


async def _filled(work: Work, row: Any, found: tuple[Found, ...]) -> int:
    """The draft with its text and its mark, as far as nobody works on it; its version as the intake left it."""
    if row["ticket_id"] is None:
        return int(row["own_version"])
    await store.lock(work.connection, (row["ticket_id"],))
    work.now = clock.now()
    ticket = await store.load(work.connection, row["ticket_id"])
    is_untouched = ticket.version == row["own_version"] and ticket.state == "draft" and not row["claimed_by"]
    text = said.content(row["text"], row["confidence"])
    if is_untouched and text:
        ticket = await _ordered(work, ticket, Order("edit", Edit(content=text)))
    if found and ticket.state == "draft" and not ticket.urgent:
        words = "、".join(dict.fromkeys(one.word for one in found))
        ticket = await _ordered(work, ticket, Order("mark_urgent", MarkUrgent(reason=f"留言提到：{words}")))
    return ticket.version if is_untouched else int(row["own_version"])


async def _ordered(work: Work, ticket: Ticket, order: Order) -> Ticket:
    """The ticket after the order; as it was when the order is refused: the message counts, whatever the rules say of it."""
    try:
        async with work.connection.transaction():
            await cases.carried_out(work, ticket, order)
    except RefusedError as refused:
        _log.warning("a message's draft was not filled in", ticket=ticket.ticket_id, action=order.action, why=refused.code)
        return ticket
    return await store.load(work.connection, ticket.ticket_id)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def tidy(parts: Parts, now: dt.datetime) -> None:
    """What was found silent after its draft was made is set aside; what became a ticket is done; alarms are as they should be."""
    async with parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(QUERIES["silent"], NIGHT.username, now)
        await connection.execute(QUERIES["settle"])
        await connection.execute(QUERIES["alarms"], now)

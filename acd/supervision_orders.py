"""Orders of supervision, from the web or a telephone: begin, change the mode, take over, stop (QUA-03, ORG-25, ORG-34, IVR-26).

The supervisor's own telephone is rung and shows what it is about; or a call that it has dialled is let in (``let_in``). Each use
leaves audit lines, with person, reason, target, modes, calls, start and end; the later ones are written from what the telephone
tells (``acd/supervision_steps.py``), whatever has died in between.
"""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import msgspec

from acd import orders, supervision
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person, may
from acd.supervision import Found, Mode, Order, Wish
from acd.supervision_book import QUERIES, Supervision, about, ended, get
from ami_bridge import actions
from hotline import clock

_RING_SECONDS = 20
_GRACE_SECONDS = 12.0
_LOOK_SECONDS = 0.03


async def begin(parts: Parts, person: Person, wish: Wish, seat: str = "") -> Supervision:
    """Ring the supervisor's telephone (that of the person's own session unless ``seat`` is given) and listen when it answers.

    Raises ``RefusedError``: ``reason_missing``, ``unknown_agent``, ``unknown_call``, ``unknown_queue``, ``not_allowed``,
    ``not_in_a_call``, ``not_logged_in``, ``unknown_seat``, ``already_supervising``, ``asterisk_refused`` (nobody answered).
    """
    made = uuid.uuid4()
    why, found, order = await _permitted(parts, person, wish, made)
    seat = await _seat(parts, person, seat)
    await _free(parts, person, seat)
    async with parts.pool.acquire() as connection, connection.transaction():
        interface = await connection.fetchval(QUERIES["interface"], parts.node, seat)
        asked = await orders.command(
            connection,
            parts.node,
            "Originate",
            {
                "channel": interface or f"PJSIP/{seat}",
                "context": "supervise",
                "exten": "s",
                "ring_seconds": _RING_SECONDS,
                "caller_id": _shown(wish, found),
                "variables": order.variables,
            },
            person=person,
            reason=why,
        )
        await _add(connection, parts, person, _Row(made, seat, actions.channel_id(asked), why, found.agent, order, wish.mode))
    outcome = (await orders.settled(parts.pool, [asked], _RING_SECONDS + _GRACE_SECONDS))[0]
    if outcome.state in ("refused", "expired"):
        await ended(parts.pool, made, "not_answered")
        raise RefusedError("asterisk_refused", message=outcome.answer.get("message", outcome.state))
    if outcome.state != "done":
        raise RefusedError("outcome_unknown")
    return await get(parts, made)


async def let_in(parts: Parts, person: Person, wish: Wish, seat: str, channel: str) -> dict[str, str]:
    """A telephone has dialled for it: the variables that its channel is to have before it goes to [supervise].

    Raises as ``begin`` does.
    """
    made = uuid.uuid4()
    why, found, order = await _permitted(parts, person, wish, made)
    await _free(parts, person, seat)
    async with parts.pool.acquire() as connection, connection.transaction():
        await _add(connection, parts, person, _Row(made, seat, channel, why, found.agent, order, wish.mode))
    return order.variables


async def change(parts: Parts, person: Person, which: uuid.UUID, mode: Mode, call_id: str = "") -> Supervision:
    """Another mode; ``barge`` and ``take_over`` of a queue's listener want ``call_id``. Returns when the telephone is in it.

    Raises ``RefusedError``: ``unknown_supervision``, ``not_allowed``, ``not_in_a_call``, ``unknown_call``, ``asterisk_refused``,
    ``outcome_unknown``.
    """
    async with parts.pool.acquire() as connection, connection.transaction():
        known = await _open(connection, which)
        found = await _found_again(connection, parts, known)
        await _own(parts.pool, person, known)
        await orders.authorise(parts.pool, person, supervision.RIGHTS[mode], found.agent, found.mentor)
        before = await connection.fetchval(QUERIES["last_step"], known.node, known.channel)
        asked = []
        if known.target != "call" and mode in supervision.OF_ONE_CALL:
            asked.append(await _about(connection, person, known, call_id or found.call_id))
        asked.append(
            await orders.command(
                connection,
                known.node,
                "Redirect",
                {"channel": known.channel, "context": "supervise", "exten": mode},
                person=person,
                reason=known.reason,
            )
        )
    await orders.done(parts.pool, asked)
    await _until_told(parts.pool, known, mode, before)
    return msgspec.structs.replace(await get(parts, which), mode=mode)


async def stop(parts: Parts, person: Person, which: uuid.UUID) -> Supervision:
    """End it: one's own, or as one who leads. Raises ``RefusedError``: ``unknown_supervision``, ``not_allowed``."""
    async with parts.pool.acquire() as connection, connection.transaction():
        known = await _open(connection, which)
        await _own(parts.pool, person, known)
        asked = await orders.command(
            connection, known.node, "Hangup", {"channel": known.channel}, person=person, reason=known.reason
        )
    outcome = (await orders.settled(parts.pool, [asked]))[0]
    if outcome.state == "refused":
        await ended(parts.pool, which, "lost")
    elif outcome.state != "done":
        raise RefusedError("outcome_unknown")
    return await get(parts, which)


class _Row(msgspec.Struct, frozen=True):
    """A supervision that is about to begin."""

    made: uuid.UUID
    seat: str
    channel: str
    why: str
    agent: str
    order: Order
    mode: Mode


async def _add(connection: asyncpg.Connection, parts: Parts, person: Person, new: _Row) -> None:
    order = new.order
    values = (new.seat, new.channel, order.target, order.whom, new.agent, new.why, order.may, new.mode)
    try:
        await connection.execute(QUERIES["add"], new.made, parts.node, person.username, person.role, *values)
    except asyncpg.UniqueViolationError:
        raise RefusedError("already_supervising", seat=new.seat) from None
    row = await connection.fetchrow(QUERIES["get"], new.made)
    assert row is not None
    known = Supervision(**row)
    await orders.audit(connection, person, "supervision.ordered", f"{order.target}:{order.whom}", about(known))


async def _permitted(parts: Parts, person: Person, wish: Wish, made: uuid.UUID) -> tuple[str, Found, Order]:
    """Reason, what there is, and what to do, once it is clear that the person may."""
    why = supervision.reason(wish.reason)
    found = await _found(parts.pool, parts, wish)
    await orders.authorise(parts.pool, person, supervision.RIGHTS[wish.mode], found.agent, found.mentor)
    return why, found, supervision.order(wish, found, person, made)


async def _found(database: orders.Database, parts: Parts, wish: Wish) -> Found:
    if wish.target == "queue":
        if wish.whom not in parts.settings.every_queue():
            raise RefusedError("unknown_queue", queue=wish.whom)
        return Found()
    agent = wish.whom
    if wish.target == "call":
        row = await database.fetchrow(QUERIES["in_call"], parts.node, wish.whom)
        if row is None:
            raise RefusedError("unknown_call")
        if not (agent := row["agent"]):
            return Found(call_id=wish.whom)
    row = await database.fetchrow(QUERIES["agent"], agent, parts.node, clock.shanghai_now().date())
    if row is None:
        raise RefusedError("unknown_agent", agent=agent)
    return Found(**row)


async def _found_again(connection: asyncpg.Connection, parts: Parts, known: Supervision) -> Found:
    """Whom it is about now; a call that is over by now has nobody."""
    try:
        return await _found(connection, parts, Wish(target=known.target, whom=known.whom, reason=known.reason))  # type: ignore[arg-type]
    except RefusedError:
        return Found()


async def _seat(parts: Parts, person: Person, seat: str) -> str:
    """Where to ring: at the person's own session, or the seat that was named; a mentor's is the own one."""
    own = await parts.pool.fetchval(QUERIES["seat_of"], person.agent) if person.agent else None
    if not seat and own is None:
        raise RefusedError("not_logged_in")
    if seat and seat not in (own, person.agent) and not may(person, "call.listen"):
        raise RefusedError("not_allowed", action="call.listen", role=person.role, seat=seat)
    if seat and seat not in parts.settings.agents.numbers():
        raise RefusedError("unknown_seat", seat=seat)
    return seat or str(own)


async def _free(parts: Parts, person: Person, seat: str) -> None:
    """A telephone listens once; one that was lost sight of is asked for at Asterisk first."""
    row = await parts.pool.fetchrow(QUERIES["open_at"], parts.node, seat)
    if row is not None and await is_there(parts, row["channel"], person):
        raise RefusedError("already_supervising", seat=seat)
    if row is not None:
        await ended(parts.pool, row["supervision_id"], "lost")


async def is_there(parts: Parts, channel: str, person: Person) -> bool:
    """Whether Asterisk has this channel still; if nobody can say, it has."""
    probe = {"channel": channel, "variable": "HOTLINE_SPY_SEEN", "value": "1"}
    asked = await orders.command(parts.pool, parts.node, "Setvar", probe, person=person, reason="is it still there?")
    return (await orders.settled(parts.pool, [asked]))[0].state != "refused"


async def _open(connection: asyncpg.Connection, which: uuid.UUID) -> Supervision:
    row = await connection.fetchrow(QUERIES["lock"], which)
    if row is None or row["ended_at"] is not None:
        raise RefusedError("unknown_supervision")
    return Supervision(**row)


async def _own(pool: asyncpg.Pool, person: Person, known: Supervision) -> None:
    """One's own, or whoever leads."""
    if person.username != known.person:
        await orders.authorise(pool, person, "agent.lead", known.agent)


async def _about(connection: asyncpg.Connection, person: Person, known: Supervision, call_id: str) -> uuid.UUID:
    """Tell the telephone of a listener call after call which call it is now."""
    if not call_id:
        raise RefusedError("not_in_a_call" if known.target == "agent" else "unknown_call")
    if await connection.fetchval(QUERIES["in_call"], known.node, call_id) is None:
        raise RefusedError("unknown_call")
    told = {"channel": known.channel, "variable": "HOTLINE_SPY_NOW", "value": call_id}
    return await orders.command(connection, known.node, "Setvar", told, person=person, reason=known.reason)


async def _until_told(pool: asyncpg.Pool, known: Supervision, mode: Mode, before: int) -> None:
    """Until the telephone itself has told its new mode: it may have refused."""
    deadline = clock.monotonic() + orders.PATIENCE_SECONDS
    while clock.monotonic() < deadline:
        told = await pool.fetchval(QUERIES["mode_told"], known.node, known.channel, before)
        if told == mode:
            return
        if told is not None:
            raise RefusedError("not_in_a_call")
        await asyncio.sleep(_LOOK_SECONDS)
    raise RefusedError("outcome_unknown")


def _shown(wish: Wish, found: Found) -> str:
    """What the supervisor's telephone shows: the mode in words and whom it is about."""
    number = found.agent or "0"
    return f"{_WORDS[wish.mode]} {wish.whom if wish.target == 'queue' else found.agent} <{number}>"


_WORDS = {"monitor": "监听", "caller": "监听", "agent": "监听", "whisper": "密语", "barge": "强插", "take_over": "接管"}

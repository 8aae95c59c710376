"""Orders of and about agents: log in and out, pause, ready, force out, skills (ORG-20, ORG-50, IVR-25, IVR-26).

Each changes the agent's session and asks for what follows from it at Asterisk in one transaction, with the agents concerned
locked: two orders at once come one after the other, at Asterisk too. Then it waits for Asterisk's answers and tells how the agent
stands. When Asterisk cannot be asked now, the order is answered with ``outcome_unknown``; the session is as ordered, and the
members follow as soon as they can be put right (``acd/membership.py``).
"""

from __future__ import annotations

import datetime as dt
import hmac
import uuid
from collections.abc import Collection
from typing import NamedTuple

import asyncpg
import msgspec

from acd import agents, membership, orders, reconcile
from acd.agents import Standing
from acd.errors import RefusedError
from acd.membership import QUERIES
from acd.parts import Parts
from acd.permissions import Person
from acd.reconcile import Command, Key, Wanted
from hotline import clock, credentials

_ATTEMPTS = 5
_SO_ALREADY = frozenset(
    {
        "Unable to add interface: Already there",
        "Unable to remove interface: Not there",
        "Interface not found",
    }
)
_HOW = frozenset({"code", "api"})


class AgentNow(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is: ``state`` of ``agents.STATES`` since ``since``, at ``seat`` since ``logged_in_since``.

    ``paused``: no queue rings it, or will after the call. ``call_id``, ``channel``, ``node``: of the queue's call it is in.
    ``shift_begins``, ``shift_ends``: the shift that it is in, or has outlasted; ``late_seconds``: how long it should have been
    logged in already, ``over_seconds``: how long it should have been out.
    """

    agent: str
    name: str
    name_en: str
    role: str
    state: str
    since: dt.datetime | None
    seat: str | None
    logged_in_since: dt.datetime | None
    paused: bool
    pause_reason: str
    call_id: str | None
    channel: str
    node: str
    skills: dict[str, int]
    sub_centre: str
    team: str
    trainee: bool
    trainee_until: dt.date | None
    mentor: str
    shift_begins: dt.datetime | None
    shift_ends: dt.datetime | None
    late_seconds: int
    over_seconds: int


class _Act(NamedTuple):
    """An order that is being carried out: inside which transaction, with what, for whom."""

    connection: asyncpg.Connection
    parts: Parts
    person: Person

    async def note(self, agent: str, what: str, seat: str | None, why: str) -> None:
        """A line of the agent's attendance."""
        await self.connection.execute(QUERIES["note"], agent, what, seat or "", why, self.person.username)

    async def close(self, agent: str, how: str) -> None:
        """End the agent's session."""
        await self.connection.execute(QUERIES["close"], agent, self.person.username, how)

    async def audit(self, order: str, agent: str, detail: dict[str, object]) -> None:
        """A line of the audit log."""
        await orders.audit(self.connection, self.person, f"agent.{order}", f"agent:{agent}", detail)

    async def wanted(self, chosen: Collection[str]) -> dict[Key, Wanted]:
        """The members that these agents should have."""
        return (await membership.wanted(self.connection, self.parts.settings, chosen))[1]

    async def ask(self, commands: list[Command], reason: str) -> list[uuid.UUID]:
        """Ask Asterisk for what follows."""
        return await membership.order(self.connection, commands, person=self.person, reason=reason)


class _Locked(msgspec.Struct, frozen=True):
    """An agent whose row is locked: how it stands, and the session that is open."""

    agent: str
    active: bool
    mentor: str
    seat: str | None
    opened_how: str | None
    standing: Standing


async def log_in(parts: Parts, person: Person, agent: str, seat: str = "", *, pin: str = "", how: str = "api") -> AgentNow:
    """Open a session at a seat (none given: that of the agent's number); from another seat the agent moves, paused or not.

    A seat that is not the agent's own wants the agent's ``pin``. Who is there only because it is their telephone makes room when
    idle. Raises ``RefusedError``: ``unknown_agent``, ``unknown_seat``, ``wrong_pin``, ``too_many_attempts``, ``seat_taken``,
    ``seat_busy``, ``in_a_call``, ``already_logged_in``.
    """
    seat = seat or agent
    if seat not in parts.settings.agents.numbers():
        raise RefusedError("unknown_seat", seat=seat)
    await orders.authorise(parts.pool, person, "agent.work", agent)
    if seat != agent:
        await _check_pin(parts.pool, person, agent, seat, pin)
    async with parts.pool.acquire() as connection, connection.transaction():
        there = await connection.fetchval(QUERIES["whose_seat"], seat)
        locked = await _lock(connection, {agent} | ({there} if there else set()))
        asked = await _take_seat(_Act(connection, parts, person), locked, agent, seat, how)
    await _done(parts.pool, asked)
    return await _now(parts.pool, agent)


async def log_out(parts: Parts, person: Person, agent: str, *, how: str = "api") -> AgentNow:
    """Close the session; not in a call. Raises ``RefusedError``: ``not_logged_in``, ``in_a_call``."""
    return await _order(parts, person, agent, "log_out", how=how)


async def force_out(parts: Parts, person: Person, agent: str, reason: str = "") -> AgentNow:
    """Close somebody's session, whatever they do; a call goes on. Raises ``RefusedError``: ``not_logged_in``."""
    return await _order(parts, person, agent, "force_out", reason=reason, how="forced", right="agent.lead")


async def pause(parts: Parts, person: Person, agent: str, reason: str) -> AgentNow:
    """No call any more, from now or from the end of this one; ``reason`` is one of the settings'.

    Raises ``RefusedError``: ``unknown_reason``, ``not_logged_in``, ``already_paused``.
    """
    if reason not in parts.settings.agents.pause_reasons:
        raise RefusedError("unknown_reason", reason=reason, reasons=list(parts.settings.agents.pause_reasons))
    return await _order(parts, person, agent, "pause", reason=reason)


async def ready(parts: Parts, person: Person, agent: str) -> AgentNow:
    """Calls again, at once: a pause and a wrap-up end. Raises ``RefusedError``: ``not_logged_in``, ``already_ready``."""
    return await _order(parts, person, agent, "ready")


async def my_state(parts: Parts, person: Person, agent: str = "") -> AgentNow:
    """How an agent stands (none given: the one who asks). Raises ``RefusedError``: ``unknown_agent``."""
    chosen = agent or person.agent
    await orders.authorise(parts.pool, person, "agent.see", chosen)
    return await _now(parts.pool, chosen)


async def list_agents(parts: Parts, person: Person) -> list[AgentNow]:
    """All agents, by number."""
    await orders.authorise(parts.pool, person, "agent.see")
    return await _list(parts.pool, None)


async def set_skills(parts: Parts, person: Person, agent: str, skills: dict[str, int]) -> AgentNow:
    """Give an agent these skills, levels 1 to 5, and the queues that follow. Raises ``RefusedError``: ``bad_skills``."""
    await orders.authorise(parts.pool, person, "agent.keep", agent)
    if not all(name.isidentifier() and name.isascii() and len(name) <= 32 and 1 <= level <= 5 for name, level in skills.items()):
        raise RefusedError("bad_skills", skills=skills)
    async with parts.pool.acquire() as connection, connection.transaction():
        act = _Act(connection, parts, person)
        await _lock(connection, {agent})
        before = await act.wanted([agent])
        await connection.execute(QUERIES["set_skills"], agent, msgspec.json.encode(skills).decode())
        await act.audit("skills", agent, {"skills": skills})
        asked = await act.ask(reconcile.change(before, await act.wanted([agent])), "skills")
    await _done(parts.pool, asked)
    return await _now(parts.pool, agent)


async def pause_for_missing(connection: asyncpg.Connection, parts: Parts, agent: str, missed: int) -> list[uuid.UUID]:
    """The pause that so many missed calls make, inside the caller's transaction."""
    (one,) = (await _lock(connection, {agent})).values()
    if one.standing.state == "offline" or one.standing.paused:
        return []
    after = agents.decide(one.standing, "pause", agents.NO_ANSWER)
    return await _carry_out(_Act(connection, parts, membership.SYSTEM), one, "pause", after, detail={"missed": missed})


async def end_by_plan(connection: asyncpg.Connection, parts: Parts, agent: str) -> list[uuid.UUID]:
    """The log-out after the end of a shift, inside the caller's transaction; nothing when the agent is in a call by now."""
    (one,) = (await _lock(connection, {agent})).values()
    if one.standing.state == "offline" or one.standing.state in agents.IN_A_CALL:
        return []
    after = agents.decide(one.standing, "log_out")
    return await _carry_out(_Act(connection, parts, membership.SYSTEM), one, "log_out", after, how="shift_end")


async def _order(
    parts: Parts, person: Person, agent: str, order: str, *, reason: str = "", how: str = "api", right: str = "agent.work"
) -> AgentNow:
    await orders.authorise(parts.pool, person, right, agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        (one,) = (await _lock(connection, {agent})).values()
        after = agents.decide(one.standing, order, reason)
        detail: dict[str, object] = {"reason": reason} if reason else {}
        asked = await _carry_out(_Act(connection, parts, person), one, order, after, how=how, detail=detail)
    await _done(parts.pool, asked)
    return msgspec.structs.replace(await _now(parts.pool, agent), state=after.state)


async def _carry_out(
    act: _Act, one: _Locked, order: str, after: Standing, *, how: str = "api", detail: dict[str, object] | None = None
) -> list[uuid.UUID]:
    """What an order changes in the books, and what it asks of Asterisk."""
    what = "log_out" if order == "force_out" else order
    before = await act.wanted([one.agent])
    if what == "log_out":
        await act.close(one.agent, how)
    else:
        await act.connection.execute(QUERIES["set_pause"], one.agent, after.paused, after.pause_reason)
    await act.note(one.agent, what, one.seat, how if what == "log_out" else after.pause_reason)
    await act.audit(order, one.agent, {"seat": one.seat, "how": how, **(detail or {})})
    now = await act.wanted([one.agent])
    if what != "log_out":  # told to Asterisk in any case: somebody may have changed it there
        before = {key: msgspec.structs.replace(member, paused=not after.paused) for key, member in before.items()}
    renewed = reconcile.renewal(now) if agents.ends_wrap_up(one.standing, order) else []
    return await act.ask([*reconcile.change(before, now), *renewed], order)


async def _take_seat(act: _Act, locked: dict[str, _Locked], agent: str, seat: str, how: str) -> list[uuid.UUID]:
    """Who is there makes room, the agent leaves where it was, and is at the seat."""
    one = locked[agent]
    if not one.active:
        raise RefusedError("unknown_agent", agent=agent)
    before = await act.wanted(list(locked))
    order = "move" if one.seat not in (None, seat) else "log_in"
    after = agents.decide(one.standing, order)
    there = await act.connection.fetchval(QUERIES["whose_seat"], seat)
    if there is not None:
        await _make_room(act, locked.get(there), seat, is_dialling=how == "code")
    if one.seat is not None:
        await act.close(agent, "moved")
    chosen = how if how in _HOW else "api"
    opened = (agent, seat, act.person.username, chosen, after.paused, after.pause_reason)
    try:
        await act.connection.execute(QUERIES["open"], *opened)
    except asyncpg.UniqueViolationError:  # free a moment ago
        raise RefusedError("seat_taken", seat=seat) from None
    await act.note(agent, "log_in", seat, chosen)
    await act.audit("log_in", agent, {"seat": seat, "how": chosen, "from": one.seat, "displaced": there})
    return await act.ask(reconcile.change(before, await act.wanted(list(locked))), order)


async def _make_room(act: _Act, there: _Locked | None, seat: str, *, is_dialling: bool) -> None:
    """``is_dialling``: the telephone is in use for nothing but this order."""
    if there is None or there.opened_how != "telephone":
        raise RefusedError("seat_taken", seat=seat)
    if not (is_dialling and there.standing.state == "elsewhere"):
        agents.decide(there.standing, "displace")
    await act.close(there.agent, "displaced")
    await act.note(there.agent, "log_out", seat, "displaced")


async def _lock(connection: asyncpg.Connection, chosen: Collection[str]) -> dict[str, _Locked]:
    """Lock the agents, in the order of their numbers; raises ``RefusedError`` (``unknown_agent``) when one is none."""
    await connection.execute(QUERIES["order_begins"])
    await connection.fetch(QUERIES["lock"], list(chosen))
    rows = await connection.fetch(QUERIES["locked"], list(chosen))
    if unknown := sorted(set(chosen) - {row["agent"] for row in rows}):
        raise RefusedError("unknown_agent", agent=unknown[0])
    return {row["agent"]: _locked(row) for row in rows}


def _locked(row: asyncpg.Record) -> _Locked:
    has_session = row["session_id"] is not None
    standing = agents.standing(row["seen"], has_session=has_session, paused=row["paused"], pause_reason=row["pause_reason"])
    return _Locked(row["agent"], row["active"], row["mentor"], row["seat"], row["opened_how"], standing)


async def _check_pin(pool: asyncpg.Pool, person: Person, agent: str, seat: str, pin: str) -> None:
    """Compare in constant time, one attempt after another; after too many wrong ones none is compared for a while."""
    async with pool.acquire() as connection, connection.transaction():
        await _lock(connection, {agent})
        wrong = await connection.fetchval(QUERIES["wrong_pins"], agent)
        right = credentials.load().pins.get(agent, "")
        fits = hmac.compare_digest(pin.encode(), right.encode()) and right != ""
        code = "too_many_attempts" if wrong >= _ATTEMPTS else "" if fits else "wrong_pin"
        if code == "wrong_pin":
            await connection.execute(QUERIES["note"], agent, "wrong_pin", seat, "", person.username)
        if code:
            await orders.audit(connection, person, "agent.log_in.refused", f"agent:{agent}", {"seat": seat, "code": code})
    if code:
        raise RefusedError(code, agent=agent)


async def _done(pool: asyncpg.Pool, asked: list[uuid.UUID]) -> None:
    """Wait for Asterisk; what was so already is done. Raises ``RefusedError``: ``asterisk_refused``, ``outcome_unknown``."""
    found = await orders.settled(pool, asked)
    said = [outcome.answer.get("message", "") for outcome in found if outcome.state == "refused"]
    if wrong := [message for message in said if message not in _SO_ALREADY]:
        raise RefusedError("asterisk_refused", message=wrong[0])
    if any(outcome.state not in ("done", "refused") for outcome in found):
        raise RefusedError("outcome_unknown")


async def _now(pool: asyncpg.Pool, agent: str) -> AgentNow:
    found = await _list(pool, [agent])
    if not found:
        raise RefusedError("unknown_agent", agent=agent)
    return found[0]


async def _list(pool: asyncpg.Pool, chosen: list[str] | None) -> list[AgentNow]:
    now = clock.now()
    return [_told(row, now) for row in await pool.fetch(QUERIES["list"], chosen)]


def _told(row: asyncpg.Record, now: dt.datetime) -> AgentNow:
    values = dict(row)
    seat, begins, ends, since = row["seat"], values.pop("begins"), values.pop("ends"), values["since"]
    seen = values.pop("seen")
    standing = agents.standing(seen, has_session=seat is not None)
    is_known = standing.state not in ("offline", "unreachable")
    return AgentNow(
        **values
        | {
            "state": standing.state,
            "since": since if is_known or standing.state == "unreachable" else None,
            "skills": msgspec.json.decode(values["skills"]),
            "channel": values["channel"] or "",
            "node": values["node"] or "",
        },
        shift_begins=begins,
        shift_ends=ends,
        late_seconds=_seconds(begins, now) if seat is None and ends is not None and now < ends else 0,
        over_seconds=_seconds(ends, now) if seat is not None else 0,
    )


def _seconds(since: dt.datetime | None, now: dt.datetime) -> int:
    return max(0, int((now - since).total_seconds())) if since else 0

"""Three-way calls: what people order (TWC-01 to TWC-16). What happens then is heard in ``threeway_steps``.

An order changes the row and asks for its command in one transaction, under the row's lock: of two buttons pressed at once the
second is refused. The call itself needs none of this: the dialplan carries it (asterisk-conf/threeway.conf.j2).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from acd import control_orders, drafts, orders, threeway, threeway_steps, threeway_store, units
from acd.control import Stand
from acd.drafts import Draft
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person, may
from acd.threeway_state import Dialled, Order, Send, State
from acd.threeway_store import QUERIES, Threeway
from acd.unit_numbers import Unit
from hotline import clock, numbers

_ACTION = "call.threeway"
_DIGITS = re.compile(r"[0-9*#A-D]{1,32}")


class UnitCalls(msgspec.Struct, frozen=True):
    """A unit that calls, and the open ticket drafts about it, the newest first."""

    unit: Unit
    drafts: list[Draft]


async def begin(
    parts: Parts, person: Person, *, unit: str, consent: bool, question: str = "", contact_number: str = ""
) -> Threeway:
    """Dial a unit for the citizen whom the person talks to, who has agreed to it (TWC-02 to TWC-04), at most twice (TWC-08).

    Without consent nobody is dialled: question and contact number go into a ticket draft (TWC-05). Raises ``RefusedError``:
    ``not_allowed``, ``not_in_a_call``, ``not_now``, ``unknown_unit``, ``unit_without_number``, ``already_in_threeway``.
    """
    await orders.authorise(parts.pool, person, _ACTION, person.agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        hand = await _in_hand(connection, parts, person.agent)
        name, dialled = await _numbers(connection, parts, unit)
        values = (hand.node, hand.call_id, hand.citizen, person.agent, hand.leg, unit, name, consent, question, contact_number)
        row = await connection.fetchval(QUERIES["begin"], *values, msgspec.json.encode(dialled).decode(), clock.now())
        if row is None:
            raise RefusedError("already_in_threeway")
        state, words = await threeway_store.load(connection, row)
        await _note(connection, person, "begin" if consent else "no_consent", state)
        asked = []
        if consent:
            await control_orders.save(connection, msgspec.structs.replace(hand, place="talking", searching_since=None))
            asked.append(await threeway_steps.send(connection, person, state.node, threeway.begin(state)))
        else:
            await threeway_steps.draft(connection, state, words)
    await _carried_out(parts, state.threeway_id, asked)
    return await get(parts, person, state.threeway_id)


async def join(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """The unit has agreed: the citizen comes in, and all three hear each other (TWC-01, TWC-10)."""
    return await _order(parts, person, threeway_id, "join")


async def cancel(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """Stop dialling; agent and citizen talk again."""
    return await _order(parts, person, threeway_id, "cancel")


async def decline(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """The unit does not want to: it is let go, agent and citizen talk again, a ticket draft is written (TWC-10)."""
    return await _order(parts, person, threeway_id, "decline")


async def machine(parts: Parts, person: Person, threeway_id: int, *, is_fax: bool = False) -> Threeway:
    """An answering machine or a fax has answered: as if nobody had."""
    return await _order(parts, person, threeway_id, "fax" if is_fax else "machine")


async def wrong_unit(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """It is not this unit's matter: it leaves first, and the agent goes on with the citizen (TWC-07, TWC-13)."""
    return await _order(parts, person, threeway_id, "wrong_unit")


async def drop_unit(
    parts: Parts, person: Person, threeway_id: int, *, is_solved: bool = False, is_firm: bool = False
) -> Threeway:
    """Let the unit go. With the citizen there that says that it was not its matter, unless ``is_solved`` (TWC-13).

    When the citizen has left, an office's telephone hangs up first (TWC-12): ``unit_hangs_up_first`` unless ``is_firm``.
    """
    return await _order(parts, person, threeway_id, "drop_unit", is_solved=is_solved, is_firm=is_firm)


async def release_caller(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """The matter is solved: the citizen leaves first, for the survey, and the agent thanks the unit (TWC-14, IVR-20)."""
    return await _order(parts, person, threeway_id, "release_caller")


async def send_digits(parts: Parts, person: Person, threeway_id: int, digits: str) -> Threeway:
    """Press keys for the unit's machine, one after another. Raises ``RefusedError``: ``bad_digits`` and what all orders raise."""
    if not _DIGITS.fullmatch(digits):
        raise RefusedError("bad_digits")
    return await _order(parts, person, threeway_id, "send_digits", digits=digits)


async def take_up(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """Take the place of the agent whose telephone is gone: of a citizen whom one has from the queue, or who talks to the unit."""
    return await _order(parts, person, threeway_id, "take_up")


async def further_questions(
    parts: Parts,
    person: Person,
    threeway_id: int,
    *,
    question: str | None = None,
    contact_number: str | None = None,
    further: str | None = None,
) -> Threeway:
    """Write down what the citizen asks, and asks more in the end (TWC-05, TWC-11); None leaves a value as it is."""
    draft: uuid.UUID | None = None
    async with parts.pool.acquire() as connection, connection.transaction():
        state, _ = await threeway_store.load(connection, threeway_id, lock=True)
        await orders.authorise(parts.pool, person, _ACTION, state.agent)
        await connection.execute(QUERIES["note"], threeway_id, question, contact_number, further)
        draft = await connection.fetchval(QUERIES["draft"], state.node, state.call_id, str(threeway_id))
    if draft:
        await drafts.amend(parts.pool, person, draft, question=question, contact_number=contact_number, further_questions=further)
    return await get(parts, person, threeway_id)


async def get(parts: Parts, person: Person, threeway_id: int) -> Threeway:
    """How it stands; a look leaves an audit line (SEC-12). Raises ``RefusedError``: ``unknown_threeway``, ``not_allowed``."""
    async with parts.pool.acquire() as connection:
        state, words = await threeway_store.load(connection, threeway_id)
        await orders.authorise(parts.pool, person, "call.read", state.agent)
        await orders.audit(connection, person, "threeway.read", f"threeway:{threeway_id}", {})
    return threeway_store.shown(state, words)


async def of_call(parts: Parts, person: Person, node: str, call_id: str) -> Threeway | None:
    """The newest of a call, if it had one."""
    found = await parts.pool.fetchval(QUERIES["newest"], node, call_id)
    return await get(parts, person, found) if found else None


async def for_unit(parts: Parts, person: Person, number: str) -> UnitCalls | None:
    """What the agent is shown when a unit calls back: its entry in the directory, and what is left to do about it.

    None: the number is no unit's. Raises ``RefusedError``: ``not_allowed``; ``not_in_a_call`` unless this number calls the
    person, or the person may see all drafts (SEC-12).
    """
    await orders.authorise(parts.pool, person, _ACTION, person.agent)
    async with parts.pool.acquire() as connection, connection.transaction():
        unit = await units.of_number(connection, number)
        if unit is None:
            return None
        if not may(person, "ticket.draft", "*"):
            hand = await control_orders.locked(connection, parts, person.agent)
            caller = await connection.fetchval(QUERIES["caller"], hand.node, hand.call_id)
            if not numbers.same(number, caller or ""):
                raise RefusedError("not_in_a_call")
        return UnitCalls(unit, await drafts.of_unit(connection, person, unit.code))


async def _order(parts: Parts, person: Person, threeway_id: int, what: str, *, digits: str = "", **how: bool) -> Threeway:
    """Raises ``RefusedError``: ``unknown_threeway``, ``not_allowed``, ``wrong_phase``, ``already_ordered``, and Asterisk's."""
    async with parts.pool.acquire() as connection, connection.transaction():
        state, _ = await threeway_store.load(connection, threeway_id, lock=True)
        await _authorise(parts, person, what, state)
        after, effects = threeway.apply(state, Order(what, clock.now(), person.agent if what == "take_up" else "", **how))
        await threeway_store.save(connection, after)
        sent: list[Send] = [effect for effect in effects if isinstance(effect, Send)]
        sent += [_key(state, digit) for digit in digits]
        if what == "take_up":
            sent.append(await _entrance(connection, parts, person, state))
        await _note(connection, person, what, after)
        asked = [await threeway_steps.send(connection, person, state.node, one) for one in sent]
    await _carried_out(parts, threeway_id, asked, agent=state.agent if what == "take_up" else "")
    return await get(parts, person, threeway_id)


async def _authorise(parts: Parts, person: Person, what: str, state: State) -> None:
    """Whose three-way call it is; one that lost its agent is anybody's who has the citizen, or who may take calls over."""
    if what != "take_up":
        await orders.authorise(parts.pool, person, _ACTION, state.agent)
    elif state.phase == "without_agent":
        await orders.authorise(parts.pool, person, "call.take_over", state.agent)
    else:
        await orders.authorise(parts.pool, person, _ACTION, person.agent)


async def _entrance(connection: asyncpg.Connection, parts: Parts, person: Person, state: State) -> Send:
    """How another agent comes in: with the citizen, out of their call, or rung at their own telephone."""
    caller = threeway.caller(state)
    hand = await _own_call(connection, parts, person.agent)
    if hand and hand.citizen == state.caller_channel:
        into = {"channel": state.caller_channel, "context": "threeway-join", "exten": str(state.threeway_id)}
        own = {"extra_channel": hand.leg, "extra_context": "threeway-enter"}
        return Send("Redirect", {**into, **own, "extra_exten": f"{state.threeway_id}*{caller}"})
    if state.phase != "without_agent":
        raise RefusedError("not_in_a_call")
    telephone = await connection.fetchval(QUERIES["telephone"], state.node, person.agent)
    if telephone is None:
        raise RefusedError("not_logged_in")
    exten = f"{state.threeway_id}*{caller}*new"
    variables: Any = {"__HOTLINE_CALL": state.call_id}
    return Send("Originate", {"channel": telephone, "context": "threeway-enter", "exten": exten, "variables": variables})


async def _in_hand(connection: asyncpg.Connection, parts: Parts, agent: str) -> Stand:
    """The citizen's call that the agent has, however it came: from a queue, a colleague, a parking place, or dialled."""
    hand = await control_orders.locked(connection, parts, agent)
    if hand.place not in ("talking", "held"):
        raise RefusedError("not_now", order="threeway", place=hand.place)
    return hand


async def _own_call(connection: asyncpg.Connection, parts: Parts, agent: str) -> Stand | None:
    try:
        return await control_orders.locked(connection, parts, agent)
    except RefusedError:
        return None


async def _numbers(connection: asyncpg.Connection, parts: Parts, code: str) -> tuple[str, Sequence[Dialled]]:
    """A unit's name, and what to dial now: the first and the second attempt (TWC-07)."""
    found = await units.get(connection, code)
    if found is None:
        raise RefusedError("unknown_unit")
    known = units.numbers_now(found, clock.now(), parts.settings.calendar)
    if not known:
        raise RefusedError("unit_without_number")
    return found.name, [Dialled(number.number, number.is_service_line) for number in known]


def _key(state: State, digit: str) -> Send:
    return Send("PlayDTMF", {"channel": state.unit_channel, "digit": digit, "milliseconds": "100"})


async def _carried_out(parts: Parts, threeway_id: int, asked: list[uuid.UUID], *, agent: str = "") -> None:
    """Wait for Asterisk's answers; what it refuses frees the three-way call for other orders; one that never began is over.

    ``agent``: whose it was, when somebody takes it up.
    """
    try:
        await orders.done(parts.pool, asked)
    except RefusedError as error:
        if error.code == "asterisk_refused":
            async with parts.pool.acquire() as connection, connection.transaction():
                state, words = await threeway_store.load(connection, threeway_id, lock=True)
                after, effects = threeway.refused(state, clock.now(), agent)
                await threeway_store.save(connection, after)
                await threeway_steps.follow(connection, after, words, effects)
        raise


async def _note(connection: asyncpg.Connection, person: Person, what: str, state: State) -> None:
    detail = {"call_id": state.call_id, "node": state.node, "unit": state.unit, "agent": state.agent}
    await orders.audit(connection, person, f"threeway.{what}", f"threeway:{state.threeway_id}", detail)

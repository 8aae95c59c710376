"""Feature codes: from what was keyed in at a telephone to a function of ``acd``, and what the telephone is told.

One table, ``ORDERS``. The person is whoever is logged in at the telephone; what may not be or cannot be is said by a prompt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
import structlog

from acd import (
    callback_orders,
    control_callers,
    control_orders,
    control_outbound,
    pauses,
    sessions,
    supervision_orders,
    telephones,
    threeways,
    units,
)
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.supervision import Mode, Wish
from agi.code_words import refusal

_log = structlog.get_logger()
Said = Mapping[str, str]
"""Variables for the channel; under ``play`` prompts, with spaces between them, under ``ask`` such as a key answers."""


class Keyed(msgspec.Struct, frozen=True, kw_only=True):
    """What was keyed in at which telephone: the order, and up to two words; ``channel`` is the telephone's uniqueid."""

    what: str
    seat: str
    first: str
    second: str
    channel: str


Carry = Callable[[Parts, Keyed], Awaitable[Said]]


async def carry_out(parts: Parts, keyed: Keyed) -> Said:
    """Do it; returns what the telephone is told. A refusal is an answer."""
    order = ORDERS.get(keyed.what)
    if order is None:
        return _play("code/no-such")
    try:
        return await order(parts, keyed)
    except RefusedError as error:
        _log.info("a feature code is refused", what=keyed.what, seat=keyed.seat, code=error.code, details=error.details)
        return _play(refusal(error.code))


def _play(*prompts: str) -> Said:
    return {"play": " ".join(prompts)}


async def _log_in(parts: Parts, keyed: Keyed) -> Said:
    agent = keyed.first or keyed.seat
    person = await telephones.owner(parts.pool, agent)
    await sessions.log_in(parts, person, agent, keyed.seat, pin=keyed.second, how="code")
    return _play("code/logged-in")


async def _log_out(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    await sessions.log_out(parts, person, person.agent, how="code")
    return _play("code/logged-out")


async def _pause(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    reasons = parts.settings.agents.pause_reasons
    if not 1 <= int(keyed.first) <= len(reasons):
        raise RefusedError("unknown_reason")
    await sessions.pause(parts, person, person.agent, reasons[int(keyed.first) - 1])
    return _play("code/paused")


async def _ready(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    await sessions.ready(parts, person, person.agent)
    return _play("code/ready")


async def _state(parts: Parts, keyed: Keyed) -> Said:
    """The telephone that asks is in use for nothing else."""
    person = await telephones.holder(parts.pool, keyed.seat)
    now = await sessions.my_state(parts, person)
    if now.state == "elsewhere":
        return _play("code/state-paused" if now.paused else "code/state-ready")
    return _play(_STATES.get(now.state, "code/state-busy"))


_STATES = {
    "offline": "code/state-offline",
    "unreachable": "code/state-unreachable",
    "ready": "code/state-ready",
    "paused": "code/state-paused",
    "wrap_up": "code/state-wrap-up",
}


async def _force_out(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.holder(parts.pool, keyed.seat)
    await sessions.force_out(parts, person, keyed.first, "feature code")
    return _play("code/forced-out")


def _supervise(mode: Mode) -> Carry:
    async def order(parts: Parts, keyed: Keyed) -> Said:
        person = await telephones.holder(parts.pool, keyed.seat)
        wish = Wish(target="agent", whom=keyed.first, mode=mode, reason="feature code")
        told = await supervision_orders.let_in(parts, person, wish, keyed.seat, keyed.channel)
        return {**told, "CODE_NEXT": "supervise"}

    return order


async def _callback_next(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    entry = await callback_orders.take(parts, person)
    if entry is None:
        return _play("code/callback-none")
    digits = (f"digits/{digit}" for digit in entry.number if digit.isdigit())
    return {"ask": " ".join(("code/callback-next", *digits, "code/callback-choose")), "CODE_NEXT": "choose"}


async def _callback_call(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    entry = await telephones.entry(parts.pool, person)
    told = await control_outbound.let_in(parts, person, entry, keyed.channel)
    return {**told, "CODE_NEXT": "outbound"}


async def _callback_back(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    await callback_orders.give_back(parts, person, await telephones.entry(parts.pool, person))
    return _play("code/callback-given-back")


async def _begin(parts: Parts, keyed: Keyed) -> Said:
    """A unit by its code, or by one of its telephones' numbers; ``second``: 1, the citizen has agreed (TWC-04)."""
    person = await telephones.worker(parts.pool, keyed.seat)
    unit = await units.get(parts.pool, keyed.first) or await units.of_number(parts.pool, keyed.first)
    if unit is None:
        raise RefusedError("unknown_unit")
    if keyed.second not in ("1", "2"):
        raise RefusedError("not_now")
    await threeways.begin(parts, person, unit=unit.code, consent=keyed.second == "1")
    return _play("code/done")


def _threeway(order: Callable[[Parts, Person, int], Awaitable[object]]) -> Carry:
    async def carry(parts: Parts, keyed: Keyed) -> Said:
        person = await telephones.worker(parts.pool, keyed.seat)
        await order(parts, person, await telephones.threeway(parts.pool, person))
        return _play("code/done")

    return carry


async def _drop_unit(parts: Parts, person: Person, threeway: int) -> object:
    return await threeways.drop_unit(parts, person, threeway, is_solved=True)


async def _machine(parts: Parts, person: Person, threeway: int) -> object:
    return await threeways.machine(parts, person, threeway)


def _call(order: Callable[[Parts, Person], Awaitable[object]]) -> Carry:
    async def carry(parts: Parts, keyed: Keyed) -> Said:
        await order(parts, await telephones.worker(parts.pool, keyed.seat))
        return _play("code/done")

    return carry


async def _queue(parts: Parts, keyed: Keyed) -> Said:
    person = await telephones.worker(parts.pool, keyed.seat)
    queues = list(parts.settings.every_queue())
    if not 1 <= int(keyed.first) <= len(queues):
        raise RefusedError("unknown_queue")
    await control_orders.transfer(parts, person, "queue", queues[int(keyed.first) - 1])
    return _play("code/done")


def _emergency(kind: Literal["police", "fire", "medical"]) -> Carry:
    async def order(parts: Parts, person: Person) -> object:
        return await control_orders.emergency(parts, person, kind)

    return _call(order)


ORDERS: Mapping[str, Carry] = {
    "log_in": _log_in,
    "log_out": _log_out,
    "ready": _ready,
    "pause": _pause,
    "state": _state,
    "force_out": _force_out,
    "monitor": _supervise("monitor"),
    "whisper": _supervise("whisper"),
    "barge": _supervise("barge"),
    "take_over": _supervise("take_over"),
    "caller": _supervise("caller"),
    "agent": _supervise("agent"),
    "callback_next": _callback_next,
    "callback_call": _callback_call,
    "callback_back": _callback_back,
    "begin": _begin,
    "join": _threeway(threeways.join),
    "drop_unit": _threeway(_drop_unit),
    "cancel": _threeway(threeways.cancel),
    "decline": _threeway(threeways.decline),
    "wrong_unit": _threeway(threeways.wrong_unit),
    "machine": _threeway(_machine),
    "release": _threeway(threeways.release_caller),
    "hold": _call(control_orders.hold),
    "resume": _call(control_orders.resume),
    "queue": _queue,
    "survey": _call(control_orders.survey),
    "malicious": _call(control_callers.mark_malicious),
    "silent": _call(control_orders.silent),
    "pause_recording": _call(pauses.pause),
    "resume_recording": _call(pauses.resume),
    "police": _emergency("police"),
    "fire": _emergency("fire"),
    "medical": _emergency("medical"),
}
"""What the dialplan may ask for (asterisk-conf/codes.conf.j2)."""

"""The three-way call with an undertaking unit (TWC-01 to TWC-16): begun with consent, in the agent's hands until its end."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

from acd import threeway_figures, threeways
from acd.errors import RefusedError
from acd.permissions import Person
from acd.threeway_figures import OfAgent, OfUnit, Total
from acd.threeway_store import Threeway
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import CALL, PhoneNumber, Said, Word, order, ordered

_MAY = "call.threeway"


class Beginning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Dial this unit for the citizen one talks to. Without ``consent`` nobody is dialled: the rest goes into a draft (TWC-05)."""

    unit: Word
    consent: bool
    question: Said = ""
    contact_number: PhoneNumber | None = None


class Dropping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``is_solved``: its matter, and done (TWC-13); ``is_firm``: though an office's telephone hangs up first (TWC-12)."""

    is_solved: bool = False
    is_firm: bool = False


class Digits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys for the unit's machine."""

    digits: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]{1,32}$")]


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What answered: an answering machine, or a fax."""

    is_fax: bool = False


class Questions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the citizen asks, and asks more in the end (TWC-11); null: stays as it is."""

    question: Said | None = None
    contact_number: PhoneNumber | None = None
    further_questions: Said | None = None


class Figures(msgspec.Struct, frozen=True):
    """What three-way calls amount to: in all (TWC-16), of each agent (TWC-07), of each unit."""

    total: Total
    agents: list[OfAgent]
    units: list[OfUnit]


async def figures(ask: Ask, person: Person, **time: dt.datetime) -> Figures:
    """``GET /api/threeways/figures``: of those that began in a time."""
    del person
    pool, span = ask.parts.pool, (time["from"], time["to"])
    counted = await threeway_figures.total(pool, *span)
    return Figures(counted, await threeway_figures.by_agent(pool, *span), await threeway_figures.by_unit(pool, *span))


async def begin(ask: Ask, person: Person, *, unit: str, consent: bool, question: str, contact_number: str | None) -> Threeway:
    """``POST /api/threeways``."""
    return await threeways.begin(
        ask.parts.acd, person, unit=unit, consent=consent, question=question, contact_number=contact_number or ""
    )


async def of_call(ask: Ask, person: Person, *, call: str) -> Threeway:
    """``GET /api/threeways``: the newest of a call."""
    found = await threeways.of_call(ask.parts.acd, person, ask.parts.settings.asterisk.node, call)
    if found is None:
        raise RefusedError("unknown_threeway")
    return found


async def get(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``GET /api/threeways/{threeway}``."""
    return await threeways.get(ask.parts.acd, person, threeway)


async def join(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/join``: the unit has agreed (TWC-10)."""
    return await threeways.join(ask.parts.acd, person, threeway)


async def decline(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/decline``."""
    return await threeways.decline(ask.parts.acd, person, threeway)


async def cancel(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/cancel``."""
    return await threeways.cancel(ask.parts.acd, person, threeway)


async def machine(ask: Ask, person: Person, *, threeway: int, is_fax: bool) -> Threeway:
    """``POST /api/threeways/{threeway}/machine``."""
    return await threeways.machine(ask.parts.acd, person, threeway, is_fax=is_fax)


async def wrong_unit(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/wrong-unit`` (TWC-07)."""
    return await threeways.wrong_unit(ask.parts.acd, person, threeway)


async def drop_unit(ask: Ask, person: Person, *, threeway: int, is_solved: bool, is_firm: bool) -> Threeway:
    """``POST /api/threeways/{threeway}/drop-unit`` (TWC-12, TWC-13)."""
    return await threeways.drop_unit(ask.parts.acd, person, threeway, is_solved=is_solved, is_firm=is_firm)


async def release_caller(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/release-caller`` (TWC-14)."""
    return await threeways.release_caller(ask.parts.acd, person, threeway)


async def send_digits(ask: Ask, person: Person, *, threeway: int, digits: str) -> Threeway:
    """``POST /api/threeways/{threeway}/digits``."""
    return await threeways.send_digits(ask.parts.acd, person, threeway, digits)


async def take_up(ask: Ask, person: Person, *, threeway: int) -> Threeway:
    """``POST /api/threeways/{threeway}/take-up``."""
    return await threeways.take_up(ask.parts.acd, person, threeway)


async def questions(
    ask: Ask,
    person: Person,
    *,
    threeway: int,
    question: str | None,
    contact_number: str | None,
    further_questions: str | None,
) -> Threeway:
    """``PATCH /api/threeways/{threeway}`` (TWC-05, TWC-11)."""
    return await threeways.further_questions(
        ask.parts.acd, person, threeway, question=question, contact_number=contact_number, further=further_questions
    )


_ONE = "/api/threeways/{threeway}"
_ANSWER = Threeway
ROUTES: tuple[Route, ...] = (
    ordered("POST", "/api/threeways", begin, _MAY, ("发起三方通话", "Begin a three-way call"), body=Beginning, answer=_ANSWER),
    ordered(
        "GET", "/api/threeways", of_call, "call.read", ("一个来电的三方通话", "That of a call"), query=(CALL,), answer=_ANSWER
    ),
    Route(
        "GET",
        "/api/threeways/figures",
        order(figures),
        "figures.read",
        "三方通话统计",
        "What three-way calls amount to",
        query=(parameters.FROM, parameters.TO),
        answer=Figures,
    ),
    ordered("GET", _ONE, get, "call.read", ("三方通话", "A three-way call"), answer=_ANSWER),
    ordered("PATCH", _ONE, questions, _MAY, ("记录问题", "Write down questions"), body=Questions, answer=_ANSWER),
    ordered("POST", f"{_ONE}/join", join, _MAY, ("接通市民", "Join the citizen"), answer=_ANSWER),
    ordered("POST", f"{_ONE}/decline", decline, _MAY, ("承办单位不同意", "The unit declines"), answer=_ANSWER),
    ordered("POST", f"{_ONE}/cancel", cancel, _MAY, ("取消呼叫", "Stop dialling"), answer=_ANSWER),
    ordered("POST", f"{_ONE}/machine", machine, _MAY, ("答录机或传真", "A machine answered"), body=Machine, answer=_ANSWER),
    ordered("POST", f"{_ONE}/wrong-unit", wrong_unit, _MAY, ("不属该单位职责", "Not this unit's matter"), answer=_ANSWER),
    ordered("POST", f"{_ONE}/drop-unit", drop_unit, _MAY, ("挂断承办单位", "Let the unit go"), body=Dropping, answer=_ANSWER),
    ordered("POST", f"{_ONE}/release-caller", release_caller, _MAY, ("市民先挂机", "The citizen goes first"), answer=_ANSWER),
    ordered("POST", f"{_ONE}/digits", send_digits, _MAY, ("发送按键", "Send keys"), body=Digits, answer=_ANSWER),
    ordered("POST", f"{_ONE}/take-up", take_up, _MAY, ("接手三方通话", "Take it up"), answer=_ANSWER),
)

"""For whom a matter is: suggestions with reasons, how often they are right, and the rules that were agreed (DSP-14, LIF-23)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm.tickets.numbering import id_of
from crm.units import rules, suggestions, taxonomy
from crm.units.rules import DispatchRule, Rules
from crm.units.suggest import Matter
from crm.units.suggestions import Accuracy, Suggested
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, ordered
from desks.parameters import Parameter, name_of

Text = Annotated[str, msgspec.Meta(max_length=20_000, pattern=r"^[^\x00\ud800-\udfff]*$")]
Category = Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Z0-9]{0,7}(\.[0-9]{2,3})?)?$")]
Territory = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{0,20}$")]
Unit = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
MaybeUnit = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9-]{0,31})?$")]


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a ticket that is being written."""

    text: Text = ""
    category: Category = ""
    territory: Territory = ""
    terms: Annotated[list[Line], msgspec.Meta(max_length=20)] = []
    accused_unit: MaybeUnit = ""


class NewRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At least one condition; ``words``: all of them are in the text. ``valid_from``: today, unless given."""

    unit: Unit
    category: Category = ""
    term: Line = ""
    territory: Territory = ""
    words: Line = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    note: Line = ""


_UNIT = Parameter(name="unit", read=name_of, schema={"type": "string"}, chinese="承办单位", english="Of this unit", default="")
_ENDED = parameters.flag("ended", "包括已终止的规则", "Also rules that have ended", default=False)
_LIST = (_UNIT, _ENDED, parameters.PAGE, parameters.LIMIT)


async def of_ticket(ask: Ask, person: Person, *, number: str) -> Suggested:
    """``GET /api/tickets/{number}/suggestion``."""
    return await suggestions.of_ticket(ask.parts.pool, person, id_of(number))


async def of_fields(
    ask: Ask, person: Person, *, text: str, category: str, territory: str, terms: list[str], accused_unit: str
) -> Suggested:
    """``POST /api/suggestions``: nothing is kept."""
    matter = Matter(category=category, territory=territory, text=text, terms=tuple(terms), accused_unit=accused_unit)
    return await suggestions.of_fields(ask.parts.pool, person, matter)


async def accuracy(ask: Ask, person: Person, **interval: dt.datetime) -> Accuracy:
    """``GET /api/suggestions/accuracy``."""
    return await suggestions.accuracy(ask.parts.pool, person, interval["from"], interval["to"])


async def everything(ask: Ask, person: Person, *, unit: str, ended: bool, page: int, limit: int) -> Rules:
    """``GET /api/dispatch-rules``."""
    return await rules.listed(ask.parts.pool, person, ended=ended, unit=unit, limit=limit, page=page)


async def add(ask: Ask, person: Person, *, valid_from: dt.date | None, **values: object) -> DispatchRule:
    """``POST /api/dispatch-rules``."""
    rule = msgspec.convert({**values, "valid_from": valid_from or taxonomy.today()}, DispatchRule)
    return await rules.add(ask.parts.pool, person, rule)


async def end(ask: Ask, person: Person, *, id: uuid.UUID) -> DispatchRule:
    """``POST /api/dispatch-rules/{id}/end``."""
    return await rules.end(ask.parts.pool, person, id)


_SUGGEST, _KEEP = "dispatch.suggest", "dispatch.rules_keep"
_TIME = (parameters.FROM, parameters.TO)
_ACCURACY = ("转办建议和转办的准确率", "How often suggestions and dispatches are right")
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/tickets/{number}/suggestion", of_ticket, _SUGGEST, ("转办建议", "For whom it is"), answer=Suggested),
    ordered("POST", "/api/suggestions", of_fields, _SUGGEST, ("转办建议", "For whom it is"), body=Fields, answer=Suggested),
    ordered("GET", "/api/suggestions/accuracy", accuracy, "dispatch.accuracy", _ACCURACY, query=_TIME, answer=Accuracy),
    ordered(
        "GET", "/api/dispatch-rules", everything, "dispatch.rules", ("转办规则", "Dispatch rules"), query=_LIST, answer=Rules
    ),
    ordered(
        "POST",
        "/api/dispatch-rules",
        add,
        _KEEP,
        ("新增转办规则", "Add a dispatch rule"),
        body=NewRule,
        answer=DispatchRule,
        claims=True,
    ),
    ordered("POST", "/api/dispatch-rules/{id}/end", end, _KEEP, ("终止转办规则", "End a dispatch rule"), answer=DispatchRule),
)

"""The directory of undertaking units (承办单位), for whoever connects a citizen to one (TWC-07)."""

from __future__ import annotations

from acd import threeways, units
from acd.errors import RefusedError
from acd.permissions import Person
from acd.threeways import UnitCalls
from acd.unit_numbers import Unit
from acd.units import Found
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import ordered
from desks.parameters import Parameter, name_of

_NUMBER = Parameter(
    name="number",
    read=name_of,
    schema={"type": "string"},
    chinese="来电号码",
    english="The number that calls",
    needed=True,
)
_SEARCH = (parameters.TEXT, parameters.CATEGORY, parameters.PAGE, parameters.LIMIT)


async def search(ask: Ask, person: Person, *, text: str, category: str, page: int, limit: int) -> Found:
    """``GET /api/units``."""
    del person
    return await units.search(ask.parts.pool, text, category, limit, page)


async def get(ask: Ask, person: Person, *, unit: str) -> Unit:
    """``GET /api/units/{unit}``."""
    del person
    found = await units.get(ask.parts.pool, unit)
    if found is None:
        raise RefusedError("unknown_unit", unit=unit)
    return found


async def calling(ask: Ask, person: Person, *, number: str) -> UnitCalls:
    """``GET /api/unit-calls``: the unit that calls the agent back, and the open drafts about it (TWC-08)."""
    found = await threeways.for_unit(ask.parts.acd, person, number)
    if found is None:
        raise RefusedError("unknown_unit")
    return found


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/units", search, "unit.search", ("查找承办单位", "Search units"), query=_SEARCH, answer=Found),
    ordered(
        "GET",
        "/api/unit-calls",
        calling,
        "call.threeway",
        ("来电的承办单位", "A unit that calls"),
        query=(_NUMBER,),
        answer=UnitCalls,
    ),
    ordered("GET", "/api/units/{unit}", get, "unit.search", ("承办单位", "A unit"), answer=Unit),
)

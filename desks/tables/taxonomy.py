"""What a matter is called and where it is: taxonomy, natures, words, places (TAX-06, TAX-20, TAX-31, TKT-26, TKT-30)."""

from __future__ import annotations

import datetime as dt
import re

import msgspec

from acd.permissions import Person
from crm.profiles import store as profiles
from crm.units import natures, places, taxonomy
from crm.units.natures import ShownNature
from crm.units.places import Place
from crm.units.taxonomy import Count, Term, Tree, Version
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import ordered
from desks.parameters import Parameter, name_of

_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOST_DAYS = 366


class Versions(msgspec.Struct, frozen=True):
    """Versions of the taxonomy, the newest first."""

    versions: list[Version]


class Counts(msgspec.Struct, frozen=True):
    """Tickets by leaf."""

    counts: list[Count]


class Natures(msgspec.Struct, frozen=True):
    """The natures of the city, in its order."""

    natures: list[ShownNature]


class Terms(msgspec.Struct, frozen=True):
    """Controlled words."""

    terms: list[Term]


class Places(msgspec.Struct, frozen=True):
    """Places, the best first."""

    places: list[Place]


def day_of(name: str, text: str) -> dt.date:
    """A day: ``2026-11-22``."""
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise RefusedError("bad_time", parameter=name)


def day_given(name: str, chinese: str, english: str, *, needed: bool = False) -> Parameter:
    schema = {"type": "string", "format": "date"}
    return Parameter(name=name, read=day_of, schema=schema, chinese=chinese, english=english, needed=needed)


_SCHEME = Parameter(
    name="scheme",
    read=name_of,
    schema={"type": "string"},
    chinese="分类体系，默认 content；另有 call_type、construction 等",
    english="Scheme: content, or another line's, such as call_type, construction",
    default="content",
)
_ON = day_given("on", "哪一天有效的版本，默认今天", "As it was valid on this day; today without it")
_ENDED = parameters.flag("ended", "包括已停用的分类", "Also what has ended", default=False)
_DAYS = (
    day_given("first", "第一天", "First day", needed=True),
    day_given("last", "最后一天（含）", "Last day, included", needed=True),
)


async def tree(ask: Ask, person: Person, *, scheme: str, on: dt.date | None, ended: bool) -> Tree:
    """``GET /api/taxonomy``."""
    del person
    return await taxonomy.tree(ask.parts.pool, _city(ask), scheme=scheme, on=on, ended=ended)


async def search(ask: Ask, person: Person, *, text: str, scheme: str, limit: int) -> Tree:
    """``GET /api/taxonomy/search``."""
    del person
    return await taxonomy.search(ask.parts.pool, text, _city(ask), scheme=scheme, limit=limit)


async def versions(ask: Ask, person: Person) -> Versions:
    """``GET /api/taxonomy/versions``."""
    del person
    return Versions(await taxonomy.versions(ask.parts.pool))


async def counts(ask: Ask, person: Person, *, first: dt.date, last: dt.date) -> Counts:
    """``GET /api/taxonomy/counts``."""
    del person
    if last < first:
        raise RefusedError("bad_interval", first=first, last=last)
    if (last - first).days > _MOST_DAYS:
        raise RefusedError("interval_too_long", most_days=_MOST_DAYS)
    return Counts(await taxonomy.counts(ask.parts.pool, first, last))


async def shown(ask: Ask, person: Person) -> Natures:
    """``GET /api/natures``."""
    del person
    return Natures(list(natures.shown(profiles.current(ask.parts.settings))))


async def terms(ask: Ask, person: Person, *, text: str) -> Terms:
    """``GET /api/subject-terms``."""
    del person
    return Terms(await taxonomy.terms(ask.parts.pool, text))


async def found_places(ask: Ask, person: Person, *, text: str, limit: int) -> Places:
    """``GET /api/places``."""
    del person
    return Places(await places.search(ask.parts.pool, text, limit))


def _city(ask: Ask) -> str:
    return profiles.current(ask.parts.settings).name


_READ = "taxonomy.read"
_SEARCH = (parameters.TEXT, _SCHEME, parameters.LIMIT)
_COUNT = ("按分类统计工单", "Tickets by category")
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/taxonomy", tree, _READ, ("内容分类", "The taxonomy"), query=(_SCHEME, _ON, _ENDED), answer=Tree),
    ordered("GET", "/api/taxonomy/search", search, _READ, ("查找分类", "Search the taxonomy"), query=_SEARCH, answer=Tree),
    ordered("GET", "/api/taxonomy/versions", versions, _READ, ("分类版本", "Versions of the taxonomy"), answer=Versions),
    ordered("GET", "/api/taxonomy/counts", counts, "taxonomy.counts", _COUNT, query=_DAYS, answer=Counts),
    ordered("GET", "/api/natures", shown, _READ, ("性质分类", "Natures"), answer=Natures),
    ordered("GET", "/api/subject-terms", terms, _READ, ("主题词", "Subject terms"), query=(parameters.TEXT,), answer=Terms),
    ordered(
        "GET",
        "/api/places",
        found_places,
        "place.search",
        ("查找地名", "Search places"),
        query=(parameters.TEXT, parameters.LIMIT),
        answer=Places,
    ),
)

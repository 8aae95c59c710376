"""The knowledge base (知识库): looking up, writing, releasing, keeping right (KBA)."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Annotated, get_args

import msgspec

from acd.permissions import Person
from crm.knowledge import care, entries, entry, search
from crm.knowledge.care import Lines, Misses, ReportKind, Reports
from crm.knowledge.entries import Entry, History, Saved
from crm.knowledge.entry import Content, Short
from crm.knowledge.search import Audience, Found, Where
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import ordered
from desks.parameters import Parameter, choice, word

Seen = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
UnitOrCentre = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:-]{0,63})?$")]


class NewEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft. ``owner_unit``: empty: one's own unit, or the centre."""

    content: Content
    owner_unit: UnitOrCentre = ""
    why: Short = ""


class NewVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole content as it is to be; ``version``: the newest that was seen."""

    content: Content
    version: Seen
    why: Short = ""


class Restoring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``old``: the version that is to be again; ``version``: the newest that was seen."""

    old: Seen
    version: Seen
    why: Short = ""


class Releasing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``version``: the newest, which is to be in force."""

    version: Seen
    why: Short = ""


class Withdrawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is not in force any more."""

    why: Short


class Reviewing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to look again."""

    again: dt.date


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is wrong with an entry (KBA-07)."""

    kind: ReportKind
    text: Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]*$")] = ""


class Reported(msgspec.Struct, frozen=True):
    """The report's id."""

    report_id: uuid.UUID


class Settling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done about it."""

    note: Short = ""


class MissSettling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which missed search."""

    text: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00\ud800-\udfff]*$")]


class Newest(msgspec.Struct, frozen=True):
    """The newest version: what an editor goes on from."""

    version: int
    content: Content


def _days(name: str, given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", given) or int(given) > 3660:
        raise RefusedError("bad_number", parameter=name, least=0, most=3660)
    return int(given)


CLASS = word("category", "分类(小类或大类),如 C1.03 或 C1", "Class: a leaf or a whole class, C1.03 or C1")
TERM = Parameter(
    name="term", read=parameters.words, schema={"type": "string", "maxLength": 100}, chinese="主题词", english="Subject term",
    default="",
)  # fmt: skip
_TOPIC = choice("topic", get_args(entry.Topic), "内容类别", "Topic")
_OWNER = word("owner", "所属单位", "Unit that owns it")
_AUDIENCE = choice("audience", get_args(Audience), "使用对象", "For whom", "agents")
_STATE = choice("state", get_args(entries.State), "状态", "State")
_WAITING = parameters.flag("waiting", "只看待发布的", "Only what waits to be released", default=False)
_WITHIN = Parameter(
    name="days", read=_days, schema={"type": "integer", "minimum": 0, "maximum": 3660, "default": care.AHEAD.days},
    chinese="多少天之内", english="Within so many days", default=care.AHEAD.days,
)  # fmt: skip
_USED = parameters.flag("used", "计入使用次数", "Counts as used", default=True)
_PAGED = (parameters.PAGE, parameters.LIMIT)
_SEARCH = (parameters.TEXT, CLASS, TERM, _TOPIC, _OWNER, _AUDIENCE, *_PAGED)


async def look_up(
    ask: Ask,
    person: Person,
    *,
    text: str,
    category: str,
    term: str,
    topic: str,
    owner: str,
    audience: Audience,
    page: int,
    limit: int,
) -> Found:
    """``GET /api/knowledge``."""
    where = Where(category=category, term=term, topic=topic, owner=owner, audience=audience)
    async with ask.parts.pool.acquire() as connection:
        return await search.search(connection, person, text, where, page=page, limit=limit)


async def create(ask: Ask, person: Person, *, content: Content, owner_unit: str, why: str) -> Saved:
    """``POST /api/knowledge``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.create(connection, person, content, owner_unit, why)


async def read(ask: Ask, person: Person, *, id: uuid.UUID, used: bool) -> Entry:
    """``GET /api/knowledge/{id}``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.read(connection, person, id, used=used)


async def change(ask: Ask, person: Person, *, id: uuid.UUID, content: Content, version: int, why: str) -> Saved:
    """``PUT /api/knowledge/{id}``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.change(connection, person, id, content, version=version, why=why)


async def newest(ask: Ask, person: Person, *, id: uuid.UUID) -> Newest:
    """``GET /api/knowledge/{id}/newest``."""
    async with ask.parts.pool.acquire() as connection:
        found = await entries.newest(connection, person, id)
    return Newest(found.version, found.content)


async def history(ask: Ask, person: Person, *, id: uuid.UUID) -> History:
    """``GET /api/knowledge/{id}/versions``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.history(connection, person, id)


async def release(ask: Ask, person: Person, *, id: uuid.UUID, version: int, why: str) -> Saved:
    """``POST /api/knowledge/{id}/release``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.release(connection, person, id, version, why)


async def withdraw(ask: Ask, person: Person, *, id: uuid.UUID, why: str) -> Saved:
    """``POST /api/knowledge/{id}/withdraw``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.withdraw(connection, person, id, why)


async def restore(ask: Ask, person: Person, *, id: uuid.UUID, old: int, version: int, why: str) -> Saved:
    """``POST /api/knowledge/{id}/restore``."""
    async with ask.parts.pool.acquire() as connection:
        return await entries.restore(connection, person, id, old, version=version, why=why)


async def reviewed(ask: Ask, person: Person, *, id: uuid.UUID, again: dt.date) -> None:
    """``POST /api/knowledge/{id}/reviewed``."""
    async with ask.parts.pool.acquire() as connection:
        await care.reviewed(connection, person, id, again)


async def report(ask: Ask, person: Person, *, id: uuid.UUID, kind: ReportKind, text: str) -> Reported:
    """``POST /api/knowledge/{id}/reports``."""
    async with ask.parts.pool.acquire() as connection:
        return Reported(await care.report(connection, person, id, kind, text))


async def reports(ask: Ask, person: Person, *, page: int, limit: int) -> Reports:
    """``GET /api/knowledge-reports``."""
    async with ask.parts.pool.acquire() as connection:
        return await care.reports(connection, person, page=page, limit=limit)


async def settle(ask: Ask, person: Person, *, id: uuid.UUID, note: str) -> None:
    """``POST /api/knowledge-reports/{id}/settle``."""
    async with ask.parts.pool.acquire() as connection:
        await care.settle(connection, person, id, note)


async def misses(ask: Ask, person: Person, *, page: int, limit: int) -> Misses:
    """``GET /api/knowledge-misses``."""
    async with ask.parts.pool.acquire() as connection:
        return await care.misses(connection, person, page=page, limit=limit)


async def settle_miss(ask: Ask, person: Person, *, text: str) -> None:
    """``POST /api/knowledge-misses/settle``."""
    async with ask.parts.pool.acquire() as connection:
        await care.settle_miss(connection, person, text)


async def listed(ask: Ask, person: Person, *, state: str, waiting: bool, page: int, limit: int) -> Lines:
    """``GET /api/knowledge-entries``."""
    async with ask.parts.pool.acquire() as connection:
        return await care.listed(connection, person, state=state, waiting=waiting, page=page, limit=limit)


async def reviews(ask: Ask, person: Person, *, days: int, page: int, limit: int) -> Lines:
    """``GET /api/knowledge-reviews``."""
    async with ask.parts.pool.acquire() as connection:
        return await care.reviews(connection, person, days=days, page=page, limit=limit)


_ONE = "/api/knowledge/{id}"
_EDIT, _RELEASE, _MISSES = "knowledge.edit", "knowledge.release", "knowledge.misses"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/knowledge", look_up, "knowledge.read", ("查找知识", "Look something up"), query=_SEARCH, answer=Found),
    ordered("POST", "/api/knowledge", create, _EDIT, ("新建知识草稿", "A new draft"), body=NewEntry, answer=Saved),
    ordered("GET", "/api/knowledge-entries", listed, _EDIT, ("本单位的知识", "Entries that one may edit"),
            query=(_STATE, _WAITING, *_PAGED), answer=Lines),
    ordered("GET", "/api/knowledge-reviews", reviews, _EDIT, ("待复核或即将到期的知识", "Entries due for review, or that end"),
            query=(_WITHIN, *_PAGED), answer=Lines),
    ordered("GET", "/api/knowledge-misses", misses, _MISSES, ("未查到的内容", "Searches that missed"),
            query=_PAGED, answer=Misses),
    ordered("POST", "/api/knowledge-misses/settle", settle_miss, _MISSES, ("未查到的内容已处理", "A missed search is dealt with"),
            body=MissSettling),
    ordered("GET", "/api/knowledge-reports", reports, _EDIT, ("知识纠错", "Reports of errors"), query=_PAGED, answer=Reports),
    ordered("POST", "/api/knowledge-reports/{id}/settle", settle, _EDIT, ("纠错已处理", "A report is dealt with"), body=Settling),
    ordered("GET", _ONE, read, "knowledge.read", ("一条知识", "An entry"), query=(_USED,), answer=Entry),
    ordered("PUT", _ONE, change, _EDIT, ("修改知识", "Change an entry"), body=NewVersion, answer=Saved),
    ordered("GET", f"{_ONE}/newest", newest, _EDIT, ("最新版本", "The newest version"), answer=Newest),
    ordered("GET", f"{_ONE}/versions", history, _EDIT, ("全部版本", "All versions"), answer=History),
    ordered("POST", f"{_ONE}/release", release, _RELEASE, ("发布知识", "Release an entry"), body=Releasing, answer=Saved),
    ordered("POST", f"{_ONE}/withdraw", withdraw, _RELEASE, ("撤下知识", "Withdraw an entry"), body=Withdrawing, answer=Saved),
    ordered("POST", f"{_ONE}/restore", restore, _EDIT, ("恢复旧版本", "Restore an old version"), body=Restoring, answer=Saved),
    ordered("POST", f"{_ONE}/reviewed", reviewed, _EDIT, ("已复核", "Looked through, and right"), body=Reviewing),
    ordered("POST", f"{_ONE}/reports", report, "knowledge.report", ("知识有误", "Report an error"),
            body=NewReport, answer=Reported),
)  # fmt: skip

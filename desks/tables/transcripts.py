"""What was said in calls, found again; the hot words of a day; surges of one topic and what is decided about them (REP-11)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm.transcripts import hot, search, surges
from crm.transcripts.hot import HotWord
from crm.transcripts.search import Page, Transcript
from crm.transcripts.surges import Contact, Shown
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, ordered
from desks.parameters import Parameter, choice
from desks.tables.recordings import REASON
from desks.tables.taxonomy import day_given
from hotline import clock


class HotWords(msgspec.Struct, frozen=True):
    """Of a day, the hottest first."""

    day: dt.date
    words: list[HotWord]


class Surges(msgspec.Struct, frozen=True):
    """The newest first."""

    surges: list[Shown]


class Contacts(msgspec.Struct, frozen=True):
    """What is behind a surge, the oldest first."""

    contacts: list[Contact]


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, or what callers may be told."""

    note: Line = ""


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is nothing."""

    note: Annotated[Line, msgspec.Meta(min_length=1)]


def _time(name: str, chinese: str, english: str) -> Parameter:
    schema = {"type": "string", "format": "date-time"}
    return Parameter(name=name, read=parameters.moment, schema=schema, chinese=chinese, english=english)


_SIDE = choice(
    "side", ("left", "right"), "只找某一方:left 市民,right 坐席等", "One side only: left the citizen, right the others"
)
_FOUND = (
    parameters.TEXT,
    _time("since", "开始时间(含)", "Beginning (included)"),
    _time("until", "结束时间(不含)", "End (not included)"),
    parameters.AGENT,
    _SIDE,
    parameters.AFTER,
    parameters.LIMIT,
)
_STATE = choice("state", ("raised", "confirmed", "dismissed"), "状态", "State")
_DAY = day_given("day", "日期,不填为今天", "Day; today if it is not given")
_OPEN = parameters.flag("open", "只看仍在继续的", "Only those that go on", default=False)


async def find(
    ask: Ask,
    person: Person,
    *,
    text: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
    agent: str | None,
    side: str,
    after: parameters.Place | None,
    limit: int,
) -> Page:
    """``GET /api/transcripts/search``."""
    place = (after[0], int(after[1])) if after and after[1].isdigit() else None
    async with ask.parts.pool.acquire() as connection, connection.transaction():
        found, following = await search.search(
            connection, person, text, since=since, until=until, agent=agent or "", side=side, after=place, limit=limit
        )
    return Page(found, parameters.cursor_text((following[0], str(following[1]), "-", 0)) if following else None)


async def read(ask: Ask, person: Person, *, recording: int, reason: str) -> Transcript:
    """``GET /api/recordings/{recording}/transcript``."""
    return await search.read(ask.parts.acd, person, recording, reason)


async def hot_words(ask: Ask, person: Person, *, day: dt.date | None, limit: int) -> HotWords:
    """``GET /api/transcripts/hot-words``."""
    del person
    chosen = day or clock.shanghai_now().date()
    async with ask.parts.pool.acquire() as connection:
        return HotWords(chosen, await hot.of_day(connection, chosen, limit))


async def list_surges(ask: Ask, person: Person, *, state: str, page: int, limit: int, **only: bool) -> Surges:
    """``GET /api/surges``."""
    async with ask.parts.pool.acquire() as connection:
        return Surges(await surges.shown(connection, person, only_open=only["open"], state=state, page=page, limit=limit))


async def behind(ask: Ask, person: Person, *, id: uuid.UUID, page: int, limit: int) -> Contacts:
    """``GET /api/surges/{id}/contacts``."""
    async with ask.parts.pool.acquire() as connection, connection.transaction():
        return Contacts(await surges.contacts(connection, person, id, page=page, limit=limit))


async def confirm(ask: Ask, person: Person, *, id: uuid.UUID, note: str) -> Shown:
    """``POST /api/surges/{id}/confirm``."""
    return await surges.confirm(ask.parts.acd, person, id, note)


async def dismiss(ask: Ask, person: Person, *, id: uuid.UUID, note: str) -> Shown:
    """``POST /api/surges/{id}/dismiss``."""
    return await surges.dismiss(ask.parts.acd, person, id, note)


async def reopen(ask: Ask, person: Person, *, id: uuid.UUID) -> Shown:
    """``POST /api/surges/{id}/reopen``."""
    return await surges.reopen(ask.parts.acd, person, id)


_ONE = "/api/surges/{id}"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/transcripts/search", find, search.ACTION, ("按通话内容查找录音", "Find calls by what was said"),
            query=_FOUND, answer=Page),
    ordered("GET", "/api/recordings/{recording}/transcript", read, "recording.hear", ("通话转写", "What was said"),
            query=(REASON,), answer=Transcript),
    ordered("GET", "/api/transcripts/hot-words", hot_words, "transcript.hot_words", ("当日热词", "The hot words of a day"),
            query=(_DAY, parameters.LIMIT), answer=HotWords),
    ordered("GET", "/api/surges", list_surges, "surge.see", ("集中反映的问题", "What many call about at once"),
            query=(_OPEN, _STATE, parameters.PAGE, parameters.LIMIT), answer=Surges),
    ordered("GET", f"{_ONE}/contacts", behind, "surge.see", ("相关来电与工单", "The calls and tickets behind it"),
            query=(parameters.PAGE, parameters.LIMIT), answer=Contacts),
    ordered("POST", f"{_ONE}/confirm", confirm, "surge.decide",
            ("确认并生成主工单和公告草稿", "Confirm: draft a master ticket and an announcement"), body=Decision, answer=Shown),
    ordered("POST", f"{_ONE}/dismiss", dismiss, "surge.decide", ("排除", "Dismiss"), body=Reason, answer=Shown),
    ordered("POST", f"{_ONE}/reopen", reopen, "surge.decide", ("撤销排除", "Take a dismissal back"), answer=Shown),
)  # fmt: skip

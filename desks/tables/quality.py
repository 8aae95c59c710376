"""Quality of calls over HTTP: findings, agents, today; the rules of checks; replies of units (QUA-01, QUA-08)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, get_args

import msgspec

from acd.permissions import Person
from crm.quality import checks, sheets, views
from crm.quality.call import Severity
from crm.quality.checking import InForce
from crm.quality.rules import Rules
from crm.quality.sheet import Sheet
from crm.quality.sheets import Kept, Sheets, Wanted
from crm.quality.views import CheckedCall, CheckList, Findings, Judged, OfAgent, Replies, Today, Verdict
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, ordered
from desks.parameters import Parameter, choice, name_of
from desks.tables import quality_records, quality_scores

Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
SheetName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Judging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a finding is right."""

    judged: Judged
    note: Line = ""


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From (included) to (not included)."""

    begin: Moment
    end: Moment


class NewRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules as they are to be; what the city's settings say does not change."""

    rules: Rules


class NewSheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sheet as it is to be."""

    sheet: SheetName
    content: Sheet


class CheckingReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a reply turned out to be."""

    verdict: Verdict
    note: Line = ""


TIME = (parameters.FROM, parameters.TO)
PAGED = (parameters.PAGE, parameters.LIMIT)
_CHECK = choice("check", checks.CODES, "检查项", "Check")
_SEVERITY = choice("severity", get_args(Severity), "严重程度", "Severity")
_JUDGED = choice("judged", ("open", *get_args(Judged)), "认定结果", "What a person said of it")
_WARNED = parameters.flag("warned", "只看有提示的", "With warnings alone", default=False)
_SEED = Parameter(
    name="seed", read=name_of, schema={"type": "string", "pattern": "^[\\w.:@*#+-]{1,80}$"}, chinese="随机抽样的种子",
    english="By chance, with this seed", default="",
)  # fmt: skip


async def all_checks(_ask: Ask, _person: Person) -> CheckList:
    """``GET /api/quality/checks``."""
    return views.all_checks()


async def findings(ask: Ask, person: Person, *, agent: str | None, page: int, limit: int, **given: object) -> Findings:
    """``GET /api/quality/findings``."""
    begin, end = given.pop("from"), given.pop("to")
    async with ask.parts.pool.acquire() as connection:
        chosen = {"agent": agent or "", "page": page, "limit": limit, **given}
        return await views.findings(connection, person, begin, end, **chosen)  # type: ignore[arg-type]


async def judge(ask: Ask, person: Person, *, finding: int, judged: Judged, note: str) -> None:
    """``POST /api/quality/findings/{finding}/judge``."""
    async with ask.parts.pool.acquire() as connection:
        await views.judge(connection, person, finding, judged, note)


async def call(ask: Ask, person: Person, *, recording: int) -> CheckedCall:
    """``GET /api/quality/calls/{recording}``."""
    async with ask.parts.pool.acquire() as connection:
        return await views.call(connection, person, recording)


async def of_agent(ask: Ask, person: Person, *, agent: str, **time: dt.datetime) -> OfAgent:
    """``GET /api/quality/agents/{agent}``."""
    async with ask.parts.pool.acquire() as connection:
        return await views.of_agent(connection, person, agent, time["from"], time["to"])


async def live(ask: Ask, person: Person) -> Today:
    """``GET /api/quality/live``."""
    async with ask.parts.pool.acquire() as connection:
        return await views.today(connection, person)


async def rules(ask: Ask, person: Person) -> InForce:
    """``GET /api/quality/rules``."""
    async with ask.parts.pool.acquire() as connection:
        return await sheets.rules(connection, person, ask.parts.settings)


async def change_rules(ask: Ask, person: Person, *, rules: Rules) -> InForce:
    """``PUT /api/quality/rules``."""
    async with ask.parts.pool.acquire() as connection:
        return await sheets.change_rules(connection, person, ask.parts.settings, rules)


async def check_again(ask: Ask, person: Person, *, begin: dt.datetime, end: dt.datetime) -> Wanted:
    """``POST /api/quality/check-again``."""
    begin, end = parameters.within("begin", begin), parameters.within("end", end)
    async with ask.parts.pool.acquire() as connection:
        return await sheets.check_again(connection, person, ask.parts.settings, begin, end)


async def all_sheets(ask: Ask, person: Person) -> Sheets:
    """``GET /api/quality/sheets``."""
    async with ask.parts.pool.acquire() as connection:
        return await sheets.listed(connection, person)


async def sheet(ask: Ask, person: Person, *, sheet: str, number: int) -> Kept:
    """``GET /api/quality/sheets/{sheet}``."""
    del person
    async with ask.parts.pool.acquire() as connection:
        return await sheets.get(connection, sheet, number)


async def change_sheet(ask: Ask, person: Person, *, sheet: str, content: Sheet) -> Kept:
    """``PUT /api/quality/sheets``."""
    async with ask.parts.pool.acquire() as connection:
        return await sheets.change(connection, person, sheet, content)


async def replies(ask: Ask, person: Person, *, warned: bool, seed: str, page: int, limit: int, **time: dt.datetime) -> Replies:
    """``GET /api/quality/replies``."""
    begin, end = time["from"], time["to"]
    async with ask.parts.pool.acquire() as connection:
        return await views.replies(connection, person, begin, end, warned=warned, seed=seed, limit=limit, page=page)


async def check_reply(ask: Ask, person: Person, *, id: uuid.UUID, verdict: Verdict, note: str) -> None:
    """``POST /api/quality/replies/{id}/check``."""
    async with ask.parts.pool.acquire() as connection:
        await views.check_reply(connection, person, id, verdict, note)


_VERSION = Parameter(
    name="number", read=parameters.number_of_page, schema={"type": "integer", "minimum": 1, "maximum": 9999},
    chinese="版本,不填为最新", english="Version; the newest without it", default=0,
)  # fmt: skip
_SEE, _KEEP, _SCORE, _REPLIES = "quality.see", "quality.keep", "quality.score", "quality.replies"
_FINDINGS = (*TIME, parameters.AGENT, _CHECK, _SEVERITY, _JUDGED, *PAGED)
_SHEET = "/api/quality/sheets"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/quality/checks", all_checks, _SEE, ("自动检查项", "Automatic checks"), answer=CheckList),
    ordered("GET", "/api/quality/findings", findings, _SEE, ("质检发现", "What checks found"), query=_FINDINGS, answer=Findings),
    ordered("POST", "/api/quality/findings/{finding}/judge", judge, _SCORE, ("认定质检发现", "Judge a finding"), body=Judging),
    ordered("GET", "/api/quality/calls/{recording}", call, _SEE, ("一次通话的检查", "The checks of a call"), answer=CheckedCall),
    ordered("GET", "/api/quality/agents/{agent}", of_agent, _SEE, ("坐席质检", "An agent's quality"), query=TIME, answer=OfAgent),
    ordered("GET", "/api/quality/live", live, "quality.live", ("今日质检", "Today's quality"), answer=Today),
    ordered("GET", "/api/quality/rules", rules, _SEE, ("检查规则", "Rules of the checks"), answer=InForce),
    ordered(
        "PUT", "/api/quality/rules", change_rules, _KEEP, ("修改检查规则", "Change the rules"), body=NewRules, answer=InForce
    ),
    ordered("POST", "/api/quality/check-again", check_again, _KEEP, ("重新检查", "Check again"), body=Time, answer=Wanted),
    ordered("GET", _SHEET, all_sheets, _SEE, ("评分表", "Score sheets"), answer=Sheets),
    ordered("PUT", _SHEET, change_sheet, _KEEP, ("修改评分表", "Change a score sheet"), body=NewSheet, answer=Kept),
    ordered("GET", f"{_SHEET}/{{sheet}}", sheet, _SEE, ("一个评分表", "A score sheet"), query=(_VERSION,), answer=Kept),
    ordered(
        "GET",
        "/api/quality/replies",
        replies,
        _REPLIES,
        ("单位回复抽查", "Replies of units"),
        query=(*TIME, _WARNED, _SEED, *PAGED),
        answer=Replies,
    ),
    ordered(
        "POST", "/api/quality/replies/{id}/check", check_reply, _REPLIES, ("核查单位回复", "Check a reply"), body=CheckingReply
    ),
    *quality_scores.ROUTES,
    *quality_records.ROUTES,
)

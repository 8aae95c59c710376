"""Units as a tree with their people and open tickets (GEN-14, GEN-15), and what they returned (RET-04, RET-08, RET-09).

The office keeps them in files (``hotline directory``): nothing here changes them.
"""

from __future__ import annotations

import re

from aiohttp import web

from acd.permissions import Person
from crm.units import contacts, overview, returns
from crm.units.contacts import UnitProfile
from crm.units.overview import Nodes
from crm.units.returns import MonthReturns
from desks import language, parameters, spreadsheet
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import ordered, person
from desks.parameters import Parameter, name_of
from hotline.clock import SHANGHAI

_MONTHS = r"20[0-9]{2}-(0[1-9]|1[0-2])"


def month_of(name: str, text: str) -> str:
    """A month of Shanghai: ``2026-11``."""
    if not re.fullmatch(_MONTHS, text, re.ASCII):
        raise RefusedError("bad_time", parameter=name)
    return text


_MONTH = Parameter(
    name="month",
    read=month_of,
    schema={"type": "string", "pattern": f"^{_MONTHS}$"},
    chinese="月份，如 2026-11",
    english="Month, such as 2026-11",
    needed=True,
)
_UNIT = Parameter(
    name="unit",
    read=name_of,
    schema={"type": "string"},
    chinese="从哪个单位开始；不写为全部",
    english="The unit that it begins with; all without it",
    default="",
)
_ENDED = parameters.flag("ended", "包括已撤销的单位", "Also units that have ended", default=False)
_NAMES = {
    "zh-CN": ("工单号", "单位编号", "单位", "申请时间", "退件理由", "建议单位", "超时", "审核时间", "结果", "审核意见"),
    "en": ("ticket", "unit", "name", "asked at", "reason", "suggested unit", "late", "decided at", "approved", "opinion"),
}


async def tree(ask: Ask, person: Person, *, unit: str, ended: bool) -> Nodes:
    """``GET /api/unit-tree``."""
    return await overview.of(ask.parts.pool, person, unit=unit, ended=ended)


async def whole(ask: Ask, person: Person, *, unit: str) -> UnitProfile:
    """``GET /api/units/{unit}/profile``."""
    del person
    return await contacts.profile(ask.parts.pool, unit, days=ask.parts.settings.calendar)


async def returned(ask: Ask, person: Person, *, month: str) -> MonthReturns:
    """``GET /api/units/returns``."""
    return await returns.of_month(ask.parts.pool, person, month)


async def returned_list(ask: Ask) -> web.Response:
    """``GET /api/units/returns.csv``: each return of the month, for a spreadsheet; times of Shanghai."""
    month = ask.query["month"]
    rows = [
        (
            one.ticket_id,
            one.unit,
            one.name,
            f"{one.asked_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
            one.reason,
            one.suggested,
            one.late,
            f"{one.decided_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if one.decided_at else "",
            one.approved,
            one.opinion,
        )
        for one in await returns.listed(ask.parts.pool, person(ask), month)
    ]
    names = _NAMES[language.chosen(ask.request.headers.get("Accept-Language", ""))]
    headers = {"Content-Disposition": f'attachment; filename="returns-{month}.csv"'}
    return web.Response(text=spreadsheet.table(names, rows), content_type="text/csv", charset="utf-8", headers=headers)


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/unit-tree", tree, "unit.tree", ("承办单位树", "The tree of units"), query=(_UNIT, _ENDED), answer=Nodes),
    ordered(
        "GET",
        "/api/units/returns",
        returned,
        "unit.returns",
        ("各单位每月退件", "Returns of a month by unit"),
        query=(_MONTH,),
        answer=MonthReturns,
    ),
    Route(
        "GET",
        "/api/units/returns.csv",
        returned_list,
        "unit.returns",
        "每月退件清单",
        "List of the returns of a month",
        query=(_MONTH,),
        answer="text/csv",
    ),
    ordered(
        "GET",
        "/api/units/{unit}/profile",
        whole,
        "unit.tree",
        ("承办单位及其人员", "A unit with its people"),
        answer=UnitProfile,
    ),
)

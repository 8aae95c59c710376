"""Everything that can be asked of the web application, and who may ask it: one table (SEC-12, SEC-13, ORG-25).

What is not here does not exist; a route without roles would not be a route. OpenAPI is made of the same table.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from aiohttp import web

from acd.permissions import ROLES
from ami_bridge.figures.live_document import Message
from desks import answers, entrance, figures, live, metrics, openapi, parameters, records
from desks.desk import Ask, Route
from desks.health import Report
from desks.login import Login

ANYBODY = None
STAFF = frozenset(ROLES)
LEADERS = frozenset({"supervisor", "shift_leader", "office", "leader"})
SETS = frozenset({"supervisor", "shift_leader"})
CONFIRMS = frozenset({"supervisor", "office"})

_TIME = (parameters.FROM, parameters.TO)
_ANY_TIME = tuple(msgspec.structs.replace(one, needed=False) for one in _TIME)
_ONLY = (parameters.QUEUE, parameters.SKILL, parameters.NODE)
_PAGE = (parameters.AFTER, parameters.LIMIT)
_SHOWN = (parameters.SHOWN_WINDOWS, parameters.SHOWN_VIEWS)


async def healthz(ask: Ask) -> web.Response:
    """``{"status": "ok"|"degraded", "parts": {…}}`` with 200 or 503, for a load balancer or a person."""
    report = await ask.parts.health.report()
    return answers.json(report, HTTPStatus.OK if report.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)


async def describe(ask: Ask) -> web.Response:
    """The interface in OpenAPI 3.1."""
    del ask
    return answers.json(openapi.document(ROUTES))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", healthz, ANYBODY, "系统健康状况", "Health of the stack", answer=Report),
    Route("GET", "/metrics", metrics.metrics, LEADERS, "Prometheus 指标", "For Prometheus", is_open_to_this_machine=True),
    Route("GET", "/api/openapi.json", describe, ANYBODY, "接口描述", "This description", answer="application/json"),
    Route("POST", "/api/login", entrance.login, ANYBODY, "登录", "Log in", body=Login, answer=entrance.LoggedIn),
    Route("POST", "/api/logout", entrance.logout, STAFF, "退出登录", "Log out", answer=entrance.Done),
    Route("GET", "/api/live", live.snapshot, STAFF, "实时指标", "Live figures", query=_SHOWN, answer=Message),
    Route("GET", "/api/live/ws", live.follow, STAFF, "实时指标推送", "Live figures, pushed", query=_SHOWN, answer="", status=101),
    Route(
        "GET",
        "/api/metrics",
        figures.sheet,
        LEADERS,
        "任意时段的指标",
        "Figures of any time",
        query=(*_TIME, *_ONLY, parameters.BY),
        answer=figures.Figures,
    ),
    Route(
        "GET",
        "/api/metrics/lines",
        figures.lines,
        LEADERS,
        "指标背后的每一条请求",
        "The lines behind a figure",
        query=(*_TIME, *_ONLY, parameters.RATE, parameters.PART, parameters.BASIS, *_PAGE),
        answer=figures.Lines,
    ),
    Route(
        "GET",
        "/api/calls",
        figures.calls,
        LEADERS,
        "来电列表",
        "Calls",
        query=(*_TIME, parameters.QUEUE, parameters.OUTCOME, *_PAGE),
        answer=figures.CalledPage,
    ),
    Route(
        "GET",
        "/api/exclusions",
        records.list_exclusions,
        LEADERS,
        "剔除时段",
        "Exclusions",
        query=_TIME,
        answer=records.Exclusions,
    ),
    Route(
        "POST",
        "/api/exclusions",
        records.propose,
        SETS,
        "提出剔除时段",
        "Propose an exclusion",
        body=records.NewExclusion,
        answer=records.Made,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/confirm",
        records.confirm,
        CONFIRMS,
        "确认剔除时段",
        "Confirm an exclusion",
        answer=records.Changed,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/withdraw",
        records.withdraw,
        LEADERS,
        "撤销剔除时段",
        "Withdraw an exclusion",
        answer=records.Changed,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/end",
        records.end,
        SETS,
        "结束剔除时段",
        "End an exclusion",
        body=records.NewEnd,
        answer=records.Changed,
    ),
    Route(
        "GET", "/api/gaps", records.list_gaps, LEADERS, "数据缺口", "Gaps", query=(*_TIME, parameters.NODE), answer=records.Gaps
    ),
    Route("GET", "/api/alarms", records.list_alarms, LEADERS, "告警", "Alarms", query=_ANY_TIME, answer=records.Alarms),
    Route("POST", "/api/alarms/{id}/seen", records.see, LEADERS, "告警已阅", "An alarm was seen", answer=records.Seen),
)

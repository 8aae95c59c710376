"""Everything that can be asked of the web application, and who may ask it: one table (SEC-12, SEC-13, ORG-25).

What is not here does not exist; a route without roles would not be a route. OpenAPI is made of the same table.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from ami_bridge.figures.live_document import Message
from desks import answers, desk_live, entrance, live, metrics, openapi, parameters
from desks.desk import ANYBODY, Ask, Route
from desks.health import Report
from desks.login import Login
from desks.tables import (
    accounts,
    agents,
    callbacks,
    callers,
    clocks,
    drafts,
    exports,
    figures,
    hands,
    knowledge,
    legal_holds,
    messages,
    persons,
    quality,
    recording_pauses,
    recordings,
    suggestions,
    supervision,
    taxonomy,
    threeways,
    ticket_search,
    tickets,
    transcription,
    transcripts,
    unit_tree,
    units,
    webhooks,
)

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
    Route(
        "GET", "/metrics", metrics.metrics, "figures.scrape", "Prometheus 指标", "For Prometheus", is_open_to_this_machine=True
    ),
    Route("GET", "/api/openapi.json", describe, ANYBODY, "接口描述", "This description", answer="application/json"),
    Route("POST", "/api/login", entrance.login, ANYBODY, "登录", "Log in", body=Login, answer=entrance.LoggedIn),
    Route("POST", "/api/logout", entrance.logout, "session.own", "退出登录", "Log out", answer=entrance.Done, comes_first=True),
    Route("GET", "/api/live", live.snapshot, "figures.live", "实时指标", "Live figures", query=_SHOWN, answer=Message),
    Route(
        "GET",
        "/api/live/ws",
        live.follow,
        "figures.live",
        "实时指标推送",
        "Live figures, pushed",
        query=_SHOWN,
        answer="",
        status=101,
    ),
    Route("GET", "/api/desk", desk_live.snapshot, "agent.see", "本人工作台", "One's own desk", answer=Message),
    Route("GET", "/api/desk/ws", desk_live.follow, "agent.see", "工作台推送", "The desk, pushed", answer="", status=101),
    *accounts.ROUTES,
    *figures.ROUTES,
    *agents.ROUTES,
    *callbacks.ROUTES,
    *callers.ROUTES,
    *clocks.ROUTES,
    *persons.ROUTES,
    *exports.ROUTES,
    *hands.ROUTES,
    *recording_pauses.ROUTES,
    *drafts.ROUTES,
    *supervision.ROUTES,
    *threeways.ROUTES,
    *knowledge.ROUTES,
    *legal_holds.ROUTES,
    *quality.ROUTES,
    *messages.ROUTES,
    *ticket_search.ROUTES,
    *tickets.ROUTES,
    *transcripts.ROUTES,
    *transcription.ROUTES,
    *unit_tree.ROUTES,
    *units.ROUTES,
    *taxonomy.ROUTES,
    *suggestions.ROUTES,
    *recordings.ROUTES,
    *webhooks.ROUTES,
)

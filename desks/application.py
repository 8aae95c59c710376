"""The routes of the web application."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from desks import answers
from desks.health import Health

_HEALTH = web.AppKey("health", Health)


def application(health: Health) -> web.Application:
    """All routes, with their errors and headers."""
    app = web.Application(middlewares=[answers.errors_as_json], client_max_size=1 << 20)
    app[_HEALTH] = health
    app.router.add_get("/healthz", healthz)
    app.on_response_prepare.append(answers.add_headers)
    return app


async def healthz(request: web.Request) -> web.Response:
    """``{"status": "ok"|"degraded", "parts": {…}}`` with 200 or 503, for a load balancer or a person."""
    report = await request.app[_HEALTH].report()
    return answers.json(report, HTTPStatus.OK if report.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)

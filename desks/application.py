"""The web application: the table of routes behind its guard, and the look of its errors."""

from __future__ import annotations

from aiohttp import web

from desks import answers
from desks.access import guarded
from desks.desk import Parts
from desks.routes import ROUTES


def application(parts: Parts) -> web.Application:
    """All routes, with their errors and headers."""
    app = web.Application(middlewares=[answers.errors_as_json], client_max_size=1 << 20)
    for route in ROUTES:
        handler = guarded(route, parts)
        if route.method == "GET":
            app.router.add_get(route.path, handler, allow_head=route.status == 200)
        else:
            app.router.add_route(route.method, route.path, handler)
    app.on_response_prepare.append(answers.add_headers)
    return app

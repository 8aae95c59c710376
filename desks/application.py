"""The web application: the table of routes behind its guard, and the look of its errors."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
from aiohttp import web

from acd import parts as acd
from crm.profiles import store as profiles
from desks import answers
from desks.access import guarded
from desks.desk import Parts, live_rules
from desks.desk_feed import DeskFeed
from desks.feed import Feed
from desks.health import Health, checks
from desks.login import Sessions
from desks.routes import ROUTES
from hotline.settings import Settings


def wired(settings: Settings, pool: asyncpg.Pool, passwords: Mapping[str, str]) -> Parts:
    """The parts of a web application that serves a stack. Raises ``SettingsError`` when the city's rules are wrong."""
    profiles.current(settings)
    desk_feed = DeskFeed(acd.Parts(settings, pool, settings.asterisk.node))
    health = Health(checks(settings, pool))
    return Parts(settings, pool, health, Sessions(pool, passwords), Feed(pool, live_rules(settings)), desk_feed)


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

"""Nothing is done for anybody whom the table of routes does not name (SEC-13): a handler is reached through ``guarded`` alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from crm.permissions import is_open_to
from desks import parameters, repeats
from desks.desk import Ask, Parts, Route
from desks.errors import RefusedError
from desks.login import Session

COOKIE = "hotline_session"
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def guarded(route: Route, parts: Parts) -> Handler:
    """The handler behind its guard: origin, login, role; then parameters and body as the table says."""

    async def handler(request: web.Request) -> web.StreamResponse:
        _check_origin(request)
        who = await _let_in(route, parts, request)
        query = parameters.read(route.query, request.query)
        body = await _body(route, request)
        return await repeats.once(route, Ask(request, parts, who, query, body))

    return handler


async def _let_in(route: Route, parts: Parts, request: web.Request) -> Session | None:
    if route.roles is None or (route.is_open_to_this_machine and is_from_this_machine(request)):
        return None
    token = _token(request)
    session = await parts.sessions.find(token) if token else None
    if session is None:
        raise web.HTTPUnauthorized
    if session.must_change and not route.comes_first:
        raise RefusedError("must_change_password")
    is_open = is_open_to(route.action or "", session.organisation, session.granted)
    if session.role not in route.roles or not is_open:
        await parts.sessions.log(session.username, "refused", f"{route.method} {route.path}", {"role": session.role})
        raise RefusedError("forbidden", role=session.role, allowed=sorted(route.roles))
    return session


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")


def _check_origin(request: web.Request) -> None:
    """A page of another site may not use a browser that is logged in here."""
    origin = request.headers.get("Origin")
    if origin is not None and _host(origin) != request.host.lower():
        raise RefusedError("foreign_origin")


def _host(origin: str) -> str | None:
    """None: no address at all."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def is_from_this_machine(request: web.Request) -> bool:
    """A connection from loopback that nobody passed on."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


async def _body(route: Route, request: web.Request) -> object:
    if route.body is None or isinstance(route.body, str):
        return None
    try:
        return msgspec.json.decode(await request.read(), type=route.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RefusedError("bad_body", problem=str(error)) from None

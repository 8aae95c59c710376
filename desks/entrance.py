"""``POST /api/login`` and ``/api/logout``."""

from __future__ import annotations

import datetime as dt

import msgspec
from aiohttp import web

from desks import answers
from desks.access import COOKIE
from desks.desk import Ask
from desks.login import LASTS


class LoggedIn(msgspec.Struct, frozen=True):
    """The session: ``token`` for an ``Authorization: Bearer`` header; a browser has it as a cookie.

    ``roles``: those that can be had (``POST /api/session/role``); ``must_change``: nothing else before another password.
    """

    token: str
    username: str
    role: str
    expires_at: dt.datetime
    roles: tuple[str, ...]
    must_change: bool


class Done(msgspec.Struct, frozen=True):
    """It is done."""


async def login(ask: Ask) -> web.Response:
    """Name and password for a session."""
    token, session = await ask.parts.sessions.login(ask.body, ask.request.remote or "")
    response = answers.json(
        LoggedIn(token, session.username, session.role, session.expires_at, session.roles, session.must_change)
    )
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=ask.request.secure,
        httponly=True,
        samesite="Strict",
    )
    return response


async def logout(ask: Ask) -> web.Response:
    """The session ends, here and everywhere."""
    await ask.parts.sessions.logout(ask.person)
    response = answers.json(Done())
    response.del_cookie(COOKIE, path="/")
    return response

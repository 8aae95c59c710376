"""Orders of people at their desks to whoever answers calls: from the web to a function of ``acd`` and back.

An order says what happened, not that it was sent; what is refused is told with its reason (``acd.errors.CODES``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from acd import permissions
from acd.permissions import Person
from desks import answers
from desks.desk import Ask
from desks.entrance import Done


def person(ask: Ask) -> Person:
    """Who orders it; a user name of digits is an agent's number."""
    username = ask.person.username
    return Person(username, ask.person.role, username if username.isascii() and username.isdigit() else "")


def roles(action: str) -> frozenset[str]:
    """Who may ask for it at all; whom it may concern is decided by the order."""
    return frozenset(permissions.RIGHTS[action])


def order(carry_out: Callable[..., Awaitable[Any]]) -> Callable[[Ask], Awaitable[web.Response]]:
    """Calls ``carry_out(ask, person, **values)``, values from path, query and body, and answers with its result."""

    async def handler(ask: Ask) -> web.Response:
        body = {} if ask.body is None else msgspec.structs.asdict(ask.body)
        said = await carry_out(ask, person(ask), **ask.request.match_info, **ask.query, **body)
        return answers.json(Done() if said is None else said)

    return handler

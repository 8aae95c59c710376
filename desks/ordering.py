"""Orders of people at their desks to whoever answers calls: from the web to a function of ``acd`` and back.

An order says what happened, not that it was sent; what is refused is told with its reason (``acd.errors.CODES``).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
from aiohttp import web

from acd.errors import RefusedError
from acd.permissions import Person
from desks import answers
from desks.desk import Ask, Route
from desks.entrance import Done
from desks.errors import RefusedError as BadRequestError
from desks.parameters import Parameter, name_of

_WORD = re.compile(r"[\w.:@*#+-]{1,80}")
_LINE = r"^[^\x00-\x1f\x7f\ud800-\udfff]*$"
Line = Annotated[str, msgspec.Meta(max_length=200, pattern=_LINE)]
"""A few words in one line."""
Said = Annotated[str, msgspec.Meta(max_length=4000, pattern=r"^[^\x00\ud800-\udfff]*$")]
"""What a citizen said, in as many lines as it takes."""
AgentNumber = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3,5}$")]
PhoneNumber = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{3,20}$")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
"""A call, a queue, a unit, a place: what has a name."""

CALL = Parameter(
    name="call",
    read=name_of,
    schema={"type": "string"},
    chinese="通话编号",
    english="Id of a call",
    needed=True,
)


def person(ask: Ask) -> Person:
    """Who orders it: in one role, with the number and the unit of the account."""
    who = ask.person
    return Person(who.username, who.role, who.agent, who.unit, who.organisation, who.granted)


def order(carry_out: Callable[..., Awaitable[Any]]) -> Callable[[Ask], Awaitable[web.Response]]:
    """Calls ``carry_out(ask, person, **values)``, values from path, query and body, and answers with its result.

    An agent in the path may be ``me``; an id is a UUID.
    """

    async def handler(ask: Ask) -> web.Response:
        body = {} if ask.body is None else msgspec.structs.asdict(ask.body)
        _meant_version(ask.request, body)
        who = person(ask)
        said = await carry_out(ask, who, **_from_path(ask.request.match_info, who), **ask.query, **body)
        response = answers.json(Done() if said is None else said)
        if isinstance(version := getattr(said, "version", None), int):
            response.headers["ETag"] = f'"{version}"'
        return response

    return handler


def _meant_version(request: web.Request, body: dict[str, Any]) -> None:
    """``If-Match: "7"`` is ``version`` of the body: what is changed must be what was seen. Raises ``RefusedError``."""
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return
    found = re.fullmatch(r'"([1-9][0-9]{0,8})"', given)
    if found is None or "version" not in body or body["version"] not in (None, int(found[1])):
        raise BadRequestError("bad_version")
    body["version"] = int(found[1])


def _from_path(given: Mapping[str, str], who: Person) -> dict[str, Any]:
    """The parts of the path that the table names; raises ``HTTPNotFound`` when one cannot be anything."""
    values: dict[str, Any] = dict(given)
    if not all(_WORD.fullmatch(value) for value in given.values()):
        raise web.HTTPNotFound
    if values.get("agent") == "me":
        if not who.agent:
            raise RefusedError("unknown_agent", agent="me")
        values["agent"] = who.agent
    try:
        return {name: _KINDS[name](value) if name in _KINDS else value for name, value in values.items()}
    except ValueError:
        raise web.HTTPNotFound from None


def _counted(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(text)
    return int(text)


_KINDS: Mapping[str, Callable[[str], object]] = {
    "id": uuid.UUID,
    "delivery": uuid.UUID,
    "threeway": _counted,
    "recording": _counted,
    "finding": _counted,
    "mask": _counted,
    "message": _counted,
}
"""What parts of the path are when they are no words."""


def ordered(
    method: str,
    path: str,
    carry_out: Callable[..., Awaitable[Any]],
    action: str,
    called: tuple[str, str],
    *,
    answer: type = Done,
    query: tuple[Parameter, ...] = (),
    body: type | None = None,
    claims: bool = False,
    is_secret: bool = False,
) -> Route:
    """An entry of the table of routes for an order, or a question, that ``action`` of ``crm.permissions`` stands for.

    ``called``: in Chinese and in English. ``claims``, ``is_secret``: as in ``Route``.
    """
    return Route(
        method,
        path,
        order(carry_out),
        action,
        *called,
        query=query,
        body=body,
        answer=answer,
        claims=claims,
        is_secret=is_secret,
    )

"""For how long recordings are kept (ARC-09): what goes when, and holds that keep it."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm import legal_holds
from crm.legal_holds import HOLD, SEE, Hold, Holds, Kind, Preview
from crm.profiles import store as profiles
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import Line, Word, ordered
from desks.parameters import Parameter
from hotline import clock

_AHEAD = dt.timedelta(days=30)


class NewHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``which``: the number of a recording, the id of a call (with its ``node``), or the number of a ticket."""

    kind: Kind
    which: Word
    reason: Annotated[Line, msgspec.Meta(min_length=1)]
    node: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z][A-Za-z0-9_-]{0,31})?$")] = ""


class Lifting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is not needed any more."""

    reason: Annotated[Line, msgspec.Meta(min_length=1)]


_LIFTED = parameters.flag("lifted", "也列出已解除的", "Also those that were lifted", default=False)
_UNTIL = Parameter(
    name="until",
    read=parameters.moment,
    schema={"type": "string", "format": "date-time"},
    chinese="到何时为止,默认今后 30 天",
    english="Until when; the next 30 days if it is not given",
)


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise RefusedError("bad_number", parameter=name, least=1, most=10**18 - 1)
    return int(text)


_AFTER = Parameter(
    name="after",
    read=_number,
    schema={"type": "integer", "minimum": 1},
    chinese="上一页的 next",
    english="The page before's next",
)


async def listed(ask: Ask, person: Person, *, lifted: bool, page: int, limit: int) -> Holds:
    """``GET /api/legal-holds``."""
    async with ask.parts.pool.acquire() as connection:
        return await legal_holds.listed(connection, person, lifted=lifted, page=page, limit=limit)


async def set_hold(ask: Ask, person: Person, *, kind: Kind, which: str, reason: str, node: str) -> Hold:
    """``POST /api/legal-holds``."""
    async with ask.parts.pool.acquire() as connection:
        return await legal_holds.set_hold(connection, person, kind=kind, which=which, node=node, reason=reason)


async def lift(ask: Ask, person: Person, *, id: uuid.UUID, reason: str) -> Hold:
    """``POST /api/legal-holds/{id}/lift``."""
    async with ask.parts.pool.acquire() as connection:
        return await legal_holds.lift(connection, person, id, reason=reason)


async def preview(ask: Ask, person: Person, *, until: dt.datetime | None, after: int | None, limit: int) -> Preview:
    """``GET /api/recordings/retention``."""
    profile, until = profiles.current(ask.parts.settings), until or clock.now() + _AHEAD
    async with ask.parts.pool.acquire() as connection:
        return await legal_holds.preview(connection, person, profile, until=until, after=after, limit=limit)


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/recordings/retention", preview, SEE, ("到期将删除的录音", "Recordings whose time will be over"),
            query=(_UNTIL, _AFTER, parameters.LIMIT), answer=Preview),
    ordered("GET", "/api/legal-holds", listed, SEE, ("录音的依法保留", "Legal holds"),
            query=(_LIFTED, parameters.PAGE, parameters.LIMIT), answer=Holds),
    ordered("POST", "/api/legal-holds", set_hold, HOLD, ("依法保留录音", "Hold recordings"), body=NewHold, answer=Hold),
    ordered("POST", "/api/legal-holds/{id}/lift", lift, HOLD, ("解除依法保留", "Lift a hold"), body=Lifting, answer=Hold),
)  # fmt: skip

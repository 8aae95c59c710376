"""``GET /api/desk`` and ``WS /api/desk/ws``: what one's own desk shows, a snapshot and then what changes (SEC-12).

Messages are those of ``/api/live/ws``; sections are ``agents`` (whoever leads: all of them), ``calls``, ``pop`` (who calls, while
somebody follows), ``threeways`` and ``callbacks``, each by the agent's number. Nobody is shown another agent's caller. A call's
number that is shown leaves one line, and so does what is known of who calls.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from acd.permissions import may
from ami_bridge.figures.live_document import Message
from crm.permissions import may as may_know
from desks import live, ordering
from desks.desk import Ask
from desks.desk_feed import Call
from desks.desk_pops import SEES, Shown
from hotline import clock

_AGENTS, _POP = "agents", "pop"


async def snapshot(ask: Ask) -> web.Response:
    """Everything that the desk shows."""
    said, _ = await _said(ask, None)
    return web.Response(body=said, content_type="application/json", charset="utf-8")


async def follow(ask: Ask) -> web.StreamResponse:
    """The same and its changes, until the client leaves or logs out."""
    with ask.parts.desk_feed.pops.watched(ordering.person(ask)):
        return await live.stream(ask, ask.parts.desk_feed, _said)


async def _said(ask: Ask, since: int | None) -> tuple[bytes, int]:
    feed, person = ask.parts.desk_feed, ordering.person(ask)
    document, at = feed.document, clock.now()
    message = document.snapshot(at) if since is None else document.delta(since, at)
    own = only(message, person.agent, sees_all=may(person, "agent.see", "*"), sees_callers=may_know(person, SEES))
    for call in own.set.get("calls", {}).values():
        if isinstance(call, Call):
            await feed.note(person.username, call)
    for shown in own.set.get(_POP, {}).values():
        if isinstance(shown, Shown):
            await feed.pops.note(person, shown)
    is_empty = since is not None and own.since is not None and not any(own.set.values()) and not any(own.gone.values())
    return b"" if is_empty else msgspec.json.encode(own), message.seq


def only(message: Message, agent: str, *, sees_all: bool, sees_callers: bool) -> Message:
    """What an agent's own desk shows of it; whoever leads also sees how all agents stand."""

    def wanted(section: str, key: str) -> bool:
        if section == _POP and not sees_callers:
            return False
        return key == agent or (sees_all and section == _AGENTS)

    def chosen(section: str, values: Mapping[str, object]) -> dict[str, object]:
        return {key: value for key, value in values.items() if wanted(section, key)}

    return msgspec.structs.replace(
        message,
        set={section: chosen(section, values) for section, values in message.set.items()},
        gone={section: [key for key in keys if wanted(section, key)] for section, keys in message.gone.items()},
    )

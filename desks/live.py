"""``GET /api/live`` and ``WS /api/live/ws``: a snapshot, then what changes (metrics, section 7.3; KPI-01, KPI-02).

A message is ``{"seq", "since", "at", "set": {section: {key: value}}, "gone": {section: [key]}}``. ``since`` null: throw away what
you have. Else: set what is in ``set``, remove what is in ``gone``; it is what happened after the message ``since``, which is the
last one you got. Whoever is slow gets fewer messages with more in them; whoever does not read at all is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from ami_bridge.figures.live_document import Message
from desks.desk import Ask
from desks.errors import RefusedError
from hotline import clock

_MOST_WATCHERS = 500
_PING_SECONDS, _PATIENCE_SECONDS, _LOGIN_SECONDS = 15.0, 20.0, 20.0
_PACE_SECONDS = 0.02
"""Between two messages to one client."""
_LOGGED_OUT = 4401
_BY_WINDOW = frozenset({"figures", "requests", "waits", "turns"})
_BY_VIEW = frozenset({"now", "states"})


class Source(Protocol):
    """A feed: ``watchers`` counts who is served from it."""

    watchers: int
    is_closing: bool

    async def newer(self, than: int) -> None:
        """Wait until there is something newer."""


Say = Callable[[Ask, "int | None"], Awaitable[tuple[bytes, int]]]
"""The message for this client since this number (None: all), and its own number; an empty one is not sent."""


async def snapshot(ask: Ask) -> web.Response:
    """Everything live, or only what is of some windows and views."""
    return web.Response(body=(await _said(ask, None))[0], content_type="application/json", charset="utf-8")


async def follow(ask: Ask) -> web.StreamResponse:
    """The same as a snapshot and changes, until the client leaves or logs out."""
    return await stream(ask, ask.parts.feed, _said)


async def stream(ask: Ask, feed: Source, say: Say) -> web.StreamResponse:
    """Push what ``say`` makes of each change of a feed. Who logs out is cut off."""
    if feed.watchers >= _MOST_WATCHERS:
        raise RefusedError("too_many_viewers")
    socket = web.WebSocketResponse(heartbeat=_PING_SECONDS, max_msg_size=4096, compress=False)
    await socket.prepare(ask.request)
    feed.watchers += 1
    try:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(ask, socket, feed, say))
            async for _ in socket:
                pass  # a client has nothing to say
            sending.cancel()
    except* ConnectionError:
        pass
    finally:
        feed.watchers -= 1
    return socket


async def _send(ask: Ask, socket: web.WebSocketResponse, feed: Source, say: Say) -> None:
    """The snapshot and every change, as fast as the client takes them."""
    sessions = ask.parts.sessions
    seq: int | None = None  # of the last message; of the last look: seen
    sure_until = clock.monotonic() + _LOGIN_SECONDS
    try:
        while True:
            said, seen = await say(ask, seq)
            if said:
                seq = seen
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await socket.send_frame(said, WSMsgType.TEXT)
            await asyncio.sleep(_PACE_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOGIN_SECONDS):
                    await feed.newer(seen)
            if feed.is_closing:
                await socket.close(code=WSCloseCode.GOING_AWAY)
                return
            if clock.monotonic() > sure_until or sessions.is_in_doubt(ask.person):
                if not await sessions.still(ask.person):
                    await socket.close(code=_LOGGED_OUT)
                    return
                sure_until = clock.monotonic() + _LOGIN_SECONDS
    except TimeoutError:
        if ask.request.transport:
            ask.request.transport.abort()


async def _said(ask: Ask, since: int | None) -> tuple[bytes, int]:
    """The message for this client, and its number."""
    windows, views = ask.query["windows"], ask.query["views"]
    if windows is None and views is None:
        return ask.parts.feed.message(since)
    message = ask.parts.feed.message_now(since)
    return msgspec.json.encode(only(message, windows, views)), message.seq


def only(message: Message, windows: Sequence[str] | None, views: Sequence[str] | None) -> Message:
    """What is of these windows and views (None: of all); what is of neither stays."""

    def wanted(section: str, key: str) -> bool:
        if section in _BY_VIEW:
            return views is None or key in views
        if section == "windows":
            return windows is None or key in windows
        if section not in _BY_WINDOW:
            return True
        window, _, rest = key.partition("/")
        of_view = section == "turns" or views is None or rest.partition("/")[0] in views
        return (windows is None or window in windows) and of_view

    def chosen(values: Mapping[str, object], section: str) -> dict[str, object]:
        return {key: value for key, value in values.items() if wanted(section, key)}

    return msgspec.structs.replace(
        message,
        set={section: chosen(values, section) for section, values in message.set.items()},
        gone={section: [key for key in keys if wanted(section, key)] for section, keys in message.gone.items()},
    )

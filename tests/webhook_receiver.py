"""A receiver of webhooks on loopback, which checks signatures as ``docs/api.md`` tells its readers to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from hotline.paths import TREE


def documented(language: str = "") -> Callable[[str, str, str, bytes], bool]:
    """``is_genuine`` as it stands in the document."""
    text = (TREE / "docs" / f"api{language}.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", text, re.S)[-1], names)
    found: Callable[[str, str, str, bytes], bool] = names["is_genuine"]
    return found


class Receiver:
    """``got``: of each delivery its id, its headers, and its body. ``answer`` is what it answers; it may raise or wait."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self.got: list[tuple[str, Any, bytes]] = []
        self.answer: Callable[[int], Awaitable[web.StreamResponse]] = self.fine

    async def fine(self, number: int) -> web.StreamResponse:
        """It is kept."""
        del number
        return web.Response(status=204)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep it, if it is genuine."""
        body, headers = await request.read(), request.headers
        if not documented()(self.secret, headers["Hotline-Signature"], headers["Hotline-Delivery"], body):
            return web.Response(status=401)
        self.got.append((headers["Hotline-Delivery"], headers, body))
        return await self.answer(len(self.got))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()

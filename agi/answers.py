"""What a session asks of the rest of the system: look-ups from PostgreSQL, where a call goes, and things for the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from acd import routing
from acd.parts import Parts
from acd.policy import Asked, Route
from acd.routing import Router, Spawn, floor_of, seconds_of
from agi import code_orders, code_talk
from agi.code_orders import Keyed
from agi.lookup import Lookups
from agi.routing import ASKS
from hotline import database, outbox
from hotline.settings import Settings
from ivr_flows.lookups import Answer

_CONNECT_SECONDS = 2.0


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Pool]]:
    """Connections for routing, and for orders from telephones: neither waits for the other. PostgreSQL may be away."""
    async with routing.pool(dsn) as routes:
        orders = await database.pool(dsn, name="codes", largest=4, connect_seconds=_CONNECT_SECONDS)
        try:
            yield routes, orders
        finally:
            orders.terminate()


class SystemAnswers:
    """``server.Answers`` as it is in earnest."""

    def __init__(self, lookups: Lookups, router: Router, parts: Parts) -> None:
        self._lookups, self._router, self._parts = lookups, router, parts

    @classmethod
    def of(cls, settings: Settings, lookups: Lookups, pools: tuple[asyncpg.Pool, asyncpg.Pool], spawn: Spawn) -> SystemAnswers:
        """With the pools of ``opened``; ``spawn`` runs what no call waits for."""
        routes, orders = pools
        return cls(lookups, Router(settings, routes, spawn), Parts(settings, orders, settings.asterisk.node))

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """See ``Lookups.ask``, ``Router.route`` and ``code_orders.carry_out``."""
        if what == code_talk.ASKS:
            return Answer("found", await code_orders.carry_out(self._parts, Keyed(**arguments, channel=call_id)))
        if what == ASKS:
            asked = Asked(
                queue=arguments["queue"], left=arguments["left"] == "left", waited_seconds=seconds_of(arguments["waited"])
            )
            return Answer("found", told(await self._router.route(asked, floor_of(arguments["floor"]), caller, call_id)))
        return await self._lookups.ask(what, arguments, caller, call_id)

    async def keep(self, kind: str, values: Mapping[str, str]) -> None:
        """See ``outbox.put``; the disk is waited for in a thread."""
        await asyncio.to_thread(outbox.put, kind, values)


def told(route: Route) -> dict[str, str]:
    """A route as the dialplan reads it (asterisk-conf/routing.conf.j2)."""
    return {
        "HOTLINE_QUEUE": route.queue,
        "QUEUE_PRIO": str(route.priority),
        "HOTLINE_RULE": f"{route.queue}.priority" if route.priority else "",
        "HOTLINE_PLACE": str(route.place or ""),
        "HOTLINE_FIRST": route.first_agent,
        "HOTLINE_WAIT": str(route.wait_seconds),
        "HOTLINE_OVERFLOWS": "1" if route.overflows else "",
        "HOTLINE_WAITED": str(int(route.waited_seconds)),
        "HOTLINE_BLOCKED": "1" if route.blocked else "",
        "HOTLINE_ROUTED": "1",
    }

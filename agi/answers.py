"""What a session asks of the rest of the system: look-ups from PostgreSQL, where a call goes, and things for the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from acd.policy import Asked, Route
from acd.routing import Router, floor_of, seconds_of
from agi.lookup import Lookups
from agi.routing import ASKS
from hotline import outbox
from ivr_flows.lookups import Answer


class SystemAnswers:
    """``server.Answers`` as it is in earnest."""

    def __init__(self, lookups: Lookups, router: Router) -> None:
        self._lookups, self._router = lookups, router

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """See ``Lookups.ask`` and ``Router.route``."""
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
        "HOTLINE_ROUTED": "1",
    }

"""What a session asks of the rest of the system: look-ups from PostgreSQL, and things that must not be lost to the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agi.lookup import Lookups
from hotline import outbox
from ivr_flows.lookups import Answer


class SystemAnswers:
    """``server.Answers`` as it is in earnest."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """See ``Lookups.ask``."""
        return await self._lookups.ask(what, arguments, caller, call_id)

    async def keep(self, kind: str, values: Mapping[str, str]) -> None:
        """See ``outbox.put``; the disk is waited for in a thread."""
        await asyncio.to_thread(outbox.put, kind, values)

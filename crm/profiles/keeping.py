"""The profile of the settings is made known to the database when the process starts (CFG-08)."""

from __future__ import annotations

import structlog

from acd.parts import Parts
from crm.profiles import store
from hotline import rounds

_log = structlog.get_logger()
_AGAIN_SECONDS = 5.0


async def run(parts: Parts) -> None:
    """Until it is; PostgreSQL may come and go."""
    profile = store.current(parts.settings)

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            version = await store.ensure(connection, profile)
        _log.info("the profile in force", profile=profile.name, version=version)

    await rounds.until_done(work, "the profile cannot be kept", again=_AGAIN_SECONDS)

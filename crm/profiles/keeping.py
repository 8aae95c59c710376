"""The profile of the settings is made known to the database when the process starts (CFG-08)."""

from __future__ import annotations

import asyncio

import structlog

from acd.parts import Parts
from crm.profiles import store
from hotline import database

_log = structlog.get_logger()
_AGAIN_SECONDS = 5.0


async def run(parts: Parts) -> None:
    """Until it is; PostgreSQL may come and go."""
    profile = store.current(parts.settings)
    while True:
        try:
            async with parts.pool.acquire() as connection:
                version = await store.ensure(connection, profile)
        except database.TROUBLE as error:
            database.stop_if_cancelled()
            _log.warning("the profile cannot be kept", error=str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            _log.info("the profile in force", profile=profile.name, version=version)
            return

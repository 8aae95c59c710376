"""``var/run/acd.alive``: touched every second while this process works."""

from __future__ import annotations

import asyncio

import structlog

from hotline import paths

_log = structlog.get_logger()
_EVERY_SECONDS = 1.0


async def run() -> None:
    """For ever; a disk that is full is said once a minute and stops nothing."""
    file, said = paths.var() / "run" / "acd.alive", 0
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
        except OSError as error:
            if said % 60 == 0:
                _log.warning("the sign of life could not be written", error=str(error))
            said += 1
        await asyncio.sleep(_EVERY_SECONDS)

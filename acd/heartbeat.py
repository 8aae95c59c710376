"""``var/run/NAME.alive``: written every second while a process works, with what it says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from hotline import paths

_log = structlog.get_logger()
_EVERY_SECONDS = 1.0


async def run(tell: Callable[[], dict[str, object]], name: str = "acd") -> None:
    """For ever; ``tell``: what process ``name`` says of itself. A disk that is full is said once a minute and stops nothing."""
    file, said = paths.var() / "run" / f"{name}.alive", 0
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(tell()))
            fresh.replace(file)
        except OSError as error:
            if said % 60 == 0:
                _log.warning("the sign of life could not be written", error=str(error))
            said += 1
        await asyncio.sleep(_EVERY_SECONDS)

"""A task that works in rounds for ever, whatever a round comes to; PostgreSQL away or a full disk makes the pauses longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from hotline import database

ROUND_SECONDS = 2.0
_LONGEST_PAUSE = 10.0
_log = structlog.get_logger("agi")


async def forever(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Work until cancelled; ``what`` waits meanwhile is said in the log, once until it goes on."""
    pause = ROUND_SECONDS
    while True:
        try:
            await work()
        except database.AWAY as error:
            database.stop_if_cancelled()
            if pause == ROUND_SECONDS:
                _log.warning(f"{what} wait", why=f"{type(error).__name__}: {error}")
            pause = min(pause * 2, _LONGEST_PAUSE)
        except Exception:
            _log.exception(f"{what} cannot be worked on")
            pause = _LONGEST_PAUSE
        else:
            pause = ROUND_SECONDS
        await asyncio.sleep(pause)

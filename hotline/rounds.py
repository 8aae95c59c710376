"""Work in rounds, or until it is done, while PostgreSQL comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from hotline import database

_log = structlog.get_logger()


async def forever(work: Callable[[], Awaitable[object]], complaint: str, *, every: float) -> NoReturn:
    """Work, and rest for ``every`` seconds, until cancelled. While the database is away, ``complaint`` is said once."""
    is_failing = False
    while True:
        is_failing = not await _done(work, complaint, said=is_failing)
        await asyncio.sleep(every)


async def until_done(work: Callable[[], Awaitable[object]], complaint: str, *, again: float) -> None:
    """Work once; while the database is away, again after so many seconds."""
    is_failing = False
    while not await _done(work, complaint, said=is_failing):
        is_failing = True
        await asyncio.sleep(again)


async def _done(work: Callable[[], Awaitable[object]], complaint: str, *, said: bool) -> bool:
    try:
        await work()
    except database.TROUBLE as error:
        database.stop_if_cancelled()
        if not said:
            _log.warning(complaint, error=str(error) or type(error).__name__)
        return False
    return True

"""Waiting that ends: the one way to wait for something no longer than so many seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(awaited: Awaitable[T], seconds: float) -> T:
    """What ``awaited`` gives; raises ``TimeoutError`` after ``seconds``.

    ``asyncio.wait_for`` of Python 3.11 swallows a cancellation that comes in the same moment as the result, and a task that was
    told to end goes on for ever: ruff bans it.
    """
    async with asyncio.timeout(seconds):
        return await awaited

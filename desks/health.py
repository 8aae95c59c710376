"""The health of the stack as citizens would feel it: each part is really asked, at most once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec
import structlog

from hotline import clock, probes, sql
from hotline.settings import Settings

Check = Callable[[], Awaitable[str | None]]
"""None when the part works, else what is wrong: for the log, not for the world."""
_QUERIES = sql.load(Path(__file__).parent / "sql" / "health.sql")
_FRESH_SECONDS = 1.0
_DATABASE_SECONDS = 2.0
_log = structlog.get_logger()


class Report(msgspec.Struct, frozen=True):
    """The answer of ``/healthz``: no addresses, versions or reasons, since anybody may ask."""

    status: Literal["ok", "degraded"]
    parts: dict[str, Literal["ok", "down"]]


class Health:
    """Asks the parts; many who ask at the same time share one answer."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = asyncio.Lock()
        self._problems: dict[str, str | None] = {}
        self._asked_at = float("-inf")

    async def report(self) -> Report:
        """How every part is now, or was less than a second ago."""
        async with self._lock:
            if clock.monotonic() - self._asked_at >= _FRESH_SECONDS:
                await self._ask()
        parts: dict[str, Literal["ok", "down"]] = {name: "down" if why else "ok" for name, why in self._problems.items()}
        return Report("ok" if set(parts.values()) <= {"ok"} else "degraded", parts)

    async def _ask(self) -> None:
        async with asyncio.TaskGroup() as group:
            asked = {name: group.create_task(_guarded(check)) for name, check in self._checks.items()}
        found = {name: task.result() for name, task in asked.items()}
        for name, why in found.items():
            if bool(why) != bool(self._problems.get(name)):
                _log.warning("part_down" if why else "part_back", part=name, why=why)
        self._problems, self._asked_at = found, clock.monotonic()


def checks(settings: Settings, pool: asyncpg.Pool) -> dict[str, Check]:
    """What is asked of each part."""
    return {
        "database": lambda: _database(pool),
        "ami_bridge": probes.bridge_works,
        "acd": lambda: probes.beats("acd"),
        "crm": lambda: probes.beats("crm"),
        "recordings": lambda: probes.beats("recordings"),
        "agi": lambda: probes.answers_a_probe(settings.agi.host, settings.agi.port),
    }


async def _guarded(check: Check) -> str | None:
    try:
        return await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def _database(pool: asyncpg.Pool) -> str | None:
    async with asyncio.timeout(_DATABASE_SECONDS):
        await pool.fetchval(_QUERIES["ping"])
    return None

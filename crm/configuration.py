"""What is set in ``hotline.toml`` is known to the audit log from the moment that it is in force (CFG-08)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from acd.parts import Parts
from hotline import rounds, sql
from hotline.audit import store as audit
from hotline.settings import Settings

_QUERIES = sql.load(Path(__file__).parent / "sql" / "configuration.sql")
_AGAIN_SECONDS = 5.0
_SECRET = frozenset({"database.dsn"})
_log = structlog.get_logger()


async def run(parts: Parts) -> None:
    """Until it is noted; PostgreSQL may come and go."""

    async def work() -> None:
        async with parts.pool.acquire() as connection:
            await note(connection, parts.settings)

    await rounds.until_done(work, "the settings cannot be noted", again=_AGAIN_SECONDS)


async def note(connection: asyncpg.Connection, settings: Settings) -> Mapping[str, Any]:
    """A line when something differs from what was in force before: each key with what it was and is; returns these."""
    now = {
        name: value
        for name, value in _flat("", msgspec.json.decode(msgspec.json.encode(settings))).items()
        if name not in _SECRET
    }
    async with connection.transaction():
        await connection.execute(_QUERIES["one_at_a_time"])
        row = await connection.fetchrow(_QUERIES["last"])
        before = msgspec.json.decode(row["settings"]) if row else {}
        names = sorted(name for name in now | before if now.get(name) != before.get(name))
        changed = {name: [before.get(name), now.get(name)] for name in names}
        if changed:
            detail = {"changed": changed if row else {}, "settings": now}
            await audit.write(connection, "system", "settings.in_force", "settings", detail)
    return changed


def _flat(above: str, value: Any) -> dict[str, Any]:
    """Every key with its path: ``queue.name``; lists are values."""
    if not isinstance(value, dict):
        return {above: value}
    found: dict[str, Any] = {}
    for name, one in value.items():
        found |= _flat(f"{above}.{name}" if above else str(name), one)
    return found

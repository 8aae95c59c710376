"""The entries that a new private database begins with: ``samples.toml``, to be checked and replaced before use (KBA-07)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import asyncpg
import msgspec

from acd.permissions import Person
from crm.knowledge import entries
from crm.knowledge.entry import Content
from crm.knowledge.spoken import QUERIES
from hotline import clock

FILE = Path(__file__).parent / "samples.toml"
_SYSTEM = Person("system", "editor")


def read() -> list[Content]:
    """The samples in the order of the file."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["entries"]
    return msgspec.convert(rows, list[Content], strict=True)


async def put(connection: asyncpg.Connection) -> int:
    """Write and release them where nobody has written any entry yet; how many."""
    async with connection.transaction():
        if await connection.fetchval(QUERIES["any"]):
            return 0
        samples = read()
        for content in samples:
            made = await entries.create(connection, _SYSTEM, content, why="sample")
            if content.valid_to is None or content.valid_to > clock.now():  # one that is over is a draft, and reminds of nothing
                await entries.release(connection, _SYSTEM, made.entry_id, made.version, "sample")
        return len(samples)

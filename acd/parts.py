"""What every part of the process is given."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from hotline.settings import Settings


@dataclass(frozen=True)
class Parts:
    """Settings, connections to the database, and the node that is served."""

    settings: Settings
    pool: asyncpg.Pool
    node: str

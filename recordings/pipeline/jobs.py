"""Jobs in PostgreSQL (pgqueuer): what there is to do with a recording, added in the transaction that makes it so (SEC-15).

A job carries the number of its recording. Of each there is one that waits or runs; messages come before conversations.
"""

from __future__ import annotations

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from recordings.facts import Kind

PRIORITY: dict[Kind, int] = {"message": 10, "conversation": 0}
PROCESS, TRANSCRIBE = "process", "transcribe"


def processing(node: str) -> str:
    """The name under which the worker of this node takes jobs: the file lies on its disk."""
    return f"{PROCESS}:{node}"


def transcribing(node: str, storage: str) -> str:
    """Who transcribes: the node that has the sound on its disk, anybody when it is in a bucket."""
    return TRANSCRIBE if storage == "s3" else f"{TRANSCRIBE}:{node}"


async def add(connection: asyncpg.Connection, entrypoint: str, recording_id: int, kind: Kind) -> None:
    """Add a job, in the transaction of ``connection``; nothing when there is one that waits or runs."""
    await Queries(AsyncpgDriver(connection)).enqueue(
        entrypoint,
        b"%d" % recording_id,
        PRIORITY[kind],
        dedupe_key=f"{entrypoint.partition(':')[0]}:{recording_id}",
        on_conflict="skip",
    )


def recording_of(payload: bytes | None) -> int:
    """The recording of a job; raises ``ValueError``."""
    return int(payload or b"")

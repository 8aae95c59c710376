"""Messages as the recordings worker leaves them in the database, and what a machine heard of them."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import asyncpg

from hotline import clock

NUMBER = "13800000001"
_COUNT = itertools.count(1)


async def leave(
    owner: asyncpg.Connection,
    *,
    number: str = NUMBER,
    kind: str = "message",
    left_at: dt.datetime | None = None,
    stored_at: dt.datetime | None = None,
    quality: str = "",
) -> int:
    """A message of eight seconds, stored as a WAV file; its id."""
    count, now = next(_COUNT), clock.now()
    recording = await owner.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, stored_at, quality)"
        " VALUES ('node1', $1, 'message', $2, $3, 8000, 1, 'x', $4, $5) RETURNING recording_id",
        f"c{count}",
        f"2026/11/22/{count}.wav",
        left_at or now,
        stored_at or now,
        quality,
    )
    found: int = await owner.fetchval(
        "INSERT INTO messages (node, call_id, caller_number, left_at, reason, kind, recording_id)"
        " VALUES ('node1', $1, $2, $3, 'out_of_hours', $4, $5) RETURNING message_id",
        f"c{count}",
        number,
        left_at or now,
        kind,
        recording,
    )
    return found


async def hear(owner: asyncpg.Connection, message: int, text: str, confidence: float = 0.62, state: str = "done") -> None:
    """What the transcription writes."""
    await owner.execute(
        "INSERT INTO transcripts (recording_id, state, engine, model, text, confidence, made_at)"
        " SELECT recording_id, $2, 'vosk', 'test', $3, $4, now() FROM messages WHERE message_id = $1"
        " ON CONFLICT (recording_id) DO UPDATE SET state = $2, text = $3, confidence = $4, made_at = now()",
        message,
        state,
        text,
        confidence,
    )


async def found_to_be(owner: asyncpg.Connection, message: int, quality: str) -> None:
    """What the pipeline finds out about the sound."""
    query = "UPDATE recordings SET quality = $2 WHERE recording_id = (SELECT recording_id FROM messages WHERE message_id = $1)"
    await owner.execute(query, message, quality)


async def row_of(owner: asyncpg.Connection, message: int) -> Any:
    """The message's row of the work list, with its draft."""
    return await owner.fetchrow(
        "SELECT i.*, t.content, t.version, t.channel, t.nature, t.urgent AS ticket_urgent, t.accept_agent, t.made_by,"
        " t.state AS ticket_state FROM message_intake i LEFT JOIN tickets t USING (ticket_id) WHERE message_id = $1",
        message,
    )

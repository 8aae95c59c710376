"""The rows of transcripts: begun, told about, and done in one transaction, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from hotline import sql
from recordings.pipeline import jobs
from recordings.transcription.transcript import Transcript

QUERIES = sql.load(Path(__file__).parent / "sql" / "transcription.sql")
_LONGEST_REASON = 500


class Store:
    """Each method raises what asyncpg raises."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, recording_id: int) -> dict[str, Any] | None:
        """The recording's row, now that it is being transcribed; None: there is nothing to do."""
        row = await self._pool.fetchrow(QUERIES["begin"], recording_id)
        return dict(row) if row else None

    async def progress(self, recording_id: int, seconds: float) -> None:
        """So much of it was heard."""
        await self._pool.execute(QUERIES["progress"], recording_id, seconds)

    async def wait(self, recording_id: int, why: str) -> None:
        """It could not be transcribed this time."""
        await self._pool.fetchval(QUERIES["settle"], recording_id, "waiting", _printable(why))

    async def lack(self, recording_id: int, why: str) -> None:
        """There is no model for it now; who waits for it is told."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(QUERIES["settle"], recording_id, "no_model", _printable(why)):
                await connection.execute(QUERIES["notify"], recording_id)

    async def give_up(self, recording_id: int) -> None:
        """It has failed, for the reason that was written down last; who waits for it is told."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(QUERIES["give_up"], recording_id):
                await connection.execute(QUERIES["notify"], recording_id)

    async def finish(self, recording_id: int, made: Transcript) -> bool:
        """Keep the transcript, all of it or nothing; False: there is one already, or the recording is gone."""
        turns = made.turns
        text = "\n".join(turn.text for turn in turns)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(QUERIES["finish"], recording_id, made.engine, made.model, text, made.confidence):
                return False
            await connection.execute(
                QUERIES["insert_turns"],
                recording_id,
                list(range(1, len(turns) + 1)),
                [turn.track for turn in turns],
                [turn.from_ms for turn in turns],
                [turn.to_ms for turn in turns],
                [turn.text for turn in turns],
                [turn.confidence for turn in turns],
                [msgspec.json.encode(turn.words).decode() for turn in turns],
            )
            await connection.execute(QUERIES["notify"], recording_id)
        return True

    async def resume(self, node: str, storage: str, most: int) -> int:
        """Give jobs to what has none and needs one; returns to how many."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(QUERIES["left_over"], node, most)
            for row in rows:
                await jobs.add(connection, jobs.transcribing(node, storage), row["recording_id"], row["kind"])
            await connection.execute(QUERIES["wait_again"], [row["recording_id"] for row in rows])
        return len(rows)

    async def lacks_model(self) -> bool:
        """Whether something waits for a model."""
        return bool(await self._pool.fetchval(QUERIES["any_left_over"]))


def _printable(why: str) -> str:
    return "".join(one if one.isprintable() else " " for one in why)[:_LONGEST_REASON]

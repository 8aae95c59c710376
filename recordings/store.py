"""The rows: what PostgreSQL knows about calls and recordings, and adding to it, at least once and never twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec

from hotline import database, sql
from recordings import happenings
from recordings.errors import DatabaseAwayError, FileTakenError
from recordings.facts import Call, Kind, Sidecar, Stored, Take
from recordings.manifest import Voice
from recordings.pipeline import jobs

_QUERIES = sql.load(Path(__file__).parent / "sql" / "recordings.sql")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``recordings`` to be; ``file`` is below ``var/recordings``, ``voices`` are named by their telephones."""

    node: str
    call_id: str
    kind: Kind
    file: str
    started_at: dt.datetime | None
    length_ms: int
    channels: int
    sha256: str
    voices: tuple[Voice, ...] = ()


class Store:
    """The queries of this package; each raises ``DatabaseAwayError`` when PostgreSQL is not there."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def calls(self, node: str, call_ids: Iterable[str]) -> dict[str, Call]:
        """The records of these calls, as far as there are any."""
        with _reaching():
            rows = await self._pool.fetch(_QUERIES["calls"], node, list(call_ids))
        return {row["call_id"]: Call(row["call_id"], row["connected_at"], row["ended_at"]) for row in rows}

    async def paused(self, job: Take) -> list[tuple[int, int]]:
        """The stretches of a conversation in which its recording was paused (from, to; milliseconds from its beginning)."""
        began = job.started_at
        if job.sidecar or began is None:
            return []
        with _reaching():
            rows = await self._pool.fetch(_QUERIES["paused"], job.node, job.call_id)
        return [(_since(began, row["paused_at"]), _since(began, row["until"]) + 1) for row in rows]

    async def stored_messages(self, files: Iterable[str]) -> frozenset[str]:
        """Which of these files are messages in the table."""
        with _reaching():
            rows = await self._pool.fetch(_QUERIES["stored_files"], list(files))
        return frozenset(row["file"] for row in rows)

    async def stored_of_call(self, node: str, call_id: str, kind: Kind) -> list[Stored]:
        """What the call already has of this kind, oldest first."""
        with _reaching():
            rows = await self._pool.fetch(_QUERIES["stored_of_call"], node, call_id, kind)
        return [Stored(row["recording_id"], row["file"], row["sha256"], row["taken_away_at"]) for row in rows]

    async def add(self, row: Row, sidecar: Sidecar | None = None) -> None:
        """Add a recording, its job, and its message when there is a ``sidecar``, in one transaction; again changes nothing.

        Raises ``FileTakenError``.
        """
        with _reaching():
            async with self._pool.acquire() as connection, connection.transaction():
                voices = await happenings.named(
                    connection, row.node, row.call_id, [(one, _began(row, one)) for one in row.voices]
                )
                fields = msgspec.structs.astuple(row)[:-1]
                await connection.execute(_QUERIES["insert_recording"], *fields, msgspec.json.encode(voices).decode())
                there = await connection.fetchrow(_QUERIES["recording_of_file"], row.node, row.file)
                if (there["call_id"], there["sha256"]) != (row.call_id, row.sha256):
                    raise FileTakenError(f"{row.file}: belongs to call {there['call_id']} already")
                await jobs.add(connection, jobs.processing(row.node), there["recording_id"], row.kind)
                if sidecar:
                    await connection.execute(
                        _QUERIES["insert_message"],
                        row.node,
                        row.call_id,
                        sidecar.caller_number,
                        sidecar.started_at,
                        sidecar.reason,
                        sidecar.kind,
                        there["recording_id"],
                    )


def _since(began: dt.datetime, at: dt.datetime) -> int:
    """Milliseconds, rounded down."""
    return (at - began) // dt.timedelta(milliseconds=1)


def _began(row: Row, voice: Voice) -> dt.datetime | None:
    """When a voice began."""
    return row.started_at + dt.timedelta(milliseconds=voice.from_ms) if row.started_at else None


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except database.AWAY as error:
        if not database.is_away(error):
            raise
        raise DatabaseAwayError(f"{type(error).__name__}: {error}") from error

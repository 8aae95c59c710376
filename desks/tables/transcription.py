"""How far transcription is (CH-13): what waits, how fast it goes, when it will be done."""

from __future__ import annotations

from acd.permissions import Person
from desks.desk import Ask, Route
from desks.ordering import ordered
from recordings.transcription import progress
from recordings.transcription.progress import Progress


async def backlog(ask: Ask, person: Person) -> Progress:
    """``GET /api/transcription``: counts and hours, nothing of what was said."""
    del person
    async with ask.parts.pool.acquire() as connection:
        return await progress.look(connection, progress.workers(ask.parts.settings.transcription))


ROUTES: tuple[Route, ...] = (
    ordered(
        "GET", "/api/transcription", backlog, "transcript.backlog", ("转写进度", "How far transcription is"), answer=Progress
    ),
)

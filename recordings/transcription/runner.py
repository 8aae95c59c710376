"""Transcribing one recording after another, as jobs ask for it, and finding what was left over (CH-13, ARC-09).

A job may be cut off anywhere and is done again: the transcript and its turns are written in one transaction, once. Without a
usable model a recording is marked ``no_model``, its job is done, and it gets another one as soon as there is a model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from hotline import database
from hotline.errors import HotlineError
from hotline.waiting import within
from recordings.errors import NoModelError, StoppedError, TranscriberError
from recordings.transcription import turns
from recordings.transcription.sound import Sides
from recordings.transcription.store import Store
from recordings.transcription.transcribers import Heard, Transcribers

ROUND_SECONDS = 20.0
_TELL_SECONDS = 5.0
_ATTEMPTS = 2
_BATCH = 200
_SILENT = frozenset(("empty", "silent", "fax"))
"""Recordings of these qualities hold no words: an engine would make some up."""
_log = structlog.get_logger()


class Runner:
    """``open_sides``: the samples of each side of a recording (``sound.sides``); ``storage``: where this node keeps them."""

    def __init__(
        self,
        store: Store,
        transcribers: Transcribers,
        open_sides: Callable[[Mapping[str, Any]], Awaitable[Sides]],
        *,
        node: str,
        storage: str,
    ) -> None:
        self._store, self._transcribers, self._open_sides = store, transcribers, open_sides
        self._node, self._storage = node, storage
        self._is_stopping = False

    async def process(self, recording_id: int) -> None:
        """Transcribe one recording; nothing when it is done already, or not to be.

        What it raises, ``pipeline.queue`` understands: it is done again after a while, and ``damaged`` when that was in vain.
        """
        row = await self._store.begin(recording_id)
        if row is None:
            return
        try:
            await self._transcribe(row)
        except NoModelError as error:
            await self._store.lack(recording_id, str(error))
        except (HotlineError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            database.stop_if_cancelled()
            with suppress(*database.TROUBLE):
                await self._store.wait(recording_id, f"{type(error).__name__}: {error}")
            if self._is_stopping:
                raise StoppedError("the worker was told to end") from error
            raise

    async def damaged(self, recording_id: int) -> None:
        """It was tried often enough: it has failed, until somebody has it tried again."""
        await self._store.give_up(recording_id)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``: look after the processes, and for what was left over. At the end what is being heard is cut off."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end(stop))
            is_failing = False
            while not stop.is_set():
                self._transcribers.tidy()
                try:
                    await self.resume()
                    is_failing = False
                except database.TROUBLE as error:
                    database.stop_if_cancelled()
                    if not is_failing:
                        _log.warning("left_over_transcripts", why=str(error) or type(error).__name__)
                    is_failing = True
                with suppress(TimeoutError):
                    await within(stop.wait(), ROUND_SECONDS)

    async def _end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._is_stopping = True
        self._transcribers.close()

    async def resume(self) -> int:
        """Give what was left over a job; of what waits for a model only when there is one that can be loaded. How many did."""
        if await self._store.lacks_model() and await self._transcribers.usable():
            return 0
        count = await self._store.resume(self._node, self._storage, _BATCH)
        if count:
            _log.info("transcripts_resumed", count=count)
        return count

    async def _transcribe(self, row: Mapping[str, Any]) -> None:
        recording_id = row["recording_id"]
        if row["quality"] in _SILENT:
            await self._store.finish(recording_id, turns.transcript("", "", {}))
            return
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                heard = await self._heard(row)
                break
            except TranscriberError as error:
                _log.warning("transcriber_lost", recording_id=recording_id, attempt=attempt, why=str(error))
                if attempt == _ATTEMPTS or self._is_stopping:
                    raise
        made = await asyncio.to_thread(turns.transcript, heard.model.engine, heard.model.name, heard.sides)
        if await self._store.finish(recording_id, made):
            _log.info("transcribed", recording_id=recording_id, turns=len(made.turns), confidence=round(made.confidence, 2))

    async def _heard(self, row: Mapping[str, Any]) -> Heard:
        """While it is heard, the row tells how far it is."""
        sides = await self._open_sides(row)
        progress = _Progress(len(sides))
        outcome: Heard | Exception
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(self._tell(row["recording_id"], progress))
            try:
                outcome = await self._transcribers.hear(sides, progress.note)
            except Exception as error:
                outcome = error
            finally:
                telling.cancel()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _tell(self, recording_id: int, progress: _Progress) -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            try:
                await self._store.progress(recording_id, progress.seconds)
            except database.TROUBLE:
                database.stop_if_cancelled()


class _Progress:
    """Seconds of the recording: each side is as long as it."""

    def __init__(self, sides: int) -> None:
        self._sides = sides
        self.seconds = 0.0

    def note(self, seconds: float) -> None:
        """Of all sides together."""
        self.seconds = seconds / self._sides

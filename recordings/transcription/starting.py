"""What the settings mean for transcription: which model, how many processes, where the sound is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import asyncpg

from hotline import models, paths
from hotline.settings import Settings
from recordings.pipeline import jobs
from recordings.pipeline.queue import Line
from recordings.storage import opening
from recordings.storage.opening import Storages
from recordings.transcription import progress, sound
from recordings.transcription.runner import Runner
from recordings.transcription.sound import Sides
from recordings.transcription.store import Store
from recordings.transcription.transcribers import Transcribers


def transcribers(settings: Settings) -> Transcribers:
    """No process is started before there is something to hear."""
    return Transcribers(partial(models.find, settings.transcription), progress.workers(settings.transcription))


async def run(settings: Settings, dsn: str, pool: asyncpg.Pool, stop: asyncio.Event) -> None:
    """Transcribe what this node is to, until ``stop`` is set; what is being heard then is done again after the next start."""
    node, storage = settings.asterisk.node, settings.recordings.storage
    work = runner(settings, pool, transcribers(settings))
    line = Line(
        dsn,
        node,
        work,
        workers=progress.workers(settings.transcription),
        entrypoint=jobs.transcribing(node, storage),
        is_shared=storage == "s3",
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work.run(stop))
        tasks.create_task(line.run(stop))


def runner(settings: Settings, pool: asyncpg.Pool, transcribers: Transcribers) -> Runner:
    """Of this node."""
    storages = Storages(settings)
    root = paths.var() / "recordings"

    async def open_sides(row: Mapping[str, Any]) -> Sides:
        keyring = None if row["state"] == "taken_in" else await opening.keyring(pool)
        return sound.sides(row, root, storages, keyring)

    return Runner(Store(pool), transcribers, open_sides, node=settings.asterisk.node, storage=settings.recordings.storage)

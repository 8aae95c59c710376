"""The expected wait that a waiting caller hears (the queue's periodic announcement): written anew every half minute.

One sound per language, ``wait-estimate``, joined from installed prompts; silence while nothing honest can be said: too few
callers, PostgreSQL away, a prompt missing.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import structlog

from agi import lookup
from hotline import database, paths, sounds
from ivr_flows import saying

NAME = "wait-estimate"
BEGINNING = "wait-estimate-begin"
EVERY_SECONDS = 30.0
LONGEST_MINUTES = 60
"""Longer than this nobody is told: it is not an estimate any more."""
_log = structlog.get_logger("agi")


async def run(pool: asyncpg.Pool) -> None:
    """Renew the sounds until cancelled; then nobody keeps them true, so they fall silent."""
    try:
        while True:
            await renew(pool)
            await asyncio.sleep(EVERY_SECONDS)
    finally:
        _write(None)


async def renew(pool: asyncpg.Pool) -> None:
    """Write what the last half hour allows to say. A full disk or a database that is away is no reason to end."""
    minutes = None
    try:
        minutes = await lookup.wait_minutes(pool)
    except (*database.AWAY, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        _log.warning("the wait cannot be told", why=f"{type(error).__name__}: {error}")
    await asyncio.to_thread(_write, minutes)


def joined(folder: Path, language: str, minutes: int | None) -> bytes:
    """The linear samples of the whole announcement from the installed prompts of ``folder``, or silence."""
    if minutes is None or minutes > LONGEST_MINUTES:
        return sounds.SILENCE
    names = (BEGINNING, *saying.say("minutes", str(minutes), language))
    try:
        return b"".join(sounds.samples(folder / f"{name}.wav") for name in names)
    except (OSError, sounds.UnfitRecording) as error:
        _log.error("the wait cannot be told", language=language, why=str(error))
        return sounds.SILENCE


def _write(minutes: int | None) -> None:
    """The sound of each language, in the formats that Asterisk plays."""
    for language, place in sounds.PLACES.items():
        folder = paths.var() / "asterisk" / place
        if language == "music" or not folder.is_dir():
            continue
        try:
            sounds.put(folder, NAME, joined(folder, language, minutes))
        except OSError as error:
            _log.error("the wait cannot be written", language=language, why=str(error))

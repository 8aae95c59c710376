"""What entries are in the telephone menu: the tree of articles (IVR-05) and announcements before the queue (IVR-33, KBA-03).

Rows of ``spoken_articles`` and ``announcements`` that have an ``entry_id`` are the knowledge base's, and change in the
transaction that changes the entry. Rows without one are the directory's (``hotline directory import``), which leaves ours alone,
as we leave its rows; an entry may stand in a folder of the directory.
"""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from crm.errors import RefusedError
from crm.knowledge.entry import Content, is_valid
from hotline import paths, sounds, sql

QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "knowledge.sql")
Why = Literal["", "not_for_telephone", "no_code", "no_recording", "not_valid_now"]


class Spoken(msgspec.Struct, frozen=True):
    """Whether callers hear it; if not, why; ``silent``: recordings that are missing."""

    is_spoken: bool
    why: Why = ""
    silent: tuple[str, ...] = ()


async def keep(connection: asyncpg.Connection, entry_id: uuid.UUID, content: Content | None, by: str, now: dt.datetime) -> Spoken:
    """Bring the menu in step with an entry; None: it is not in force. Inside of a transaction.

    Raises ``RefusedError``: ``menu_place_taken``, ``unknown_menu_folder``, ``menu_folder_in_use``.
    """
    spoken = Spoken(False, "not_for_telephone") if content is None else judged(content, now)
    if content is not None and content.kind == "announcement":
        await _announce(connection, entry_id, content, by, spoken)
        await _silence(connection, entry_id, "")
    else:
        await connection.execute(QUERIES["stop_announcing"], entry_id)
        await _silence(connection, entry_id, content.code if content is not None and spoken.is_spoken else "")
        if content is not None and spoken.is_spoken:
            await _speak(connection, entry_id, content)
    return spoken


def judged(content: Content, now: dt.datetime) -> Spoken:
    """Whether callers can hear it. An announcement of later is put down now, with its times."""
    if not content.for_ivr or content.secret:
        return Spoken(False, "not_for_telephone")
    is_announcement = content.kind == "announcement"
    if not is_announcement and not content.code:
        return Spoken(False, "no_code")
    wanted = content.prompts if is_announcement else (f"kb/{content.code}-title", *content.prompts)
    silent = tuple(name for name in wanted if not _is_recorded(name))
    if silent or not content.prompts:
        return Spoken(False, "no_recording", silent)
    is_over = content.valid_to is not None and content.valid_to <= now
    return Spoken(True) if (is_announcement and not is_over) or is_valid(content, now) else Spoken(False, "not_valid_now")


def _is_recorded(name: str) -> bool:
    """Whether there is such a recording, ours or the city's, in any language."""
    places = [folder / language for folder in (sounds.OURS, paths.var() / "prompts") for language in sounds.LANGUAGES]
    return any((place / f"{name}.wav").is_file() for place in places)


async def _announce(connection: asyncpg.Connection, entry_id: uuid.UUID, content: Content, by: str, spoken: Spoken) -> None:
    if not spoken.is_spoken:
        await connection.execute(QUERIES["stop_announcing"], entry_id)
        return
    prompts = ",".join(content.prompts)
    await connection.execute(QUERIES["announce"], prompts, content.valid_from, content.valid_to, content.title, by, entry_id)


async def _silence(connection: asyncpg.Connection, entry_id: uuid.UUID, code: str) -> None:
    """Take its article away unless it stays under this code."""
    row = await connection.fetchrow(QUERIES["menu_row"], entry_id)
    if row is None or row["code"] == code:
        return
    if row["has_children"]:
        raise RefusedError("menu_folder_in_use", menu_code=row["code"])
    await connection.execute(QUERIES["be_silent"], entry_id)


async def _speak(connection: asyncpg.Connection, entry_id: uuid.UUID, content: Content) -> None:
    problem = await connection.fetchval(QUERIES["menu_problem"], content.code, content.folder, content.key, entry_id)
    if problem:
        raise RefusedError(problem, menu_code=content.code, folder=content.folder, key=content.key)
    prompts = ",".join(content.prompts)
    text = content.answer or content.body
    await connection.execute(
        QUERIES["speak"], content.code, content.folder, content.key, content.title, text, prompts, content.document, entry_id
    )

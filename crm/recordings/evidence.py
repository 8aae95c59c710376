"""The sound within the evidence about a ticket: as it is stored, byte for byte, with its hash (CAL-09, IVR-13)."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
import zipfile

import msgspec

from crm.errors import RefusedError
from crm.recordings import hearing, rows
from crm.recordings.hearing import Asked
from crm.recordings.rows import QUERIES, Found
from crm.tickets.work import Work
from recordings.errors import RecordingsError
from recordings.playback.playing import Source


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of the ticket: its name in the archive and its SHA-256, or why it is not there. ``play``: in the play log."""

    recording_id: int
    name: str = ""
    sha256: str = ""
    play: int = 0
    missing: str = ""


async def pack(work: Work, ticket_id: int, archive: zipfile.ZipFile) -> list[Packed]:
    """Put every recording of the ticket into the archive; what is deleted or cannot be read is told.

    Refused: ``not_allowed`` (``recording.download``).
    """
    ids = [row["recording_id"] for row in await work.connection.fetch(QUERIES["of_ticket"], ticket_id)]
    asked = Asked(takes_away=True, reason="evidence")
    return [await _packed(work, await rows.find(work, one, asked.right, asked.reason), asked, archive) for one in ids]


async def _packed(work: Work, found: Found, asked: Asked, archive: zipfile.ZipFile) -> Packed:
    recording_id = found.row["recording_id"]
    try:
        rows.check_there(found)
        found, source = await hearing.sound_of(work, found, asked.right, asked.reason)
    except RefusedError as refused:
        return Packed(recording_id=recording_id, missing=str(refused.details.get("why", refused.code)))
    name = f"recordings/{recording_id}.{source.form}"
    try:
        digest = await asyncio.to_thread(_copied, source, archive, name)
    except (RecordingsError, OSError) as error:
        return Packed(recording_id=recording_id, missing=type(error).__name__)
    finally:
        source.close()
    play = await hearing.written_down(work, found, asked, (0, source.length_ms))
    return Packed(recording_id=recording_id, name=name, sha256=digest, play=play)


def _copied(source: Source, archive: zipfile.ZipFile, name: str) -> str:
    """Its SHA-256. It is put together aside first: an archive gives nothing back, and half a sound is no evidence."""
    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as whole:
        for piece in source.pieces():
            digest.update(piece)
            whole.write(piece)
        whole.seek(0)
        with archive.open(name, "w", force_zip64=True) as member:
            shutil.copyfileobj(whole, member)
    return digest.hexdigest()

"""One recording: from the WAV file that was taken in to the sealed one (QUA-01, SEC-15).

Hear, encode, seal, put, one transaction, delete the plain file. Until the transaction nothing is changed that a second attempt
does not make anew under the same names; after it only plain files are left to delete. So it can be cut off anywhere. One
worker alone works on the files of a node (``recordings.worker.lock``).
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from hotline import clock, durable
from hotline.settings import Settings
from recordings import ffmpeg, happenings
from recordings.database import reaching
from recordings.errors import ConversionError
from recordings.files import SET_ASIDE
from recordings.manifest import Manifest, Quality
from recordings.pipeline import jobs, sound
from recordings.pipeline.commands import QUERIES
from recordings.pipeline.sound import Heard, Wanted
from recordings.storage import envelope, keys, opening, port, sealed
from recordings.storage.errors import StorageError
from recordings.storage.keys import Keyring
from recordings.storage.opening import Storages
from recordings.storage.sound import Stored

WORK = "work"
"""The folder below ``var/recordings`` for what is half done; emptied at each start."""
_NOTHING_SAID = ("empty", "silent", "fax")
_LENGTHS_DIFFER_MS = 100
_log = structlog.get_logger()


class Processor:
    """Works on the recordings below ``var``; ``is_wanted`` turns false when it is to end."""

    def __init__(self, var: Path, pool: asyncpg.Pool, settings: Settings, is_wanted: Wanted = lambda: True) -> None:
        self._root, self._pool, self._is_wanted = var / "recordings", pool, is_wanted
        self._recordings, self._transcription = settings.recordings, settings.transcription
        self._storages = Storages(settings)

    def prepare(self) -> None:
        """Empty the folder for what is half done; raises ``OSError``."""
        for name in (WORK, SET_ASIDE):
            (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in (self._root / WORK).iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()

    async def sweep(self) -> None:
        """Delete sealed drafts that a worker which was killed left in the folder of recordings; a folder that is away is left."""
        try:
            swept = await asyncio.to_thread(opening.local_storage(self._recordings.folder).sweep)
        except (StorageError, OSError) as error:
            _log.warning("not_swept", why=str(error))
        else:
            if swept:
                _log.info("swept", drafts=swept)

    async def process(self, recording_id: int) -> None:
        """Do it, or what is left of it; raises ``RecordingsError``s, ``OSError``, ``asyncpg``'s errors."""
        with reaching():
            async with self._pool.acquire() as connection:
                row = await connection.fetchrow(QUERIES["recording"], recording_id)
                is_open = row is not None and row["state"] == "taken_in"
                manifest = await happenings.describe(connection, recording_id) if is_open else None
        if row is None:
            return
        quality = await self._store(row, manifest) if manifest else row["quality"]
        await asyncio.to_thread(self._clear, row, is_damaged=quality == "damaged")

    async def damaged(self, recording_id: int) -> None:
        """Nothing can be made of it: say so to whoever waits for it; the file stays."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(QUERIES["mark_damaged"], recording_id)
            await connection.execute(QUERIES["notify"], f"damaged:{recording_id}")

    async def _store(self, row: Mapping[str, Any], manifest: Manifest) -> Quality:
        with reaching():
            keyring = await opening.keyring(self._pool)
        heard = await asyncio.to_thread(self._hear, row, manifest)
        complete = await asyncio.to_thread(self._encode, row, heard)
        stored = await asyncio.to_thread(self._put, row, complete, keyring)
        with reaching():
            await self._index(row, complete, heard.peaks, stored)
        _log.info("stored", recording=row["recording_id"], quality=complete.quality, bytes=complete.sound_bytes)
        return complete.quality

    def _hear(self, row: Mapping[str, Any], manifest: Manifest) -> Heard:
        port.sound_name(row["file"])  # nothing outside the folder
        wav, level = self._root / row["file"], self._recordings.level
        return sound.hear(wav, manifest, channels=row["channels"], level=level, is_wanted=self._is_wanted)

    def _encode(self, row: Mapping[str, Any], heard: Heard) -> Manifest:
        """The Opus file in the work folder, and what it is."""
        wav, opus = self._root / row["file"], self._half_done(row, "opus")
        if not heard.is_whole:
            wav = self._half_done(row, "wav")
            sound.mend(self._root / row["file"], wav, heard.shape)
        gains = [level.gain for level in heard.manifest.levels]
        ffmpeg.encode(wav, opus, kilobits=self._recordings.kilobits, gains=gains, is_wanted=self._is_wanted)
        if abs(ffmpeg.length_ms(opus) - heard.shape.length_ms) > _LENGTHS_DIFFER_MS:
            raise ConversionError(f"{opus.name}: ffmpeg made {ffmpeg.length_ms(opus)} ms of {heard.shape.length_ms} ms")
        with opus.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return msgspec.structs.replace(heard.manifest, sound_sha256=digest, sound_bytes=opus.stat().st_size)

    def _put(self, row: Mapping[str, Any], manifest: Manifest, keyring: Keyring) -> Stored:
        """Seal it with a key of its own and put it, and its envelope, where the settings say."""
        name, key = port.sound_name(row["file"]), keys.data_key()
        plain, closed = self._half_done(row, "opus"), self._half_done(row, "sealed")
        size, digest = sealed.seal(plain, closed, key, name)
        key_id, wrapped = keyring.wrap(key, name)
        stored = Stored(
            storage=self._storages.chosen,
            object=name,
            object_bytes=size,
            object_sha256=digest,
            key_id=key_id,
            wrapped_key=wrapped,
        )
        storage = self._storages[stored.storage]
        storage.put(name, closed)
        storage.put_bytes(port.envelope_name(name), envelope.made(stored, key, manifest))
        return stored

    async def _index(self, row: Mapping[str, Any], manifest: Manifest, peaks: bytes, stored: Stored) -> None:
        """The row, the transcript that is to be and its job, and the word of it, all or nothing."""
        recording_id, now = row["recording_id"], clock.now()
        where = msgspec.structs.astuple(stored)
        values = (recording_id, manifest.quality, msgspec.json.encode(manifest), peaks, *where, now)
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(QUERIES["store"], *values) is None:
                return
            await announce(connection, recording_id, manifest, stored.storage, conversations=self._transcription.conversations)

    def _clear(self, row: Mapping[str, Any], *, is_damaged: bool) -> None:
        """Delete what is plain; a file that was damaged is set aside instead, so that it can be looked at."""
        for ending in ("opus", "sealed", "wav"):
            self._half_done(row, ending).unlink(missing_ok=True)
        port.sound_name(row["file"])  # nothing outside the folder
        wav = self._root / row["file"]
        if not wav.exists():
            return
        if is_damaged:
            wav.rename(self._root / SET_ASIDE / f"{wav.stem}~{row['recording_id']}.wav")
        else:
            wav.unlink()
        durable.flush(wav.parent)

    def _half_done(self, row: Mapping[str, Any], ending: str) -> Path:
        return self._root / WORK / f"{row['recording_id']}.{ending}"


async def announce(
    connection: asyncpg.Connection, recording_id: int, manifest: Manifest, storage: str, *, conversations: bool
) -> None:
    """Of a recording that is stored now: its transcript that is to be, the job for it, and the word of it."""
    if manifest.kind == "message" or conversations:
        is_empty = manifest.quality in _NOTHING_SAID
        state = ("done", clock.now()) if is_empty else ("waiting", None)
        await connection.execute(QUERIES["ask_for_transcript"], recording_id, *state)
        if not is_empty:
            await jobs.add(connection, jobs.transcribing(manifest.node, storage), recording_id, manifest.kind)
    await connection.execute(QUERIES["notify"], f"stored:{recording_id}")

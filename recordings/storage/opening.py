"""What the settings mean: the storages there are, and the keys of this installation."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from hotline import paths, sql
from hotline.settings import Settings
from recordings.storage import keys
from recordings.storage.errors import LostKeyError, StorageError
from recordings.storage.keys import Keyring
from recordings.storage.local import LocalStorage
from recordings.storage.port import Kind, Storage
from recordings.storage.s3 import s3_storage

QUERIES = sql.load(Path(__file__).parent / "sql" / "storage.sql")


class Storages:
    """By kind, ``local`` and ``s3``: a recording stays where it was put when the settings choose another kind for new ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.recordings
        self.chosen: Kind = settings.recordings.storage
        self._open: dict[str, Storage] = {}

    def __getitem__(self, kind: str) -> Storage:
        """Raises ``StorageError``: there is no such kind, or it is not set up."""
        if kind not in ("local", "s3"):
            raise StorageError(f"there is no storage {kind!r}")
        if kind not in self._open:
            self._open[kind] = s3_storage(self._settings) if kind == "s3" else local_storage(self._settings.folder)
        return self._open[kind]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Those that are set up."""
        return ("local", "s3") if self._settings.s3_url else ("local",)


def local_storage(folder: str) -> LocalStorage:
    """The folder of the settings; empty: below ``var``, and made when it is missing."""
    if not folder:
        return LocalStorage(paths.var() / "recordings" / "stored")
    return LocalStorage(Path(folder), must_exist=True)


async def keyring(pool: asyncpg.Pool) -> Keyring:
    """The keys; made when nothing has ever been sealed. Raises ``LostKeyError``, ``KeysError``."""
    file = keys.path()
    if not file.exists():
        sealed = await pool.fetchval(QUERIES["any_sealed"])
        if sealed or await asyncio.to_thread(_any_object):
            raise LostKeyError(
                f"{file} is missing, and there are sealed recordings: bring it back from its backup, or from the machine that"
                " sealed them; no new key is made in its place"
            )
        await asyncio.to_thread(keys.make, file)
    return Keyring(file)


def _any_object() -> bool:
    folder = paths.var() / "recordings" / "stored"
    return folder.is_dir() and next(LocalStorage(folder).names(), None) is not None

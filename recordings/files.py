"""The disk: listing the folders, copying audio into place, moving and deleting. Blocking; the worker calls it in a thread.

Every step can be cut off and done again: a copy grows under a hidden name, is flushed, and gets its name in one rename.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from recordings import audio
from recordings.audio import Shape
from recordings.errors import ChangedError, DiskFullError, SidecarError
from recordings.facts import Entry, Folder, Sidecar, Take
from recordings.intake import read_sidecar

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIECE = 1 << 20
_LARGEST_SIDECAR = 65536
SET_ASIDE = "set-aside"


class Draft(msgspec.Struct, frozen=True):
    """A finished copy that has no name yet, a WAV file with this SHA-256."""

    part: Path
    shape: Shape
    sha256: str


class Disk:
    """Everything below ``root`` (``var/recordings``)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folders that are missing."""
        for name in (*Folder, SET_ASIDE):
            (self.root / name).mkdir(mode=0o750, parents=True, exist_ok=True)

    def scan(self, folder: Folder) -> list[Entry]:
        """What lies in ``folder`` now; links are seen as links."""
        found = []
        with os.scandir(self.root / folder) as entries:
            for entry in entries:
                try:
                    seen = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                modified = dt.datetime.fromtimestamp(seen.st_mtime, dt.UTC)
                found.append(Entry(entry.name, seen.st_size, modified, stat.S_ISREG(seen.st_mode)))
        return found

    def sidecar(self, stem: str) -> Sidecar | str:
        """The sidecar of a message, or why it cannot be used."""
        try:
            with self._open(Folder.INBOX, f"{stem}.json") as file:
                return read_sidecar(file.read(_LARGEST_SIDECAR))
        except (SidecarError, OSError) as error:
            return str(error)

    def draft(self, job: Take) -> Draft:
        """Copy the job's audio, behind a whole header, to a hidden file beside its target.

        Raises ``UnusableError``s, ``ChangedError`` when the file is not as it was listed, ``DiskFullError``,
        ``FileNotFoundError``.
        """
        target = self.root / job.file
        part = target.with_name(f".{target.name}.part")
        with self._open(job.folder, job.source) as source:
            if os.fstat(source.fileno()).st_size != job.size:
                raise ChangedError(f"{job.source}: it has grown since it was listed")
            shape = audio.message_shape(source.read(audio.HEAD), job.size) if job.sidecar else audio.raw_shape(job.size)
            with _room():
                target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                return Draft(part, shape, _copy(source, shape, part))

    def name(self, draft: Draft, file: str) -> None:
        """Give the copy its name below ``root``, for good; a copy that already has it is replaced by the same."""
        target = self.root / file
        with _room():
            draft.part.replace(target)
            folders = [target.parent, *(f for f in target.parents if f.is_relative_to(self.root))]
            for folder in dict.fromkeys(folders):
                _flush_folder(folder)

    def drop(self, draft: Draft) -> None:
        """Delete a copy that is not needed."""
        draft.part.unlink(missing_ok=True)

    def holds(self, file: str, draft: Draft) -> bool:
        """Whether ``file`` is already there with the copy's length."""
        try:
            return (self.root / file).stat().st_size == draft.part.stat().st_size
        except FileNotFoundError:
            return False

    def forget(self, folder: Folder, name: str, size: int | None = None) -> None:
        """Delete what has been taken in; raises ``ChangedError`` when it is longer than ``size`` by now."""
        path = self.root / folder / name
        if size is not None and path.lstat().st_size != size:
            raise ChangedError(f"{name}: it has grown after it was taken in")
        path.unlink()

    def set_aside(self, folder: Folder, name: str) -> str:
        """Move a file to ``set-aside`` under a name that is free there; returns that name."""
        source, number = self.root / folder / name, 1
        chosen = self.root / SET_ASIDE / name
        while os.path.lexists(chosen):
            number += 1
            chosen = self.root / SET_ASIDE / f"{source.stem}~{number}{source.suffix}"
        with _room():
            source.rename(chosen)
        return chosen.name

    def _open(self, folder: Folder, name: str) -> BinaryIO:
        """A regular file of ``folder``, never through a link."""
        descriptor = os.open(self.root / folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        return os.fdopen(descriptor, "rb")


def write_whole(path: Path, content: bytes) -> None:
    """Replace a small file in one step; it survives neither power loss nor needs to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _copy(source: BinaryIO, shape: Shape, part: Path) -> str:
    """Write header and audio to ``part``, flush it to the disk; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    source.seek(shape.offset)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for piece in _pieces(source, shape):
                digest.update(piece)
                _write_all(file, piece)
            os.fsync(file.fileno())
    except OSError:
        part.unlink()  # half a copy on a full disk helps nobody
        raise
    return digest.hexdigest()


def _write_all(file: FileIO, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


def _pieces(source: BinaryIO, shape: Shape) -> Iterator[bytes]:
    yield audio.wav_header(shape)
    left = shape.size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise ChangedError("the file became shorter while it was read")
        left -= len(piece)
        yield piece


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _room() -> Iterator[None]:
    """Turn "no space left" into ``DiskFullError``."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(f"no room left on the disk of the recordings: {error}") from error
        raise

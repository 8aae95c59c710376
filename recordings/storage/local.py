"""Sealed recordings in a folder of this machine: ``recordings.folder`` of the settings, or ``var/recordings/stored``.

An object grows under a hidden name, is flushed, and gets its name in one rename; no link is followed below the folder.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hotline import clock
from recordings.errors import DiskFullError
from recordings.storage import port
from recordings.storage.errors import BadNameError, NotStoredError, StorageAwayError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LINKS = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}
_PART = ".part"
_ABANDONED = dt.timedelta(days=1)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LocalStorage:
    """``folder`` is made when it is missing; one that was configured must be there (it may be a disk that is not mounted)."""

    def __init__(self, folder: Path, *, must_exist: bool = False) -> None:
        self.folder, self._must_exist = folder, must_exist

    def put(self, name: str, source: Path) -> None:
        """See ``port.Storage``."""
        with source.open("rb") as plain:
            self._put(name, lambda out: shutil.copyfileobj(plain, out, 1 << 20))

    def put_bytes(self, name: str, content: bytes) -> None:
        """See ``port.Storage``."""
        self._put(name, lambda out: out.write(content))

    def read(self, name: str, start: int, count: int) -> bytes:
        """See ``port.Storage``."""
        with self._open(name) as file:
            file.seek(start)
            return file.read(count)

    def size(self, name: str) -> int:
        """See ``port.Storage``."""
        with self._open(name) as file:
            return os.fstat(file.fileno()).st_size

    def delete(self, name: str) -> None:
        """See ``port.Storage``."""
        with suppress(NotStoredError), self._parent(name) as parent:
            with suppress(FileNotFoundError):
                os.unlink(name.rpartition("/")[2], dir_fd=parent)
            os.fsync(parent)

    def names(self) -> Iterator[str]:
        """See ``port.Storage``."""
        with _errors("the list of objects", self.folder):
            self._root_is_there()
            for folder, folders, files in os.walk(self.folder, onerror=_raised, followlinks=False):
                folders.sort()
                below = Path(folder).relative_to(self.folder).as_posix()
                yield from (name for file in sorted(files) if port.is_name(name := f"{below}/{file}"))

    def sweep(self) -> int:
        """Delete what a process that died left half done a day ago or longer; returns how many. Raises ``StorageAwayError``."""
        before, swept = (clock.now() - _ABANDONED).timestamp(), 0
        if not self.folder.is_dir():
            return 0
        with _errors("what is half done", self.folder):
            for folder, _, files, here in os.fwalk(self.folder, onerror=_raised, follow_symlinks=False):
                below = Path(folder).relative_to(self.folder).as_posix()
                for file in files:
                    if file.startswith(".") and file.endswith(_PART) and port.is_name(f"{below}/{file[1 : -len(_PART)]}"):
                        swept += _swept(here, file, before)
        return swept

    def _put(self, name: str, fill: Callable[[BinaryIO], object]) -> None:
        """What a process that died left half done is written over when its job is done again."""
        last = name.rpartition("/")[2]
        draft, flags = f".{last}{_PART}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with room(), self._parent(name, make=True) as parent:
            descriptor = os.open(draft, flags, 0o600, dir_fd=parent)
            try:
                with os.fdopen(descriptor, "wb") as out:
                    fill(out)
                    out.flush()
                    os.fsync(descriptor)
                os.rename(draft, last, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=parent)
                raise
            os.fsync(parent)

    def _open(self, name: str) -> BinaryIO:
        with self._parent(name) as parent:
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.fdopen(os.open(name.rpartition("/")[2], flags, dir_fd=parent), "rb")
            except FileNotFoundError:
                raise NotStoredError(f"{name} is not in {self.folder}") from None
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                file.close()
                raise BadNameError(f"{name} in {self.folder} is not a file")
            return file

    @contextmanager
    def _parent(self, name: str, *, make: bool = False) -> Iterator[int]:
        """The folder of an object, from the root on, never through a link."""
        port.checked(name)
        with _errors(name, self.folder), ExitStack() as opened:
            self._root_is_there()
            here = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, here)
            for part in name.split("/")[:-1]:
                if make:
                    _make(here, part)
                here = os.open(part, _FOLDER, dir_fd=here)
                opened.callback(os.close, here)
            yield here

    def _root_is_there(self) -> None:
        if self.folder.is_dir():
            return
        if self._must_exist:
            raise StorageAwayError(f"the folder of recordings {self.folder} is not there: is its disk mounted?")
        with room():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make(folder: int, name: str) -> None:
    """A folder within a folder, if it is missing, for good."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
        os.fsync(folder)


def _swept(folder: int, draft: str, before: float) -> bool:
    """Whether it was a file, and old, and is gone."""
    with suppress(FileNotFoundError):
        found = os.stat(draft, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_mtime < before:
            os.unlink(draft, dir_fd=folder)
            return True
    return False


def _raised(error: OSError) -> None:
    """A folder that cannot be listed is not an empty one; one that has just gone is."""
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _errors(name: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotStoredError(f"{name} is not in {folder}") from None
    except OSError as error:
        if error.errno in _LINKS:
            raise BadNameError(f"{name} leads through a link, or something that is no folder, in {folder}") from None
        if error.errno in _NO_ROOM:
            raise
        raise StorageAwayError(f"{folder}: {error}") from error


@contextmanager
def room() -> Iterator[None]:
    """Turn "no space left" into ``DiskFullError``."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(f"no room left on the disk of the recordings: {error}") from error
        raise

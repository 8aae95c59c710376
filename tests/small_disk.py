"""A disk of its own for a folder, small enough to be filled to the last byte: what a full disk does is not imitated.

Only who may mount has that. For all others the kernel refuses the writes of the processes that are named, beyond a size.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path


class SmallDisk:
    """``folder`` is the root of a file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    @contextlib.contextmanager
    def full(self, writers: Callable[[], list[int]]) -> Iterator[None]:
        """Inside nothing more can be written to it, by nobody; ``writers`` are not asked for."""
        del writers
        ballast = self.folder / ".ballast"
        try:
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 20))
            assert self.free == 0
            yield
        finally:
            ballast.unlink(missing_ok=True)


class LimitedDisk(SmallDisk):
    """An ordinary folder in which no file grows beyond ``LARGEST`` while it is full."""

    LARGEST = 20_000

    @contextlib.contextmanager
    def full(self, writers: Callable[[], list[int]]) -> Iterator[None]:
        """Inside the processes ``writers``, and those that they start, cannot write a recording."""
        _limit(writers(), self.LARGEST)
        try:
            yield
        finally:
            _limit(writers(), None)


def _limit(processes: list[int], largest: int | None) -> None:
    for process in processes:
        hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard if largest is None else largest, hard))


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """The disk at ``folder``: one in memory where that is allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        yield LimitedDisk(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)

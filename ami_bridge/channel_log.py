"""The second witness: Asterisk's channel event log (CEL), a CSV file that Asterisk writes whether or not anybody listens.

Read on from a position (identity of the file and offset), through rotated files; a half line at the tail is left for later.
What a line says: ``ami_bridge/cel.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import structlog

_log = structlog.get_logger()


class Position(msgspec.Struct, frozen=True):
    """How far the log was read: the file's identity (``device:inode``; empty: not at all) and the offset in it."""

    file: str = ""
    offset: int = 0


class ChannelLog:
    """The log at ``path`` and its rotated siblings ``path.*`` (blocking: files of some ten megabytes)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, position: Position) -> tuple[list[bytes], Position]:
        """Complete lines after ``position``, oldest first, and the position after them."""
        lines: list[bytes] = []
        files = self._after(position)
        for path in files:
            offset = position.offset if _identity(path) == position.file else 0
            found, offset = _lines(path, offset)
            lines += found
            position = Position(_identity(path), offset)
        return lines, position

    def end(self) -> Position:
        """The position after everything that is written now."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return Position()
        return Position(f"{status.st_dev}:{status.st_ino}", status.st_size)

    def rotate(self, *, largest: int, keep: int) -> None:
        """Put the log aside once it is larger than ``largest`` bytes (Asterisk opens it for each line); keep ``keep`` of them."""
        try:
            if self._path.stat().st_size < largest:
                return
        except FileNotFoundError:
            return
        self._sibling(keep).unlink(missing_ok=True)
        for number in range(keep - 1, 0, -1):
            if self._sibling(number).exists():
                self._sibling(number).rename(self._sibling(number + 1))
        self._path.rename(self._sibling(1))
        _log.info("channel event log put aside", file=str(self._sibling(1)))

    def _sibling(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _after(self, position: Position) -> list[Path]:
        """The files from the position's own on, oldest first; all of them when that one is gone."""
        files = [path for path in (*self._path.parent.glob(f"{self._path.name}.*"), self._path) if path.is_file()]
        files.sort(key=lambda path: (path == self._path, path.stat().st_mtime_ns))
        identities = [_identity(path) for path in files]
        return files[identities.index(position.file) :] if position.file in identities else files


def _lines(path: Path, offset: int) -> tuple[list[bytes], int]:
    """Complete lines from ``offset`` (from the start when the file became shorter), and the offset after them."""
    with path.open("rb") as file:
        if offset > os.fstat(file.fileno()).st_size:
            offset = 0
        file.seek(offset)
        data = file.read()
    complete = data[: data.rfind(b"\n") + 1]
    return complete.splitlines(), offset + len(complete)


def _identity(path: Path) -> str:
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}"

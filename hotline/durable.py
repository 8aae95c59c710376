"""Files that are on disk when it is said so: written whole or not at all, and there after the power has failed."""

from __future__ import annotations

import os
from pathlib import Path


def write(file: Path, content: bytes, *, draft: Path | None = None) -> None:
    """Write ``file`` (mode 0600) so that it is never seen half; ``draft`` is where it grows, on the same disk.

    Raises ``OSError``; then the file is what it was, and the draft may be left behind.
    """
    draft = draft or file.with_name(f".{file.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(descriptor)
    draft.replace(file)
    flush(file.parent)


def flush(path: Path) -> None:
    """Wait until a file that somebody else wrote, or what a folder lists, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

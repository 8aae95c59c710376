"""What must not be lost before anybody hears "kept": one JSON file per thing in ``var/outbox``, on disk when ``put`` returns.

A file is ``<uuid>.<kind>.json``: an object of texts with ``id`` (the uuid) and ``at`` (UTC, ISO 8601) beside the values. It gets
that name only when it is whole; names that begin with a dot are not finished. ``agi/outbox_drain.py`` takes it to PostgreSQL.
"""

from __future__ import annotations

import contextlib
import errno
import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from hotline import clock, durable, paths

KINDS = ("callback", "survey", "fax")


def folder() -> Path:
    """Where the files wait."""
    return paths.var() / "outbox"


def put(kind: str, values: Mapping[str, str]) -> None:
    """Keep ``values`` as a thing of this ``kind``. Blocks for the disk: run it in a thread.

    Raises ``OSError`` when it cannot be kept (``ENOSPC``: the disk is full), and then leaves nothing behind; ``ValueError`` for
    a kind that is none.
    """
    if kind not in KINDS:
        raise ValueError(f"nothing is kept as {kind!r}")
    key = str(uuid.uuid4())
    content = msgspec.json.encode({**values, "id": key, "at": clock.now().isoformat()})
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    file, draft = place / f"{key}.{kind}.json", place / f".{key}.{kind}.json"
    try:
        durable.write(file, content, draft=draft)
    except OSError as error:
        _drop(draft, file)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, f"the disk is full; {kind} was not kept", str(place)) from error
        raise


def _drop(*files: Path) -> None:
    for file in files:
        with contextlib.suppress(OSError):  # the drain removes what was never finished
            file.unlink(missing_ok=True)

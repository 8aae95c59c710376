"""Where sealed recordings lie: what every storage can do, and the names of the objects in it. Pure.

All of it blocks: who awaits calls it in a thread. Errors: ``StorageAwayError`` (try again later), ``NotStoredError``,
``BadNameError``, ``DiskFullError`` of ``recordings.errors``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, Protocol

from recordings.storage.errors import BadNameError

Kind = Literal["local", "s3"]
Read = Callable[[int, int], bytes]
"""(start, count) -> the bytes there; fewer only at the end."""
SOUND, ENVELOPE = ".opus", ".manifest"
_NAME = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[A-Za-z0-9][A-Za-z0-9._~-]{0,220}\.(?:opus|manifest)")


class Storage(Protocol):
    """A folder, or a bucket."""

    def put(self, name: str, source: Path) -> None:
        """Keep a copy of the file under this name, whole or not at all; what has the name already is replaced."""

    def put_bytes(self, name: str, content: bytes) -> None:
        """The same, of something small."""

    def read(self, name: str, start: int, count: int) -> bytes:
        """These bytes of an object; fewer only at its end."""

    def size(self, name: str) -> int:
        """Its bytes."""

    def delete(self, name: str) -> None:
        """Take it away; one that is not there is no error."""

    def names(self) -> Iterator[str]:
        """Every object that is a recording's or an envelope's, in order."""


def is_name(name: str) -> bool:
    """Whether an object can be called so."""
    return bool(_NAME.fullmatch(name))


def checked(name: str) -> str:
    """The name; raises ``BadNameError`` when it is not one of a recording or an envelope."""
    if not is_name(name):
        raise BadNameError(f"{name[:120]!r} is not the name of a stored recording")
    return name


def sound_name(file: str) -> str:
    """The object of a WAV file (``recordings.file``): its name with another ending. Raises ``BadNameError``."""
    return checked(file.removesuffix(".wav") + SOUND)


def envelope_name(name: str) -> str:
    """The envelope beside an object. Raises ``BadNameError``."""
    return checked(checked(name).removesuffix(SOUND) + ENVELOPE)

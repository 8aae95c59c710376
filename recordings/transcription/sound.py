"""The samples of each side of a recording, as a stream: of its WAV file until it is sealed, of the sealed one from then on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from recordings import ffmpeg
from recordings.manifest import Track
from recordings.storage.errors import BadNameError
from recordings.storage.keys import Keyring
from recordings.storage.port import Storage
from recordings.storage.sound import open_sound, stored

_PIECE = 1 << 16
_WAV = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[A-Za-z0-9][A-Za-z0-9._~-]{0,220}\.wav")
Sides = Mapping[Track, Iterator[bytes]]


class ByKind(Protocol):
    """``opening.Storages``."""

    def __getitem__(self, kind: str, /) -> Storage:
        """The storage of this kind."""


def sides(row: Mapping[str, Any], root: Path, storages: ByKind, keyring: Keyring | None) -> Sides:
    """16-bit PCM at 8 kHz of each side; ``root``: ``var/recordings``; ``keyring``: not needed for a WAV file.

    Nothing is opened before it is read: then it blocks, and raises ``StorageError``, ``ConversionError``, ``OSError``.
    """
    tracks: tuple[Track, ...] = ("left",) if row["channels"] == 1 else ("left", "right")
    chosen: dict[Track, Track | None] = {track: track if len(tracks) > 1 else None for track in tracks}
    if row["state"] == "taken_in" or keyring is None:
        return {track: _plain(row["file"], root, chosen[track]) for track in tracks}
    return {track: _sealed(row, storages, keyring, chosen[track]) for track in tracks}


def _plain(file: str, root: Path, track: Track | None) -> Iterator[bytes]:
    if not _WAV.fullmatch(file):
        raise BadNameError(f"{file!r} is no name of a recording")
    yield from ffmpeg.pcm(root / file, track=track, form="wav")


def _sealed(row: Mapping[str, Any], storages: ByKind, keyring: Keyring, track: Track | None) -> Iterator[bytes]:
    sound = open_sound(stored(row), storages[row["storage"]], keyring)
    yield from ffmpeg.pcm((sound.read(start, _PIECE) for start in range(0, sound.size, _PIECE)), track=track)

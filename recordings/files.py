"""The disk: listing the folders, copying audio into place, moving and deleting. Blocking; the worker calls it in a thread.

Every step can be cut off and done again: a copy grows under a hidden name, is flushed, and gets its name in one rename.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import msgspec

from hotline import durable
from recordings import audio
from recordings.audio import Shape
from recordings.errors import ChangedError, DiskFullError, SidecarError
from recordings.facts import Entry, Folder, Piece, Sidecar, Take
from recordings.intake import read_sidecar, speaker
from recordings.manifest import Track, Voice

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIECE = 1 << 20
_LARGEST_SIDECAR = 65536
SET_ASIDE = "set-aside"


class Draft(msgspec.Struct, frozen=True):
    """A finished copy that has no name yet, a WAV file with this SHA-256; ``voices``: those in it, named by their telephones."""

    part: Path
    shape: Shape
    sha256: str
    voices: tuple[Voice, ...] = ()


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

    def draft(self, job: Take, silent: Sequence[tuple[int, int]] = ()) -> Draft:
        """Copy the job's audio, behind a whole header, to a hidden file beside its target.

        A conversation's ``silent`` stretches (from, to; milliseconds from its beginning) are silence, whatever was recorded.

        Raises ``UnusableError``s, ``ChangedError`` when a file is not as it was listed, ``DiskFullError``,
        ``FileNotFoundError``.
        """
        target = self.root / job.file
        part = target.with_name(f".{target.name}.part")
        with ExitStack() as stack:
            sources = [(piece, stack.enter_context(self._as_listed(job.folder, piece))) for piece in job.pieces]
            shape, sound, voices = _message(*sources[0], job.call_id) if job.sidecar else _conversation(sources, silent)
            with _room():
                target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                return Draft(part, shape, _copy(shape, sound, part), voices)

    def name(self, draft: Draft, file: str) -> None:
        """Give the copy its name below ``root``, for good; a copy that already has it is replaced by the same."""
        target = self.root / file
        with _room():
            draft.part.replace(target)
            folders = [target.parent, *(f for f in target.parents if f.is_relative_to(self.root))]
            for folder in dict.fromkeys(folders):
                durable.flush(folder)

    def drop(self, draft: Draft) -> None:
        """Delete a copy that is not needed."""
        draft.part.unlink(missing_ok=True)

    def holds(self, file: str, draft: Draft) -> bool:
        """Whether ``file`` is already there with the copy's length."""
        try:
            return (self.root / file).stat().st_size == draft.part.stat().st_size
        except FileNotFoundError:
            return False

    def clear(self, job: Take) -> None:
        """Delete what has been taken in, in the order of ``job.sources``.

        Raises ``ChangedError``, and deletes nothing, when any of it has grown.
        """
        for piece in job.pieces:
            if (self.root / job.folder / piece.name).lstat().st_size != piece.size:
                raise ChangedError(f"{piece.name}: it has grown after it was taken in")
        for name in job.sources:
            self.forget(job.folder, name)

    def forget(self, folder: Folder, name: str) -> None:
        """Delete a file that is not needed."""
        (self.root / folder / name).unlink()

    def written(self, files: Iterable[str]) -> dt.datetime | None:
        """When the newest of these files below ``root`` was written; None when none of them is there."""
        times = [path.stat().st_mtime for file in files if (path := self.root / file).exists()]
        return dt.datetime.fromtimestamp(max(times), dt.UTC) if times else None

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

    def _as_listed(self, folder: Folder, piece: Piece) -> BinaryIO:
        file = self._open(folder, piece.name)
        if os.fstat(file.fileno()).st_size != piece.size:
            file.close()
            raise ChangedError(f"{piece.name}: it has grown since it was listed")
        return file

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


class _Track:
    """One channel of a conversation: raw files, each cut to whole samples and at its time.

    Between them is silence, where they overlap they are mixed. A file without a time follows what came before it.
    """

    def __init__(self, sources: Iterable[tuple[Piece, BinaryIO]]) -> None:
        self._voices: list[tuple[int, int, BinaryIO]] = []
        self._at = self.size = 0
        self.heard: list[tuple[Piece, BinaryIO, int, int]] = []
        for piece, file in sources:
            begin = self.size if piece.at_ms is None else audio.at(piece.at_ms)
            end = begin + audio.whole(piece.size)
            if end <= 0:
                continue
            if end > begin:
                self.heard.append((piece, file, max(begin, 0), end))
            if begin < 0:
                file.seek(-begin)
            self._voices.append((max(begin, 0), end, file))
            self.size = max(self.size, end)

    def read(self, count: int, silent: Sequence[tuple[int, int]] = ()) -> bytes:
        """The next ``count`` bytes, without what was said in the ``silent`` stretches."""
        here, self._at = self._at, self._at + count
        sound = bytearray(count)
        for begin, end, file in self._voices:
            first, last = max(begin, here) - here, min(end, self._at) - here
            if first < last:
                voice, there = _read_all(file, last - first), sound[first:last]
                sound[first:last] = audio.mixed(voice, bytes(there)) if any(there) else voice
        return audio.hushed(bytes(sound), here, silent)


_Sound = tuple[Shape, Iterator[bytes], tuple[Voice, ...]]


def _conversation(sources: list[tuple[Piece, BinaryIO]], silent: Sequence[tuple[int, int]]) -> _Sound:
    """Caller left, everybody else right; raises ``UnusableError``s."""
    left = _Track(source for source in sources if source[0].side == "caller")
    right = _Track(source for source in sources if source[0].side != "caller")
    shape = audio.conversation_shape(left.size, right.size)
    voices = (*(_voice("left", *heard) for heard in left.heard), *(_voice("right", *heard) for heard in right.heard))
    counts = _counts(shape.frames * audio.SAMPLE)
    return shape, (audio.interleaved(left.read(count, silent), right.read(count, silent)) for count in counts), voices


def _voice(track: Track, piece: Piece, file: BinaryIO, begin: int, end: int) -> Voice:
    """Who that is and when, with the digest of all whole samples of the file, whose place stays where it was."""
    who, channel, number = speaker(piece.name)
    at = file.tell()
    file.seek(0)
    sha256 = _digest(file, audio.whole(piece.size))
    file.seek(at)
    times = {"from_ms": audio.milliseconds(begin), "to_ms": audio.milliseconds(end)}
    repaired = audio.whole(piece.size) != piece.size
    return Voice(who=who, name=number, channel=channel, track=track, **times, sha256=sha256, repaired=repaired)


def _message(piece: Piece, source: BinaryIO, call_id: str) -> _Sound:
    """A message's audio as it is; raises ``UnusableError``s."""
    shape = audio.message_shape(source.read(audio.HEAD), piece.size)
    source.seek(shape.offset)
    sha256 = _digest(source, shape.size)
    source.seek(shape.offset)
    voice = Voice(who="caller", channel=call_id, to_ms=shape.length_ms, sha256=sha256, repaired=shape.mended)
    return shape, (_read_all(source, count) for count in _counts(shape.size)), (voice,)


def _digest(file: BinaryIO, size: int) -> str:
    """The SHA-256 of the next ``size`` bytes."""
    digest = hashlib.sha256()
    for count in _counts(size):
        digest.update(_read_all(file, count))
    return digest.hexdigest()


def _counts(size: int) -> Iterator[int]:
    """``size`` in pieces that fit into memory; each is a whole number of samples when ``size`` is."""
    for at in range(0, size, _PIECE):
        yield min(_PIECE, size - at)


def _read_all(file: BinaryIO, count: int) -> bytes:
    got = file.read(count)
    if len(got) < count:
        raise ChangedError("the file became shorter while it was read")
    return got


def _copy(shape: Shape, sound: Iterable[bytes], part: Path) -> str:
    """Write header and audio to ``part``, flush it to the disk; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for piece in chain([audio.wav_header(shape)], sound):
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


@contextmanager
def _room() -> Iterator[None]:
    """Turn "no space left" into ``DiskFullError``."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(f"no room left on the disk of the recordings: {error}") from error
        raise

"""ffmpeg: sound to Ogg Opus, and any sound back to samples, as a stream. Blocking; callers use threads.

It never gets a name: files are handed over as open descriptors, the rest through pipes, and the format is said, not guessed, so
that nothing in a file can make it read another. It ends when nobody reads what it says, and when it says nothing for too long.
"""

from __future__ import annotations

import errno
import os
import select
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from recordings.errors import ConversionError, DiskFullError, FfmpegMissingError, StoppedError
from recordings.manifest import Track

SILENT_SECONDS = 60.0
"""How long ffmpeg may say nothing while we wait for it."""
ENCODING_SECONDS = 1800.0
"""How long one recording may take to be encoded; six hours of both voices take five minutes on one core."""
PIECE = 1 << 16
_QUIET = ("-hide_banner", "-nostdin", "-v", "error", "-threads", "1")
_SAFE = ("-protocol_whitelist", "fd,pipe")
_CHANNEL = {"left": "c0", "right": "c1"}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LONGEST_COMPLAINT = 2000
_LOOK_SECONDS = 0.5


@cache
def program() -> str:
    """The path of ffmpeg; raises ``FfmpegMissingError``."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FfmpegMissingError("ffmpeg is missing: run make setup, or name one in IMAGEIO_FFMPEG_EXE") from error


def encode(
    source: Path,
    target: Path,
    *,
    kilobits: int,
    gains: Sequence[float],
    is_wanted: Callable[[], bool] = lambda: True,
    seconds: float = ENCODING_SECONDS,
) -> None:
    """A WAV file to Ogg Opus, one voice a channel, each encoded by itself: nothing of one is heard in the other.

    ``kilobits``: a second and voice; ``gains``: dB for each channel; ``target``: made anew, and flushed to the disk.
    Raises ``ConversionError``, ``DiskFullError``, ``FfmpegMissingError``, ``OSError``; ``StoppedError`` when it is not wanted
    any more.
    """
    layout = "mono" if len(gains) == 1 else "stereo"
    louder = "|".join(f"c{place}={10 ** (gain / 20):.6f}*c{place}" for place, gain in enumerate(gains))
    with _opened(source) as sound, _fresh(target) as out:
        process = _start(
            *("-f", "wav", "-fd", str(sound), "-i", "fd:", "-map", "0:a:0", "-map_metadata", "-1"),
            *("-af", f"pan={layout}|{louder}", "-c:a", "libopus", "-b:a", f"{kilobits * len(gains)}k"),
            *("-application", "voip", "-mapping_family", "255" if len(gains) > 1 else "0", "-compression_level", "5"),
            *("-fflags", "+bitexact", "-flags", "+bitexact", "-f", "ogg", "pipe:1"),
            stdout=out,
            pass_fds=(sound,),
        )
        try:
            complaint = _waited(process, is_wanted, seconds)
        finally:
            _end(process)
        if process.returncode:
            _room_left(out)
            raise ConversionError(f"ffmpeg: {_said(complaint)}")
        os.fsync(out)


def pcm(
    source: Path | Iterable[bytes],
    *,
    from_ms: int = 0,
    to_ms: int | None = None,
    track: Track | None = None,
    rate: int = 8000,
    form: str = "ogg",
) -> Iterator[bytes]:
    """Samples (16 bits, one channel) of a stretch of ``source``, a file or its bytes in order; ``form``: ``ogg`` or ``wav``.

    ``track``: None mixes both. A file is sought in, bytes are read from the beginning. Raises ``ConversionError``,
    ``FfmpegMissingError``, ``OSError``; whatever ``source`` raises.
    """
    mixed = () if track is None else ("-af", f"pan=mono|c0={_CHANNEL[track]}")
    end = () if to_ms is None else ("-t", _seconds(max(to_ms - from_ms, 0)))
    out = (*mixed, *end, "-ac", "1", "-ar", str(rate), "-f", "s16le", "pipe:1")
    begin = ("-ss", _seconds(from_ms)) if from_ms else ()
    if isinstance(source, Path):
        with _opened(source) as sound:
            yield from stream((*begin, "-f", form, "-fd", str(sound), "-i", "fd:", *out), pass_fds=(sound,))
    else:
        yield from stream(("-f", form, "-i", "pipe:0", *begin, *out), source)


def stream(arguments: Sequence[str], source: Iterable[bytes] = (), *, pass_fds: Sequence[int] = ()) -> Iterator[bytes]:
    """What ffmpeg says to ``pipe:1`` while it is fed with ``source`` on ``pipe:0``; ends it when the reader goes.

    ``arguments``: made by us, never by others. Raises as ``pcm`` does.
    """
    process = _start(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=pass_fds)
    assert process.stdin and process.stdout and process.stderr
    feeder = _Feeder(process.stdin, source)
    feeder.start()
    complaints = _Complaints(process.stderr)
    complaints.start()
    try:
        while piece := _next(process.stdout):
            yield piece
        process.wait(SILENT_SECONDS)
        feeder.join()
        complaints.join()
        if feeder.failed:
            raise feeder.failed
        if process.returncode:
            raise ConversionError(f"ffmpeg: {_said(complaints.text)}")
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"ffmpeg did not end for {SILENT_SECONDS:g} s") from error
    finally:
        feeder.leave()
        _end(process)


def length_ms(path: Path) -> int:
    """How long an Ogg Opus file is, from the last page's place; raises ``ConversionError``, ``OSError``."""
    with _opened(path) as descriptor:
        size = os.fstat(descriptor).st_size
        head, tail = os.pread(descriptor, PIECE, 0), os.pread(descriptor, PIECE, max(size - PIECE, 0))
    begin, last = head.find(b"OpusHead"), tail.rfind(b"OggS")
    if begin < 0 or last < 0 or len(tail) < last + 14:
        raise ConversionError("what ffmpeg wrote is not Ogg Opus")
    (skipped,), (place,) = struct.unpack_from("<H", head, begin + 10), struct.unpack_from("<q", tail, last + 6)
    return int(place - skipped) // 48


def _waited(process: subprocess.Popen[bytes], is_wanted: Callable[[], bool], seconds: float) -> bytes:
    """What it complains about until it has ended."""
    for _ in range(max(int(seconds / _LOOK_SECONDS), 1)):
        try:
            return process.communicate(timeout=_LOOK_SECONDS)[1]
        except subprocess.TimeoutExpired:
            if not is_wanted():
                raise StoppedError("the worker was told to end") from None
    raise ConversionError(f"ffmpeg was not done after {seconds:g} s")


class _Feeder(threading.Thread):
    """Writes a source to ffmpeg, and keeps what the source raised."""

    def __init__(self, pipe: IO[bytes], source: Iterable[bytes]) -> None:
        super().__init__(name="ffmpeg", daemon=True)
        self._pipe, self._source = pipe, source
        self._is_left = False
        self.failed: Exception | None = None

    def run(self) -> None:
        """Until the source is empty or ffmpeg reads no more."""
        try:
            for piece in self._source:
                if self._is_left:
                    break
                self._pipe.write(piece)
        except BrokenPipeError:
            pass  # it has read all that it wanted
        except Exception as error:
            self.failed = error
        finally:
            with suppress(OSError):
                self._pipe.close()

    def leave(self) -> None:
        """Nobody wants more."""
        self._is_left = True


class _Complaints(threading.Thread):
    """Reads what ffmpeg complains about, so that it never waits for us; keeps the beginning."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(name="ffmpeg", daemon=True)
        self._pipe = pipe
        self.text = b""

    def run(self) -> None:
        """To the end, or until nobody wants to know."""
        with suppress(ValueError, OSError), self._pipe:
            while piece := self._pipe.read(PIECE):
                self.text = (self.text + piece)[:_LONGEST_COMPLAINT]


def _start(*arguments: str, pass_fds: Sequence[int], stdout: int, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [program(), *_QUIET, *_SAFE, *arguments]
    try:
        return subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, pass_fds=pass_fds, bufsize=0, cwd="/", env={}
        )
    except FileNotFoundError as error:
        raise FfmpegMissingError(f"ffmpeg is not at {command[0]}: run make setup") from error


def _next(pipe: IO[bytes]) -> bytes:
    waiting = select.poll()  # select() knows no descriptor above 1023
    waiting.register(pipe, select.POLLIN)
    if not waiting.poll(SILENT_SECONDS * 1000):
        raise ConversionError(f"ffmpeg said nothing for {SILENT_SECONDS:g} s")
    return pipe.read(PIECE) or b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it is left."""
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError, ValueError):
                pipe.close()


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A regular file's descriptor, never through a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _fresh(path: Path) -> Iterator[int]:
    """A new file's descriptor; the file goes when what is done with it fails.

    Never the one that is there: an ffmpeg that outlived its worker may still write to it.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _room_left(descriptor: int) -> None:
    """Raise ``DiskFullError`` when nothing more can be written: ffmpeg only says so in words."""
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        os.write(descriptor, bytes(PIECE))
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFullError(f"no room left on the disk of the recordings: {error}") from error
        raise


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _said(complaint: bytes) -> str:
    """The complaint as one printable line."""
    text = complaint[:_LONGEST_COMPLAINT].decode("utf-8", "replace").strip() or "it failed without a word"
    return "".join(letter if letter.isprintable() else " " for letter in text)

"""A recording as somebody hears it: opened, cut, one side of it, slower or faster, masked, marked, in another format. Blocking.

It streams: nothing is held whole, and ffmpeg ends when nobody reads on. Masks are applied to samples, and after the mark, so that
they are silent whatever comes before and after them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from recordings import audio, ffmpeg
from recordings.audio import RATE, SAMPLE, Shape
from recordings.manifest import Track
from recordings.playback import pages
from recordings.playback.pages import Beginning
from recordings.playback.silence import Silencer, Stretch
from recordings.playback.watermark import Marker
from recordings.storage import sound
from recordings.storage.keys import Keyring
from recordings.storage.port import Storage, sound_name
from recordings.storage.sound import Stored

Format = Literal["opus", "wav", "mp3"]
MEDIA_TYPES = {"opus": "audio/ogg; codecs=opus", "wav": "audio/wav", "mp3": "audio/mpeg"}
_PIECE = 1 << 16
_EARLIER_MS = 1000
_ENCODERS: dict[str, tuple[str, ...]] = {
    "opus": ("-c:a", "libopus", "-application", "voip", "-f", "ogg"),
    "mp3": ("-ar", "16000", "-c:a", "libmp3lame", "-joint_stereo", "0", "-f", "mp3"),
    "wav": ("-c:a", "pcm_s16le", "-f", "wav"),
}
_KILOBITS = {"opus": 24, "mp3": 40}
"""For each channel."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Plain bytes of a recording: ``read(start, count)`` gives fewer only at the end; ``close`` when done."""

    form: Literal["opus", "wav"]
    size: int
    read: Callable[[int, int], bytes]
    close: Callable[[], None]
    channels: int
    length_ms: int

    def pieces(self, start: int = 0, count: int | None = None) -> Iterator[bytes]:
        """Bytes in order."""
        end = self.size if count is None else start + count
        while start < end and (piece := self.read(start, min(_PIECE, end - start))):
            yield piece
            start += len(piece)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How it is to be heard. ``to_ms`` 0: to the end; ``side`` None: both; ``number``: the mark's; ``told``: kept in the file."""

    format: Format
    side: Track | None = None
    speed: float = 1.0
    from_ms: int = 0
    to_ms: int = 0
    masks: tuple[Stretch, ...] = ()
    number: int | None = None
    told: str = ""


def plain(root: Path, file: str, *, channels: int, length_ms: int) -> Source:
    """A WAV file below ``root`` (``var/recordings``) that has not been sealed yet.

    Raises ``BadNameError`` for a name that no recording has, ``OSError``.
    """
    sound_name(file)
    descriptor = os.open(root / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    size = os.fstat(descriptor).st_size
    return Source(
        form="wav",
        size=size,
        read=lambda start, count: os.pread(descriptor, count, start),
        close=lambda: os.close(descriptor),
        channels=channels,
        length_ms=length_ms,
    )


def sealed(row: Stored, storage: Storage, keyring: Keyring, *, channels: int, length_ms: int) -> Source:
    """A stored recording. Raises ``StorageError``."""
    found = sound.open_sound(row, storage, keyring)
    return Source(form="opus", size=found.size, read=found.read, close=_nothing, channels=channels, length_ms=length_ms)


def _nothing() -> None:
    """There is nothing to close."""


def is_as_stored(source: Source, wish: Wish) -> bool:
    """Whether the bytes that there are, are those that are wished for: they can be sent by range."""
    cut = wish.from_ms or wish.to_ms or wish.masks
    changed = wish.speed != 1 or wish.number is not None or (wish.side and source.channels > 1)
    return source.form == wish.format and not cut and not changed


class Making:
    """A recording in the form that is wished for; ``pieces`` can be walked once. ``heard_ms``: up to where it has come."""

    def __init__(self, source: Source, wish: Wish) -> None:
        self._source, self._wish = source, wish
        self._end = min(wish.to_ms or source.length_ms, source.length_ms)
        self._begin = min(wish.from_ms, self._end)
        self._frames = (self._end - self._begin) * RATE // 1000
        self._done = 0
        self._channels = 1 if wish.side else source.channels

    @property
    def size(self) -> int | None:
        """How many bytes it will be, where that is known."""
        if self._wish.format != "wav" or self._wish.speed != 1:
            return None
        return len(self._head()) + self._frames * self._channels * SAMPLE

    @property
    def heard_ms(self) -> int:
        """The moment up to which samples were given away, at most."""
        return min(self._end, self._begin + self._done * 1000 // RATE)

    def pieces(self) -> Iterator[bytes]:
        """Raises ``ConversionError``, ``StorageError``, ``OSError``."""
        if self.size is not None:
            yield self._head()
            yield from self._samples()
            return
        wish = self._wish
        rate = () if wish.format == "wav" else ("-b:a", f"{_KILOBITS[wish.format] * self._channels}k")
        apart = ("-mapping_family", "255") if wish.format == "opus" and self._channels > 1 else ()
        told = ("-metadata", f"comment={_harmless(wish.told)}") if wish.told else ()
        yield from ffmpeg.stream(
            (
                *("-f", "s16le", "-ar", str(RATE), "-ac", str(self._channels), "-i", "pipe:0"),
                *(("-af", f"atempo={wish.speed:.3f}") if wish.speed != 1 else ()),
                *("-map_metadata", "-1", *told, *rate, *apart, *_ENCODERS[wish.format], "pipe:1"),
            ),
            self._samples(),
        )

    def _samples(self) -> Iterator[bytes]:
        """Exactly as many frames as the stretch has: what is missing at the end is silence."""
        width, left = self._channels * SAMPLE, self._frames * self._channels * SAMPLE
        for piece in self._chosen():
            kept = piece[:left]
            left -= len(kept)
            self._done += len(kept) // width
            if kept:
                yield kept
            if not left:
                return
        while left:
            kept = bytes(min(left, _PIECE))
            left -= len(kept)
            yield kept

    def _chosen(self) -> Iterator[bytes]:
        """Marked, masked, and then one side or both."""
        channels, wish = self._source.channels, self._wish
        silencer = Silencer(wish.masks, channels, self._begin)
        pcm = self._marked() if wish.number is not None else self._whole_frames()
        for piece in pcm:
            heard = silencer.feed(piece)
            if wish.side and channels > 1:
                heard = np.frombuffer(heard, dtype="<i2").reshape(-1, channels)[:, int(wish.side == "right")].tobytes()
            yield heard

    def _marked(self) -> Iterator[bytes]:
        channels = self._source.channels
        markers = [Marker(self._wish.number or 0) for _ in range(channels)]
        for piece in self._whole_frames():
            sides = np.frombuffer(piece, dtype="<i2").reshape(-1, channels)
            yield np.stack([marker.feed(sides[:, at]) for at, marker in enumerate(markers)], axis=1).astype("<i2").tobytes()
        yield np.stack([marker.end() for marker in markers], axis=1).astype("<i2").tobytes()

    def _whole_frames(self) -> Iterator[bytes]:
        width, rest = self._source.channels * SAMPLE, b""
        for piece in self._decoded():
            whole = rest + piece
            cut = len(whole) - len(whole) % width
            rest = whole[cut:]
            if cut:
                yield whole[:cut]

    def _decoded(self) -> Iterator[bytes]:
        """All channels from the beginning of the stretch on."""
        source = self._source
        if source.form == "wav":
            shape = audio.wav_shape(source.read(0, audio.HEAD), source.size)
            if (shape.rate, shape.channels) == (RATE, source.channels):
                start = self._begin * RATE // 1000 * source.channels * SAMPLE
                return source.pieces(shape.offset + start, max(shape.size - start, 0))
        found = self._page() if source.form == "opus" else None
        near, place = source.pieces(), 0
        if found is not None:
            near = chain([source.read(0, found.head)], source.pieces(found.start, source.size - found.start))
            place = found.place
        early = self._begin * RATE // 1000 - place * RATE // (pages.PLACES_MS * 1000)  # -ss is some milliseconds off
        return _without(early * source.channels * SAMPLE, self._told(near))

    def _page(self) -> Beginning | None:
        """A little before the stretch, so that the decoder has heard enough; on a sample of ours."""
        place = max(self._begin - _EARLIER_MS, 0) * pages.PLACES_MS
        found = pages.beginning(self._source.read, self._source.size, place) if place else None
        return None if found is None or found.place % (pages.PLACES_MS * 1000 // RATE) else found

    def _told(self, content: Iterator[bytes]) -> Iterator[bytes]:
        """What ffmpeg makes samples of."""
        source = self._source
        sides = ("-af", "pan=stereo|c0=c0|c1=c1") if source.channels > 1 else ("-ac", "1")
        form = "ogg" if source.form == "opus" else "wav"
        return ffmpeg.stream(("-f", form, "-i", "pipe:0", *sides, "-ar", str(RATE), "-f", "s16le", "pipe:1"), content)

    def _head(self) -> bytes:
        """Of a WAV file, with what is told in it as a comment."""
        head = audio.wav_header(Shape(offset=44, frames=self._frames, channels=self._channels, rate=RATE))
        if not self._wish.told:
            return head
        text = _harmless(self._wish.told).encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        info = b"INFOICMT" + len(text).to_bytes(4, "little") + text
        chunk = b"LIST" + len(info).to_bytes(4, "little") + info
        size = int.from_bytes(head[4:8], "little") + len(chunk)
        return head[:4] + size.to_bytes(4, "little") + head[8:36] + chunk + head[36:]


def _without(count: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All but the first ``count`` bytes; ends what it reads from."""
    with closing(pieces):  # type: ignore[type-var]
        for piece in pieces:
            kept, count = piece[count:], max(count - len(piece), 0)
            if kept:
                yield kept


def _harmless(told: str) -> str:
    """What can stand in any file's comment and is no option of any program."""
    return re.sub(r"[^\w .:@+-]", "_", told)[:200]

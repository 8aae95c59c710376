"""A message on its way to the disk: the files in the inbox from which the recordings worker takes it.

``STEM.json`` (the sidecar) is safe on disk before the recording begins; ``STEM.wav`` is the first take, ``STEM~2.wav`` the
second. Whatever is killed from then on, the worker finds number, time and what was said. A sidecar with ``finished_at`` says
which take counts; without it the worker takes the newest that is long enough, once the call is over (recordings/intake.py).
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
from itertools import count
from pathlib import Path

import msgspec

from agi.takes import SAMPLES_PER_MS
from hotline import durable

_HEADER_BYTES = 44
_ROOM_BYTES = 65536
"""Free room that a message needs beyond itself. Asterisk writes 32 KiB at a time, drops what does not fit, and says nothing."""
_TORN_MS = 100
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")


class Sidecar(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is known of a message; the times are ISO 8601 in UTC. What follows ``kind`` is known when it is finished."""

    node: str
    call_id: str
    uniqueid: str
    caller_number: str
    started_at: str
    reason: str
    kind: str
    finished_at: str = ""
    take: int = 0
    length_ms: int = 0


class Draft:
    """One message in ``inbox``. Every method raises ``OSError`` when the disk is full or broken."""

    def __init__(self, inbox: Path, sidecar: Sidecar, moment: dt.datetime) -> None:
        """Write the sidecar, safe on disk, under a name that no other message has."""
        inbox.mkdir(parents=True, exist_ok=True)
        name = sidecar.uniqueid
        stem = name if _SAFE_NAME.match(name) else f"unknown-{moment:%Y%m%d%H%M%S%f}"
        names = (stem if n == 1 else f"{stem}-{n}" for n in count(1))
        self._inbox, self._sidecar = inbox, sidecar
        self._stem = next(free for free in names if not (inbox / f"{free}.json").exists())
        self._write(sidecar)

    def take(self, number: int) -> Path:
        """The path of a take without ``.wav``."""
        return self._inbox / (self._stem if number == 1 else f"{self._stem}~{number}")

    def length_ms(self, number: int) -> int:
        """How long a take is on disk; 0 when there is none."""
        try:
            size = self._audio(number).stat().st_size
        except FileNotFoundError:
            return 0
        return max(0, size - _HEADER_BYTES) // 2 // SAMPLES_PER_MS

    def secure(self, number: int, length_ms: int) -> None:
        """See to it that a closed take is on the disk, whole; ``length_ms`` is what Asterisk says that it wrote."""
        there = self.length_ms(number)
        if there < length_ms - _TORN_MS:
            raise OSError(errno.ENOSPC, f"{length_ms} ms were recorded, {there} ms are on the disk")
        if there:
            durable.flush(self._audio(number))

    def touch(self) -> None:
        """Show the worker that the caller is still busy with this message."""
        os.utime(self._json())

    def finish(self, number: int, moment: dt.datetime) -> None:
        """The message is complete and take ``number`` is it; safe on disk when this returns."""
        durable.flush(self._audio(number))
        known = {"finished_at": moment.isoformat(), "take": number, "length_ms": self.length_ms(number)}
        self._write(msgspec.structs.replace(self._sidecar, **known))

    def discard(self, number: int) -> None:
        """A take that is too short to be a message goes."""
        self._audio(number).unlink(missing_ok=True)

    def withdraw(self, number: int) -> None:
        """Nothing was said: take ``number``, the only one, and the sidecar go."""
        self.discard(number)
        self._json().unlink()

    def _json(self) -> Path:
        return self._inbox / f"{self._stem}.json"

    def _audio(self, number: int) -> Path:
        take = self.take(number)
        return take.with_name(f"{take.name}.wav")

    def _write(self, sidecar: Sidecar) -> None:
        """Replace the sidecar in one step, if there is room for more than the sidecar."""
        content = msgspec.json.encode(sidecar)
        temporary = self._inbox / f"{self._stem}.json.new"
        with temporary.open("wb") as opened:
            os.posix_fallocate(opened.fileno(), 0, _ROOM_BYTES)
            opened.truncate(0)
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(self._json())
        durable.flush(self._inbox)

"""The header ``Range`` of HTTP (RFC 9110, section 14), as far as a player needs it: one stretch of bytes. Pure."""

from __future__ import annotations

import re

import msgspec

_BYTES = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)
_LONGEST = 200


class Span(msgspec.Struct, frozen=True):
    """``count`` bytes from ``start`` of ``size``; all of them when nobody asked for a part (``whole``)."""

    start: int
    count: int
    size: int
    whole: bool = False

    @property
    def content_range(self) -> str:
        """The header that says so."""
        return f"bytes {self.start}-{self.start + self.count - 1}/{self.size}"


class UnsatisfiableError(ValueError):
    """Nothing of what is asked for is there, more than one stretch is asked for, or it is no range of bytes."""


def span(header: str | None, size: int) -> Span:
    """What is to be sent of ``size`` bytes; an end beyond the last byte is the last byte. Raises ``UnsatisfiableError``."""
    if header is None:
        return Span(0, size, size, whole=True)
    found = _BYTES.fullmatch(header) if len(header) <= _LONGEST else None
    if found is None or not any(found.groups()):
        raise UnsatisfiableError("one range of bytes: bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT")
    first, last = (int(text) if text else None for text in found.groups())
    if first is None:
        count = min(last or 0, size)
        start = size - count
    else:
        start = first
        count = min(size, size if last is None else last + 1) - start
    if count <= 0:
        raise UnsatisfiableError(f"there are {size} bytes")
    return Span(start, count, size)


def covered(start: int, count: int, size: int, length_ms: int) -> tuple[int, int]:
    """The milliseconds that these bytes of a sound cover, about: what somebody who got them has heard (QUA-02)."""
    if size <= 0 or count <= 0:
        return 0, 0
    return start * length_ms // size, min(length_ms, -(-(start + count) * length_ms // size))
